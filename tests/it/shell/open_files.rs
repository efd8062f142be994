//! Files that other programs have open, through the program itself, in both capture modes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use serde_json::json;

use crate::support::agent::{Agent, LANES};
use crate::support::holder::Program;
use crate::support::program;
use crate::support::pty::Start;
use crate::support::skip::{Capability, skip};
use crate::support::wait::until;

/// Has a database open in WAL mode, and puts a row into it at the start and at the end.
const SERVER: &str = "
import sqlite3, sys
c = sqlite3.connect('app.db', timeout=20, isolation_level=None); c.execute('pragma journal_mode=wal')
c.execute('create table t(who text)'); c.execute(\"insert into t values('before')\"); print('ready', flush=True)
sys.stdin.read(); c.execute(\"insert into t values('after')\")
";
const ROWS: &str = "import sqlite3; c = sqlite3.connect('app.db', timeout=20, isolation_level=None); \
    print(c.execute('pragma integrity_check').fetchall(), [r[0] for r in c.execute('select who from t')])";

fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", script]);
    command
}

fn has_python() -> bool {
    let there = Command::new("python3").args(["-c", "import sqlite3"]).status().is_ok_and(|status| status.success());
    if !there {
        skip(Capability::Python, "there is no python3 with sqlite3");
    }
    there
}

#[test]
fn a_server_keeps_its_database_whatever_a_command_does_with_it() {
    if !has_python() {
        return;
    }
    let insert = "import sqlite3; c = sqlite3.connect('app.db', timeout=20, isolation_level=None); \
        c.execute('insert into t values(\\'agent\\')')";
    let select = "import sqlite3; print(sqlite3.connect('app.db').execute('select count(*) from t').fetchall())";
    for (lane, script, rows) in [
        ("auto", insert, "['before', 'agent', 'after']"),
        ("portable", insert, "['before', 'agent', 'after']"),
        ("auto", select, "['before', 'after']"),
    ] {
        let agent = Agent::allowed(lane);
        let server = Program::ready(python(SERVER).current_dir(agent.work("")));
        agent.commands(&[&format!("python3 -c \"{script}\"")]);
        let (code, said) = agent.run(&[]);
        assert_eq!(code, Some(0), "{lane}: {said}");
        // What it changed can't be taken from under the server.
        let undone = agent.undo(&[]);
        server.finish();
        let found = python(ROWS).current_dir(agent.work("")).output().unwrap();
        let found = String::from_utf8_lossy(&found.stdout).into_owned();
        assert!(found.contains("('ok',)") && found.contains(rows), "{lane}: {found}\n{said}\n{undone:?}");
    }
}

#[test]
fn a_command_beside_open_files_needs_a_rule_or_an_approval() {
    let agent = Agent::new("auto", "");
    if !program::holds_changes(agent.folder()) {
        return;
    }
    fs::write(agent.work("app.log"), "one\n").unwrap();
    agent.commands(&["echo agent >> app.log"]);
    for redirection in ["<", "<>"] {
        let server = Program::with(redirection, &agent.work("app.log"));
        let (code, said) = agent.run(&[]);
        if redirection == "<" {
            assert_eq!(code, Some(0), "a reader stops nothing: {said}");
            continue;
        }
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains(&format!("app.log is open in bash ({})", server.pid())), "{said}");
        assert!(said.contains("--allow tama_bash"), "{said}");
        assert_eq!(agent.text("app.log").unwrap(), "one\nagent\n", "only the first one ran");
        let (code, said) = agent.run(&["--allow", "tama_bash"]);
        assert_eq!((code, agent.text("app.log").unwrap().as_str()), (Some(0), "one\nagent\nagent\n"), "{said}");
        let (code, said) = agent.undo(&[]);
        assert_eq!((code, agent.text("app.log").unwrap().as_str()), (Some(0), "one\nagent\n"), "{said}");
    }
    // An excluded file is nobody's question.
    let agent = Agent::new("auto", "[capture]\nexclude = [\"*.log\"]");
    fs::write(agent.folder().join("pipeline.toml"), {
        let text = fs::read_to_string(agent.folder().join("pipeline.toml")).unwrap();
        text.replacen("[capture]\nlane = \"auto\"\n", "", 1)
    })
    .unwrap();
    fs::write(agent.work("app.log"), "one\n").unwrap();
    let _server = Program::with("<>", &agent.work("app.log"));
    agent.commands(&["echo x > f"]);
    let (code, said) = agent.run(&[]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn the_popup_names_file_and_program_and_changes_can_t_be_held() {
    let agent = Agent::new("auto", "");
    if !program::holds_changes(agent.folder()) {
        return;
    }
    fs::write(agent.work("dev.db"), "x").unwrap();
    let server = Program::with("<>", &agent.work("dev.db"));
    agent.commands(&["echo y > other"]);
    let mut pty = Start::tama(agent.folder(), &["."]).at(110, 30);
    pty.wait("Approve command?");
    pty.wait(&format!("dev.db is open in bash ({})", server.pid()));
    pty.wait("files are open in other programs");
    // A key that comes right after it opened is not taken.
    until("the command to be allowed", || {
        pty.tap("y");
        pty.text().contains("finished")
    });
    assert_eq!(agent.text("other").as_deref(), Some("y\n"));
}

#[test]
fn an_undo_replaces_no_file_that_a_program_writes_to() {
    for (lane, name) in LANES.into_iter().flat_map(|lane| [(lane, "f"), (lane, "made")]) {
        let agent = Agent::allowed(lane);
        fs::write(agent.work("f"), "old\n").unwrap();
        fs::write(agent.work("gone"), "gone\n").unwrap();
        agent.commands(&["echo new > f; echo made > made; rm gone"]);
        let (code, said) = agent.run(&[]);
        assert_eq!(code, Some(0), "{lane}: {said}");
        let editor = Program::with("<>", &agent.work(name));
        let (code, said) = agent.undo(&[]);
        assert!(matches!(code, Some(6 | 7)), "{lane}: {said}");
        assert!(said.contains(&format!("{name} is open in bash ({})", editor.pid())), "{lane}: {said}");
        assert!(agent.work(name).exists(), "{lane}");
        drop(editor);
        let (code, said) = agent.undo(&[]);
        assert_eq!(code, Some(0), "{lane}: {said}");
        assert_eq!((agent.text("f").as_deref(), agent.text("made")), (Some("old\n"), None), "{lane}");
        assert_eq!(agent.text("gone").as_deref(), Some("gone\n"), "{lane}");
    }
}

#[test]
fn what_only_adds_or_cuts_leaves_a_reader_its_file() {
    for lane in LANES {
        let agent = Agent::allowed(lane);
        fs::write(agent.work("app.log"), "one\n").unwrap();
        let inode = || fs::metadata(agent.work("app.log")).unwrap().ino();
        let before = inode();
        let _tail = Program::with("<", &agent.work("app.log"));
        let write = json!({ "path": "app.log", "content": "one\ntool\n" });
        agent.calls(&[("tama_files_write", write), ("tama_bash", json!({ "command": "echo agent >> app.log" }))]);
        let (code, said) = agent.run(&[]);
        assert_eq!((code, agent.text("app.log").as_deref()), (Some(0), Some("one\ntool\nagent\n")), "{lane}: {said}");
        assert_eq!(inode(), before, "{lane}: {said}");
        let (code, said) = agent.undo(&[]);
        assert_eq!((code, agent.text("app.log").as_deref()), (Some(0), Some("one\n")), "{lane}: {said}");
        assert_eq!(inode(), before, "{lane}: {said}");
    }
}

#[test]
fn a_file_tool_replaces_no_file_that_a_program_writes_to() {
    let agent = Agent::allowed("auto");
    fs::write(agent.work("f"), "old\n").unwrap();
    let editor = Program::with("<>", &agent.work("f"));
    agent.calls(&[("tama_files_write", json!({ "path": "f", "content": "new\n" }))]);
    let (_, said) = agent.run(&[]);
    assert_eq!(agent.text("f").as_deref(), Some("old\n"), "{said}");
    drop(editor);
    let (_, said) = agent.run(&[]);
    assert_eq!(agent.text("f").as_deref(), Some("new\n"), "{said}");
}
