//! The command line over a stored run: what it prints, what it does, and its exit codes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};

use tama_tui::model::{
    ActionChange, ActionEvent, ActionOp, EffectClass, Generation, Key, KeyState, RunId, RunStatus, Seq, SpanEnd,
    SpanId, SpanSpec, SpanStart, SpanStatus, TraceBody, Try,
};
use tama_tui::rollback::{Origin, external_record, perform};
use tama_tui::store::{Access, DataDir, NewRun, RunLog};
use tama_tui::world::{Change, Value, World};
use tempfile::TempDir;

use crate::support::program;

/// A project with one stored run: it made `out/`, wrote `out/a` over nothing and `kept` over what was there, set a
/// memory key, and ran a command.
pub(crate) struct Project {
    pub(crate) folder: TempDir,
    pub(crate) run: String,
}

impl Project {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        fs::create_dir(&work).unwrap();
        fs::write(work.join("kept"), "from before").unwrap();
        let data = DataDir::open_or_create(folder.path().join(".tama")).unwrap();
        let new = NewRun {
            name: "demo".into(),
            task: "a \x1b[31mtask".into(),
            entrypoint: "main".into(),
            workspace: work.display().to_string(),
            pipeline_file: None,
            provenance: tama_tui::model::Provenance::default(),
        };
        let (log, run) = data.create_run(new, Box::new(|_| {})).unwrap();
        let world = World::open(&work, Some(data.path())).unwrap();
        record(&log, run.id(), &work, &world).await;
        run.update_manifest(|manifest| log.with(|state| manifest.follow(state))).unwrap();
        log.recorder().close().unwrap();
        Self { run: run.id().to_string(), folder }
    }

    pub(crate) fn tama(&self, args: &[&str]) -> Output {
        program::run(self.folder.path(), args)
    }

    pub(crate) fn work(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.path().join("work").join(name)).ok()
    }
}

/// The run and its agent, `main`, are under way.
pub(crate) fn begin(log: &RunLog, run: &RunId, work: &Path) {
    let text = |text: &str| log.text(text);
    log.append(vec![TraceBody::RunStarted {
        run: run.clone(),
        name: "demo".into(),
        entrypoint: "main".into(),
        task: text("task"),
        pipeline: text("{}"),
        workspace: work.display().to_string(),
        provenance: tama_tui::model::Provenance::default(),
        hash: 1,
    }]);
    let agent = SpanSpec::Agent { pattern: "react".into(), input: text("task"), prompt: None, prompt_file: None };
    start(log, 1, 0, "main", agent);
}

async fn record(log: &RunLog, run: &RunId, work: &Path, world: &World) {
    begin(log, run, work);
    let text = |text: &str| log.text(text);
    let tool = || SpanSpec::Tool { args: text("{}"), request: text("{}"), effect: EffectClass::Reversible };
    start(log, 2, 1, "tama_files_write", tool());
    let doer = |tool: u32| Origin { span: SpanId(1), tool_span: SpanId(tool), tool_name: "tama_files_write".into() };
    let file = |path: &str| Change {
        key: Key::file(path),
        op: ActionOp::Set,
        new: Value::File { bytes: b"new".to_vec(), mode: None },
    };
    let folder = Value::Directory { mode: None, entries: Vec::new() };
    let folder = Change { key: Key::directory("out"), op: ActionOp::Set, new: folder };
    perform(log, world, &doer(2), vec![folder, file("out/a"), file("kept")]).await.unwrap();
    start(log, 3, 1, "tama_bash", tool());
    let action =
        log.append(vec![TraceBody::Action(external_record(&doer(3), "make", "may have reached outside".into()))]);
    let change = ActionChange::Applied { after: KeyState::Unknown, kept: false };
    log.append(vec![TraceBody::ActionEvent(ActionEvent { action, change })]);
    for span in [2, 3, 1] {
        log.append(vec![TraceBody::SpanEnded(SpanEnd {
            span: SpanId(span),
            status: SpanStatus::Ok,
            finish: None,
            output: None,
            so_far: None,
            usage: None,
            cost: None,
            answered: false,
            cause: None,
            waited: None,
        })]);
    }
    log.append(vec![TraceBody::RunStatus { status: RunStatus::Ok, text: None }]);
}

pub(crate) fn start(log: &RunLog, span: u32, parent: u32, name: &str, spec: SpanSpec) -> Seq {
    log.append(vec![TraceBody::SpanStarted(SpanStart {
        span: SpanId(span),
        parent: SpanId(parent),
        path: if parent == 0 { name.into() } else { format!("main/{name}") },
        name: name.into(),
        visit: 1,
        attempt: Try(1),
        generation: Generation(1),
        fan: None,
        spec,
        step: None,
        attributes: std::collections::BTreeMap::new(),
    })])
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn runs_are_listed_and_shown() {
    let project = Project::new().await;
    let list = stdout(&project.tama(&["runs"]));
    assert!(list.contains(&project.run) && list.contains("demo") && !list.contains('\x1b'), "{list}");
    let listed: serde_json::Value = serde_json::from_slice(&project.tama(&["runs", "--json"]).stdout).unwrap();
    assert_eq!(listed[0]["manifest"]["status"], "ok");
    let shown = stdout(&project.tama(&["runs", "show", &project.run[4..]]));
    assert!(shown.contains("  tama_files_write") && shown.contains("no undo: may have reached outside"), "{shown}");
    let shown: serde_json::Value =
        serde_json::from_slice(&project.tama(&["runs", "show", &project.run, "--json"]).stdout).unwrap();
    assert_eq!(shown["actions"].as_array().unwrap().len(), 4);
    assert_eq!(shown["spans"][2]["path"], "main/tama_files_write");
}

#[tokio::test]
async fn undo_restores_and_says_how_much() {
    let project = Project::new().await;
    let dry = project.tama(&["undo", &project.run, "--dry-run"]);
    assert!(stdout(&dry).contains("3 of 4 actions would be undone"), "{}", stdout(&dry));
    assert_eq!(project.work("kept").as_deref(), Some("new"));
    let undone = project.tama(&["undo", &project.run]);
    let said = stdout(&undone);
    assert_eq!(undone.status.code(), Some(6), "{said}");
    assert!(said.contains("restored 3/3") && said.contains("may have reached outside"), "{said}");
    assert_eq!(project.work("kept").as_deref(), Some("from before"));
    assert!(!project.folder.path().join("work/out").exists());
    let again = project.tama(&["undo", &project.run]);
    assert_eq!(again.status.code(), Some(7));
}

#[tokio::test]
async fn undo_of_a_span_leaves_what_someone_else_changed() {
    let project = Project::new().await;
    fs::write(project.folder.path().join("work/out/a"), "theirs").unwrap();
    let undone = project.tama(&["undo", &project.run, "--span", "main/tama_files_write", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&undone.stdout).unwrap();
    assert_eq!(undone.status.code(), Some(6));
    assert_eq!(report["undone"].as_array().unwrap().len(), 1);
    assert_eq!(report["conflict"]["key"], "out/a");
    assert_eq!(project.work("out/a").as_deref(), Some("theirs"));
}

#[tokio::test]
async fn errors_are_one_paragraph_that_says_what_to_do() {
    let project = Project::new().await;
    let unknown = project.tama(&["undo", &project.run, "--span", "nobody"]);
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert_eq!((unknown.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("runs show"), "{said}");
    let elsewhere = project.tama(&["--data-dir", "nowhere", "runs"]);
    assert!(String::from_utf8(elsewhere.stderr).unwrap().contains("--data-dir"));
    assert_eq!(project.tama(&["undo"]).status.code(), Some(2));
    assert_eq!(project.tama(&[".", "runs"]).status.code(), Some(2));
}

#[test]
fn check_tells_every_fault_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.toml");
    fs::write(&file, "[pipeline]\nname = \"x\"\nentrypoint = \"editr\"\nworkspce = \"work\"\n").unwrap();
    let checked = program::command().arg("check").arg(&file).output().unwrap();
    let said = String::from_utf8(checked.stderr).unwrap();
    assert_eq!(checked.status.code(), Some(2), "{said}");
    assert!(said.contains("workspce") && said.contains("pipeline.toml:"), "{said}");
}

const PIPELINE: &str = r#"
[pipeline]
name = "demo"
entrypoint = "main"
task = "write"
workspace = "work"

[models]
default = "script:replies.toml"

[agents.main]
pattern = "fsm"
initial = "planner"
states = { planner = "writer", writer = "$end" }

[agents.planner]
pattern = "oneshot"
prompt = "Plan."

[agents.writer]
pattern = "react"
tools = ["tama_files_write", "tama_bash"]
prompt = "Write."
"#;

const REPLIES: &str = r#"
[[reply]]
agent = "*planner"
text = "a plan \u001b[31m"
tokens = { input = 3, output = 4 }

[[reply]]
agent = "*writer"
contains = "Better."
calls = [{ name = "tama_files_write", args = { path = "a", content = "good" } }, { name = "finish", args = { key = "done", value = "good" } }]

[[reply]]
agent = "*writer"
call = 1
calls = [{ name = "tama_files_write", args = { path = "a", content = "bad" } }, { name = "tama_bash", args = { command = "true" } }]

[[reply]]
agent = "*writer"
calls = [{ name = "finish", args = { key = "done", value = "\u001b[31mbad" } }]
"#;

/// A project with a pipeline and no run yet.
pub(crate) fn fresh(limits: &str) -> Project {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pipeline.toml"), format!("{PIPELINE}{limits}")).unwrap();
    fs::write(folder.path().join("replies.toml"), REPLIES).unwrap();
    Project { folder, run: String::new() }
}

pub(crate) fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", stdout(output), String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_run_tells_its_progress_and_prints_its_result() {
    let project = fresh("");
    let ran = project.tama(&["run", ".", "--allow", "tama_bash"]);
    let told = String::from_utf8(ran.stderr.clone()).unwrap();
    assert_eq!(ran.status.code(), Some(0), "{told}");
    assert!(stdout(&ran).ends_with("bad\n") && !stdout(&ran).contains('\x1b'), "{}", stdout(&ran));
    assert!(told.contains("main/writer/tama_bash: ok") && told.contains("main: ok"), "{told}");
    assert_eq!(project.work("a").as_deref(), Some("bad"));
}

#[test]
fn what_the_policy_would_ask_for_is_denied_and_the_exit_code_says_so() {
    let project = fresh("[policy]\nask = [\"tama_bash\"]\n");
    let ran = project.tama(&["run", ".", "--json"]);
    assert_eq!(ran.status.code(), Some(3));
    let result = json(&ran);
    assert_eq!((&result["denied"], &result["undoable"], &result["permanent"]), (&true.into(), &1.into(), &0.into()));
}

#[test]
fn a_crossed_limit_has_its_own_exit_code() {
    let project = fresh("[limits]\nmax_tokens = 1\n");
    let ran = project.tama(&["run", "pipeline.toml", "--json"]);
    assert_eq!(ran.status.code(), Some(4), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(json(&ran)["status"], "failed");
    let said = String::from_utf8(ran.stderr.clone()).unwrap();
    let end = said.lines().last().unwrap();
    assert!(end.contains(" · limit reached, 1 model call not sent · ") && !end.contains("call failed"), "{said}");
    let shown = json(&project.tama(&["runs", "show", json(&ran)["run"].as_str().unwrap(), "--json"]));
    let limited = |span: &&serde_json::Value| span["limited"] == true;
    assert_eq!(shown["spans"].as_array().unwrap().iter().filter(limited).count(), 1, "{shown}");
}

#[test]
fn without_recording_nothing_is_stored() {
    let project = fresh("");
    let ran = project.tama(&["run", ".", "--no-record", "--allow", "*"]);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(String::from_utf8(ran.stderr).unwrap().contains("not recorded"));
    assert!(!project.folder.path().join(".tama").exists());
}

#[test]
fn a_retry_takes_a_span_back_and_runs_it_with_another_prompt() {
    let project = fresh("");
    let run = json(&project.tama(&["run", ".", "--json"]))["run"].as_str().unwrap().to_owned();
    let plan = json(&project.tama(&["retry", &run, "--span", "main/writer", "--dry-run", "--json"]));
    assert_eq!((plan["undoes"].as_array().unwrap().len(), &plan["from_journal"]), (1, &1.into()));
    assert!(plan["tokens"].is_u64() && plan["cost_microusd"] == plan["cost"], "{plan}");
    let lines = stdout(&project.tama(&["retry", &run, "--span", "main/writer", "--dry-run"]));
    assert!(lines.contains(" A a 3 B\n") && lines.contains("\n  cost ~"), "{lines}");
    assert_eq!(project.work("a").as_deref(), Some("bad"));
    fs::write(project.folder.path().join("better.md"), "Better.").unwrap();
    let retried = project.tama(&["retry", &run, "--span", "main/writer", "--prompt", "better.md", "--json"]);
    let told = String::from_utf8(retried.stderr.clone()).unwrap();
    assert_eq!(retried.status.code(), Some(0), "{told}");
    assert_eq!(json(&retried)["output"], "good");
    assert_eq!(project.work("a").as_deref(), Some("good"));
    assert!(told.contains("main/writer: started (react, try 2)") && !told.contains("main/planner: started"), "{told}");
    let undone = project.tama(&["undo", &run]);
    assert_eq!((undone.status.code(), project.work("a")), (Some(0), None), "{}", stdout(&undone));
}

#[test]
fn a_retry_by_a_file_that_allows_more_wants_a_flag() {
    let project = fresh("");
    let run = json(&project.tama(&["run", ".", "--json"]))["run"].as_str().unwrap().to_owned();
    let file = project.folder.path().join("pipeline.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}\n[limits]\nmax_parallel = 3\n")).unwrap();
    let more = "limits max_parallel: none → 3";
    let plan = json(&project.tama(&["retry", &run, "--span", "main/writer", "--dry-run", "--json"]));
    assert_eq!(plan["authority"], serde_json::json!([more]));
    let refused = project.tama(&["retry", &run, "--span", "main/writer"]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(3), "{told}");
    assert!(told.contains(&format!("may now: {more}\n")) && told.contains("--accept-changes"), "{told}");
    assert_eq!(project.work("a").as_deref(), Some("bad"), "nothing was undone");
    assert_eq!(json(&project.tama(&["runs", "--json"]))[0]["manifest"]["status"], "ok");
    let retried = project.tama(&["retry", &run, "--span", "main/writer", "--accept-changes"]);
    assert_eq!(retried.status.code(), Some(0), "{}", String::from_utf8_lossy(&retried.stderr));
    // It has been taken, and is the run's own now.
    let plan = json(&project.tama(&["retry", &run, "--span", "main/writer", "--dry-run", "--json"]));
    assert_eq!(plan["authority"], serde_json::json!([]));
}

#[test]
fn a_refused_retry_says_why_and_leaves_the_run_whole() {
    let project = fresh("");
    let run = json(&project.tama(&["run", ".", "--json"]))["run"].as_str().unwrap().to_owned();
    fs::write(project.folder.path().join("work/a"), "theirs").unwrap();
    let retried = project.tama(&["retry", &run, "--span", "main/writer"]);
    let told = String::from_utf8(retried.stderr.clone()).unwrap();
    assert_eq!(retried.status.code(), Some(1), "{told}");
    assert!(told.contains("changed since"), "{told}");
    assert_eq!(stdout(&retried), "", "the result of the run before is not the retry's");
    let dry = project.tama(&["retry", &run, "--span", "main/writer", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(1));
    assert!(
        stdout(&dry).contains("refused, nothing changed") && stdout(&dry).contains("another program"),
        "{}",
        stdout(&dry)
    );
    assert_eq!(project.work("a").as_deref(), Some("theirs"));
    assert_eq!(json(&project.tama(&["runs", "--json"]))[0]["manifest"]["status"], "ok");
}

#[test]
fn an_interrupt_cancels_the_run_and_everything_stays_undoable() {
    let project = fresh("");
    let replies = REPLIES.replace("calls = [{ name = \"finish\"", "delay_ms = 600000\ncalls = [{ name = \"finish\"");
    fs::write(project.folder.path().join("replies.toml"), replies).unwrap();
    let mut child = program::command()
        .args(["run", ".", "--allow", "*"])
        .current_dir(project.folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("tama_bash: ok")));
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    lines.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let listed = json(&project.tama(&["runs", "--json"]));
    assert_eq!(listed[0]["manifest"]["status"], "cancelled");
    let undone = project.tama(&["undo", listed[0]["run"].as_str().unwrap()]);
    assert_eq!((undone.status.code(), project.work("a")), (Some(0), None), "{}", stdout(&undone));
}

#[test]
fn a_missing_task_is_wrong_usage_and_a_screen_needs_a_terminal() {
    let project = fresh("");
    let screen = project.tama(&["."]);
    assert_eq!(screen.status.code(), Some(1));
    assert!(String::from_utf8(screen.stderr).unwrap().contains("tama-tui run"));
    let file = project.folder.path().join("pipeline.toml");
    fs::write(&file, PIPELINE.replace("task = \"write\"\n", "")).unwrap();
    let ran = project.tama(&["run", "."]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8(ran.stderr).unwrap().contains("--task"));
}

/// Runs the project's pipeline headless; returns the run's id.
fn run_once(project: &Project) -> String {
    json(&project.tama(&["run", ".", "--json"]))["run"].as_str().unwrap().to_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_run_that_another_process_holds_is_shown_and_not_changed() {
    let project = fresh("");
    let run = run_once(&project);
    let data = DataDir::open_or_create(project.folder.path().join(".tama")).unwrap();
    let held = data.find(&run).unwrap().open(Box::new(|_| {}), Access::ReadWrite).unwrap();
    let pid = format!("another process (pid {})", std::process::id());
    for command in [&["undo", &run][..], &["retry", &run, "--span", "main/writer"]] {
        let refused = project.tama(command);
        assert_eq!((refused.status.code(), stdout(&refused)), (Some(1), String::new()));
        assert!(stderr(&refused).contains(&pid), "{}", stderr(&refused));
    }
    for command in [&["runs", "show", &run][..], &["undo", &run, "--dry-run"]] {
        let shown = project.tama(command);
        assert_eq!(shown.status.code(), Some(0), "{}", stderr(&shown));
    }
    held.log.recorder().close().unwrap();
    drop(held);
    assert!(stderr(&project.tama(&["replay", &run])).contains("terminal"));
}

#[test]
fn an_empty_task_an_unknown_tool_and_a_missing_pipeline_are_told() {
    let project = fresh("");
    let empty = project.tama(&["run", ".", "--task", " "]);
    assert_eq!(empty.status.code(), Some(2));
    assert!(stderr(&empty).starts_with("error: --task is empty"), "{}", stderr(&empty));
    let missing = project.tama(&["doctor", "nosuch"]);
    assert_eq!((missing.status.code(), stdout(&missing)), (Some(2), String::new()));
    assert!(stderr(&missing).contains("failed to find nosuch"), "{}", stderr(&missing));
    let ran = project.tama(&["run", ".", "--allow", "nosuchtool", "--allow", "*"]);
    let warnings: Vec<String> =
        stderr(&ran).lines().filter(|line| line.starts_with("warning")).map(str::to_owned).collect();
    assert_eq!(warnings, ["warning: --allow nosuchtool: no agent of this pipeline has such a tool"]);
}

#[test]
fn the_plan_of_a_run_whose_end_is_not_recorded_is_not_shown() {
    let project = fresh("");
    let run = run_once(&project);
    let data = DataDir::open_or_create(project.folder.path().join(".tama")).unwrap();
    let opened = data.find(&run).unwrap().open(Box::new(|_| {}), Access::ReadWrite).unwrap();
    opened.log.append(vec![TraceBody::RunStatus { status: RunStatus::Running, text: None }]);
    opened.log.recorder().close().unwrap();
    drop(opened);
    let refused = project.tama(&["retry", &run, "--span", "main/writer", "--dry-run"]);
    assert_eq!((refused.status.code(), stdout(&refused)), (Some(1), String::new()));
    assert!(stderr(&refused).contains("`tama-tui resume --dry-run` shows how"), "{}", stderr(&refused));
    assert_eq!(project.work("a").as_deref(), Some("bad"));
}

#[test]
fn a_dry_retry_meets_what_the_real_one_would() {
    let project = fresh("");
    let run = run_once(&project);
    let dry =
        |span: &str, more: &[&str]| project.tama(&[&["retry", &run, "--dry-run", "--span", span][..], more].concat());
    let missing = dry("main/writer", &["--prompt", "nothing.md"]);
    assert_eq!((missing.status.code(), stdout(&missing)), (Some(1), String::new()));
    assert!(stderr(&missing).contains("nothing.md"));
    fs::write(project.folder.path().join("better.md"), "Better.").unwrap();
    let promptless = dry("main", &["--prompt", "better.md"]);
    assert_eq!(promptless.status.code(), Some(1));
    assert!(stderr(&promptless).contains("main has no prompt of its own"), "{}", stderr(&promptless));
    let edited = json(&dry("main/writer", &["--prompt", "better.md", "--json"]));
    assert_eq!((&edited["changed"][0], &edited["conflict"]), (&"writer (edited)".into(), &serde_json::Value::Null));
    fs::write(project.folder.path().join("pipeline.toml"), "[pipeline]").unwrap();
    let broken = dry("main/writer", &[]);
    assert_eq!(broken.status.code(), Some(0), "{}", stderr(&broken));
    assert!(stdout(&broken).contains("note: the retry uses the stored pipeline"), "{}", stdout(&broken));
}

#[test]
fn undone_effects_outside_a_retry_are_named_before_it_starts() {
    let project = fresh("");
    let finishes = r#"calls = [{ name = "finish", args = { key = "done", value = "good" } }]"#;
    let replies = REPLIES.replace("\"*planner\"", "\"*first\"");
    let oneshot = "pattern = \"oneshot\"\nprompt = \"Plan.\"";
    let looping = "pattern = \"react\"\ntools = [\"tama_files_write\"]\nprompt = \"Plan.\"";
    fs::write(project.folder.path().join("pipeline.toml"), PIPELINE.replace(oneshot, looping)).unwrap();
    let plans = format!(
        "[[reply]]\nagent = \"*planner\"\ncall = 1\ncalls = [{{ name = \"tama_files_write\", args = {{ path = \
         \"plan\", content = \"p\" }} }}]\n[[reply]]\nagent = \"*planner\"\n{finishes}\n"
    );
    fs::write(project.folder.path().join("replies.toml"), format!("{plans}{replies}")).unwrap();
    let run = run_once(&project);
    assert_eq!(project.tama(&["undo", &run, "--span", "main/planner"]).status.code(), Some(0));
    let dry = json(&project.tama(&["retry", &run, "--span", "main/writer", "--dry-run", "--json"]));
    assert_eq!(dry["undone_outside"][0]["key"], "plan", "{dry}");
    let retried = project.tama(&["retry", &run, "--span", "main/writer", "--json"]);
    assert!(stderr(&retried).contains("1 undone change outside the retry stay"), "{}", stderr(&retried));
    assert_eq!(json(&retried)["undone_outside"], dry["undone_outside"]);
    assert_eq!(project.work("plan"), None);
}

#[tokio::test]
async fn a_conflict_can_be_skipped_or_forced() {
    let project = Project::new().await;
    fs::write(project.folder.path().join("work/kept"), "theirs").unwrap();
    let stopped = project.tama(&["undo", &project.run, "--json"]);
    assert_eq!(stopped.status.code(), Some(7));
    let action = json(&stopped)["conflict"]["action"].to_string();
    let unknown = project.tama(&["undo", &project.run, "--skip", "9999"]);
    assert!(stderr(&unknown).contains("failed to skip #9999"), "{}", stderr(&unknown));
    let beyond = project.tama(&["undo", &project.run, "--to", "99999"]);
    assert!(beyond.status.code() == Some(1) && stderr(&beyond).contains("this run ends at"), "{}", stderr(&beyond));
    let skipped = project.tama(&["undo", &project.run, "--skip", &action]);
    assert!(stdout(&skipped).contains("2 of 3 actions undone"), "{}", stdout(&skipped));
    assert_eq!((project.work("out/a"), project.work("kept").as_deref()), (None, Some("theirs")));
    let forced = project.tama(&["undo", &project.run, "--force"]);
    assert!(stdout(&forced).contains("restored 1/1"), "{}", stdout(&forced));
    assert_eq!(project.work("kept").as_deref(), Some("from before"));
}

#[test]
fn a_name_that_is_neither_command_nor_file_gets_the_nearest_command() {
    let project = fresh("");
    let refused = project.tama(&["rnus"]);
    assert_eq!(refused.status.code(), Some(2));
    let told = stderr(&refused);
    assert!(told.contains("rnus is neither a command nor") && told.contains("`tama-tui runs`"), "{told}");
}

#[test]
fn a_run_with_a_spoilt_manifest_is_listed_as_such() {
    let project = fresh("");
    let run = run_once(&project);
    fs::write(project.folder.path().join(".tama/runs").join(&run).join("manifest.json"), "{").unwrap();
    let list = stdout(&project.tama(&["runs"]));
    let row = list.lines().find(|line| line.starts_with(&run)).unwrap();
    assert!(row.contains("unreadable") && !row.contains(".tama"), "{list}");
}

/// A text of the pipeline and its replacement; the replies; the exit code, and parts of the message.
type Case<'a> = (&'a str, &'a str, Option<&'a str>, i32, &'a [&'a str]);

/// Runs a pipeline of these texts headless; returns its exit code and its message.
fn refused(pipeline: &str, replies: Option<&str>) -> (Option<i32>, String) {
    let project = fresh("");
    fs::write(project.folder.path().join("pipeline.toml"), pipeline).unwrap();
    fs::remove_file(project.folder.path().join("replies.toml")).unwrap();
    if let Some(replies) = replies {
        fs::write(project.folder.path().join("replies.toml"), replies).unwrap();
    }
    let ran = project.tama(&["run", "."]);
    assert!(!project.folder.path().join(".tama/runs").exists(), "a run that can't begin leaves nothing behind");
    assert!(ran.stdout.is_empty());
    (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
}

#[test]
fn what_can_not_run_is_told_clearly() {
    let cases: [Case<'_>; 9] = [
        ("name =", "name == ", Some(""), 2, &["pipeline.toml:", "="]),
        ("tools =", "tols =", Some(""), 2, &["tols", "tools", "pipeline.toml:"]),
        ("script:replies.toml", "opnai:gpt", Some(""), 2, &["opnai", "base_url", "openai"]),
        ("script:replies.toml", "anthropic:x", Some(""), 1, &["ANTHROPIC_API_KEY", "not set", "api_key_env"]),
        ("script:replies.toml", "script:replies.toml", None, 2, &["replies.toml", "No such file"]),
        ("script:replies.toml", "script:replies.toml", Some("[[reply]]\nagnt = 1"), 2, &["replies.toml:2", "agnt"]),
        ("workspace = \"work\"", "workspace = \"/\"", Some(""), 2, &["the root of the file system"]),
        ("workspace = \"work\"", "workspace = \"HOME\"", Some(""), 2, &["your home folder"]),
        ("workspace = \"work\"", "workspace = \"no/where\"", Some(""), 2, &["does not exist", "mkdir"]),
    ];
    for (from, to, replies, code, said) in cases {
        let home = std::env::var("HOME").unwrap_or_default();
        assert!(PIPELINE.contains(from), "{from}");
        let (found, told) = refused(&PIPELINE.replace(from, &to.replace("HOME", &home)), replies);
        assert_eq!(found, Some(code), "{to}: {told}");
        assert!(said.iter().all(|part| told.contains(part)), "{to}: {told}");
        assert!(!told.contains("panicked") && !told.contains("RUST_BACKTRACE"), "{told}");
    }
}

#[tokio::test]
async fn a_run_in_use_and_a_newer_run_are_told() {
    let project = Project::new().await;
    let data = DataDir::open_or_create(project.folder.path().join(".tama")).unwrap();
    let folder = data.find(&project.run).unwrap();
    let held = folder.open(Box::new(|_| {}), tama_tui::store::Access::ReadWrite).unwrap();
    let told = stderr(&project.tama(&["undo", &project.run]));
    assert!(told.contains("another process") && told.contains(&std::process::id().to_string()), "{told}");
    assert_eq!(project.work("kept").as_deref(), Some("new"));
    held.log.recorder().close().unwrap();
    drop(held);

    let manifest = folder.path().join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let mut newer: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(newer["format"].is_u64(), "{newer}");
    newer["format"] = 99.into();
    fs::write(&manifest, newer.to_string()).unwrap();
    for command in [["undo", &project.run].as_slice(), &["runs", "show", &project.run]] {
        let told = stderr(&project.tama(command));
        assert!(told.contains("format 99") && told.contains("newer tama-tui"), "{told}");
    }
    assert_eq!(project.work("kept").as_deref(), Some("new"));
}

#[test]
fn two_debuggers_work_side_by_side_on_one_project() {
    let project = fresh("");
    let slow = REPLIES.replace("text = \"a plan", "delay_ms = 60000\ntext = \"a plan");
    fs::write(project.folder.path().join("replies.toml"), slow).unwrap();
    let start = || {
        let mut command = program::command();
        command.args(["run", "."]).current_dir(project.folder.path()).env_remove("TAMA_TUI_DATA_DIR");
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let running = |mut child: std::process::Child| {
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let started = lines.any(|line| {
            said += &line;
            line.contains("main/planner: started")
        });
        assert!(started, "it did not get to run: {said}");
        (child, said)
    };
    let (one, alone) = running(start());
    let (other, beside) = running(start());
    assert!(!alone.contains("is live in this workspace"), "{alone}");
    assert_eq!(beside.matches("another run is live in this workspace: ").count(), 1, "{beside}");
    let listed = json(&project.tama(&["runs", "--json"]));
    for mut child in [one, other] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|run| run["manifest"]["status"] == "running"), "{listed:?}");
}
