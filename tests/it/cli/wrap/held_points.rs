//! The program dies at each step of a look at held changes, of applying and of discarding them: a second time does the
//! whole of it, and undo restores the folder.

use std::process::Command;

use tama_tui::store::HELD_CRASH_POINTS;

use crate::cli::cli::{stderr, stdout};
use crate::support::manifest::{Manifest, differences, manifest};
use crate::support::program;
use crate::support::project::Project;

const NOTHING: [&str; 0] = [];

/// The agent: a change of each kind.
const SCRIPT: &str = "echo new > edited; rm gone; mkdir d; echo d > d/f; chmod 600 mode; ln -s edited link";

/// How often a point is passed before the process dies there.
const PASSINGS: [usize; 2] = [1, 3];

/// Runs the program, to die at a point; true if it died.
fn dies(project: &Project, args: &[&str], point: &str) -> bool {
    let mut command: Command = program::command();
    command.args(args).current_dir(project.folder()).env("TAMA_TUI_CRASH_POINT", point);
    command.output().unwrap().status.code().is_none()
}

fn done(project: &Project, args: &[&str], point: &str) {
    let output = project.tama(args);
    assert_eq!(output.status.code(), Some(0), "{point}: {args:?}: {}{}", stdout(&output), stderr(&output));
}

/// A folder with changes of an agent that are held, or that the program died of when it looked at them.
fn held(point: Option<&str>) -> (Project, Manifest, bool) {
    let project = Project::empty();
    for name in ["edited", "gone", "mode"] {
        project.write(name, "old\n");
    }
    let before = manifest(project.folder());
    let wrap = ["wrap", "--headless", "--review", "--", "bash", "-c", SCRIPT];
    let died = point.is_some_and(|point| dies(&project, &wrap, point));
    if point.is_none() {
        done(&project, &wrap, "none");
    }
    assert_eq!(differences(&before, &manifest(project.folder())), NOTHING);
    (project, before, died)
}

#[test]
fn each_step_of_held_changes_can_be_the_last() {
    if !program::holds_changes(Project::empty().folder()) {
        return;
    }
    for (name, at) in HELD_CRASH_POINTS.iter().flat_map(|name| PASSINGS.map(|at| (*name, at))) {
        let point = format!("{name}:{at}");
        let is_look = name == "after-images-kept";
        if is_look && at > 1 {
            // One look finds everything.
            continue;
        }
        let (project, before, died) = held(is_look.then_some(&point));
        let run = project.newest();
        let verb = if name == "held-discarded" { "discard" } else { "apply" };
        assert!(if is_look { died } else { dies(&project, &[verb, &run], &point) }, "{point} is passed");
        done(&project, &[verb, &run], &point);
        let left = project.json(&["runs", "show", &run])["held"].as_array().map_or(0, Vec::len);
        assert_eq!(left, 0, "{point}: nothing is held any more");
        if verb == "discard" {
            assert_eq!(differences(&before, &manifest(project.folder())), NOTHING, "{point}");
            continue;
        }
        assert_eq!(project.read("d/f").as_deref(), Some("d\n"), "{point}");
        assert!(!project.path("gone").exists() && project.path("link").is_symlink(), "{point}");
        done(&project, &["undo", &run], &point);
        assert_eq!(differences(&before, &manifest(project.folder())), NOTHING, "{point}");
    }
}
