//! Every end of `run` and `verify` in a shell script: exit code, message, and JSON, in one table.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value as Json, json};

use crate::cli::cli::{json as parsed, stderr, stdout};
use crate::support::program;
use crate::support::project::Project;
use crate::support::sketch::Sketch;

/// One end.
struct Ending {
    name: &'static str,
    project: fn() -> Project,
    /// Options of `run`.
    options: &'static [&'static str],
    exit: i32,
    /// A part of stderr.
    says: &'static str,
    /// Stdout without `--json`.
    prints: &'static str,
    /// Members of the JSON.
    json: fn() -> Json,
    /// The status that `verify` prints of its run: also of one that did not come to a good end.
    verifies: &'static str,
}

fn writer(more: &str) -> Project {
    let file = json!({ "path": "out.txt", "content": "new\n" });
    Sketch::new("one", "main")
        .react("main", "You write.", &["tama_files_write"])
        .table(more)
        .calls("main", 1, &[("tama_files_write", file)])
        .finish("main", "it is written")
        .project()
}

fn thirsty() -> Project {
    let first = "call = 1\ncalls = [{ name = \"start\" }]\ntokens = { input = 900, output = 120 }";
    Sketch::new("one", "main").react("main", "You write.", &[]).reply("main", first).finish("main", "done").project()
}

fn failing() -> Project {
    Sketch::new("one", "main").oneshot("main", "You fail.").reply("main", "error = \"HTTP 529\"").project()
}

/// An agent that asks a person.
fn asking() -> Project {
    let human =
        "[agents.main]\npattern = \"human\"\nprompt = \"You ask.\"\n[agents.main.steps.resume]\nprompt = \"Go on.\"";
    Sketch::new("one", "main")
        .table(human)
        .reply("main/ask", "calls = [{ name = \"finish\", args = { key = \"mail\", value = \"Which day?\" } }]")
        .reply("main/resume", "text = \"sent\"")
        .project()
}

const ENDINGS: [Ending; 9] = [
    Ending {
        name: "passes",
        project: || writer(""),
        options: &[],
        exit: 0,
        says: "· 1 file added ·",
        prints: "it is written\n",
        json: || json!({ "status": "ok", "exit": 0, "denied": false, "limited": false, "output": "it is written", "error": null }),
        verifies: "verified",
    },
    Ending {
        name: "fails",
        project: failing,
        options: &[],
        exit: 1,
        says: "✗ main: failed",
        prints: "",
        json: || json!({ "status": "failed", "exit": 1, "denied": false, "limited": false, "output": null }),
        verifies: "verified",
    },
    Ending {
        name: "is not allowed",
        project: || writer("[policy]\nask = [\"tama_files_write\"]"),
        options: &[],
        exit: 3,
        says: "denied: tama_files_write at main/tama_files_write: ",
        prints: "it is written\n",
        json: || json!({ "status": "ok", "exit": 3, "denied": true, "limited": false }),
        verifies: "verified",
    },
    Ending {
        name: "is denied",
        project: || writer("[policy]\ndeny = [\"tama_files_write\"]"),
        options: &["--allow", "tama_files_write"],
        exit: 3,
        says: "denied: tama_files_write at main/tama_files_write: ",
        prints: "it is written\n",
        json: || json!({ "status": "ok", "exit": 3, "denied": true, "limited": false }),
        verifies: "verified",
    },
    Ending {
        name: "needs an answer",
        project: asking,
        options: &[],
        exit: 3,
        says: "needs an answer: main/human. Answer it with --answer main=TEXT",
        prints: "",
        json: || json!({ "status": "failed", "exit": 3, "denied": false, "output": null }),
        verifies: "partial",
    },
    Ending {
        name: "is answered",
        project: asking,
        options: &["--answer", "Monday"],
        exit: 0,
        says: "run ",
        prints: "sent\n",
        json: || json!({ "status": "ok", "exit": 0, "needs_answer": [], "output": "sent" }),
        verifies: "verified",
    },
    Ending {
        name: "is allowed by the command line",
        project: || writer("[policy]\nask = [\"tama_files_write\"]"),
        options: &["--allow", "tama_files_write"],
        exit: 0,
        says: "· 1 file added ·",
        prints: "it is written\n",
        json: || json!({ "status": "ok", "exit": 0, "denied": false }),
        verifies: "verified",
    },
    Ending {
        name: "reaches a limit",
        project: thirsty,
        options: &["--max-tokens", "1"],
        exit: 4,
        says: "max_tokens",
        prints: "",
        json: || json!({ "status": "failed", "exit": 4, "limited": true, "output": null }),
        verifies: "partial",
    },
    Ending {
        name: "is not as expected",
        project: || {
            let project = writer("");
            let wrong = json!({ "status": "ok", "output": "something else", "spans": [], "changes": [] });
            project.write("wrong.json", &wrong.to_string());
            project
        },
        options: &["--expect", "wrong.json"],
        exit: 5,
        says: "error: the run is not as expected: main was not expected",
        prints: "it is written\n",
        json: || json!({ "status": "ok", "exit": 5, "expected": { "same": false, "difference": "main was not expected" } }),
        verifies: "verified",
    },
];

/// Asserts that a JSON object has these members.
fn assert_has(found: &Json, wanted: &Json, name: &str) {
    for (member, value) in wanted.as_object().unwrap() {
        assert_eq!(&found[member], value, "{name}: {member} in {found}");
    }
}

#[test]
fn each_end_of_a_run_has_its_exit_code_message_and_json() {
    for ending in ENDINGS {
        let project = (ending.project)();
        let ran = project.tama(&[&["run", "."], ending.options].concat());
        let said = stderr(&ran);
        assert_eq!(ran.status.code(), Some(ending.exit), "{}: {said}", ending.name);
        assert!(said.contains(ending.says), "{}: {said}", ending.name);
        assert_eq!(stdout(&ran), ending.prints, "{}", ending.name);
        for kind in ["--json", "--json=events"] {
            let project = (ending.project)();
            let ran = project.tama(&[&["run", ".", kind], ending.options].concat());
            assert_eq!(ran.status.code(), Some(ending.exit), "{} {kind}", ending.name);
            assert!(stderr(&ran).contains(ending.says), "{} {kind}", ending.name);
            let out = stdout(&ran);
            let result = if kind == "--json" { &*out } else { out.lines().last().unwrap() };
            assert_has(&serde_json::from_str(result).unwrap(), &(ending.json)(), ending.name);
            let verified = project.tama(&["verify", &project.newest(), "--json"]);
            assert_eq!(verified.status.code(), Some(0), "{}: {}", ending.name, stderr(&verified));
            assert_eq!(parsed(&verified)["status"], ending.verifies, "{}", ending.name);
        }
    }
}

#[test]
fn a_record_that_does_something_else_than_it_says_is_5() {
    let project = writer("");
    assert_eq!(project.tama(&["run", "."]).status.code(), Some(0));
    let run = project.newest();
    // Somebody has changed the prompt in the stored pipeline, and not in the request that was recorded.
    let database = duckdb::Connection::open(project.path(&format!(".tama/runs/{run}/run.duckdb"))).unwrap();
    let change =
        "UPDATE texts SET text = replace(text, 'You write.', 'You draw.') WHERE contains(text, '\"entrypoint\"')";
    assert_eq!(database.execute(change, []).unwrap(), 1);
    drop(database);
    let differs = project.tama(&["verify", &run]);
    assert_eq!(differs.status.code(), Some(5), "{}", stderr(&differs));
    let said = stdout(&differs);
    assert!(said.starts_with(&format!("{run} differs at main/llm\n  recorded: the system prompt ")), "{said}");
    assert!(said.contains("You write.") && said.contains("You draw."), "{said}");
    assert!(stderr(&differs).contains("has changed since it was written"), "{}", stderr(&differs));
    let differs = project.tama(&["verify", &run, "--json"]);
    assert_eq!(differs.status.code(), Some(5), "{}", stderr(&differs));
    let told = parsed(&differs);
    assert_has(&told, &json!({ "status": "diverged", "run": run, "open": 0, "changed": [] }), "diverged");
    assert_eq!(told["divergence"]["path"], "main/llm", "{told}");
    assert_ne!(told["divergence"]["recorded"], told["divergence"]["asked"]);
}

#[test]
fn wrong_usage_is_2() {
    let project = writer("");
    let wrong = project.tama(&["run", ".", "--task", " "]);
    assert_eq!((wrong.status.code(), stdout(&wrong).as_str()), (Some(2), ""));
    project.write("pipeline.toml", "[pipeline]\nnam = \"x\"\n");
    let faulty = project.tama(&["run", ".", "--json"]);
    assert_eq!((faulty.status.code(), stdout(&faulty).as_str()), (Some(2), ""));
    assert!(stderr(&faulty).contains("pipeline.toml:2:1"), "{}", stderr(&faulty));
    let none = project.tama(&["run", ".", "--expect", "none.json"]);
    assert_eq!(none.status.code(), Some(2), "the pipeline is looked at first");
}

#[test]
fn a_cancelled_run_is_130() {
    for kind in [None, Some("--json"), Some("--json=events")] {
        let project = Sketch::new("one", "main")
            .oneshot("main", "You are slow.")
            .reply("main", "text = \"late\"\ndelay_ms = 3600000")
            .project();
        let mut command = program::command();
        command.args(["run", "."]).args(kind).current_dir(project.folder()).env_remove("TAMA_TUI_DATA_DIR");
        let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(run.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("main") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "it ended");
        }
        kill(Pid::from_raw(i32::try_from(run.id()).unwrap()), Signal::SIGINT).unwrap();
        let rest: Vec<String> = said.lines().map(Result::unwrap).collect();
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{rest:?}");
        if let Some(kind) = kind {
            let out = stdout(&output);
            let result = if kind == "--json" { &*out } else { out.lines().last().unwrap() };
            let wanted = json!({ "status": "cancelled", "exit": 130, "output": null });
            assert_has(&serde_json::from_str(result).unwrap(), &wanted, kind);
        } else {
            assert!(rest.iter().any(|line| line.contains("the run was cancelled")), "{rest:?}");
        }
        assert_eq!(project.statuses(), ["cancelled"]);
        let verified = project.tama(&["verify", &project.newest(), "--json"]);
        assert_eq!(
            (verified.status.code(), &parsed(&verified)["status"]),
            (Some(0), &json!("partial")),
            "{verified:?}"
        );
    }
}

#[test]
fn verify_says_the_same_or_where_it_differs() {
    let project = writer("");
    assert_eq!(project.tama(&["run", "."]).status.code(), Some(0));
    let run = project.newest();
    let same = project.tama(&["verify", &run]);
    assert_eq!(same.status.code(), Some(0), "{}", stderr(&same));
    assert!(stdout(&same).contains("all as recorded"), "{}", stdout(&same));
    let text = fs::read_to_string(project.path("pipeline.toml")).unwrap();
    project.write("other.toml", &text.replace("You write.", "You write more."));
    let other = project.tama(&["verify", &run, "--pipeline", "other.toml"]);
    assert_eq!(other.status.code(), Some(5), "{}", stderr(&other));
    assert!(stdout(&other).contains("would change"), "{}", stdout(&other));
    let told = parsed(&project.tama(&["verify", &run, "--pipeline", "other.toml", "--json"]));
    assert_eq!(told["status"], "changed", "{told}");
    let unknown = project.tama(&["verify", "nonesuch"]);
    assert_eq!((unknown.status.code(), stdout(&unknown).as_str()), (Some(1), ""));
}
