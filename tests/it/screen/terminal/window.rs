//! The terminal as it is shared: with `$EDITOR`, with the shell, and in any size.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;

use crate::support::project::Project;
use crate::support::pty::Start;

#[test]
fn the_editor_gets_the_terminal_and_gives_it_back() {
    let project = Project::writer();
    // It only goes on when it could read a line: the keys are its own meanwhile.
    let script = "#!/bin/sh\necho \"the editor has: $(wc -l < \"$1\") lines\"\nread line\necho \"$line\" >> \"$1\"\n";
    project.write("ed.sh", script);
    fs::set_permissions(project.path("ed.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let editor = project.path("ed.sh").display().to_string();
    let mut pty = Start::tama(project.folder(), &["."]).env("EDITOR", editor).at(110, 30);
    pty.wait("PAUSED (before tool");
    pty.press("c", "finished");
    pty.press("gg", "▾ prompt");
    pty.press("E", "the editor has:");
    pty.assert_restored();
    pty.press("Be brief, and quit.\n", "1 edit not in files");
    pty.assert_taken();
    // Detail has the text too: the editor's own keys say that it is open.
    pty.press("e", "Ctrl-s");
    pty.wait("Be brief, and quit.");
    pty.send("\x1b");
    pty.wait_gone("Ctrl-s");
    pty.quit();
}

#[test]
fn an_editor_that_fails_changes_nothing() {
    let project = Project::writer();
    let mut pty = Start::tama(project.folder(), &["."]).env("EDITOR", "false").at(110, 30);
    pty.wait("PAUSED (before tool");
    pty.press("E", "nothing was changed");
    pty.assert_taken();
    assert!(!pty.text().contains("edit not in files"));
}

#[test]
fn any_size_is_drawn_and_left_again() {
    let project = Project::writer();
    let mut pty = Start::tama(project.folder(), &["."]).at(140, 42);
    pty.wait("PAUSED (before tool");
    pty.resize(60, 16);
    pty.wait_for("a line of 60", |screen| screen.contents().lines().any(|line| line.chars().count() == 60));
    pty.wait("main");
    pty.resize(5, 3);
    pty.wait_for("something small", |screen| !screen.contents().trim().is_empty());
    pty.resize(110, 30);
    pty.wait("PAUSED (before tool");
    pty.wait("2 Detail");
    pty.press("c", "finished");
    pty.quit();
}

#[test]
fn it_starts_in_a_window_too_small_for_anything() {
    let project = Project::writer();
    let mut pty = Start::tama(project.folder(), &["."]).at(5, 3);
    pty.wait_for("something", |screen| !screen.contents().trim().is_empty());
    pty.send("\x03\x03");
    pty.end();
    pty.assert_restored();
}

#[test]
fn ctrl_z_gives_the_shell_its_terminal_and_fg_takes_it_again() {
    let project = Project::writer();
    let mut pty = project.paused();
    pty.send("\x1a");
    pty.wait_stopped();
    pty.assert_restored();
    pty.signal(Signal::SIGCONT);
    pty.wait("PAUSED (before tool");
    pty.assert_taken();
    pty.press("c", "finished");

    // From outside, as `kill -TSTP` does.
    pty.signal(Signal::SIGTSTP);
    pty.wait_stopped();
    pty.assert_restored();
    pty.signal(Signal::SIGCONT);
    pty.wait("finished");
    pty.quit();
}
