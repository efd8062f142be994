//! Finding out what a command changed in a workspace of growing size, against `git add -A && git write-tree`.
//!
//! Files have 10 kB of text each, a hundred to a folder. "first" keeps everything in a new store; "again" is what a
//! command costs before it starts, when little changed since the last one, and "changes" what it costs after it.
//! The bare command is a shell that writes one file: what any command costs. "overlay" and "portable" are the same
//! command run confined in each lane, from its start to the list of what it changed, after the first.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that can't write has nothing to tell")]

use std::cell::OnceCell;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tama_tui::effects::confine::{Isolation, Job, Shell, ShellLimits, ShellPaths, set_helper};
use tama_tui::model::CaptureMode;
use tama_tui::rollback::capture::{Rules, Snapshots, overlay_changes};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const PER_FOLDER: usize = 100;
const BYTES: usize = 10_000;

/// A workspace, and room for stores and runs beside it.
struct Place {
    home: TempDir,
    root: PathBuf,
}

impl Place {
    fn with(files: usize) -> Self {
        let home = tempfile::tempdir_in(".").unwrap();
        let root = home.path().join("work");
        for at in 0..files {
            let folder = root.join(format!("{:04}", at / PER_FOLDER));
            if at % PER_FOLDER == 0 {
                fs::create_dir_all(&folder).unwrap();
            }
            fs::write(folder.join(format!("file-{at}.txt")), text(at)).unwrap();
        }
        // So that the stats of what was just written can be trusted.
        std::thread::sleep(Duration::from_millis(100));
        Self { home, root }
    }

    fn snapshots(&self, store: &str) -> Snapshots {
        let run = self.home.path().join("run");
        fs::create_dir_all(&run).unwrap();
        Snapshots::open(&self.home.path().join(store), &run, &self.root, Rules::default()).unwrap()
    }

    /// Makes one file another than it ever was.
    fn change(&self) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        fs::write(self.root.join("0000/file-0.txt"), count.to_string()).unwrap();
    }
}

/// Text of its own for each file, about as compressible as source code.
fn text(seed: usize) -> String {
    let mut text = String::with_capacity(BYTES + 80);
    let mut state = seed as u64 + 1;
    while text.len() < BYTES {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (name, value) = (state >> 48, (state >> 20) % 1000);
        writeln!(text, "    let value_{name} = self.field_{value}.compute({});", state >> 56).unwrap();
    }
    text
}

/// Times one part of each round.
fn timed(rounds: u64, mut round: impl FnMut() -> Duration) -> Duration {
    (0..rounds).map(|_| round()).sum()
}

fn time(what: impl FnOnce()) -> Duration {
    let start = Instant::now();
    what();
    start.elapsed()
}

fn git(root: &Path, script: &str) {
    let done = Command::new("sh").args(["-ec", script]).current_dir(root).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn capture(c: &mut Criterion) {
    let mut group = c.benchmark_group("capture");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    for files in SIZES {
        let place = OnceCell::new();
        let place = || place.get_or_init(|| Place::with(files));
        group.throughput(Throughput::Elements(files as u64));
        group.bench_function(BenchmarkId::new("first", files), |b| {
            b.iter_custom(|rounds| {
                timed(rounds, || {
                    let mut snapshots = place().snapshots("first");
                    let taken = time(|| assert!(!snapshots.take().unwrap().0.is_empty()));
                    snapshots.close().unwrap();
                    fs::remove_dir_all(place().home.path().join("first")).unwrap();
                    taken
                })
            });
        });
        for part in ["again", "changes"] {
            group.bench_function(BenchmarkId::new(part, files), |b| {
                b.iter_custom(|rounds| {
                    let mut snapshots = place().snapshots("store");
                    snapshots.take().unwrap();
                    timed(rounds, || {
                        let again = time(|| assert!(!snapshots.take().unwrap().0.is_empty()));
                        place().change();
                        let changes = time(|| assert_eq!(snapshots.changes().unwrap().len(), 1));
                        snapshots.close().unwrap();
                        if part == "again" { again } else { changes }
                    })
                });
            });
        }
        group.bench_function(BenchmarkId::new("git", files), |b| {
            b.iter_custom(|rounds| {
                // The first time takes half a minute, and is no part of this.
                if !place().root.join(".git").exists() {
                    git(&place().root, "git init -q . && git add -A && git write-tree");
                }
                timed(rounds, || {
                    place().change();
                    time(|| git(&place().root, "git add -A && git write-tree"))
                })
            });
        });
    }
    group.finish();
}

const COMMAND: &str = "echo x > 0000/file-0.txt";

/// Whole commands, as the debugger runs them.
fn commands(c: &mut Criterion) {
    set_helper(env!("CARGO_BIN_EXE_tama-tui"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut group = c.benchmark_group("command");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for files in SIZES {
        let place = OnceCell::new();
        let place = || place.get_or_init(|| Place::with(files));
        let run = |shell: &Shell, overlay: bool| {
            let job = Job { overlay, ..Job::shell(COMMAND, Duration::from_secs(60)) };
            let ran = runtime.block_on(shell.run(job, ShellLimits::default(), CancellationToken::new()));
            assert_eq!(ran.outcome.exit, Some(0), "{}", ran.outcome.text);
            ran
        };
        let paths = || ShellPaths { workspace: place().root.clone(), ..ShellPaths::default() };
        let shell = |most| Shell::probe_up_to(paths(), most);
        group.bench_function(BenchmarkId::new("overlay", files), |b| {
            let shell = shell(Isolation::Overlay);
            assert_eq!(shell.mode().capture, CaptureMode::Overlay);
            b.iter(|| {
                let ran = run(&shell, true);
                let upper = ran.written.as_ref().unwrap().upper();
                assert_eq!(overlay_changes(&place().root, &upper, &Rules::default()).unwrap().changes.len(), 1);
            });
        });
        group.bench_function(BenchmarkId::new("portable", files), |b| {
            let shell = shell(Isolation::Namespaces);
            let mut snapshots = place().snapshots("store");
            snapshots.take().unwrap();
            b.iter(|| {
                snapshots.take().unwrap();
                drop(run(&shell, false));
                drop(snapshots.changes().unwrap());
                snapshots.close().unwrap();
            });
        });
        group.bench_function(BenchmarkId::new("bare", files), |b| b.iter(|| git(&place().root, COMMAND)));
    }
    group.finish();
}

criterion_group!(benches, capture, commands);
criterion_main!(benches);
