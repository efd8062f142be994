//! What is shown of tama's runs, of all kinds of databases.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::story::{BEGAN, DONE, FAILED, KILLED, actions, rows};
use crate::support::manifest::manifest;
use crate::support::program::run;
use crate::support::tama_db::{KINDS, Kind, TamaProject};

/// Runs the program on the database; returns its JSON. Nothing in the folder may change.
fn json_of(project: &TamaProject, args: &[&str]) -> Json {
    let before = manifest(&project.data());
    let database = project.database();
    let output = run(project.path(), &[args, &["--json", "--db", database.to_str().unwrap()]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {said}");
    assert!(manifest(&project.data()) == before, "{args:?} changed the folder");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn story(kind: Kind) -> TamaProject {
    TamaProject::new(kind, &rows(), Some(&actions()))
}

#[test]
fn runs_are_listed_newest_first_with_their_counts() {
    for kind in KINDS {
        let listed = json_of(&story(kind), &["runs"]);
        let expected = json!([
            {
                "run": FAILED, "source": "imported", "entrypoint": "solo", "task": "Fails", "status": "failed",
                "started_ms": BEGAN + 200_000, "took_ms": 500, "spans": 2, "changes": 0, "tokens": 0,
            },
            {
                "run": KILLED, "source": "imported", "entrypoint": "solo", "task": "Never ends",
                "status": "interrupted", "started_ms": BEGAN + 100_000, "took_ms": null, "spans": 3, "changes": 2,
                "tokens": 10,
            },
            {
                "run": DONE, "source": "imported", "entrypoint": "flow", "task": "Write it", "status": "ok",
                "started_ms": BEGAN, "took_ms": 60_000, "spans": 54, "changes": 1,
                "tokens": 646,
            },
        ]);
        assert_eq!(listed, expected, "{kind:?}");
    }
}

/// Path, try, state, finish key, and milliseconds of each span, with `?` where its place in time is not known.
fn spans(shown: &Json) -> Vec<String> {
    let text = |value: &Json| value.as_str().unwrap_or("-").to_owned();
    let spans = shown["spans"].as_array().unwrap().iter().skip(1);
    spans
        .map(|span| {
            let [path, state, finish] = ["path", "state", "finish"].map(|name| text(&span[name]));
            let placed = if span["started_ms"].is_null() { "?" } else { "" };
            format!("{path} {} {state} {finish} {placed}{}", span["try"], span["work_ms"])
        })
        .collect()
}

#[test]
fn a_run_is_shown_with_every_oddity_told_right() {
    for kind in KINDS {
        let shown = json_of(&story(kind), &["runs", "show", "1111"]);
        let expected = [
            "flow 1 ok done 59890",
            "flow/writer 1 undone revise 5000",
            "flow/writer/llm 1 undone - 1000",
            "flow/writer/tama_mem_set 1 undone - 1",
            "flow/writer/llm#2 1 undone - 3968",
            "flow/writer 2 ok done 6000",
            "flow/writer/llm 2 ok - 1000",
            "flow/writer/tama_mem_set 2 ok - 1",
            "flow/writer/tama_bash 1 failed - 88",
            "flow/writer/llm#2 2 ok - 4800",
            "flow/checks 1 ok - 8000",
            "flow/checks/alpha 1 ok done ?6000",
            "flow/checks/alpha/alpha 1 ok - ?6000",
            "flow/checks/beta 1 failed - ?4000",
            "flow/checks/beta/llm 1 failed - ?4000",
            "flow/best 1 ok done 19000",
            "flow/best/variant 1 1 ok done ?10000",
            "flow/best/variant 1/llm 1 ok - ?10000",
            "flow/best/variant 2 1 ok done ?8000",
            "flow/best/variant 2/llm 1 ok - ?8000",
            "flow/best/judge 1 ok - 3900",
            "flow/spread 1 ok done 14000",
            "flow/spread/map 1 ok parallel 2000",
            "flow/spread/map/llm 1 ok - 1980",
            "flow/spread/worker 1 ok done ?6000",
            "flow/spread/worker/llm 1 ok - ?3000",
            "flow/spread/reduce 1 ok done 4000",
            "flow/spread/reduce/reduce 1 ok - 3890",
            "flow/law 1 ok done 3900",
            "flow/law/generate 1 ok - 890",
            "flow/law/critique 1 ok - 990",
            "flow/law/revise 1 ok - 1890",
        ];
        assert_eq!(spans(&shown), expected, "{kind:?}");
        let run = &shown["spans"][0];
        assert_eq!((&run["status"], &run["work_ms"]), (&json!("ok"), &json!(60_000)), "{kind:?}");
        // Which part of that was waiting, nobody recorded.
        assert_eq!(shown["spans"][1]["waited_ms"], Json::Null, "{kind:?}");
        assert_eq!(shown["manifest"]["provenance"]["source"], "imported", "{kind:?}");
    }
}

#[test]
fn what_was_not_undone_is_shown_and_has_no_undo() {
    for kind in KINDS {
        let shown = json_of(&story(kind), &["runs", "show", DONE]);
        let [action] = &shown["actions"].as_array().unwrap()[..] else { panic!("{shown}") };
        assert_eq!(action["key"], json!({ "kind": "memory", "name": "title" }), "{kind:?}");
        assert_eq!((&action["before"], &action["after"]), (&json!({ "is": "absent" }), &action["after"]), "{kind:?}");
        assert_eq!(action["after"]["text"], "Second", "{kind:?}");
        assert!(action["now"].as_str().unwrap().contains("memory ended with its run"), "{action}");
        let killed = json_of(&story(kind), &["runs", "show", KILLED]);
        let before: Vec<&Json> =
            killed["actions"].as_array().unwrap().iter().map(|row| &row["before"]["text"]).collect();
        assert_eq!(before, ["old", "newer"], "{kind:?}");
    }
}

#[test]
fn killed_and_failed_runs_have_an_end_that_says_so() {
    for kind in KINDS {
        let killed = json_of(&story(kind), &["runs", "show", KILLED]);
        assert_eq!(spans(&killed), ["solo 1 interrupted - 1011", "solo/llm 1 ok - 1000"], "{kind:?}");
        let failed = json_of(&story(kind), &["runs", "show", FAILED]);
        assert_eq!(spans(&failed), ["solo 1 failed - 480"], "{kind:?}");
    }
}

#[test]
fn the_rollback_database_may_be_elsewhere_or_missing() {
    let project = TamaProject::new(Kind::Sqlite, &rows(), None);
    assert_eq!(json_of(&project, &["runs", "show", DONE])["actions"], json!([]));
    let other = story(Kind::Duck);
    let rollback = other.data().join("rollback.duckdb");
    let shown = json_of(&project, &["runs", "show", DONE, "--rollback", rollback.to_str().unwrap()]);
    assert_eq!(shown["actions"].as_array().unwrap().len(), 1, "one of the other kind is told by its first bytes");
}

fn fails(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn errors_say_where_and_what_to_do() {
    let project = story(Kind::Sqlite);
    let database = project.database();
    let database = database.to_str().unwrap();
    let text = fails(project.path(), &["runs", "show", "99", "--db", database]);
    assert!(text.contains("a run with \"99\" in its id") && text.contains("runs.db"), "{text}");
    let text = fails(project.path(), &["runs", "show", "4000", "--db", database]);
    assert!(text.contains("fits"), "{text}");
    let text = fails(project.path(), &["replay", "1111", "--db", database]);
    assert!(text.contains("needs a terminal") && text.contains("runs show 1111 --db"), "{text}");
    std::fs::write(project.path().join("notes.txt"), "these are no rows").unwrap();
    let text = fails(project.path(), &["replay", "--db", "notes.txt"]);
    assert!(text.contains("notes.txt") && text.contains("neither a SQLite nor a DuckDB"), "{text}");
    let text = fails(project.path(), &["replay", "--db", "nothing.db"]);
    assert!(text.contains("nothing.db") && text.contains("No such file"), "{text}");
    let text = fails(project.path(), &["replay", "--db", "."]);
    assert!(text.contains("not a regular file"), "{text}");
    let other = project.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE runs_of_mine (a)").unwrap();
    let text = fails(project.path(), &["replay", "--db", "other.db"]);
    assert!(text.contains("no table runs"), "{text}");
}
