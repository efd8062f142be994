//! An agent of another program in its panel: small scripts play the agent.

use std::process::{Command as Process, Stdio};

use nix::sys::signal::Signal;

use super::output::assert_harmless;
use crate::support::project::Project;
use crate::support::pty::{Pty, Start};
use crate::support::wait::{Meeting, until};

/// Leaves the agent's terminal, and goes back to it.
const F12: &str = "\x1b[24~";
/// Stands in the footer while the agent has the keys.
const HAS_KEYS: &str = "leave the agent's terminal";
/// The size of most of these screens.
const SIZE: (u16, u16) = (140, 42);

/// Wraps a shell script on a screen.
fn wrap(project: &Project, script: &str, (width, height): (u16, u16)) -> Pty {
    let args = ["wrap", "--", "bash", "-c", script];
    Start::tama(project.folder(), &args).env("TAMA_TUI_NOTIFY", "none").at(width, height)
}

fn leave(pty: &mut Pty) {
    pty.send(F12);
    pty.wait_gone(HAS_KEYS);
}

/// Quits after the agent's end; returns the exit code. F12 first: a key right after the end may have been the agent's.
fn quit(pty: &mut Pty) -> u32 {
    pty.press(F12, "has ended: it takes no keys");
    pty.send("q");
    let code = pty.end();
    pty.assert_restored();
    code
}

#[test]
fn keys_go_to_the_agent_until_they_are_taken_from_it() {
    let project = Project::empty();
    let script = "stty -echo; echo ready; while IFS= read -r line; do echo \"got <$line>\"; done";
    let mut pty = wrap(&project, script, SIZE);
    pty.wait("ready");
    pty.press("q X u\r", "got <q X u>");
    leave(&mut pty);
    pty.press("q", "bash still runs: quitting ends it");
    pty.send("n");
    pty.wait_gone("still runs");
    pty.press("i", HAS_KEYS);
    pty.press("again\r", "got <again>");
    pty.press("\x04", "ended with exit code 0");
    assert!(pty.text().contains("got <again>"), "the last picture stays:\n{}", pty.text());
    assert_eq!(quit(&mut pty), 0);
    assert_eq!(project.statuses(), ["ok"]);
}

#[test]
fn the_agent_has_a_terminal_of_the_panels_size() {
    let project = Project::empty();
    let script = "trap 'stty size; echo' WINCH; stty size; while :; do sleep 0.05; done";
    let mut pty = wrap(&project, script, SIZE);
    pty.wait("38 82");
    pty.resize(200, 60);
    pty.wait("56 118");
    leave(&mut pty);
    // Shift and Tab: the panel before Spans, which is the last one.
    pty.send("\x1b[Z");
    pty.press("+", "56 198");
    pty.press("_", "56 118");
    pty.resize(80, 24);
    pty.wait("20 78");
    pty.signal(Signal::SIGTERM);
    assert_eq!(pty.end(), 143);
    pty.assert_restored();
    assert_eq!(project.statuses(), ["cancelled"]);
}

#[test]
fn a_program_that_fills_its_terminal_is_drawn_and_gets_its_own_arrows() {
    let project = Project::empty();
    let script = "stty raw -echo; printf '\\e[?1049h\\e[?1h\\e[5;10Hthe centre'; read -rn3 key
        printf '\\e[6;10Hkey %q\\e[7;10H\\e[6n' \"$key\"; read -rdR place; printf 'at %q' \"$place\"; read -rn1 key";
    let mut pty = wrap(&project, script, SIZE);
    pty.wait("the centre");
    pty.press("\x1b[A", "key $'\\EOA'");
    pty.wait("at $'\\E[7;10'");
    pty.press("x", "ended with exit code 0");
    assert_eq!(quit(&mut pty), 0);
}

#[test]
fn a_paste_is_marked_for_an_agent_that_asks_for_it() {
    let project = Project::empty();
    let script = "stty raw -echo; printf 'READY '; head -c 9 | cat -v; printf ' \\e[?2004htwo '; head -c 21 | cat -v";
    let mut pty = wrap(&project, script, SIZE);
    // No word of the screen's own: before the terminal is raw, it would echo what is pasted.
    pty.wait("READY ");
    pty.press("\x1b[200~two\nlines\x1b[201~", "two^Mlines two");
    pty.press("\x1b[200~two\nlines\x1b[201~", "two ^[[200~two^Mlines^[[201~");
    pty.wait("ended with exit code 0");
    assert_eq!(quit(&mut pty), 0);
}

#[test]
fn no_sequence_of_an_agent_reaches_the_terminal() {
    // In turn: a title, the clipboard, a bell, a device string, a C1 colour, another screen, a size, turned-around text,
    // a reset, a mouse mode, and a sequence that never ends.
    let script = "printf '\\e]0;owned\\a\\e]52;c;b3duZWQ=\\a\\a\\ePq\\e\\\\\\302\\23331m\\e[?1049l\\e[8;5;5t'
        printf '\\342\\200\\256dnuora\\ec\\e[?1003h\\e[?2004h\\e[5ishown\\r\\n\\e]0;'; exit 3";
    let project = Project::empty();
    let mut pty = wrap(&project, script, SIZE);
    pty.wait("ended with exit code 3");
    assert!(pty.text().contains("shown"), "{}", pty.text());
    assert_eq!(quit(&mut pty), 3);
    assert_harmless(&pty, "bash");
    let text = String::from_utf8_lossy(&pty.bytes).into_owned();
    for sequence in ["\x1b[?1003h", "\x1bc", "\x1b[8;5;5t", "\x1b[5i"] {
        assert!(!text.contains(sequence), "{sequence:?} in {text:?}");
    }
}

#[test]
fn what_an_agent_did_is_undone_from_the_screen_while_it_lives_and_after() {
    let project = Project::empty();
    project.write("old.txt", "old\n");
    let script = "echo new > old.txt; echo made > made.txt; echo one; read -r line; rm old.txt; echo two; read -r line";
    let mut pty = wrap(&project, script, SIZE);
    pty.wait("one");
    leave(&mut pty);
    pty.wait("made.txt");
    pty.press("gg", "0 of 2 undone");
    pty.press("U", "undo 2 actions");
    pty.press("\r", "2 of 2 undone");
    assert_eq!(project.read("old.txt").as_deref(), Some("old\n"));
    assert!(!project.path("made.txt").exists());
    pty.press("i", HAS_KEYS);
    pty.press("\r", "two");
    pty.press("\r", "ended with exit code 0");
    assert!(!project.path("old.txt").exists());
    pty.press(F12, "has ended");
    pty.press("\tgg", "2 of 3 undone");
    pty.press("U", "undo 1 action");
    pty.press("\r", "3 of 3 undone");
    assert_eq!(project.read("old.txt").as_deref(), Some("old\n"));
    pty.send("q");
    assert_eq!(pty.end(), 0);
    pty.assert_restored();
    // Opened again it has its spans and actions, and no terminal.
    let run = project.newest();
    let mut pty = Start::tama(project.folder(), &["replay", &run]).at(SIZE.0, SIZE.1);
    pty.wait("3 of 3 undone");
    pty.press("i", "no agent of another program runs here");
    pty.quit();
}

#[test]
fn an_agent_that_writes_all_the_time_leaves_time_for_keys() {
    let project = Project::empty();
    let mut pty = wrap(&project, "exec yes", (80, 24));
    pty.wait("│y ");
    leave(&mut pty);
    pty.press("q", "bash still runs");
    pty.send("\r");
    assert_eq!(pty.end(), 130);
    pty.assert_restored();
    assert_eq!(project.statuses(), ["cancelled"]);
}

#[test]
fn an_agent_that_reads_no_keys_is_still_heard() {
    let project = Project::empty();
    let go = project.path("go");
    let script = format!("stty raw -echo; echo deaf; until [ -e {} ]; do sleep 0.05; done; echo spoke", go.display());
    let mut pty = wrap(&project, &script, SIZE);
    pty.wait("deaf");
    // More than a terminal keeps for a program that doesn't read.
    for _ in 0..200 {
        pty.send(&"x".repeat(100));
    }
    project.write("go", "");
    pty.wait("spoke");
    pty.wait("ended with exit code 0");
    assert_eq!(quit(&mut pty), 0);
}

#[test]
fn no_process_of_the_agent_outlives_the_screen() {
    let project = Project::empty();
    let meeting = Meeting::at(project.path("pipe"));
    let mut pty = wrap(&project, "cat pipe & wait", SIZE);
    let reader = meeting.reader();
    leave(&mut pty);
    pty.send("\x03\x03");
    assert_eq!(pty.end(), 130);
    pty.assert_restored();
    until("the agent's end", || reader.is_gone());
}

#[test]
fn the_shell_gets_its_terminal_while_the_agent_lives() {
    let project = Project::empty();
    let mut pty = wrap(&project, "echo lives; read -r line; exit 5", SIZE);
    pty.wait("lives");
    leave(&mut pty);
    pty.send("\x1a");
    pty.wait_stopped();
    pty.assert_restored();
    pty.signal(Signal::SIGCONT);
    pty.wait("lives");
    pty.press("i", HAS_KEYS);
    pty.press("\r", "ended with exit code 5");
    assert_eq!(quit(&mut pty), 5);
}

#[test]
fn an_agent_that_can_not_start_says_so() {
    let project = Project::empty();
    let mut pty = Start::tama(project.folder(), &["wrap", "no-such-agent"]).at(SIZE.0, SIZE.1);
    pty.wait("failed to start: No such file");
    assert_eq!(quit(&mut pty), 1);
}

#[test]
fn without_a_terminal_wrap_says_what_to_use() {
    let project = Project::empty();
    let mut program = Process::new(env!("CARGO_BIN_EXE_tama-tui"));
    let program = program.args(["wrap", "bash", "-c", "touch made"]).current_dir(project.folder());
    let output = program.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("needs a terminal") && said.contains("tama-tui wrap --headless"), "{said}");
    assert!(output.stdout.is_empty() && !project.path(".tama").exists() && !project.path("made").exists());
}

#[test]
fn the_demo_stops_before_each_command_and_its_files_come_back() {
    let project = Project::empty();
    assert!(project.tama(&["init", "--from", "wrap", "."]).status.success());
    let args = ["wrap", "--break", "before-tool", "--upstream", "script:../replies.toml", "../tidy"];
    let mut pty = Start::tama(&project.path("folder"), &args).env("TAMA_TUI_NOTIFY", "none").at(140, 42);
    pty.wait("PAUSED (before tool");
    leave(&mut pty);
    for next in ["rm -rf build", "rm -rf docs .env"] {
        pty.press("c", next);
        pty.wait("PAUSED (before tool");
    }
    assert!(project.path("folder/.env").exists() && !project.path("folder/run.log").exists());
    pty.press("c", "ended with exit code 0");
    assert!(!project.path("folder/.env").exists());
    pty.press("gg", "tidy");
    pty.press("3", "Rollback");
    pty.press("U", "7 actions");
    pty.press("\r", "restored 7/7, read back");
    assert!(project.path("folder/.env").exists() && project.path("folder/docs/notes.md").exists());
    assert_eq!(quit(&mut pty), 0);
}

#[test]
fn an_agent_is_started_anew_from_the_screen_while_its_run_is_open_and_later() {
    let project = Project::empty();
    project.write("old.txt", "old\n");
    // It says which try it is: what it wrote was undone, what it was let write elsewhere was not.
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let tries = outside.path().join("tries").display().to_string();
    let script = format!(
        "echo new > old.txt; echo one >> count; echo x >> {tries}; echo number $(wc -l < {tries}); read -r line; echo got $line"
    );
    let args = ["wrap", "--writable", outside.path().to_str().unwrap(), "--", "bash", "-c", &script];
    let mut pty = Start::tama(project.folder(), &args).env("TAMA_TUI_NOTIFY", "none").at(SIZE.0, SIZE.1);
    pty.wait("number 1");
    leave(&mut pty);
    pty.wait("count");
    pty.press("gg", "0 of 2 undone");
    pty.press("jr", "Enter Retry");
    pty.press("\r", "number 2");
    // It waits for its keys, which it has not.
    pty.press("i", HAS_KEYS);
    pty.press("now\r", "got now");
    pty.wait("ended with exit code 0");
    assert_eq!(quit(&mut pty), 0);
    assert_eq!(project.read("count").as_deref(), Some("one\n"));
    let mut pty = Start::tama(project.folder(), &["replay", &project.newest()]).at(SIZE.0, SIZE.1);
    pty.wait("program");
    pty.press("ggr", "Enter Retry");
    pty.press("\r", "number 3");
    pty.press("i", HAS_KEYS);
    pty.press("again\r", "got again");
    pty.wait("ended with exit code 0");
    assert_eq!(quit(&mut pty), 0);
    assert_eq!(project.read("old.txt").as_deref(), Some("new\n"));
}
