//! One step of an agent on the real path: a scripted call, its memory write, and everything recorded about both;
//! against the same run without recording.
//!
//! A run of 100 steps and one of none are measured in turn, recorded and not; a step is the difference by 100, so that
//! making and closing a run don't count. Printed are medians of five: time, processor time of all threads, and for the
//! recorded run rows, syncs and commits of a step.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark that can't write has nothing to tell")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use tama_tui::pipeline::load;
use tama_tui::runtime::{self, Headless, Mode};
use tama_tui::store::{DataDir, written};

const STEPS: u32 = 100;
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
max_iter = 1000
tools = ["tama_mem_set"]
prompt = "lead"
"#;

/// What one run took.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    wall: f64,
    cpu: f64,
    rows: f64,
    syncs: f64,
    commits: f64,
}

/// A folder with the pipeline and a model that writes so often.
fn project(steps: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir_in(".").unwrap();
    fs::create_dir(folder.path().join("work")).unwrap();
    fs::write(folder.path().join("pipeline.toml"), PIPELINE).unwrap();
    let mut replies = String::new();
    for step in 1..=steps {
        let call = format!("name = \"tama_mem_set\", args = {{ key = \"k{step}\", value = \"value {step}\" }}");
        writeln!(replies, "[[reply]]\nagent = \"lead\"\ncall = {step}\ncalls = [{{ {call} }}]").unwrap();
    }
    replies.push_str("[[reply]]\nagent = \"lead\"\ntext = \"end\"\n");
    fs::write(folder.path().join("replies.toml"), replies).unwrap();
    folder
}

fn processor_time() -> f64 {
    let used = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let micros = used.user_time().num_microseconds() + used.system_time().num_microseconds();
    Duration::from_micros(micros.unsigned_abs()).as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "counts for people")]
fn run(runtime: &tokio::runtime::Runtime, folder: &Path, recorded: bool) -> Taken {
    let _entered = runtime.enter();
    let (before, cpu, start) = (written(), processor_time(), Instant::now());
    let mode = Mode::Headless(Headless::default());
    let loaded = load(folder).unwrap();
    let session = if recorded {
        runtime::start(loaded, &DataDir::open_or_create(folder.join(".tama")).unwrap(), "go".into(), mode).unwrap()
    } else {
        runtime::start_unrecorded(loaded, "go".into(), mode).unwrap()
    };
    runtime.block_on(session.engine.finish).unwrap();
    let (after, wall, cpu) = (written(), start.elapsed().as_secs_f64() * 1e3, processor_time() - cpu);
    Taken {
        wall,
        cpu,
        rows: session.log.recorder().committed().0 as f64,
        syncs: (after.syncs - before.syncs) as f64,
        commits: (after.commits - before.commits) as f64,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    // Not when the benchmark is only tried out (`cargo test --benches`).
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (none, all) = (project(0), project(STEPS));
    let mut steps: [Vec<Taken>; 2] = Default::default();
    for round in 0..=ROUNDS {
        for (recorded, taken) in [false, true].into_iter().zip(&mut steps) {
            let (empty, full) = (run(&runtime, none.path(), recorded), run(&runtime, all.path(), recorded));
            let of = |field: fn(&Taken) -> f64| (field(&full) - field(&empty)) / f64::from(STEPS);
            // The first round warms up.
            if round > 0 {
                taken.push(Taken {
                    wall: of(|taken| taken.wall),
                    cpu: of(|taken| taken.cpu),
                    rows: of(|taken| taken.rows),
                    syncs: of(|taken| taken.syncs),
                    commits: of(|taken| taken.commits),
                });
            }
        }
    }
    println!("{:<16} {:>8} {:>8} {:>8} {:>8} {:>8}", "a step", "ms", "CPU ms", "rows", "syncs", "commits");
    for (name, taken) in ["unrecorded", "recorded"].into_iter().zip(&steps) {
        let of = |field: fn(&Taken) -> f64| median(taken.iter().map(field).collect());
        println!(
            "{name:<16} {:>8.2} {:>8.2} {:>8.1} {:>8.2} {:>8.2}",
            of(|taken| taken.wall),
            of(|taken| taken.cpu),
            of(|taken| taken.rows),
            of(|taken| taken.syncs),
            of(|taken| taken.commits)
        );
    }
}
