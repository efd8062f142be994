//! The seeds that are played: a few by default, as many as wanted in the long form, which goes on where it stopped.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tama_tui::model::CaptureMode;
use tokio::runtime::{Builder, Runtime};

use super::case::Size;
use super::generate::generate;
use super::play::{Tally, Way, play};
use super::run::Run;
use crate::support::program::set_helper;
use crate::support::say::say;
use crate::support::skip::{Capability, skip};

/// Seeds of the short form.
const SHORT: u64 = 25;
/// Those of retries with an edit.
const SHORT_EDITED: u64 = 16;
/// Cases played side by side.
const THREADS: usize = 2;
const LARGEST: Size = Size { depth: 3, width: 3, steps: 3 };

/// How many seeds, from which on.
struct Wanted {
    first: u64,
    count: u64,
    /// The seeds that have passed; the long form has one.
    passed: Option<PathBuf>,
}

/// What is played of each seed.
#[derive(Debug, Clone, Copy)]
struct Kind {
    name: &'static str,
    /// Part of its test's name.
    test: &'static str,
    is_edited: bool,
    short: u64,
}

#[test]
fn a_retry_comes_to_what_a_run_with_its_outcome_from_the_start_comes_to() {
    let tally = play_seeds(Kind { name: "oracle", test: "retry_comes_to", is_edited: false, short: SHORT });
    assert!(tally.is_none_or(|tally| tally.with_readers > 0), "no retry met a reader, so nothing is shown of them");
}

#[test]
fn an_edited_retry_comes_to_what_a_run_with_its_edit_from_the_start_comes_to() {
    let kind = Kind { name: "oracle-edits", test: "edited_retry", is_edited: true, short: SHORT_EDITED };
    let tally = play_seeds(kind);
    assert!(tally.is_none_or(|tally| tally.edited > 0), "no retry had an edit");
}

/// Plays the wanted seeds; what was played of them, if as many as in the short form.
fn play_seeds(kind: Kind) -> Option<Tally> {
    set_helper();
    let wanted = Wanted::from_env(kind);
    let runtime = new_runtime();
    let modes = [CaptureMode::Overlay, CaptureMode::Snapshot];
    let modes: Vec<CaptureMode> = modes.into_iter().filter(|mode| runtime.block_on(has(*mode))).collect();
    let passed = wanted.passed();
    let before = passed.len();
    let (next, passed, failed) = (AtomicU64::new(0), Mutex::new(passed), Mutex::new(Vec::new()));
    let (played, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let work = || {
        let runtime = new_runtime();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let seed = wanted.first + at;
            if at >= wanted.count {
                return;
            }
            let known = passed.lock().unwrap().contains(&seed);
            if known || !modes.contains(&generate(seed, LARGEST).capture) {
                continue;
            }
            match play_both(&runtime, kind, seed, LARGEST) {
                Ok(made) => {
                    *tally.lock().unwrap() += made;
                    passed.lock().unwrap().insert(seed);
                    wanted.add(seed);
                }
                Err(why) => {
                    // Told at once: the long form may be stopped before its end.
                    say(&why);
                    failed.lock().unwrap().push(shrink(&runtime, kind, seed, why));
                }
            }
            played.fetch_add(1, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap();
    let last = wanted.first + wanted.count - 1;
    let (played, tally) = (played.into_inner(), tally.into_inner().unwrap());
    let line = format!(
        "{}: {played} seeds of {}..={last} played, {} failed; {before} had passed before; {tally:?}",
        kind.name,
        wanted.first,
        failed.len(),
    );
    say(&line);
    assert!(failed.is_empty(), "{line}\n{}", failed.join("\n\n"));
    (played >= kind.short).then_some(tally)
}

pub fn new_runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Plays a seed live and from disk.
fn play_both(runtime: &Runtime, kind: Kind, seed: u64, size: Size) -> Result<Tally, String> {
    let case = generate(seed, size);
    let mut tally = Tally::default();
    for way in [Way::Live, Way::FromDisk] {
        let played = catch_unwind(AssertUnwindSafe(|| runtime.block_on(play(&case, way, kind.is_edited))));
        let why = match played {
            Ok(Ok(made)) => {
                tally += made;
                continue;
            }
            Ok(Err(why)) => why,
            Err(panic) => panic.downcast::<String>().map_or_else(|_| "it panicked".into(), |why| *why),
        };
        let again = format!("TAMA_TUI_ORACLE=1 TAMA_TUI_ORACLE_SEED={seed} ./x test {}", kind.test);
        return Err(format!(
            "seed {seed}, {size:?}, {way:?}, {}, {}; again with {again}\n{why}\npipeline.toml:\n{}\nreplies.toml:\n{}",
            case.capture.name(),
            if case.shares { "shared keys" } else { "disjoint keys" },
            case.pipeline(&[], true),
            case.script(&[], true, &[])
        ));
    }
    Ok(tally)
}

/// The failure of a smaller case of the same seed, if there is one.
fn shrink(runtime: &Runtime, kind: Kind, seed: u64, why: String) -> String {
    let smaller = (1..=LARGEST.depth).flat_map(|depth| (2..=LARGEST.width).map(move |width| (depth, width)));
    let smaller = smaller.flat_map(|(depth, width)| (1..=LARGEST.steps).map(move |steps| Size { depth, width, steps }));
    smaller.filter(|size| *size != LARGEST).find_map(|size| play_both(runtime, kind, seed, size).err()).unwrap_or(why)
}

/// True when this machine has a capture mode, with commands that are confined in every way promised.
pub async fn has(mode: CaptureMode) -> bool {
    let mut seed = 0;
    while generate(seed, LARGEST).capture != mode {
        seed += 1;
    }
    let mut run = Run::start(&generate(seed, Size { depth: 1, width: 2, steps: 1 }), &[], true, true);
    run.until("how commands run", |run| run.shell.is_some()).await.unwrap();
    let shell = run.shell.clone().unwrap();
    run.quit().await.unwrap();
    let missing = match mode {
        CaptureMode::Overlay if shell.capture != mode => Capability::Overlay,
        _ if !shell.gaps.is_empty() => Capability::Namespaces,
        _ => return true,
    };
    skip(missing, format_args!("commands run in mode {} with the gaps {:?}", shell.capture.name(), shell.gaps));
    false
}

impl Wanted {
    fn from_env(kind: Kind) -> Self {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text:?}")))
        };
        let first = number("TAMA_TUI_ORACLE_SEED").unwrap_or(1);
        let Some(count) = number("TAMA_TUI_ORACLE") else {
            return Self { first, count: kind.short, passed: None };
        };
        let usual = || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{first}", kind.name));
        let file = std::env::var_os("TAMA_TUI_ORACLE_FILE").map_or_else(usual, PathBuf::from);
        Self { first, count, passed: (count > 1).then_some(file) }
    }

    /// The seeds that have passed; none when all had, so that they are played anew.
    fn passed(&self) -> BTreeSet<u64> {
        let Some(file) = &self.passed else { return BTreeSet::new() };
        let text = fs::read_to_string(file).unwrap_or_default();
        let found: BTreeSet<u64> = text.lines().filter_map(|line| line.parse().ok()).collect();
        if (self.first..self.first + self.count).all(|seed| found.contains(&seed)) {
            fs::remove_file(file).unwrap();
            return BTreeSet::new();
        }
        found
    }

    fn add(&self, seed: u64) {
        let Some(file) = &self.passed else { return };
        let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
        writeln!(file, "{seed}").unwrap();
    }
}
