//! `undo` and `runs show` on the command line: names that would forge lines, dry runs against real ones, commands that
//! were cut off.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value as Json;
use tama_tui::model::{
    ActionOp, CaptureMode, CommandStart, EffectClass, Key, KeyKind, RunStatus, Seq, SpanId, SpanSpec, TraceBody,
};
use tama_tui::rollback::{Origin, perform, record_command_end};
use tama_tui::store::{Access, DataDir, NewRun, RunLog};
use tama_tui::world::{Change, Value, World};

use crate::cli::cli::{Project, begin, fresh, json, start, stderr, stdout};
use crate::support::program;
use crate::support::sketch::Sketch;
use crate::support::skip::{Capability, skip};
use crate::support::wait::{Meeting, until};

/// A project with a stored run of two tools, `main/one` and `main/two`, that made these changes in this order.
async fn stored(changes: Vec<(u32, Change)>) -> Project {
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");
    fs::create_dir(&work).unwrap();
    let data = DataDir::open_or_create(folder.path().join(".tama")).unwrap();
    let (log, run) = data.create_run(new_run(&work), Box::new(|_| {})).unwrap();
    let text = |text: &str| log.text(text);
    begin(&log, run.id(), &work);
    for (span, name) in [(2, "one"), (3, "two")] {
        let tool = SpanSpec::Tool { args: text("{}"), request: text("{}"), effect: EffectClass::Reversible };
        start(&log, span, 1, name, tool);
    }
    let world = World::open(&work, Some(data.path())).unwrap();
    for (tool, change) in changes {
        let doer = Origin { span: SpanId(1), tool_span: SpanId(tool), tool_name: "tama_files_write".into() };
        perform(&log, &world, &doer, vec![change]).await.unwrap();
    }
    log.append(vec![TraceBody::RunStatus { status: RunStatus::Ok, text: None }]);
    log.recorder().close().unwrap();
    Project { run: run.id().to_string(), folder }
}

fn new_run(work: &Path) -> NewRun {
    NewRun {
        name: "demo".into(),
        task: "task".into(),
        entrypoint: "main".into(),
        workspace: work.display().to_string(),
        pipeline_file: None,
        provenance: tama_tui::model::Provenance::default(),
    }
}

fn file(path: &str, text: &str) -> Change {
    let new = Value::File { bytes: text.as_bytes().to_vec(), mode: None };
    Change { key: Key::file(path), op: ActionOp::Set, new }
}

fn folder(path: &str) -> Change {
    Change { key: Key::directory(path), op: ActionOp::Set, new: Value::Directory { mode: None, entries: Vec::new() } }
}

fn link(path: &str, target: &str) -> Change {
    let key = Key { kind: KeyKind::Symlink, name: path.into() };
    Change { key, op: ActionOp::Set, new: Value::Symlink { target: target.into() } }
}

/// The log of the project's run, opened to go on.
fn open_log(project: &Project) -> RunLog {
    let data = DataDir::open_or_create(project.folder.path().join(".tama")).unwrap();
    data.find(&project.run).unwrap().open(Box::new(|_| {}), Access::ReadWrite).unwrap().log
}

/// The seq of the action on a key.
fn action(project: &Project, key: &str) -> String {
    let shown = json(&project.tama(&["runs", "show", &project.run, "--json"]));
    let actions = shown["actions"].as_array().unwrap();
    actions.iter().find(|action| action["key"]["name"] == key).unwrap()["seq"].to_string()
}

#[tokio::test]
async fn an_empty_name_is_no_run() {
    let project = stored(vec![(2, file("a", "new"))]).await;
    for command in [
        &["undo", ""][..],
        &["undo", " ", "--force"],
        &["undo", "", "--dry-run"],
        &["retry", "", "--span", "main"],
        &["runs", "show", ""],
        &["runs", "recover", ""],
    ] {
        let refused = project.tama(command);
        assert_eq!((refused.status.code(), stdout(&refused)), (Some(1), String::new()), "{command:?}");
        let said = stderr(&refused);
        assert!(said.contains("its name is empty") && said.contains("`tama-tui runs`"), "{said}");
    }
    assert_eq!(project.work("a").as_deref(), Some("new"));
}

#[tokio::test]
async fn names_of_a_run_forge_no_lines() {
    let forged = "x\n2 of 2 undone\nrestored 9";
    let long = format!("{}/{}", "d".repeat(200), "e".repeat(200));
    let project = stored(vec![
        (2, link("l", forged)),
        (2, link("l", "elsewhere")),
        (2, file(forged, "new")),
        (2, folder(&"d".repeat(200))),
        (2, file(&long, "new")),
    ])
    .await;
    let is_forged = |line: &str| line.starts_with("restored 9") || line.starts_with("2 of 2");
    let checked = |args: &[&str]| {
        let told = project.tama(args);
        for line in stdout(&told).lines().chain(stderr(&told).lines()) {
            assert!(!is_forged(line), "{args:?}: {line}");
            assert!(line.chars().count() < 400, "{args:?}: {line}");
        }
        stdout(&told)
    };
    assert!(checked(&["undo", &project.run, "--dry-run"]).contains("x␊2 of 2 undone"));
    checked(&["runs", "show", &project.run]);
    checked(&["retry", &project.run, "--span", "main", "--dry-run"]);
    fs::write(project.folder.path().join("work").join(forged), "theirs").unwrap();
    let stopped = checked(&["undo", &project.run]);
    assert!(stopped.contains("stopped at") && stopped.contains("--force"), "{stopped}");
    assert!(
        checked(&["undo", &project.run, "--force"])
            .ends_with("3 of 3 actions undone\nrestored 2/2, read back (3 actions on 2 files)\n")
    );
}

#[tokio::test]
async fn force_is_no_hint_where_it_did_not_help() {
    let project = stored(vec![(2, folder("out")), (2, file("out/a", "new"))]).await;
    let work = project.folder.path().join("work");
    fs::rename(work.join("out"), project.folder.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", work.join("out")).unwrap();
    for (args, hinted) in [(&[][..], true), (&["--force"], false), (&["--force", "--dry-run"], false)] {
        let stopped = stdout(&project.tama(&[&["undo", &project.run][..], args].concat()));
        assert!(stopped.contains("stopped at"), "{stopped}");
        assert_eq!(stopped.contains("--force"), hinted, "{stopped}");
    }
}

/// A dry run promises what the undo then does: the same exit code, and the same lines.
fn agree(project: &Project, args: &[&str]) -> String {
    let run = |more: &[&str]| project.tama(&[&["undo", &project.run][..], args, more].concat());
    let before = run(&["--dry-run"]);
    let done = run(&[]);
    let past = [
        ("would be undone", "undone"),
        ("would delete", "deleted"),
        ("would restore", "restored"),
        ("would put back", "put back"),
    ];
    let promised = past.iter().fold(stdout(&before), |text, (will, did)| text.replace(will, did));
    let is_read_back = |line: &&str| line.starts_with("restored ") && line.contains(", read back");
    let did = stdout(&done);
    let did = did.lines().filter(|line| !is_read_back(line)).chain([""]).collect::<Vec<_>>().join("\n");
    assert_eq!((before.status.code(), promised), (done.status.code(), did.clone()), "{args:?}");
    did
}

#[tokio::test]
async fn a_dry_run_sees_folders_that_will_be_kept() {
    let all = || vec![(2, folder("n")), (2, folder("n/m")), (2, file("n/m/f", "x")), (3, file("n/later", "y"))];
    // Something of someone else, with a name that looks like a word of the sentence.
    for force in [&[][..], &["--force"]] {
        let project = stored(all()).await;
        fs::write(project.folder.path().join("work/n/m/mine"), "m").unwrap();
        let told = agree(&project, force);
        assert!(
            told.contains("n/m/: \"mine\" in it is not of this run, or is excluded from capture: move or remove it"),
            "{told}"
        );
        assert!(told.contains("n/: used by") && told.contains("2 of 4 actions undone"), "{told}");
        assert_eq!(project.work("n/m/mine").as_deref(), Some("m"));
    }
    // An action inside that is skipped.
    let project = stored(all()).await;
    let told = agree(&project, &["--skip", &action(&project, "n/m/f")]);
    assert!(told.contains("1 of 3 actions undone"), "{told}");
    // A later span has something in a folder of this one; when that goes, the folder that was asked for goes too.
    let project = stored(all()).await;
    assert!(agree(&project, &["--span", "main/one"]).contains("2 of 3 actions undone"));
    assert_eq!(project.work("n/later").as_deref(), Some("y"));
    assert!(agree(&project, &["--span", "main/two"]).contains("deleted n/later · #"));
    assert!(!project.folder.path().join("work/n").exists());
    // What the run removes before its folder's turn is not in the way, nor what it put back.
    let project = stored(vec![
        (2, folder("n")),
        (2, file("n/a", "x")),
        (2, Change { key: Key::file("n/a"), op: ActionOp::Delete, new: Value::Absent }),
        (2, file("n/b", "x")),
    ])
    .await;
    assert!(agree(&project, &[]).contains("4 of 4 actions undone"));
    assert!(!project.folder.path().join("work/n").exists());
}

#[tokio::test]
async fn a_dry_run_sees_that_a_folder_of_others_keeps_a_file_away() {
    let project = stored(vec![(2, file("a", "x"))]).await;
    let place = project.folder.path().join("work/a");
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    fs::write(place.join("theirs"), "t").unwrap();
    let told = agree(&project, &["--force"]);
    assert!(told.contains("\"theirs\" in it") && told.contains("0 of 1 action undone"), "{told}");
}

#[tokio::test]
async fn a_dry_run_sees_that_a_folder_will_be_missing() {
    let gone = Change { key: Key::file("n/a"), op: ActionOp::Delete, new: Value::Absent };
    let project = stored(vec![(2, folder("n")), (2, file("n/a", "x")), (2, gone)]).await;
    fs::remove_dir(project.folder.path().join("work/n")).unwrap();
    let told = agree(&project, &["--force"]);
    assert!(told.contains("n/a: failed to write") && told.contains("2 of 3 actions undone"), "{told}");
}

#[tokio::test]
async fn a_run_that_is_live_in_the_workspace_is_told() {
    let project = stored(vec![(2, file("a", "x"))]).await;
    let data = DataDir::open_or_create(project.folder.path().join(".tama")).unwrap();
    let work = project.folder.path().join("work");
    let (log, other) = data.create_run(new_run(&work), Box::new(|_| {})).unwrap();
    let notice = format!("another run is live in this workspace: {}.", other.id());
    for command in [&["--dry-run"][..], &[]] {
        let undone = project.tama(&[&["undo", &project.run][..], command].concat());
        assert_eq!(stderr(&undone).matches(&notice).count(), 1, "{}", stderr(&undone));
    }
    log.recorder().close().unwrap();
    drop(log);
    let alone = stderr(&project.tama(&["undo", &project.run]));
    assert!(alone.starts_with("run ") && alone.lines().count() == 1, "{alone}");
}

#[test]
fn a_headless_retry_tells_of_a_run_that_is_live_in_the_workspace() {
    let project = fresh("");
    let run = json(&project.tama(&["run", ".", "--json"]))["run"].as_str().unwrap().to_owned();
    let data = DataDir::open_or_create(project.folder.path().join(".tama")).unwrap();
    let work = project.folder.path().join("work").canonicalize().unwrap();
    let (_log, other) = data.create_run(new_run(&work), Box::new(|_| {})).unwrap();
    let notice = format!("another run is live in this workspace: {}.", other.id());
    for dry in [&["--dry-run"][..], &[]] {
        let retried = project.tama(&[&["retry", &run, "--span", "main/writer"][..], dry].concat());
        assert_eq!(stderr(&retried).matches(&notice).count(), 1, "{}", stderr(&retried));
    }
}

fn command(capture: CaptureMode) -> TraceBody {
    let command = "make all\n0 of 0 undone".into();
    TraceBody::CommandStarted(CommandStart { span: SpanId(3), command, capture, snapshot: None, gaps: Vec::new() })
}

#[tokio::test]
async fn a_command_whose_changes_were_dropped_is_shown_with_why() {
    let project = stored(Vec::new()).await;
    let log = open_log(&project);
    let started = log.append(vec![command(CaptureMode::Overlay)]);
    record_command_end(&log, started, Some("f was changed meanwhile\nby another program".into()));
    log.recorder().close().unwrap();
    drop(log);
    let shown = stdout(&project.tama(&["runs", "show", &project.run]));
    let wanted = format!(
        "No changes yet.\nthe changes of the command `make all␊0 of 0 undone` ({started}, main/two) were discarded: f \
         was changed meanwhile␊by another program\n"
    );
    assert!(shown.ends_with(&wanted), "{shown}");
    let shown = json(&project.tama(&["runs", "show", &project.run, "--json"]));
    assert_eq!(shown["dropped_commands"][0]["path"], "main/two");
    assert_eq!(shown["interrupted_commands"], Json::Array(Vec::new()));
}

#[tokio::test]
async fn an_interrupted_command_is_told_before_it_is_looked_for_and_when_it_can_not_be() {
    let project = stored(vec![(2, file("a", "x"))]).await;
    let log = open_log(&project);
    let started = log.append(vec![command(CaptureMode::Snapshot)]);
    log.recorder().close().unwrap();
    drop(log);
    let told = "`make all␊0 of 0 undone`";
    let dry = project.tama(&["undo", &project.run, "--dry-run"]);
    assert!(stdout(&dry).contains(told) && stdout(&dry).contains("when the run is opened"), "{}", stdout(&dry));
    assert!(stdout(&dry).contains("1 of 1 action would be undone"));
    let dry = stdout(&project.tama(&["undo", &project.run, "--dry-run", "--to", &Seq(started.0 - 1).0.to_string()]));
    assert!(dry.contains(told) && dry.ends_with("nothing recorded to undo\n"), "{dry}");
    let elsewhere = stdout(&project.tama(&["undo", &project.run, "--dry-run", "--span", "main/one"]));
    assert!(!elsewhere.contains(told), "{elsewhere}");
    let shown = stdout(&project.tama(&["runs", "show", &project.run]));
    assert!(shown.contains(told) && shown.contains("not recorded yet"), "{shown}");
    for args in [&["runs", "show", &project.run, "--json"][..], &["undo", &project.run, "--dry-run", "--json"]] {
        let commands = &json(&project.tama(args))["interrupted_commands"];
        assert_eq!((&commands[0]["seq"], &commands[0]["lane"]), (&started.0.into(), &"portable".into()), "{commands}");
    }
    // Its snapshot is gone, so nobody can know.
    let undone = project.tama(&["undo", &project.run]);
    assert_eq!(undone.status.code(), Some(6), "{}", stdout(&undone));
    assert!(stdout(&undone).contains("not undone: the changes of the command"), "{}", stdout(&undone));
    assert!(stderr(&undone).contains("its snapshot is gone"), "{}", stderr(&undone));
    assert_eq!(project.tama(&["undo", &project.run]).status.code(), Some(7));
}

/// A project whose pipeline runs one command, and no run yet.
pub(crate) fn commanding(command: &str, lane: &str) -> Project {
    let folder = tempfile::tempdir().unwrap();
    Sketch::with_task("demo", "main", "go")
        .react("main", "Go.", &["tama_bash"])
        .table(&format!("[capture]\nlane = \"{lane}\""))
        .calls("*", 1, &[("tama_bash", serde_json::json!({ "command": command }))])
        .reply("*", "text = \"end\"")
        .file("work/f", "from before")
        .write(folder.path());
    Project { folder, run: String::new() }
}

/// Starts the project's run with its output in pipes.
fn start_run(project: &Project) -> std::process::Child {
    let mut command = program::command();
    command.args(["run", ".", "--json", "--allow", "*"]).current_dir(project.folder.path());
    command.env_remove("TAMA_TUI_DATA_DIR").stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn what_a_killed_command_changed_is_told_of_and_then_undone() {
    let mut project = commanding("echo half > f; sleep 600", "portable");
    let mut child = start_run(&project);
    until("the command to change f", || project.work("f").as_deref() == Some("half\n"));
    child.kill().unwrap();
    child.wait().unwrap();
    project.run = json(&project.tama(&["runs", "--json"]))[0]["run"].as_str().unwrap().to_owned();
    let dry = stdout(&project.tama(&["undo", &project.run, "--dry-run"]));
    assert!(dry.contains("`echo half > f; sleep 600`") && dry.ends_with("nothing recorded to undo\n"), "{dry}");
    let undone = project.tama(&["undo", &project.run]);
    assert_eq!((undone.status.code(), project.work("f").as_deref()), (Some(0), Some("from before")), "{undone:?}");
    let shown = json(&project.tama(&["runs", "show", &project.run, "--json"]));
    let none = Json::Array(Vec::new());
    assert_eq!((&shown["interrupted_commands"], &shown["dropped_commands"]), (&none, &none));
}

#[test]
fn progress_tells_that_the_changes_of_a_command_were_dropped() {
    let mut project = commanding("echo mine > f; cat ../meeting", "auto");
    let meeting = Meeting::at(project.folder.path().join("meeting"));
    let child = start_run(&project);
    // The command has written its file, and reads until this is dropped.
    let command = meeting.reader();
    fs::write(project.folder.path().join("work/f"), "theirs").unwrap();
    drop(command);
    let ran = child.wait_with_output().unwrap();
    let result = json(&ran);
    if result["shell"]["lane"] != "overlay" {
        return skip(Capability::Overlay, format_args!("the overlay lane can't be had here: {}", result["shell"]));
    }
    project.run = result["run"].as_str().unwrap().to_owned();
    let shown = stdout(&project.tama(&["runs", "show", &project.run]));
    for told in [stderr(&ran), shown] {
        let line = told.lines().find(|line| line.starts_with("the changes of the command `echo mine")).unwrap_or(&told);
        assert!(line.contains("main/tama_bash") && line.contains("another program or person"), "{told}");
    }
}
