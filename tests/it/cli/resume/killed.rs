//! `kill -9` at random places, and a resume: the result is that of the run that nobody killed.
//!
//! The seed of a round is its number. `TAMA_TUI_SOAK=200` plays as many rounds.

use std::time::Duration;

use tama_tui::store::{CRASH_POINTS, EFFECT_CRASH_POINTS};

use super::stage::{Death, Result, charges, decisions, project, questions, run_until, verify};
use crate::cli::cli::stderr;
use crate::support::program;
use crate::support::project::Project;

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

fn play(seed: u64, expected: &Result, all: &[String]) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let project = project();
    let mut deaths = vec![dice.death()];
    run_until(&project, &["run", ".", "--allow", "charge"], &deaths[0]);
    if !project.path(".tama").exists() {
        // It died before it made anything.
        return;
    }
    let runs = project.json(&["runs"]);
    if runs.as_array().unwrap().is_empty() {
        return;
    }
    if runs[0]["manifest"]["status"].is_null() {
        // It died while its folder was made.
        assert_eq!(charges(&project), [""; 0]);
        return;
    }
    let told = |deaths: &[Death]| format!("seed {seed}, {deaths:?}");
    while project.statuses()[0] != "ok" {
        let before = charges(&project);
        let (output, asked) = questions(&project);
        let code = output.status.code();
        if asked.is_empty() {
            if code != Some(0) {
                assert!(is_unstarted(&project), "{}: {code:?} {}", told(&deaths), stderr(&output));
                return;
            }
            break;
        }
        assert_eq!(code, Some(3), "{}: {}", told(&deaths), stderr(&output));
        assert_eq!(charges(&project), before, "{}: charged unasked", told(&deaths));
        let run = project.newest();
        let decided = decisions(&project, &asked);
        let args: Vec<&str> =
            ["resume", &run, "--allow", "charge"].into_iter().chain(decided.iter().map(|s| &s[..])).collect();
        if deaths.len() < DEATHS && dice.below(2) == 0 {
            deaths.push(dice.death());
            run_until(&project, &args, &deaths[deaths.len() - 1]);
            continue;
        }
        let output = project.tama(&args);
        assert_eq!(output.status.code(), Some(0), "{}: {}", told(&deaths), stderr(&output));
    }
    assert_eq!(charges(&project), all, "{}", told(&deaths));
    assert_eq!(&Result::of(&project), expected, "{}", told(&deaths));
    verify(&project);
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
    let whole: Project = project();
    if !program::is_confined(whole.folder()) {
        return;
    }
    let output = whole.tama(&["run", ".", "--allow", "charge"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let (expected, all) = (Result::of(&whole), charges(&whole));
    assert_eq!(all, ["one1", "one2", "two1", "two2"]);
    let rounds = std::env::var("TAMA_TUI_SOAK").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(FEW);
    for seed in 1..=rounds {
        play(seed, &expected, &all);
    }
}
