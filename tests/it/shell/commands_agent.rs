//! The same commands, run by a wrapped agent one after the other: undone where it works in the folder itself, and held,
//! applied and undone with `--review`.

use std::path::Path;
use std::process::{Command, Output};

use super::commands::{CASES, Case};
use crate::support::manifest::{Manifest, differences, manifest};
use crate::support::program;
use crate::support::project::Project;
use crate::support::skip::{Capability, skip};

/// The commands, but for one whose size says nothing here, one that makes a pipe, which stays with the agent, and one that
/// writes to a file with two names, which an overlay makes two files of.
fn cases() -> impl Iterator<Item = (usize, &'static Case)> {
    const OTHERS: [&str; 2] = ["100 MB", "a hardlinked pair"];
    let is_one = |case: &Case| !OTHERS.contains(&case.name) && !case.command.contains("mkfifo");
    CASES.iter().enumerate().filter(move |(_, case)| is_one(case))
}

/// Runs a script by bash, with the same times and names in git each time.
fn bash(mut command: Command, folder: &Path, script: &str) -> Output {
    for person in ["GIT_AUTHOR", "GIT_COMMITTER"] {
        command.env(format!("{person}_DATE"), "2026-01-02T03:04:05Z");
    }
    command.args(["-c", script]).current_dir(folder).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A script of all the commands, or of what is there before them: each in a folder of its own.
fn script(part: impl Fn(&Case) -> &'static str) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let one = |(at, case): (usize, &Case)| {
        format!("mkdir -p {at} && (cd {at} && bash -c {}) || echo {at} failed\n", quoted(part(case)))
    };
    cases().map(one).collect()
}

/// The folder but for what git notes of the times of files.
fn left(folder: &Path) -> Manifest {
    let mut left = manifest(folder);
    left.retain(|path, _| !path.ends_with(b".git/index"));
    left
}

fn wrapped(project: &Project, script: &str, more: &[&str]) {
    let mut command = program::command();
    command.args(["wrap", "--headless"]).args(more).args(["--", "bash"]);
    let ran = bash(command, project.folder(), script);
    assert_eq!((ran.status.code(), stdout(&ran).as_str()), (Some(0), ""), "{}", stderr(&ran));
}

fn undo(project: &Project, before: &Manifest) {
    let undone = project.tama(&["undo", &project.newest()]);
    assert_eq!(differences(before, &left(project.folder())), Vec::<String>::new(), "{}", stderr(&undone));
    assert_eq!(undone.status.code(), Some(0), "{}{}", stdout(&undone), stderr(&undone));
}

#[test]
fn every_command_of_a_wrapped_agent_is_undone_and_held() {
    if Command::new("git").arg("--version").output().is_err() {
        return skip(Capability::Git, format_args!("some of the commands are git's"));
    }
    let (setup, commands) = (script(|case| case.setup), script(|case| case.command));
    let begin = || {
        let project = Project::empty();
        let made = bash(Command::new("bash"), project.folder(), &setup);
        assert_eq!(stdout(&made), "", "{}", stderr(&made));
        let before = left(project.folder());
        (project, before)
    };
    let (bare, _) = begin();
    let ran = bash(Command::new("bash"), bare.folder(), &commands);
    assert_eq!(stdout(&ran), "", "{}", stderr(&ran));
    let wanted = left(bare.folder());

    let (project, before) = begin();
    wrapped(&project, &commands, &[]);
    assert_eq!(differences(&wanted, &left(project.folder())), Vec::<String>::new());
    undo(&project, &before);

    let (project, before) = begin();
    if !program::holds_changes(project.folder()) {
        return;
    }
    wrapped(&project, &commands, &["--review"]);
    assert_eq!(differences(&before, &left(project.folder())), Vec::<String>::new());
    let applied = project.tama(&["apply", &project.newest()]);
    assert_eq!(
        differences(&wanted, &left(project.folder())),
        Vec::<String>::new(),
        "{}{}",
        stdout(&applied),
        stderr(&applied)
    );
    undo(&project, &before);
}
