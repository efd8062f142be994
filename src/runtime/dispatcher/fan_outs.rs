//! The workers of fan-outs: how many of one may be under way at once, and those that wait to begin.

use std::collections::{BTreeMap, HashSet, VecDeque};

use crate::runtime::ask::SpanPosition;

/// Workers of a fan-out that may be under way for each permit: enough that a permit is never idle.
const AHEAD: usize = 4;

/// A fan-out: the path of its agent, and which of the agent's.
type Group = (String, u32);

/// The workers of all fan-outs. `T` begins one.
pub(super) struct FanOuts<T> {
    groups: BTreeMap<Group, Workers<T>>,
}

struct Workers<T> {
    /// Paths of those that are under way.
    live: HashSet<String>,
    /// Those that have not begun, in their order.
    queued: VecDeque<(String, T)>,
}

impl<T> Default for FanOuts<T> {
    fn default() -> Self {
        Self { groups: BTreeMap::new() }
    }
}

impl<T> Default for Workers<T> {
    fn default() -> Self {
        Self { live: HashSet::new(), queued: VecDeque::new() }
    }
}

impl<T> FanOuts<T> {
    /// Has a worker wait until it may begin.
    pub fn queue(&mut self, position: &SpanPosition, start: T) {
        if let Some(group) = group_of(position) {
            self.groups.entry(group).or_default().queued.push_back((position.path.clone(), start));
        }
    }

    /// Counts a worker that is under way already.
    pub fn count(&mut self, position: &SpanPosition) {
        if let Some(group) = group_of(position) {
            self.groups.entry(group).or_default().live.insert(position.path.clone());
        }
    }

    /// A worker has ended.
    pub fn ended(&mut self, path: &str) {
        for workers in self.groups.values_mut() {
            workers.live.remove(path);
        }
        self.groups.retain(|_, workers| !workers.live.is_empty() || !workers.queued.is_empty());
    }

    /// Takes the next worker that may begin, with `permits` effects at once. `is_stopped`: a worker that is stopped at a
    /// gate holds nobody up.
    pub fn next(&mut self, permits: usize, is_stopped: impl Fn(&str) -> bool) -> Option<T> {
        let width = permits.saturating_mul(AHEAD);
        for workers in self.groups.values_mut().filter(|workers| !workers.queued.is_empty()) {
            let full = workers.live.len() >= width
                && workers.live.len() - workers.live.iter().filter(|path| is_stopped(path)).count() >= width;
            if !full && let Some((path, start)) = workers.queued.pop_front() {
                workers.live.insert(path);
                return Some(start);
            }
        }
        None
    }

    /// True while a worker waits to begin.
    pub fn has_queued(&self) -> bool {
        self.groups.values().any(|workers| !workers.queued.is_empty())
    }

    /// True while a worker is under way.
    pub fn has_live(&self) -> bool {
        self.groups.values().any(|workers| !workers.live.is_empty())
    }

    /// Forgets all: the code that asked for them is dropped.
    pub fn clear(&mut self) {
        self.groups.clear();
    }
}

fn group_of(position: &SpanPosition) -> Option<Group> {
    position.fan.map(|fan| (position.parent.clone(), fan.group))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fan;

    fn worker(group: u32, index: u32) -> SpanPosition {
        let path = format!("lead/w{group}.{index}");
        SpanPosition { path, parent: "lead".into(), name: "w".into(), visit: 1, fan: Some(Fan { group, index }) }
    }

    fn queued(count: u32) -> FanOuts<u32> {
        let mut fan_outs = FanOuts::default();
        for index in 0..count {
            fan_outs.queue(&worker(0, index), index);
        }
        fan_outs
    }

    fn started(fan_outs: &mut FanOuts<u32>, permits: usize, stopped: &[&str]) -> Vec<u32> {
        std::iter::from_fn(|| fan_outs.next(permits, |path| stopped.contains(&path))).collect()
    }

    #[test]
    fn four_workers_are_under_way_for_each_permit() {
        let mut fan_outs = queued(10);
        assert_eq!(started(&mut fan_outs, 1, &[]), [0, 1, 2, 3]);
        fan_outs.ended("lead/w0.2");
        assert_eq!(started(&mut fan_outs, 1, &[]), [4]);
        assert_eq!(started(&mut fan_outs, 2, &[]), [5, 6, 7, 8]);
        assert!(fan_outs.has_queued() && fan_outs.has_live());
        fan_outs.clear();
        assert!(!fan_outs.has_queued() && !fan_outs.has_live());
    }

    #[test]
    fn a_stopped_worker_holds_nobody_up() {
        let mut fan_outs = queued(10);
        assert_eq!(started(&mut fan_outs, 1, &[]), [0, 1, 2, 3]);
        let stopped = ["lead/w0.0", "lead/w0.3"];
        assert_eq!(started(&mut fan_outs, 1, &stopped), [4, 5]);
        assert_eq!(started(&mut fan_outs, 1, &stopped), Vec::<u32>::new());
    }

    #[test]
    fn each_fan_out_has_workers_of_its_own() {
        let mut fan_outs = queued(5);
        assert_eq!(started(&mut fan_outs, 1, &[]), [0, 1, 2, 3]);
        fan_outs.queue(&worker(1, 0), 10);
        assert_eq!(started(&mut fan_outs, 1, &[]), [10]);
        fan_outs.count(&worker(1, 1));
        fan_outs.ended("lead/w1.0");
        fan_outs.ended("lead/w1.1");
        assert_eq!(started(&mut fan_outs, 1, &["lead/w0.1"]), [4]);
        assert!(!fan_outs.has_queued());
    }
}
