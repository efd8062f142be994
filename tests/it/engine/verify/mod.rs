//! `verify`: a run that does the same passes; a record that was changed anywhere never does.

#[cfg(target_os = "linux")]
mod jailed;
mod program;
mod tampered;

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use tama_tui::model::{Seq, SpanId, SpanKind, TraceBody, TraceEvent};
use tama_tui::pipeline::load;
use tama_tui::runtime::{self, Headless, Mode, Verification};
use tama_tui::store::RunLog;

use crate::support::program::set_helper;

/// A run of every pattern: an fsm whose second state fans out over a scatter, with tools, and a parallel at its end.
pub const PIPELINE: &str = r#"
[pipeline]
name = "all"
entrypoint = "lead"
task = "the task"
workspace = "work"
[models]
default = "script:replies.toml"
[agents.lead]
pattern = "fsm"
initial = "plan"
states = { plan = { ready = "split", "*" = "plan" }, split = { "*" = "both" }, both = { "*" = "$end" } }
[agents.plan]
pattern = "react"
tools = ["tama_mem_set", "tama_mem_get"]
prompt = "plan"
[agents.split]
pattern = "scatter"
worker = "worker"
[agents.split.steps.map]
prompt = "split"
[agents.split.steps.reduce]
prompt = "reduce"
[agents.worker]
pattern = "react"
tools = ["tama_mem_append"]
prompt = "work"
[agents.both]
pattern = "parallel"
workers = ["left", "right"]
[agents.left]
pattern = "oneshot"
prompt = "left"
[agents.right]
pattern = "oneshot"
prompt = "right"
"#;

/// The answers of its model.
const REPLIES: &str = r#"
[[reply]]
agent = "lead/plan"
call = 1
calls = [{ name = "start", args = {} }, { name = "tama_mem_set", args = { key = "a", value = "1" } }]
[[reply]]
agent = "lead/plan"
call = 2
calls = [{ name = "tama_mem_get", args = { key = "a" } }]
[[reply]]
agent = "lead/plan"
calls = [{ name = "finish", args = { key = "again", value = "not yet" } }]
[[reply]]
agent = "lead/plan#2"
calls = [{ name = "finish", args = { key = "ready", value = "go" } }]
[[reply]]
agent = "lead/split/map"
calls = [{ name = "finish", args = { key = "parallel", value = "[ITEMS]" } }]
[[reply]]
agent = "lead/split/worker*"
call = 1
calls = [{ name = "tama_mem_append", args = { key = "seen", value = "x" } }]
[[reply]]
agent = "lead/split/worker*"
calls = [{ name = "finish", args = { key = "done", value = "fine" } }]
[[reply]]
agent = "lead/split/reduce"
text = "all of it"
[[reply]]
agent = "lead/both/left"
text = "l"
[[reply]]
agent = "lead/both/right"
error = "boom"
"#;

/// A finished run, in memory.
pub struct Ran {
    /// Its log, for texts.
    pub log: RunLog,
    /// Its events.
    pub events: Vec<TraceEvent>,
}

impl Ran {
    /// Runs the pipeline with so many identical items.
    pub async fn with_items(count: usize) -> Self {
        set_helper();
        let folder = tempfile::tempdir().unwrap();
        let items = vec!["\\\"same\\\""; count].join(",");
        fs::create_dir(folder.path().join("work")).unwrap();
        fs::write(folder.path().join("pipeline.toml"), PIPELINE).unwrap();
        fs::write(folder.path().join("replies.toml"), REPLIES.replace("ITEMS", &items)).unwrap();
        let loaded = load(folder.path()).unwrap();
        let mode = Mode::Headless(Headless { allow: vec!["*".into()], ..Headless::default() });
        let session = runtime::start_unrecorded(loaded, "the task".into(), mode).unwrap();
        let mut updates = session.engine.feed;
        let mut events = Vec::new();
        while let Some(update) = updates.next().await {
            match update {
                tama_tui::model::Update::Events(batch) => events.extend(batch),
                tama_tui::model::Update::Closed => break,
                _ => {}
            }
        }
        session.engine.finish.await.unwrap();
        Self { log: session.log, events }
    }

    /// Verifies other events with this run's texts.
    pub fn verify(&self, events: &[TraceEvent]) -> Verification {
        runtime::verify(&self.log, events, None).unwrap()
    }

    /// The path of each span.
    pub fn paths(&self) -> HashMap<SpanId, (String, SpanKind)> {
        let started = self.events.iter().filter_map(|event| match &event.body {
            TraceBody::SpanStarted(start) => Some((start.span, (start.path.clone(), start.spec.kind()))),
            _ => None,
        });
        started.collect()
    }
}

/// Numbers events anew, in the order that they are in.
pub fn renumber(events: &mut [TraceEvent]) {
    for (seq, event) in (1..).zip(events) {
        event.seq = Seq(seq);
    }
}

#[tokio::test]
async fn a_run_of_every_pattern_verifies() {
    let ran = Ran::with_items(3).await;
    let found = ran.verify(&ran.events);
    assert_eq!(found.divergence, None);
    assert!(!found.partial);
    // lead, plan, plan#2, split, map, 3 workers, reduce, both, left, right.
    assert_eq!(found.compared, [12, 14, 5], "{:#?}", ran.paths());
    assert_eq!(found.open, 0);
}

#[tokio::test]
async fn fifty_identical_workers_are_paired_right_in_any_order() {
    use proptest::prelude::*;
    let ran = Arc::new(Ran::with_items(50).await);
    let paths = ran.paths();
    let worker_of = |event: &TraceEvent| {
        let span = event.body.span()?;
        let (path, _) = paths.get(&span)?;
        path.strip_prefix("lead/split/worker").map(|rest| rest.split('/').next().unwrap_or_default().to_owned())
    };
    let first = ran.events.iter().position(|event| worker_of(event).is_some()).unwrap();
    let last = ran.events.iter().rposition(|event| worker_of(event).is_some()).unwrap();
    let mut queues: HashMap<String, Vec<TraceEvent>> = HashMap::new();
    let mut others = Vec::new();
    for event in &ran.events[first..=last] {
        match worker_of(event) {
            Some(worker) => queues.entry(worker).or_default().push(event.clone()),
            None => others.push(event.clone()),
        }
    }
    assert_eq!(queues.len(), 50);
    let mut names: Vec<String> = queues.keys().cloned().collect();
    names.sort();
    proptest!(ProptestConfig::with_cases(100), |(picks in prop::collection::vec(any::<prop::sample::Index>(), 2000))| {
        let mut left: Vec<std::collections::VecDeque<TraceEvent>> =
            names.iter().map(|name| queues[name].clone().into()).collect();
        let mut shuffled = ran.events[..first].to_vec();
        for pick in picks.iter().cycle() {
            left.retain(|queue| !queue.is_empty());
            if left.is_empty() {
                break;
            }
            let queue = pick.index(left.len());
            shuffled.extend(left[queue].pop_front());
        }
        shuffled.extend(others.iter().cloned());
        shuffled.extend(ran.events[last + 1..].iter().cloned());
        renumber(&mut shuffled);
        let found = ran.verify(&shuffled);
        prop_assert_eq!(found.divergence, None);
        prop_assert_eq!(found.compared[0], 59);
    });
}
