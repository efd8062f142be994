//! `kill -9` at random places, and a resume: the result is that of the run that nobody killed.
//!
//! The seed of a round is its number, and so is its pipeline. `TAMA_TUI_SOAK=200` plays as many rounds, and
//! `TAMA_TUI_SOAK_FROM` says the first one.

use std::time::Duration;

use tama_tui::store::{CRASH_POINTS, EFFECT_CRASH_POINTS};

use super::kinds::{ALLOW, Kind};
use super::stage::{Death, Result, charges, decisions, questions, run_until, verify};
use crate::cli::cli::stderr;
use crate::support::program;
use crate::support::project::Project;
use crate::support::say::say;

const FEW: u64 = 20;
/// A resume that dies is resumed again, so often at most.
const DEATHS: usize = 3;

/// A small generator of numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// A crash point in the middle of a run, or a kill.
    fn death(&mut self) -> Death {
        let points: Vec<&str> = CRASH_POINTS
            .iter()
            .chain(EFFECT_CRASH_POINTS)
            .copied()
            .filter(|point| !point.starts_with("create") && !point.starts_with("undo"))
            .collect();
        if self.below(2) == 0 {
            return Death::Kill(Duration::from_millis(40 + self.below(900)));
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
}

impl Whole {
    fn of(kind: Kind) -> Self {
        let project = kind.project();
        let output = project.tama(&[&["run", "."], &ALLOW[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{kind:?}: {}", stderr(&output));
        let mut once = charges(&project);
        once.dedup();
        assert!(once.len() >= 4 && once == charges(&project), "{kind:?}: {once:?}");
        verify(&project);
        Self { kind, result: Result::of(&project), charges: once }
    }
}

/// True if the run was killed, and resumed to its end.
fn play(seed: u64, whole: &Whole) -> bool {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let project = whole.kind.project();
    let mut deaths = vec![dice.death()];
    let died = run_until(&project, &[&["run", "."], &ALLOW[..]].concat(), &deaths[0]);
    if !project.path(".tama").exists() {
        // It died before it made anything.
        return false;
    }
    let runs = project.json(&["runs"]);
    if runs.as_array().unwrap().is_empty() {
        return false;
    }
    if runs[0]["manifest"]["status"].is_null() {
        // It died while its folder was made.
        assert_eq!(charges(&project), [""; 0]);
        return false;
    }
    let told = |deaths: &[Death]| format!("seed {seed}, {:?}, {deaths:?}", whole.kind);
    while project.statuses()[0] != "ok" {
        let before = charges(&project);
        let (output, asked) = questions(&project);
        let code = output.status.code();
        if asked.is_empty() {
            // It may have died after its last row was on disk: then it has ended, and the list says so once it is opened.
            if code != Some(0) && project.statuses()[0] != "ok" {
                assert!(is_unstarted(&project), "{}: {code:?} {}", told(&deaths), stderr(&output));
                return false;
            }
            break;
        }
        assert_eq!(code, Some(3), "{}: {}", told(&deaths), stderr(&output));
        assert_eq!(charges(&project), before, "{}: charged unasked", told(&deaths));
        let run = project.newest();
        let decided = decisions(&project, &asked);
        let resume = ["resume", &run].into_iter().chain(ALLOW);
        let args: Vec<&str> = resume.chain(decided.iter().map(|s| &s[..])).collect();
        if deaths.len() < DEATHS && dice.below(2) == 0 {
            deaths.push(dice.death());
            run_until(&project, &args, &deaths[deaths.len() - 1]);
            continue;
        }
        let output = project.tama(&args);
        assert_eq!(output.status.code(), Some(0), "{}: {}", told(&deaths), stderr(&output));
    }
    assert_eq!(charges(&project), whole.charges, "{}", told(&deaths));
    assert_eq!(Result::of(&project), whole.result, "{}", told(&deaths));
    verify(&project);
    if dice.below(4) == 0 {
        fork_twice(&project, &told(&deaths));
    }
    died
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

/// True when the process died before the run's first row was on disk: there is nothing to go on with, and nothing was
/// done.
fn is_unstarted(project: &Project) -> bool {
    let run = project.path(".tama/runs").join(project.newest());
    let rows = run.join("run.log").metadata().map_or(0, |found| found.len());
    charges(project).is_empty() && rows == 0 && project.work("one/out.txt").is_none()
}

#[test]
fn a_killed_run_comes_to_what_the_uninterrupted_one_does() {
    if !program::is_confined(Project::empty().folder()) {
        return;
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let (first, rounds) = (number("TAMA_TUI_SOAK_FROM").unwrap_or(1), number("TAMA_TUI_SOAK").unwrap_or(FEW));
    let all = Kind::ALL.map(Whole::of);
    let killed = (first..first + rounds).filter(|seed| {
        let whole = &all[usize::try_from(*seed).unwrap() % all.len()];
        play(*seed, whole)
    });
    let killed = killed.count();
    say(&format!("killed: rounds {first}..{}, {killed} died and came to their end", first + rounds));
    assert!(rounds < FEW || killed > 0, "no run was killed on its way");
}
