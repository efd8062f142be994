//! The command line over a stored run: what it prints, what it does, and its exit codes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tama_tui::model::{
    ActionOp, EffectClass, Generation, Key, RunId, RunStatus, Seq, SpanEnd, SpanId, SpanSpec, SpanStart, SpanStatus,
    TraceBody, Try,
};
use tama_tui::rollback::{Doer, external_done, perform, record_external};
use tama_tui::store::{DataDir, NewRun, RunLog};
use tama_tui::world::{Change, Value, World};
use tempfile::TempDir;

/// A project with one stored run: it made `out/`, wrote `out/a` over nothing and `kept` over what was there, set a
/// memory key, and ran a command.
struct Project {
    folder: TempDir,
    run: String,
}

impl Project {
    async fn new() -> Self {
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
        };
        let (log, run) = data.create_run(new, Box::new(|_| {})).unwrap();
        let world = World::open(&work, Some(data.path())).unwrap();
        record(&log, run.id(), &work, &world).await;
        run.update_manifest(|manifest| log.with(|state| manifest.follow(state))).unwrap();
        log.recorder().close().unwrap();
        Self { run: run.id().to_string(), folder }
    }

    fn tama(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tama-tui"))
            .args(args)
            .current_dir(self.folder.path())
            .env_remove("TAMA_TUI_DATA_DIR")
            .output()
            .unwrap()
    }

    fn work(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.path().join("work").join(name)).ok()
    }
}

async fn record(log: &RunLog, run: &RunId, work: &Path, world: &World) {
    let text = |text: &str| log.text(text);
    log.append(vec![TraceBody::RunStarted {
        run: run.clone(),
        name: "demo".into(),
        entrypoint: "main".into(),
        task: text("task"),
        pipeline: text("{}"),
        workspace: work.display().to_string(),
    }]);
    let agent = SpanSpec::Agent { pattern: "react".into(), input: text("task"), prompt: None, prompt_file: None };
    start(log, 1, 0, "main", agent);
    let tool = || SpanSpec::Tool { args: text("{}"), request: text("{}"), effect: EffectClass::Reversible };
    start(log, 2, 1, "tama_files_write", tool());
    let doer = |tool: u32| Doer { span: SpanId(1), tool_span: SpanId(tool), tool_name: "tama_files_write".into() };
    let file = |path: &str| Change {
        key: Key::file(path),
        op: ActionOp::Set,
        new: Value::File { bytes: b"new".to_vec(), mode: None },
    };
    let folder = Value::Directory { mode: None, entries: Vec::new() };
    let folder = Change { key: Key::directory("out"), op: ActionOp::Set, new: folder };
    perform(log, world, &doer(2), vec![folder, file("out/a"), file("kept")]).await.unwrap();
    start(log, 3, 1, "tama_bash", tool());
    let shell = record_external(log, &doer(3), "make").await.unwrap();
    external_done(log, shell, Ok(()));
    for span in [2, 3, 1] {
        log.append(vec![TraceBody::SpanEnded(SpanEnd {
            span: SpanId(span),
            status: SpanStatus::Ok,
            finish: None,
            output: None,
            usage: None,
            cost: None,
            answered: false,
        })]);
    }
    log.append(vec![TraceBody::RunStatus { status: RunStatus::Ok, text: None }]);
}

fn start(log: &RunLog, span: u32, parent: u32, name: &str, spec: SpanSpec) -> Seq {
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
    })])
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn runs_are_listed_and_shown() {
    let project = Project::new().await;
    let list = out(&project.tama(&["runs"]));
    assert!(list.contains(&project.run) && list.contains("demo") && !list.contains('\x1b'), "{list}");
    let listed: serde_json::Value = serde_json::from_slice(&project.tama(&["runs", "--json"]).stdout).unwrap();
    assert_eq!(listed[0]["manifest"]["status"], "ok");
    let shown = out(&project.tama(&["runs", "show", &project.run[4..]]));
    assert!(shown.contains("  tama_files_write") && shown.contains("permanent: not captured yet"), "{shown}");
    let shown: serde_json::Value =
        serde_json::from_slice(&project.tama(&["runs", "show", &project.run, "--json"]).stdout).unwrap();
    assert_eq!(shown["actions"].as_array().unwrap().len(), 4);
    assert_eq!(shown["spans"][2]["path"], "main/tama_files_write");
}

#[tokio::test]
async fn undo_restores_and_says_how_much() {
    let project = Project::new().await;
    let dry = project.tama(&["undo", &project.run, "--dry-run"]);
    assert!(out(&dry).contains("3 of 4 would be undone"), "{}", out(&dry));
    assert_eq!(project.work("kept").as_deref(), Some("new"));
    let undone = project.tama(&["undo", &project.run]);
    let said = out(&undone);
    assert_eq!(undone.status.code(), Some(6), "{said}");
    assert!(said.contains("restored 3/3") && said.contains("not captured yet"), "{said}");
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
}

#[test]
fn check_tells_every_fault_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.toml");
    fs::write(&file, "[pipeline]\nname = \"x\"\nentrypoint = \"editr\"\nworkspce = \"work\"\n").unwrap();
    let checked = Command::new(env!("CARGO_BIN_EXE_tama-tui")).arg("check").arg(&file).output().unwrap();
    let said = String::from_utf8(checked.stderr).unwrap();
    assert_eq!(checked.status.code(), Some(2), "{said}");
    assert!(said.contains("workspce") && said.contains("pipeline.toml:"), "{said}");
}
