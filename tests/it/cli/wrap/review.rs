//! An agent whose changes are held: nothing reaches the folder until it is applied.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use serde_json::Value as Json;

use super::{checkout, wrap};
use crate::cli::cli::{json as parsed, stderr, stdout};
use crate::support::manifest::{differences, manifest};
use crate::support::program;
use crate::support::project::Project;
use crate::support::skip::{Capability, skip};

const NOTHING: [&str; 0] = [];

/// A project in which changes can be held; `None`: not on this machine.
fn project() -> Option<Project> {
    let project = Project::empty();
    program::holds_changes(project.folder()).then_some(project)
}

/// Runs a script as an agent whose changes are held; it must leave the folder as it is.
fn review(project: &Project, script: &str) -> String {
    let before = manifest(project.folder());
    let ran = wrap(project.folder(), script, &["--review"]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    assert_eq!(differences(&before, &manifest(project.folder())), NOTHING);
    project.newest()
}

/// The folder as the script leaves it when it runs in a copy.
fn done_in_a_copy(project: &Project, script: &str) -> crate::support::manifest::Manifest {
    let copy = tempfile::tempdir().unwrap();
    let to = copy.path().join("copy");
    let copied = Command::new("cp").arg("-a").arg(project.folder()).arg(&to).status().unwrap();
    assert!(copied.success());
    let ran = Command::new("bash").args(["-c", script]).current_dir(&to).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    manifest(&to)
}

fn held(project: &Project, run: &str) -> Vec<(String, String)> {
    let shown = project.json(&["runs", "show", run]);
    let text = |change: &Json, name: &str| change[name].as_str().unwrap().to_owned();
    shown["held"].as_array().unwrap().iter().map(|change| (text(change, "op"), text(change, "path"))).collect()
}

fn decide(project: &Project, args: &[&str], code: i32) -> String {
    let ran = project.tama(args);
    assert_eq!(ran.status.code(), Some(code), "{args:?}: {}{}", stdout(&ran), stderr(&ran));
    stdout(&ran)
}

/// The folder of a run's layer.
fn layer_of(project: &Project, run: &str) -> std::path::PathBuf {
    let name = project.read(&format!(".tama/runs/{run}/layer")).unwrap();
    let state = std::env::var_os("XDG_STATE_HOME").map(std::path::PathBuf::from);
    let state = state.unwrap_or_else(|| std::env::home_dir().unwrap().join(".local/state"));
    state.join("tama-tui/scratch.layers").join(name)
}

#[test]
fn what_a_cleaning_agent_removes_is_kept_by_discarding_that_and_the_rest_is_applied() {
    let Some(project) = project() else { return };
    if Command::new("git").arg("--version").output().is_err() {
        return skip(Capability::Git, format_args!("there is no git here"));
    }
    checkout(project.folder());
    project.write("build/out.o", "object\n");
    project.write("notes.tmp", "scratch\n");
    let wanted = done_in_a_copy(&project, "rm -rf build notes.tmp && echo new > new.txt");
    let run = review(&project, "git clean -fdxq -e .tama && rm -rf docs && echo new > new.txt");
    assert!(layer_of(&project, &run).exists());
    decide(&project, &["discard", &run, ".env", "docs"], 0);
    assert!(held(&project, &run).iter().all(|(_, path)| path != ".env" && !path.starts_with("docs")));
    decide(&project, &["apply", &run], 0);
    assert_eq!(differences(&wanted, &manifest(project.folder())), NOTHING);
    assert_eq!(held(&project, &run), []);
    assert!(!layer_of(&project, &run).exists(), "nothing of it is held");
    decide(&project, &["undo", &run], 0);
    assert!(project.path("build/out.o").exists() && !project.path("new.txt").exists());
}

#[test]
fn the_end_says_what_is_held_and_how_to_decide() {
    let Some(project) = project() else { return };
    project.write("old.txt", "old\n");
    let ran = wrap(project.folder(), "rm old.txt; echo new > new.txt; exit 3", &["--review", "--json"]);
    assert_eq!(ran.status.code(), Some(3));
    let run = project.newest();
    assert!(stderr(&ran).contains("2 changes held · apply: tama-tui apply "), "{}", stderr(&ran));
    assert!(stderr(&ran).contains("discard: tama-tui discard "), "{}", stderr(&ran));
    let told = parsed(&ran);
    let ops: Vec<(&str, &str, bool)> = told["held"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            (
                change["op"].as_str().unwrap(),
                change["path"].as_str().unwrap(),
                change["can_be_applied"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(ops, [("deleted", "old.txt", true), ("added", "new.txt", true)]);
    assert!(stdout(&project.tama(&["runs"])).contains("2, 2 held"));
    assert!(stdout(&project.tama(&["runs", "show", &run])).contains("2 changes (tama-tui apply"));
    let undone = project.tama(&["undo", &run]);
    assert!(stderr(&undone).contains("2 changes held"), "{}", stderr(&undone));
}

#[test]
fn changes_are_applied_one_by_one_also_when_the_layer_is_gone() {
    let Some(project) = project() else { return };
    project.write("d/old", "old\n");
    let script = "echo a > a; mkdir -p new/deep; echo f > new/deep/f; echo more >> d/old; chmod 600 d/old";
    let wanted = done_in_a_copy(&project, script);
    let run = review(&project, script);
    fs::remove_dir_all(layer_of(&project, &run)).unwrap();
    decide(&project, &["apply", &run, "new/deep/f"], 0);
    assert_eq!(project.read("new/deep/f").as_deref(), Some("f\n"));
    assert!(!project.path("a").exists());
    decide(&project, &["apply", &run, "a"], 0);
    decide(&project, &["apply", &run, "d/"], 0);
    assert_eq!(differences(&wanted, &manifest(project.folder())), NOTHING);
}

#[test]
fn hostile_shapes_are_applied_as_the_agent_left_them_and_undone() {
    let Some(project) = project() else { return };
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::write(outside.path().join("kept"), "kept\n").unwrap();
    for name in ["tree/a/b/one", "tree/two", "becomes-file/x", "opaque/old", "opaque/sub/old", "linked", "mode"] {
        project.write(name, &format!("{name}\n"));
    }
    project.write("becomes-folder", "file\n");
    symlink("linked", project.path("was-link")).unwrap();
    let before = manifest(project.folder());
    let script = format!(
        "ln -s {outside} out; ln -s {outside}/kept out-file; rm was-link; echo was > was-link
        mv tree moved 2>/dev/null || (cp -a tree moved && rm -rf tree); rm -rf becomes-file; echo now > becomes-file
        rm becomes-folder; mkdir becomes-folder; echo in > becomes-folder/in
        rm -rf opaque; mkdir opaque; echo new > opaque/new; mkdir opaque/sub; echo new > opaque/sub/new
        ln linked second-name; chmod 751 mode; chmod 700 opaque/sub; mkdir empty",
        outside = outside.path().display()
    );
    let wanted = done_in_a_copy(&project, &script);
    let run = review(&project, &script);
    decide(&project, &["apply", &run], 0);
    assert_eq!(differences(&wanted, &manifest(project.folder())), NOTHING);
    assert_eq!(fs::read_to_string(outside.path().join("kept")).unwrap(), "kept\n");
    decide(&project, &["undo", &run], 0);
    assert_eq!(differences(&before, &manifest(project.folder())), NOTHING);
}

#[test]
fn five_thousand_files_are_applied_and_undone() {
    let Some(project) = project() else { return };
    let script = "mkdir many && cd many && for i in $(seq 50); do mkdir d$i; for j in $(seq 100); do echo $i-$j > d$i/f$j; done; done";
    let before = manifest(project.folder());
    let wanted = done_in_a_copy(&project, script);
    let run = review(&project, script);
    decide(&project, &["apply", &run, "many/d7/f3"], 0);
    assert_eq!(project.read("many/d7/f3").as_deref(), Some("7-3\n"));
    decide(&project, &["apply", &run], 0);
    assert_eq!(differences(&wanted, &manifest(project.folder())), NOTHING);
    decide(&project, &["undo", &run], 0);
    assert_eq!(differences(&before, &manifest(project.folder())), NOTHING);
}

#[test]
fn applying_never_overwrites_what_the_user_did_meanwhile() {
    let Some(project) = project() else { return };
    for name in ["edited", "deleted", "docs/a", "free"] {
        project.write(name, "theirs\n");
    }
    let script = "echo agent > edited; rm deleted; rm -rf docs; echo agent > made; echo agent > free";
    let run = review(&project, script);
    project.write("edited", "mine\n");
    project.write("deleted", "mine\n");
    project.write("docs/mine", "mine\n");
    project.write("made", "mine\n");
    let told = decide(&project, &["apply", &run], 6);
    for name in ["edited", "deleted", "docs/mine", "made"] {
        assert_eq!(project.read(name).as_deref(), Some("mine\n"), "{name}: {told}");
    }
    assert_eq!(project.read("free").as_deref(), Some("agent\n"));
    assert!(!project.path("docs/a").exists());
    assert!(told.contains("edited: conflict: another program or person changed it since"), "{told}");
    assert!(told.contains("docs/: conflict: there is something in the folder"), "{told}");
    let left: Vec<String> = held(&project, &run).into_iter().map(|(_, path)| path).collect();
    assert_eq!(left.len(), 4, "{left:?}");
    decide(&project, &["apply", &run], 7);
    decide(&project, &["discard", &run], 0);
    assert_eq!(held(&project, &run), []);
}

#[test]
fn a_path_that_is_not_held_is_told() {
    let Some(project) = project() else { return };
    let run = review(&project, "echo x > x");
    let ran = project.tama(&["apply", &run, "y"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(stderr(&ran).contains("failed to find a held change of y"), "{}", stderr(&ran));
    decide(&project, &["apply", &run], 0);
    assert!(decide(&project, &["apply", &run], 0).contains("nothing is held"));
}

#[test]
fn a_large_and_an_odd_file_are_applied_from_the_layer() {
    let Some(project) = project() else { return };
    let script = "head -c 80000000 /dev/zero > large; mkfifo pipe; echo x > $'odd\\nname'; chmod 444 large";
    let ran = wrap(project.folder(), script, &["--review"]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    let run = project.newest();
    decide(&project, &["apply", &run], 0);
    let large = project.path("large").metadata().unwrap();
    assert_eq!((large.len(), large.permissions().mode() & 0o777), (80_000_000, 0o444));
    assert!(project.path("odd\nname").exists() && !project.path("pipe").exists());
}

#[test]
fn without_an_overlay_it_is_refused_before_anything_starts() {
    let project = Project::empty();
    let mut command = Command::new(program::path());
    // The layers can't be in the workspace itself.
    command.args(["wrap", "--headless", "--review", "--", "touch", "started"]).current_dir(project.folder());
    command.env("XDG_STATE_HOME", project.folder()).env("TMPDIR", project.folder());
    let ran = command.output().unwrap();
    assert_eq!(ran.status.code(), Some(1), "{}", stderr(&ran));
    assert!(
        stderr(&ran).contains("failed to hold the agent's changes: there can be no overlay over the workspace"),
        "{}",
        stderr(&ran)
    );
    assert!(!project.path("started").exists());
}
