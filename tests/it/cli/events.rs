//! `run --json=events`: one event a line, as it happens; a reader that goes away loses nothing of the run.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value as Json, json};

use crate::cli::cli::{stderr, stdout};
use crate::support::program;
use crate::support::project::Project;
use crate::support::sketch::Sketch;

fn lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[test]
fn a_run_is_told_event_by_event() {
    let project = Project::writer();
    let ran = project.tama(&["run", ".", "--json=events"]);
    let events = lines(&stdout(&ran));
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    assert!(events.iter().all(|event| event["v"] == 1 && event["event"].is_string()));
    let seqs: Vec<u64> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!((names[0], *names.last().unwrap()), ("run_started", "result"));
    let find = |name: &str, path: &str| {
        let found = events.iter().find(|event| event["event"] == name && event["path"] == path);
        found.unwrap_or_else(|| panic!("no {name} of {path} in {names:?}")).clone()
    };
    assert_eq!((&events[0]["task"], &events[0]["entrypoint"]), (&"write".into(), &"main".into()));
    let tool = find("span_started", "main/tama_files_write");
    assert_eq!(tool["args"], json!({ "path": "out.txt", "content": "new\n" }));
    let llm = find("span_ended", "main/llm");
    assert_eq!(
        (&llm["answer"]["text"], &llm["answer"]["calls"][0]["name"]),
        (&"Writing.".into(), &"tama_mem_set".into())
    );
    let agent = find("span_ended", "main");
    assert_eq!((&agent["finish"]["key"], &agent["output"]), (&"done".into(), &"it is written".into()));
    let action = find("action", "main/tama_files_write");
    assert_eq!((&action["key"]["name"], &action["tool"]), (&"out.txt".into(), &"tama_files_write".into()));
    let result = events.last().unwrap();
    assert_eq!((&result["run"], &result["output"]), (&events[0]["run"], &"it is written".into()));
}

#[test]
fn each_event_comes_while_it_happens() {
    let project = slow();
    let mut run = start(&project);
    let mut out = BufReader::new(run.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"span_started\"") || !line.contains("main/llm") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended before the call was told");
    }
    assert!(run.try_wait().unwrap().is_none());
    kill(Pid::from_raw(i32::try_from(run.id()).unwrap()), Signal::SIGINT).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(lines(&rest).last().unwrap()["status"], "cancelled");
    assert_eq!(run.wait().unwrap().code(), Some(130));
}

/// A run whose second agent answers when it is cancelled.
fn slow() -> Project {
    Sketch::new("one", "main")
        .oneshot("main", "You are slow.")
        .reply("main", "text = \"late\"\ndelay_ms = 3600000")
        .project()
}

fn start(project: &Project) -> std::process::Child {
    let mut command = program::command();
    command.args(["run", ".", "--json=events"]).current_dir(project.folder()).env_remove("TAMA_TUI_DATA_DIR");
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_closed_pipe_loses_nothing_of_the_run() {
    let project = Project::writer();
    let mut run = start(&project);
    drop(run.stdout.take());
    assert_eq!(run.wait().unwrap().code(), Some(0), "as without it");
    assert_eq!(project.statuses(), ["ok"]);
    assert_eq!(project.work("out.txt").as_deref(), Some("new\n"));
    assert_eq!(project.tama(&["verify", &project.newest()]).status.code(), Some(0));
}

#[test]
fn a_reader_that_does_not_read_stops_neither_the_run_nor_an_interrupt() {
    let text = "x".repeat(200_000);
    let mut sketch = Sketch::new("one", "main").react("main", "You write.", &["tama_mem_set"]);
    for call in 1..=9 {
        sketch = sketch.calls("main", call, &[("tama_mem_set", json!({ "key": format!("k{call}"), "value": text }))]);
    }
    let project = sketch.finish("main", "done").project();
    let mut run = start(&project);
    // More than a pipe holds is waiting to be read; the run ends all the same.
    let is_stored = || stdout(&project.tama(&["runs", "--json"])).contains("\"status\": \"ok\"");
    crate::support::wait::until("the end of the run", is_stored);
    // The first one may still cancel the run; a second one ends the program.
    crate::support::wait::until("the end of the program", || {
        kill(Pid::from_raw(i32::try_from(run.id()).unwrap()), Signal::SIGINT).unwrap();
        run.try_wait().unwrap().is_some()
    });
}
