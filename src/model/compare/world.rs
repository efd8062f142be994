//! The net changes of two spans or two runs, compared by key and content.

use std::collections::BTreeMap;

use crate::model::{ActionStatus, Key, KeyState, NetChange, NetKind, NetWorld, RunState, SpanId};

/// A key that is not left alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldDifference {
    /// The key.
    pub key: Key,
    /// Its net change on the left; `None`: it is not changed there.
    pub left: Option<NetChange>,
    /// Its net change on the right; `None`: it is not changed there.
    pub right: Option<NetChange>,
}

/// The changes that a span and everything below it left in the world, whatever became of them since: an undone try counts.
#[must_use]
pub fn footprint(run: &RunState, span: SpanId) -> NetWorld {
    run.ledger.net_world_if(|head| {
        let is_done = matches!(head.status, ActionStatus::Applied | ActionStatus::Intent | ActionStatus::Undone);
        is_done && run.trace.is_within(head.tool_span, span)
    })
}

/// Compares net changes key by key: only those are listed whose content differs in the end. A path that one side changed is
/// alike where the other side left it with that content too, also if it had found it so.
#[must_use]
pub fn compare_worlds(left: &NetWorld, right: &NetWorld) -> Vec<WorldDifference> {
    let mut both: BTreeMap<(bool, &str), [Option<&NetChange>; 2]> = BTreeMap::new();
    for (side, world) in [left, right].into_iter().enumerate() {
        for change in &world.changes {
            both.entry((change.key.kind.is_path(), &change.key.name)).or_default()[side] = Some(change);
        }
    }
    let is_left_so = |other: &NetWorld, change: &NetChange| {
        let found =
            other.as_before.get(&change.key.name).filter(|_| change.key.kind.is_path() && change.from.is_none());
        found.is_some_and(|state| same_content(state, end(change)))
    };
    let differs = |sides: &[Option<&NetChange>; 2]| match sides {
        [Some(left), Some(right)] => !same_content(end(left), end(right)),
        [Some(only), None] => !is_left_so(right, only),
        [None, Some(only)] => !is_left_so(left, only),
        [None, None] => false,
    };
    let found = both.into_values().filter(differs).filter_map(|[left, right]| {
        let key = right.or(left)?.key.clone();
        Some(WorldDifference { key, left: left.cloned(), right: right.cloned() })
    });
    found.collect()
}

/// The state in which a change left its key.
fn end(change: &NetChange) -> &KeyState {
    if change.kind == NetKind::Deleted { &KeyState::Absent } else { &change.new }
}

/// True for states with the same content: which action appended an element doesn't count, nor does its order, since
/// appends of parallel workers commute.
fn same_content(left: &KeyState, right: &KeyState) -> bool {
    match (left, right) {
        (KeyState::List { elements: left }, KeyState::List { elements: right }) => {
            let texts = |elements: &[crate::model::Element]| {
                let mut texts: Vec<String> = elements.iter().map(|element| element.text.clone()).collect();
                texts.sort();
                texts
            };
            texts(left) == texts(right)
        }
        (left, right) => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BlobHash, Element, Seq};

    fn file(name: &str, content: u8) -> NetChange {
        let new = KeyState::File { blob: BlobHash([content; 16]), size: 1, mode: 0o644 };
        NetChange { key: Key::file(name), kind: NetKind::Added, from: None, old: KeyState::Absent, new }
    }

    fn list(texts: &[&str]) -> NetChange {
        let element = |(by, text): (u64, &&str)| Element { by: Seq(by), text: (*text).to_owned() };
        let new = KeyState::List { elements: (7..).zip(texts).map(element).collect() };
        NetChange { key: Key::memory("facts"), kind: NetKind::Added, from: None, old: KeyState::Absent, new }
    }

    fn world(changes: &[NetChange]) -> NetWorld {
        NetWorld { changes: changes.to_vec(), ..NetWorld::default() }
    }

    #[test]
    fn a_world_compared_with_itself_is_empty() {
        let world = world(&[file("a", 1), file("b", 2), list(&["one", "two"])]);
        assert_eq!(compare_worlds(&world, &world), []);
    }

    #[test]
    fn a_path_that_the_other_side_found_and_left_with_that_content_is_alike() {
        let changed = world(&[file("a", 1)]);
        let same =
            |content: u8| NetWorld { as_before: [("a".to_owned(), file("a", content).new)].into(), ..world(&[]) };
        assert_eq!(compare_worlds(&changed, &same(1)), []);
        assert_eq!(compare_worlds(&same(1), &changed), []);
        assert_eq!(compare_worlds(&changed, &same(2)).len(), 1);
        assert_eq!(compare_worlds(&changed, &world(&[])).len(), 1);
    }

    #[test]
    fn one_planted_write_is_one_difference() {
        let left = [file("a", 1), file("b", 2), list(&["one"])];
        let right = [file("a", 1), file("b", 3), list(&["one"])];
        let found = compare_worlds(&world(&left), &world(&right));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].key.name.as_str(), found[0].left.is_some(), found[0].right.is_some()), ("b", true, true));
        let more = compare_worlds(&world(&left), &world(&[&left[..], &[file("c", 1)]].concat()));
        assert_eq!((more.len(), more[0].left.is_none()), (1, true));
    }

    #[test]
    fn appends_in_another_order_are_the_same_content() {
        let lists = |left: &[&str], right: &[&str]| compare_worlds(&world(&[list(left)]), &world(&[list(right)]));
        assert_eq!(lists(&["one", "two"], &["two", "one"]), []);
        assert_eq!(lists(&["one", "two"], &["two", "two"]).len(), 1);
    }
}
