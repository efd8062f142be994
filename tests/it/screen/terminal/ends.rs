//! Every end of the program gives the terminal back to the shell, and records the run.

use std::future::{Future, pending};
use std::process::Stdio;
use std::thread;

use nix::sys::signal::Signal;
use tama_tui::model::{Command, Update};
use tama_tui::term::{self, Link, Notify};
use tama_tui::ui::{ColorDepth, Theme};

use crate::support::app_support::Bench;
use crate::support::program;
use crate::support::project::Project;
use crate::support::pty::Start;

fn assert_cancelled(project: &Project) {
    assert_eq!(project.statuses(), ["cancelled"]);
    let run = project.json(&["runs", "show", &project.newest()]);
    let ends: Vec<_> = run["spans"].as_array().unwrap().iter().map(|span| span["status"].as_str().unwrap()).collect();
    assert!(ends.contains(&"cancelled") && !ends.contains(&"paused"), "{ends:?}");
    assert_eq!(project.work("out.txt").as_deref(), Some("old\n"), "nothing was written after the end");
}

#[test]
fn q_asks_while_the_run_is_live() {
    let project = Project::writer();
    let mut pty = project.paused();
    pty.press("q", "quitting cancels it");
    pty.send("\x1b");
    pty.wait_gone("quitting cancels it");
    pty.press("q", "quitting cancels it");
    pty.send("\r");
    assert_eq!(pty.end(), 130);
    pty.assert_restored();
    assert_cancelled(&project);
}

#[test]
fn ctrl_c_twice_does_not_ask() {
    let project = Project::writer();
    let mut pty = project.paused();
    pty.press("\x03", "quit now");
    pty.send("\x03");
    assert_eq!(pty.end(), 130);
    pty.assert_restored();
    assert_cancelled(&project);
}

#[test]
fn a_cancelled_run_can_still_be_undone() {
    let project = Project::writer();
    let mut pty = project.paused();
    pty.press("X", "Cancel the run");
    pty.press("\r", "│ ■ cancelled │");
    pty.press("gg", "0 of 1 undone");
    pty.press("U", "undo 1 action");
    pty.press("\r", "1 of 1 undone");
    pty.send("q");
    assert_eq!(pty.end(), 130);
    pty.assert_restored();
    assert_cancelled(&project);
}

#[test]
fn signals_end_it_in_order() {
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGHUP, 129), (Signal::SIGINT, 130)] {
        let project = Project::writer();
        let mut pty = project.paused();
        pty.signal(signal);
        assert_eq!(pty.end(), code, "{signal}");
        pty.assert_restored();
        assert_cancelled(&project);
    }
}

#[test]
fn a_closed_terminal_ends_it() {
    let project = Project::writer();
    let mut pty = project.paused();
    pty.close();
    assert_eq!(pty.end(), 129);
    assert_cancelled(&project);
}

#[test]
fn without_a_terminal_it_says_what_to_use() {
    let project = Project::writer();
    let tama = |args: &[&str]| {
        let mut program = program::command();
        program.args(args).current_dir(project.folder()).stdin(Stdio::null()).output().unwrap()
    };
    assert!(tama(&["run", "."]).status.success());
    // Ids of this century begin with a 1, and there is one run.
    for args in [&["."][..], &["replay", "1"]] {
        let output = tama(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("needs a terminal") && said.contains("tama-tui run"), "{said}");
        assert!(output.stdout.is_empty(), "no control sequences into a pipe");
    }
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_told() {
    for child in ["the_loop_panics", "another_thread_panics"] {
        let folder = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        let name = format!("screen::terminal::ends::{child}");
        let args = ["--ignored", "--exact", &name, "--nocapture"];
        let mut pty = Start::program(program.to_str().unwrap(), folder.path(), &args).at(110, 30);
        pty.wait("Spans");
        pty.assert_taken();
        pty.send("c");
        pty.wait("panicked at");
        pty.wait("as the test wants it");
        assert_ne!(pty.end(), 0);
        pty.assert_restored();
    }
}

/// A run that panics when it is asked for something.
struct Panics {
    elsewhere: bool,
}

impl Link for Panics {
    fn send(&self, command: Command) {
        if !matches!(command, Command::Release { .. }) {
            return;
        }
        let panic = || panic!("as the test wants it");
        if self.elsewhere {
            drop(thread::spawn(panic).join());
        } else {
            panic();
        }
    }

    fn next(&mut self) -> impl Future<Output = Option<Update>> + Send {
        pending()
    }

    fn ready(&mut self) -> Option<Update> {
        None
    }
}

#[test]
#[ignore = "run in a terminal of its own by a_panic_gives_the_terminal_back_before_it_is_told"]
fn the_loop_panics() {
    panic_under_the_screen(false);
}

#[test]
#[ignore = "run in a terminal of its own by a_panic_gives_the_terminal_back_before_it_is_told"]
fn another_thread_panics() {
    panic_under_the_screen(true);
}

fn panic_under_the_screen(elsewhere: bool) {
    term::install_panic_hook();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (bench, _) = Bench::paused();
    let theme = Theme::new(ColorDepth::None);
    let shown = term::run(bench.state, Panics { elsewhere }, None, theme, Notify::NONE);
    runtime.block_on(shown).unwrap();
}
