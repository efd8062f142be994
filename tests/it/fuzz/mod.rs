//! Files changed at random, for as long as it is asked for: pipeline.toml, AGENT.md, SKILL.md, step files, and tama's
//! databases of both kinds. No input makes the program panic, or takes long.
//!
//! Short forms are part of the tests; a long one is
//! `TAMA_TUI_FUZZ=600 cargo test --release -- --ignored fuzz_ --nocapture`, with the seconds for each target. The first
//! seed is printed, and `TAMA_TUI_SEED` repeats it.

mod databases;
mod mutate;
mod sql;
mod texts;

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use mutate::Numbers;

/// CPU time that one input may take.
const SLOW: Duration = Duration::from_secs(2);

/// Time after which an input counts as one that never ends, on a machine with much else to do.
const HANGS: Duration = Duration::from_secs(300);

/// The length of a fuzzing.
#[derive(Debug, Clone, Copy)]
pub enum Length {
    Inputs(u64),
    Time(Duration),
}

/// The length that the environment asks for.
fn asked() -> Length {
    let seconds = std::env::var("TAMA_TUI_FUZZ").ok().and_then(|seconds| seconds.parse().ok());
    Length::Time(Duration::from_secs(seconds.unwrap_or(600)))
}

fn first_seed() -> u64 {
    let given = std::env::var("TAMA_TUI_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| u64::from(std::process::id()) << 32)
}

/// Tries inputs, each made of its own seed, one after another. `name`: of the target; `start`: prepares it, and returns
/// what tries the input of a seed.
pub fn fuzz<T: FnMut(&mut Numbers)>(name: &str, length: Length, start: impl FnOnce() -> T + Send + 'static) {
    let (first, (tell, told)) = (first_seed(), channel());
    eprintln!("{name}: from seed {first}");
    let began = Instant::now();
    let worker = std::thread::spawn(move || {
        let mut input = start();
        let begins = Instant::now();
        let goes_on = |done: u64| match length {
            Length::Inputs(count) => done < count,
            Length::Time(time) => begins.elapsed() < time,
        };
        let mut done = 0;
        while goes_on(done) {
            let seed = first.wrapping_add(done);
            let before = cpu();
            input(&mut Numbers::new(seed));
            done += 1;
            if tell.send((seed, cpu().saturating_sub(before))).is_err() {
                return;
            }
        }
    });
    let (mut count, mut slowest) = (0_u64, (first, Duration::ZERO));
    loop {
        match told.recv_timeout(HANGS) {
            Ok((seed, took)) => {
                count += 1;
                slowest = if took > slowest.1 { (seed, took) } else { slowest };
                assert!(took < SLOW, "{name}: the input of seed {seed} took {took:?}");
            }
            Err(RecvTimeoutError::Timeout) => panic!("{name}: no end of seed {}", first.wrapping_add(count)),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let seed = first.wrapping_add(count);
    assert!(worker.join().is_ok(), "{name}: the input of seed {seed} made it panic");
    eprintln!("{name}: {count} inputs in {:?}, the slowest {:?} of seed {}", began.elapsed(), slowest.1, slowest.0);
}

/// CPU time of this thread so far.
fn cpu() -> Duration {
    let used = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    let micros = used.user_time().num_microseconds() + used.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

#[test]
fn changed_texts_are_read_or_told() {
    for target in texts::TARGETS {
        texts::run(target, Length::Inputs(60));
    }
}

#[test]
fn changed_databases_are_read_or_refused() {
    for kind in databases::KINDS {
        databases::run(kind, Length::Inputs(12));
    }
}

#[test]
#[ignore = "takes long: TAMA_TUI_FUZZ says how many seconds"]
fn fuzz_pipeline_toml() {
    texts::run(&texts::TARGETS[0], asked());
}

#[test]
#[ignore = "takes long: TAMA_TUI_FUZZ says how many seconds"]
fn fuzz_agent_md() {
    texts::run(&texts::TARGETS[1], asked());
}

#[test]
#[ignore = "takes long: TAMA_TUI_FUZZ says how many seconds"]
fn fuzz_skill_md() {
    texts::run(&texts::TARGETS[2], asked());
}

#[test]
#[ignore = "takes long: TAMA_TUI_FUZZ says how many seconds"]
fn fuzz_step_file() {
    texts::run(&texts::TARGETS[3], asked());
}

#[test]
#[ignore = "takes long: TAMA_TUI_FUZZ says how many seconds"]
fn fuzz_tama_toml() {
    texts::run(&texts::TARGETS[4], asked());
}

#[test]
#[ignore = "takes long: TAMA_TUI_FUZZ says how many seconds"]
fn fuzz_tama_duckdb() {
    databases::run(databases::KINDS[0], asked());
}

#[test]
#[ignore = "takes long: TAMA_TUI_FUZZ says how many seconds"]
fn fuzz_tama_sqlite() {
    databases::run(databases::KINDS[1], asked());
}
