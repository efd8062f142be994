//! `kill -9` at random places, and a resume: the result is that of the run that nobody killed.
//!
//! The seed of a round is its number, and so is its pipeline; in each round the run dies on its way. `TAMA_TUI_SOAK=200`
//! plays as many rounds, and `TAMA_TUI_SOAK_FROM` says the first one.

use std::cell::Cell;
use std::time::{Duration, Instant};

use tama_tui::model::{RunStatus, SpanId};
use tama_tui::store::{Access, CRASH_POINTS, DataDir, EFFECT_CRASH_POINTS, Opened};

use super::kinds::{ALLOW, Kind};
use super::stage::{Death, Result, charges, decisions, questions, run_until, verify};
use crate::cli::cli::stderr;
use crate::support::program;
use crate::support::project::Project;
use crate::support::say::say;

const FEW: u64 = 20;
/// So often at most it is tried to have a run die on its way.
const TRIES: usize = 30;
/// A resume that dies is resumed again, so often at most.
const DEATHS: usize = 3;

/// A small generator of numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// A crash point in the middle of a run, or a kill; `whole` is how long the run takes when nobody kills it.
    fn death(&mut self, whole: Duration) -> Death {
        let points: Vec<&str> = CRASH_POINTS
            .iter()
            .chain(EFFECT_CRASH_POINTS)
            .copied()
            .filter(|point| !point.starts_with("create") && !point.starts_with("undo"))
            .collect();
        if self.below(2) == 0 {
            let percent = u32::try_from(self.below(100)).unwrap();
            return Death::Kill(whole * percent / 100);
        }
        let point = points[usize::try_from(self.below(points.len() as u64)).unwrap()];
        Death::Point(format!("{point}:{}", 1 + self.below(40)))
    }
}

/// A pipeline, and what it comes to when nobody kills it.
struct Whole {
    kind: Kind,
    result: Result,
    charges: Vec<String>,
    /// How long the last run took that ended by itself: the machine may be busier or less busy than at the first.
    took: Cell<Duration>,
}

impl Whole {
    fn of(kind: Kind) -> Self {
        let project = kind.project();
        let start = Instant::now();
        let output = project.tama(&[&["run", "."], &ALLOW[..]].concat());
        let took = start.elapsed();
        assert_eq!(output.status.code(), Some(0), "{kind:?}: {}", stderr(&output));
        let mut once = charges(&project);
        once.dedup();
        assert!(once.len() >= 4 && once == charges(&project), "{kind:?}: {once:?}");
        verify(&project);
        Self { kind, result: Result::of(&project), charges: once, took: Cell::new(took) }
    }

    /// Has a run die on its way; returns it, and how it died.
    fn killed(&self, dice: &mut Dice) -> (Project, Death) {
        for _ in 0..TRIES {
            let (project, death) = (self.kind.project(), dice.death(self.took.get()));
            let start = Instant::now();
            let died = run_until(&project, &[&["run", "."], &ALLOW[..]].concat(), &death);
            if died && is_on_its_way(&project) {
                return (project, death);
            }
            if !died {
                self.took.set(start.elapsed());
            }
        }
        panic!("{:?}: it never died on its way", self.kind);
    }
}

/// True when a run has begun, and its last row is not on disk.
fn is_on_its_way(project: &Project) -> bool {
    if !project.path(".tama").exists() {
        return false;
    }
    let runs = project.json(&["runs"]);
    let is_made = runs.as_array().unwrap().first().is_some_and(|run| !run["manifest"]["status"].is_null());
    if !is_made {
        return false;
    }
    let folder = DataDir::open_or_create(project.path(".tama")).unwrap().find(&project.newest()).unwrap();
    let look = |opened: Opened| opened.log.with(|state| state.trace.get(SpanId::RUN).is_some().then_some(state.status));
    // It can't be opened when it died while it was made.
    let status = folder.open(Box::new(|_| {}), Access::ReadOnly).ok().and_then(look);
    assert!(status.is_some() || charges(project).is_empty(), "charged before anything is recorded");
    status.is_some_and(|status| !matches!(status, RunStatus::Ok | RunStatus::Failed))
}

/// Kills a run, and resumes it to its end.
fn play(seed: u64, whole: &Whole) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (project, death) = whole.killed(&mut dice);
    let (mut deaths, mut said) = (vec![death], Vec::new());
    let told = |deaths: &[Death]| format!("seed {seed}, {:?}, {deaths:?}", whole.kind);
    while project.statuses()[0] != "ok" {
        let before = charges(&project);
        let (output, asked) = questions(&project);
        let code = output.status.code();
        if asked.is_empty() {
            // A resume that died after its last row has ended the run, and the list says so once it is opened.
            let has_ended = code == Some(0) || project.statuses()[0] == "ok";
            assert!(has_ended, "{}: {code:?} {}", told(&deaths), stderr(&output));
            break;
        }
        assert_eq!(code, Some(3), "{}: {}", told(&deaths), stderr(&output));
        assert_eq!(charges(&project), before, "{}: charged unasked", told(&deaths));
        let run = project.newest();
        let decided = decisions(&project, &asked);
        said.push(format!("asked {asked:?} with {before:?} made, said {decided:?}"));
        let resume = ["resume", &run].into_iter().chain(ALLOW);
        let args: Vec<&str> = resume.chain(decided.iter().map(|s| &s[..])).collect();
        if deaths.len() < DEATHS && dice.below(2) == 0 {
            deaths.push(dice.death(whole.took.get()));
            run_until(&project, &args, &deaths[deaths.len() - 1]);
            continue;
        }
        let output = project.tama(&args);
        assert_eq!(output.status.code(), Some(0), "{}: {}", told(&deaths), stderr(&output));
    }
    assert_eq!(charges(&project), whole.charges, "{}, {said:?}", told(&deaths));
    assert_eq!(Result::of(&project), whole.result, "{}", told(&deaths));
    verify(&project);
    if dice.below(4) == 0 {
        fork_twice(&project, &told(&deaths));
    }
}

/// Retries the last call of the run, forks it there, and forks the fork: each of the runs verifies.
fn fork_twice(project: &Project, told: &str) {
    let run = project.newest();
    let shown = project.json(&["runs", "show", &run]);
    let mut calls = shown["spans"].as_array().unwrap().iter().filter(|span| span["kind"] == "llm");
    let last = calls.rfind(|span| span["status"] == "ok").unwrap()["path"].as_str().unwrap().to_owned();
    let done = |args: &[&str]| {
        let output = project.tama(args);
        assert_eq!(output.status.code(), Some(0), "{told}: {args:?}: {}", stderr(&output));
    };
    done(&["retry", &run, "--span", &last]);
    verify(project);
    for copy in ["first", "second"] {
        done(&["fork", &project.newest(), "--at", &last, "--copy", copy]);
        verify(project);
    }
    done(&["verify", &run]);
}

#[test]
fn a_killed_run_comes_to_what_the_uninterrupted_one_does() {
    if !program::is_confined(Project::empty().folder()) {
        return;
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let (first, rounds) = (number("TAMA_TUI_SOAK_FROM").unwrap_or(1), number("TAMA_TUI_SOAK").unwrap_or(FEW));
    let all = Kind::ALL.map(Whole::of);
    for seed in first..first + rounds {
        play(seed, &all[usize::try_from(seed).unwrap() % all.len()]);
    }
    say(&format!("killed: rounds {first}..{} died on their way and came to their end", first + rounds));
}
