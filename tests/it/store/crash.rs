//! `kill -9` in the middle of a run: what was begun is in the log, the run opens, and its effects can be undone.
//!
//! The run is driven by this test binary, started again for the one test that is ignored otherwise.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use tama_tui::model::{Command, RunStatus, SpanId, SpanState, TraceBody, Update};
use tama_tui::pipeline::load;
use tama_tui::runtime::{self, Headless, Mode, Session};
use tama_tui::store::{Access, CRASH_POINTS, DataDir, NewRun, StoreError, hash_blob};

use crate::support::program;
use crate::support::wait::{PATIENCE, exit_status};

/// Names the folder of the pipeline that the child runs.
const FOLDER: &str = "TAMA_TUI_TEST_CRASH";

const PIPELINE: &str = r#"
[pipeline]
name = "crash"
entrypoint = "lead"
task = "go"
workspace = "work"
[models]
default = "script:replies.toml"
[policy]
allow = ["tama_*"]
[agents.lead]
pattern = "react"
tools = ["tama_bash", "tama_files_delete", "tama_files_edit", "tama_files_write", "tama_mem_append", "tama_mem_set"]
prompt = "lead"
"#;

/// Runs the pipeline that [`FOLDER`] names; killed by the test that started it.
#[test]
#[ignore = "the child of the tests in this file"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let data = DataDir::open_or_create(folder.join(".tama")).unwrap();
        let watched = std::env::var_os("TAMA_TUI_TEST_CRASH_DEBUG").is_some();
        let debug = Mode::Debug { step: false, breakpoints: Vec::new() };
        let mode = if watched { debug } else { Mode::Headless(Headless::default()) };
        // A run that could not be made has nothing to go on with.
        let Ok(session) = runtime::start(load(&folder).unwrap(), &data, "go".into(), mode) else { return };
        if watched {
            return watch(session, &folder.join("seen")).await;
        }
        session.engine.finish.await.unwrap();
    });
}

/// Follows a run in the debugger until it stops at an error, tries to go on, and tells what the screen would show.
async fn watch(mut session: Session, seen: &Path) {
    let mut paused = 0;
    let mut told = String::new();
    while let Some(update) = session.engine.feed.next().await {
        let events = match update {
            Update::Events(events) => events,
            Update::Closed => break,
            _ => continue,
        };
        for event in events {
            match event.body {
                TraceBody::Paused { gate, reason, .. } => {
                    writeln!(told, "paused at {}: {reason:?}", gate.name()).unwrap();
                    paused += 1;
                    // Going on leads nowhere: the next effect isn't done either.
                    let command = if paused < 3 { Command::ReleaseAll } else { Command::Quit };
                    session.engine.commands.send(command).unwrap();
                }
                TraceBody::Note { text, .. } => writeln!(told, "note: {text}").unwrap(),
                TraceBody::RunStatus { status, .. } => {
                    writeln!(told, "run {}", status.name()).unwrap();
                    session.engine.commands.send(Command::Quit).unwrap();
                }
                _ => {}
            }
        }
    }
    fs::write(seen, told).unwrap();
}

pub struct Crash {
    pub folder: tempfile::TempDir,
    before: BTreeMap<PathBuf, (u32, Vec<u8>)>,
    pub child: Child,
}

impl Crash {
    /// Starts a run whose model asks for these calls, one response each.
    fn start(calls: &[String]) -> Self {
        Self::start_with(calls, &[])
    }

    /// Starts a run with more variables: those that let it die, or a file operation fail, by itself.
    pub fn start_with(calls: &[String], env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        fs::create_dir_all(here.join("work/sub")).unwrap();
        for name in ["kept", "edited", "sub/deleted"] {
            fs::write(here.join("work").join(name), format!("{name} of before\n")).unwrap();
        }
        fs::set_permissions(here.join("work/edited"), fs::Permissions::from_mode(0o640)).unwrap();
        fs::write(here.join("pipeline.toml"), PIPELINE).unwrap();
        let mut replies = String::new();
        for (at, calls) in calls.iter().enumerate() {
            writeln!(replies, "[[reply]]\nagent = \"lead\"\ncall = {}\n{calls}", at + 1).unwrap();
        }
        replies.push_str("[[reply]]\nagent = \"lead\"\ntext = \"end\"\n");
        fs::write(here.join("replies.toml"), replies).unwrap();
        let child = Process::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::crash::child", "--ignored"])
            .env(FOLDER, here)
            .envs(env.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { before: tree(&here.join("work")), folder, child }
    }

    /// Kills the run once `when` holds.
    fn kill_when(&mut self, when: impl Fn(&Path) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !when(self.folder.path()) {
            assert!(Instant::now() < until, "the moment to kill did not come");
            assert!(self.child.try_wait().unwrap().is_none(), "the run ended before it was killed");
            std::thread::sleep(Duration::from_micros(200));
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// True when the run's folder was finished.
    pub fn is_made(&self) -> bool {
        let Ok(runs) = fs::read_dir(self.folder.path().join(".tama/runs")) else { return false };
        let made = |folder: PathBuf| ["manifest.json", "run.duckdb"].iter().all(|name| folder.join(name).exists());
        let runs: Vec<PathBuf> = runs.map(|entry| entry.unwrap().path()).collect();
        runs.len() == 1 && runs.into_iter().all(made)
    }

    /// The workspace is as it was.
    pub fn nothing_happened(&self) {
        assert_eq!(tree(&self.folder.path().join("work")), self.before);
    }

    pub async fn open(&self) -> Session {
        let data = DataDir::open_or_create(self.folder.path().join(".tama")).unwrap();
        let mut runs = data.runs().unwrap();
        assert_eq!(runs.len(), 1);
        let listed = runs.remove(0);
        let folder = data.find(&listed.manifest.as_ref().unwrap().run.0).unwrap();
        let mode = Mode::Debug { step: false, breakpoints: Vec::new() };
        runtime::open(folder, &data, mode).await.unwrap()
    }

    /// Every path that differs from before is named by an action.
    pub fn nothing_is_missing(&self, session: &Session) {
        let after = tree(&self.folder.path().join("work"));
        let names: Vec<PathBuf> = self.before.keys().chain(after.keys()).cloned().collect();
        for name in names.into_iter().filter(|name| self.before.get(name) != after.get(name)) {
            let path = name.to_string_lossy();
            let known = session.log.with(|state| {
                state
                    .ledger
                    .entries()
                    .iter()
                    .any(|entry| entry.record.key.kind.is_path() && entry.record.key.name == path)
            });
            assert!(known, "{path} changed, and no action names it");
        }
    }

    /// Undoes everything that can be, and compares the workspace byte by byte.
    pub async fn undo_restores(&self, session: &mut Session) {
        session.engine.commands.send(Command::UndoSpan { span: SpanId::RUN, deep: true, skip: Vec::new() }).unwrap();
        let report = loop {
            let next = tokio::time::timeout(PATIENCE, session.engine.feed.next()).await.expect("the undo ends in time");
            match next.expect("the engine goes on") {
                Update::Undo(report) => break Some(report),
                Update::Refused(why) if why.contains("nothing to undo") => break None,
                Update::Refused(why) => panic!("{why}"),
                _ => {}
            }
        };
        if let Some(report) = report {
            assert!(report.conflict.is_none() && report.read_back.differs.is_empty(), "{report:?}");
        }
        assert_eq!(tree(&self.folder.path().join("work")), self.before);
        session.log.with(|state| assert!(state.ledger.all_memory().is_empty()));
    }
}

/// Path, mode and bytes of everything below a folder.
fn tree(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(&at).unwrap().map(Result::unwrap) {
            let mode = entry.metadata().unwrap().permissions().mode();
            let bytes = if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
                Vec::new()
            } else {
                fs::read(entry.path()).unwrap()
            };
            found.insert(entry.path().strip_prefix(root).unwrap().to_owned(), (mode, bytes));
        }
    }
    found
}

fn write(path: &str, content: &str) -> String {
    format!("{{ name = \"tama_files_write\", args = {{ path = \"{path}\", content = \"{content}\" }} }}")
}

fn calls(list: &[String]) -> String {
    format!("calls = [{}]", list.join(", "))
}

fn shell(command: &str) -> String {
    calls(&[format!("{{ name = \"tama_bash\", args = {{ command = \"{command}\" }} }}")])
}

/// Everything that changes something, and then `last`.
pub fn busy(last: String) -> Vec<String> {
    let tool = |name: &str, args: &str| format!("{{ name = \"{name}\", args = {{ {args} }} }}");
    vec![
        calls(&[write("kept", "other"), tool("tama_mem_set", "key = \"k\", value = \"v\"")]),
        calls(&[
            tool("tama_files_edit", "path = \"edited\", old = \"before\", new = \"after\""),
            tool("tama_files_delete", "path = \"sub/deleted\""),
            tool("tama_mem_append", "key = \"list\", value = \"x\""),
            write("new/deep/file", "made"),
            write("kept", "once more"),
        ]),
        last,
    ]
}

async fn killed_at(last: String, when: impl Fn(&Path) -> bool) -> Session {
    let mut crash = Crash::start(&busy(last));
    crash.kill_when(when);
    let mut session = crash.open().await;
    assert_eq!(session.log.with(|state| state.status), RunStatus::Interrupted);
    assert_is_told_as_interrupted(&session);
    crash.nothing_is_missing(&session);
    crash.undo_restores(&mut session).await;
    session
}

/// Spans that were open when the process died stay interrupted after the run is opened: nobody cancelled them.
fn assert_is_told_as_interrupted(session: &Session) {
    session.log.with(|state| {
        let spans = (0..).map(SpanId).take(state.trace.len());
        let states: Vec<SpanState> = spans.map(|span| state.span_state(span)).collect();
        assert!(!states.contains(&SpanState::Cancelled), "{states:?}");
        assert_eq!(states[..2], [SpanState::Interrupted; 2], "the run and its first agent");
    });
}

fn reads(path: &Path, text: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|found| found == text)
}

#[tokio::test]
async fn killed_while_a_command_runs() {
    let last = shell("touch ../started; sleep 5");
    let session = killed_at(last, |here| here.join("started").exists()).await;
    let command = session.log.with(|state| {
        state
            .ledger
            .entries()
            .iter()
            .find(|entry| entry.record.tool_name == "tama_bash")
            .map(|entry| entry.record.key.name.clone())
    });
    assert_eq!(command.as_deref(), Some("touch ../started; sleep 5"));
}

#[tokio::test]
async fn killed_while_a_model_is_asked() {
    let slow = "text = \"slow\"\ndelay_ms = 60000".to_owned();
    let session = killed_at(slow, |here| reads(&here.join("work/kept"), "once more")).await;
    let known = session.log.with(|state| state.ledger.entries().len());
    assert!(known >= 7, "{known} actions are known");
}

#[tokio::test]
async fn killed_between_two_effects() {
    let rest = || calls(&[write("kept", "x"), write("kept", "y")]);
    for moment in ["kept", "edited", "sub/deleted", "new/deep/file"] {
        let changed = move |here: &Path| {
            let found = fs::read_to_string(here.join("work").join(moment));
            found.ok() != (moment != "new/deep/file").then(|| format!("{moment} of before\n"))
        };
        let mut last = rest();
        // So that the run is not over before it is killed.
        last = last.replace(']', ", { name = \"tama_bash\", args = { command = \"sleep 5\" } }]");
        killed_at(last, changed).await;
    }
}

#[tokio::test]
async fn killed_in_a_storm_of_writes() {
    for count in [1, 40, 90] {
        let storm: Vec<String> = (0..120)
            .map(|at| if at % 3 == 0 { write("kept", &at.to_string()) } else { write(&format!("s{at}/f"), "x") })
            .collect();
        let mut last = calls(&storm);
        last = last.replace("}]", "}, { name = \"tama_bash\", args = { command = \"sleep 5\" } }]");
        killed_at(last, move |here| fs::read_dir(here.join("work")).unwrap().count() > 3 + count * 2 / 3).await;
    }
}

#[test]
fn the_command_line_undoes_a_killed_run() {
    let mut crash = Crash::start(&busy(shell("touch ../started; sleep 5")));
    crash.kill_when(|here| here.join("started").exists());
    let tama = |args: &[&str]| {
        let program = program::command()
            .args(args)
            .current_dir(crash.folder.path())
            .env_remove("TAMA_TUI_DATA_DIR")
            .output()
            .unwrap();
        (program.status.code(), String::from_utf8(program.stdout).unwrap())
    };
    let (_, listed) = tama(&["runs", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let manifest = &listed[0]["manifest"];
    assert_eq!((&manifest["status"], &manifest["actions"]), (&"interrupted".into(), &serde_json::Value::Null));
    let run = listed[0]["manifest"]["run"].as_str().unwrap();
    // The command's own effects can't be taken back.
    let (code, said) = tama(&["undo", run]);
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("ran without a full sandbox"), "{said}");
    assert_eq!(tree(&crash.folder.path().join("work")), crash.before);
}

/// A finished run, whose database someone then changes behind its back.
async fn tampered(sql: &str) -> Vec<String> {
    let mut crash = Crash::start(&busy("text = \"end\"".into()));
    assert!(exit_status(&mut crash.child, "the run").success());
    let data = DataDir::open_or_create(crash.folder.path().join(".tama")).unwrap();
    let run = data.runs().unwrap().remove(0).manifest.unwrap().run;
    let folder = data.find(&run.0).unwrap();
    let connection = duckdb::Connection::open(folder.database()).unwrap();
    assert_eq!(connection.execute(sql, []).unwrap(), 1, "{sql}");
    connection.close().unwrap();
    let session = crash.open().await;
    session.notices
}

#[tokio::test]
async fn a_changed_or_missing_row_is_told_on_opening() {
    for sql in [
        "UPDATE action_log SET old_value = 'other' WHERE seq = (SELECT min(seq) FROM action_log)",
        "DELETE FROM action_log WHERE seq = (SELECT max(seq) FROM action_log)",
        "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)",
        "UPDATE texts SET text = text || ' ' WHERE seq = (SELECT max(seq) FROM texts)",
        "DELETE FROM action_events WHERE seq = (SELECT min(seq) FROM action_events)",
    ] {
        let told = tampered(sql).await;
        assert!(told.iter().any(|line| line.starts_with("damaged: ")), "{sql}: {told:?}");
    }
    let told = tampered("UPDATE events SET seq = seq WHERE seq = (SELECT min(seq) FROM events)").await;
    assert!(told.is_empty(), "an unchanged log is called damaged: {told:?}");
}

/// Counts of passing a crash point after which the process dies there: the first time, and in the middle of the work.
const PASSINGS: [u32; 2] = [1, 4];

/// Those that the run of this file does not pass, and which test passes them.
const ELSEWHERE: [(&str, &str); 2] = [
    ("blobs-written", "many_before_images_at_once_die_whole"),
    ("blobs-renamed", "many_before_images_at_once_die_whole"),
];

#[tokio::test]
async fn killed_at_every_crash_point() {
    use std::os::unix::process::ExitStatusExt;
    let mut passed = Vec::new();
    for (name, at) in CRASH_POINTS.iter().flat_map(|name| PASSINGS.map(|at| (*name, at))) {
        let mut crash =
            Crash::start_with(&busy("text = \"end\"".into()), &[("TAMA_TUI_CRASH_POINT", &format!("{name}:{at}"))]);
        let ended = exit_status(&mut crash.child, "the run");
        if ended.signal().is_none() {
            // Passed less often than that.
            assert!(ended.success(), "{name}:{at}: {ended}");
            continue;
        }
        assert_eq!(ended.signal(), Some(nix::libc::SIGABRT), "{name}:{at}");
        passed.push(name);
        if !crash.is_made() {
            // Nothing ran yet, and there may be nothing to open.
            crash.nothing_happened();
            let data = DataDir::open_or_create(crash.folder.path().join(".tama")).unwrap();
            assert_eq!(data.runs().unwrap().len(), 1, "{name}: it is listed");
            continue;
        }
        let mut session = crash.open().await;
        let damaged: Vec<&String> = session.notices.iter().filter(|line| line.starts_with("damaged")).collect();
        assert!(damaged.is_empty(), "{name}:{at}: {damaged:?}");
        crash.nothing_is_missing(&session);
        crash.undo_restores(&mut session).await;
    }
    passed.dedup();
    let elsewhere = |name: &&&str| ELSEWHERE.iter().any(|(other, _)| other == *name);
    let missed: Vec<_> =
        CRASH_POINTS.iter().filter(|name| !passed.contains(name)).filter(|name| !elsewhere(name)).collect();
    assert!(missed.is_empty(), "nobody passes {missed:?}");
}

const BLOBS: &str = "TAMA_TUI_TEST_CRASH_BLOBS";

#[test]
#[ignore = "the child of the test below"]
fn child_with_blobs() {
    let Some(folder) = std::env::var_os(BLOBS).map(PathBuf::from) else { return };
    let data = DataDir::open_or_create(folder).unwrap();
    let new = NewRun {
        name: "blobs".into(),
        task: String::new(),
        entrypoint: "a".into(),
        workspace: "/".into(),
        pipeline_file: None,
        provenance: tama_tui::model::Provenance::default(),
    };
    let (log, _folder) = data.create_run(new, Box::new(|_| ())).unwrap();
    let all: Vec<Vec<u8>> = (0..100_u8).map(|at| vec![at; 1000]).collect();
    log.recorder().put_blobs(&all.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
}

#[test]
fn many_before_images_at_once_die_whole() {
    for name in ["blobs-written", "blobs-renamed"] {
        let home = tempfile::tempdir().unwrap();
        let ended = Process::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::crash::child_with_blobs", "--ignored"])
            .env(BLOBS, home.path())
            .env("TAMA_TUI_CRASH_POINT", name)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(!ended.success(), "{name} is passed");
        let data = DataDir::open_or_create(home.path()).unwrap();
        let run = data.runs().unwrap().remove(0).folder;
        let opened = run.open(Box::new(|_| ()), Access::ReadWrite).unwrap();
        let mut whole = 0;
        for at in 0..100_u8 {
            match opened.log.recorder().blob(hash_blob(&[at; 1000])) {
                Ok(_) => whole += 1,
                Err(StoreError::Missing(_)) => {}
                Err(error) => panic!("{name}: {error}"),
            }
        }
        assert_eq!(whole, if name == "blobs-renamed" { 100 } else { 0 });
    }
}
