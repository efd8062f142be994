//! Finding out what a command changed in a workspace of growing size, against `git add -A && git write-tree`.
//!
//! Files have 10 kB of text each, a hundred to a folder. "first" keeps everything in a new store; "again" is what a
//! command costs before it starts, when little changed since the last one, and "changes" what it costs after it.
//! The bare command is `true`: what any command costs on top.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that can't write has nothing to tell")]

use std::cell::OnceCell;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tama_tui::rollback::capture::{Rules, Snapshots};
use tempfile::TempDir;

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

    fn change(&self, round: u64) {
        fs::write(self.root.join("0000/file-0.txt"), round.to_string()).unwrap();
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
fn timed(rounds: u64, mut round: impl FnMut(u64) -> Duration) -> Duration {
    (0..rounds).map(&mut round).sum()
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
                timed(rounds, |_| {
                    let mut snapshots = place().snapshots("first");
                    let taken = time(|| assert!(!snapshots.take().unwrap().0.is_empty()));
                    snapshots.settled().unwrap();
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
                    timed(rounds, |round| {
                        let again = time(|| assert!(!snapshots.take().unwrap().0.is_empty()));
                        place().change(round);
                        let changes = time(|| assert_eq!(snapshots.changes().unwrap().len(), 1));
                        snapshots.settled().unwrap();
                        if part == "again" { again } else { changes }
                    })
                });
            });
        }
        group.bench_function(BenchmarkId::new("git", files), |b| {
            b.iter_custom(|rounds| {
                git(&place().root, "git init -q . && git add -A && git write-tree");
                let taken = timed(rounds, |round| {
                    place().change(round + 1_000_000);
                    time(|| git(&place().root, "git add -A && git write-tree"))
                });
                fs::remove_dir_all(place().root.join(".git")).unwrap();
                taken
            });
        });
    }
    group.bench_function("bare command", |b| b.iter(|| git(Path::new("."), "true")));
    group.finish();
}

criterion_group!(benches, capture);
criterion_main!(benches);
