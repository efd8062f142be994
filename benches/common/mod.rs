//! A run through the engine, measured: time, processor time of all threads, and how much was written.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use tama_tui::pipeline::load;
use tama_tui::runtime::{self, Headless, Mode};
use tama_tui::store::{DataDir, written};

/// What one run took, or a step of it: times in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taken {
    /// Time.
    pub wall: f64,
    /// Processor time of all threads.
    pub cpu: f64,
    /// Rows recorded.
    pub rows: f64,
    /// Syncs.
    pub syncs: f64,
    /// Commits of the database.
    pub commits: f64,
}

/// A folder below the present one, with a pipeline and its scripted model's replies.
pub fn project(pipeline: &str, replies: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir_in(".").unwrap();
    fs::create_dir(folder.path().join("work")).unwrap();
    fs::write(folder.path().join("pipeline.toml"), pipeline).unwrap();
    fs::write(folder.path().join("replies.toml"), replies).unwrap();
    folder
}

/// Runs a project headless to its end, recorded or not.
#[expect(clippy::cast_precision_loss, reason = "counts for people")]
pub fn run(runtime: &tokio::runtime::Runtime, folder: &Path, recorded: bool) -> Taken {
    let _entered = runtime.enter();
    let loaded = load(folder).unwrap();
    let (before, cpu, start) = (written(), processor_time(), Instant::now());
    let mode = Mode::Headless(Headless::default());
    let session = if recorded {
        runtime::start(loaded, &DataDir::open_or_create(folder.join(".tama")).unwrap(), "go".into(), mode).unwrap()
    } else {
        runtime::start_unrecorded(loaded, "go".into(), mode).unwrap()
    };
    // Nobody reads what it tells.
    drop(session.engine.feed);
    runtime.block_on(session.engine.finish).unwrap();
    let (after, wall, cpu) = (written(), start.elapsed().as_secs_f64() * 1e3, processor_time() - cpu);
    let failed = session.log.with(|state| state.status != tama_tui::model::RunStatus::Ok);
    assert!(!failed, "the run failed");
    Taken {
        wall,
        cpu,
        rows: session.log.recorder().committed().0 as f64,
        syncs: (after.syncs - before.syncs) as f64,
        commits: (after.commits - before.commits) as f64,
    }
}

fn processor_time() -> f64 {
    let used = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let micros = used.user_time().num_microseconds() + used.system_time().num_microseconds();
    Duration::from_micros(micros.unsigned_abs()).as_secs_f64() * 1e3
}

/// The median of each field.
pub fn median(taken: &[Taken]) -> Taken {
    let of = |field: fn(&Taken) -> f64| {
        let mut values: Vec<f64> = taken.iter().map(field).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Taken {
        wall: of(|taken| taken.wall),
        cpu: of(|taken| taken.cpu),
        rows: of(|taken| taken.rows),
        syncs: of(|taken| taken.syncs),
        commits: of(|taken| taken.commits),
    }
}

/// A runtime like the program's.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// False when the benchmark is only tried out (`cargo test --benches`).
pub fn is_measured() -> bool {
    std::env::args().any(|arg| arg == "--bench")
}
