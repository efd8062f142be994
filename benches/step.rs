//! One step of an agent on the real path: a scripted call, its memory write, and everything recorded about both;
//! against the same run without recording.
//!
//! A run of so many steps and one of none are measured in turn, recorded and not; a step is the difference by the number
//! of steps, so that making and closing a run don't count. Printed are medians of five: time, processor time of all
//! threads, and for the recorded run rows, syncs and commits of a step. `benches/langgraph_step.py` is the same step in
//! `LangGraph`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark that can't write has nothing to tell")]

mod common;

use std::fmt::Write as _;

use common::{Taken, is_measured, median, project, run, runtime};

const SIZES: [u32; 3] = [10, 100, 1000];
const ROUNDS: usize = 5;

const PIPELINE: &str = r#"
[pipeline]
name = "step"
entrypoint = "lead"
task = "go"
workspace = "work"
[models]
default = "script:replies.toml"
[policy]
allow = ["tama_*"]
[agents.lead]
pattern = "react"
max_iter = 10000
tools = ["tama_mem_set"]
prompt = "lead"
"#;

/// A model that writes so often.
fn replies(steps: u32) -> String {
    let mut replies = String::new();
    for step in 1..=steps {
        let call = format!("name = \"tama_mem_set\", args = {{ key = \"k{step}\", value = \"value {step}\" }}");
        writeln!(replies, "[[reply]]\nagent = \"lead\"\ncall = {step}\ncalls = [{{ {call} }}]").unwrap();
    }
    replies.push_str("[[reply]]\nagent = \"lead\"\ntext = \"end\"\n");
    replies
}

/// Each field through a function of two runs'.
fn with(one: Taken, other: Taken, of: impl Fn(f64, f64) -> f64) -> Taken {
    Taken {
        wall: of(one.wall, other.wall),
        cpu: of(one.cpu, other.cpu),
        rows: of(one.rows, other.rows),
        syncs: of(one.syncs, other.syncs),
        commits: of(one.commits, other.commits),
    }
}

/// A step of a run of so many, unrecorded and recorded.
fn steps(runtime: &tokio::runtime::Runtime, count: u32) -> [Taken; 2] {
    let (none, all) = (project(PIPELINE, &replies(0)), project(PIPELINE, &replies(count)));
    let mut taken: [Vec<Taken>; 2] = Default::default();
    for round in 0..=ROUNDS {
        for (recorded, taken) in [false, true].into_iter().zip(&mut taken) {
            let (empty, full) = (run(runtime, none.path(), recorded), run(runtime, all.path(), recorded));
            // The first round warms up.
            if round > 0 {
                taken.push(with(full, empty, |full, empty| (full - empty) / f64::from(count)));
            }
        }
    }
    taken.map(|taken| median(&taken))
}

fn main() {
    if !is_measured() {
        return;
    }
    let runtime = runtime();
    println!("{:<24} {:>8} {:>8} {:>8} {:>8} {:>8}", "a step", "ms", "CPU ms", "rows", "syncs", "commits");
    for count in SIZES {
        let [unrecorded, recorded] = steps(&runtime, count);
        let over = with(recorded, unrecorded, |recorded, unrecorded| recorded - unrecorded);
        for (name, Taken { wall, cpu, rows, syncs, commits }) in
            [("unrecorded", unrecorded), ("recorded", recorded), ("recording alone", over)]
        {
            let name = format!("of {count}: {name}");
            println!("{name:<24} {wall:>8.2} {cpu:>8.2} {rows:>8.1} {syncs:>8.2} {commits:>8.2}");
        }
    }
}
