//! The store as a whole: what goes in comes out, and what was changed behind its back is told.

mod concurrency;
mod damage;
mod folders;
mod formats;
mod round_trip;
mod snapshot;
mod views;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use duckdb::Connection;
use futures::executor::block_on;

use super::{Access, DataDir, NewRun, Opened, Publish, RunFolder, RunLog};
use crate::model::{
    ActionOp, ActionRecord, EffectClass, Finish, Generation, Key, KeyState, LlmRequestRecord, LlmResponse, ModelName,
    ModelOptions, RunId, RunStatus, SpanEnd, SpanId, SpanSpec, SpanStart, SpanStatus, TraceBody, TraceEvent, Try,
    Undoability, Usage,
};

/// A data folder in a folder that goes away, with one run.
struct Project {
    _home: tempfile::TempDir,
    data: DataDir,
    folder: RunFolder,
}

fn new_run() -> NewRun {
    NewRun {
        name: "notes".into(),
        task: "Write".into(),
        entrypoint: "editor".into(),
        workspace: "/w".into(),
        pipeline_file: Some("/w/pipeline.toml".into()),
        provenance: crate::model::Provenance::default(),
    }
}

fn project_with(publish: Publish) -> (Project, RunLog) {
    let home = tempfile::tempdir().unwrap();
    let data = DataDir::open_or_create(home.path().join(".tama")).unwrap();
    let (log, folder) = data.create_run(new_run(), publish).unwrap();
    (Project { _home: home, data, folder }, log)
}

fn project() -> (Project, RunLog) {
    project_with(quiet())
}

fn quiet() -> Publish {
    Box::new(|_| {})
}

/// Collects what is published.
fn collector() -> (Arc<Mutex<Vec<TraceEvent>>>, Publish) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    (seen, Box::new(move |events| into.lock().unwrap().extend(events)))
}

fn reopen(folder: &RunFolder) -> Opened {
    if folder.foreign().is_some() {
        adopt(folder);
    }
    folder.open(quiet(), Access::ReadWrite).unwrap()
}

/// Makes a run that was changed or copied one that was made here, as its user can.
fn adopt(folder: &RunFolder) {
    let opened = folder.open_confirmed(quiet(), std::path::Path::new("/w"), None).unwrap();
    opened.log.recorder().close().unwrap();
}

/// Waits until the database of a run that is open has every row.
fn moved(folder: &RunFolder) {
    let until = Instant::now() + Duration::from_secs(30);
    while std::fs::read(folder.log_path()).unwrap_or_default().iter().any(|byte| *byte != 0) {
        assert!(Instant::now() < until, "nothing is moved");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Changes a closed run's database behind the store's back.
fn tamper(folder: &RunFolder, sql: &str) {
    let connection = Connection::open(folder.database()).unwrap();
    connection.execute_batch(sql).unwrap();
}

fn write_now(log: &RunLog, bodies: Vec<TraceBody>) {
    block_on(log.append_durable(bodies).durable()).unwrap();
}

fn note(text: &str) -> TraceBody {
    TraceBody::Note { span: None, error: false, text: text.into() }
}

fn run_started(log: &RunLog) -> TraceBody {
    TraceBody::RunStarted {
        run: RunId("0abcdef123".into()),
        name: "notes".into(),
        entrypoint: "editor".into(),
        task: log.text("Write"),
        pipeline: log.text("{}"),
        workspace: "/w".into(),
        provenance: crate::model::Provenance::default(),
        hash: 1,
    }
}

fn start(span: u32, parent: u32, path: &str, attempt: u32, spec: SpanSpec) -> TraceBody {
    let last = path.rsplit('/').next().unwrap();
    let (name, visit) = last.split_once('#').unwrap_or((last, "1"));
    TraceBody::SpanStarted(SpanStart {
        span: SpanId(span),
        parent: SpanId(parent),
        path: path.into(),
        name: name.into(),
        visit: visit.parse().unwrap(),
        attempt: Try(attempt),
        generation: Generation(attempt),
        fan: None,
        spec,
        step: None,
        attributes: std::collections::BTreeMap::new(),
    })
}

fn agent(log: &RunLog) -> SpanSpec {
    let prompt_file = Some("prompts/editor.md".into());
    SpanSpec::Agent { pattern: "react".into(), input: log.text("in"), prompt: Some(log.text("Be good")), prompt_file }
}

fn call(log: &RunLog) -> SpanSpec {
    SpanSpec::Llm(LlmRequestRecord {
        request: log.text("request"),
        model: ModelName { provider: "openai".into(), model: "gpt-5-mini".into() },
        options: ModelOptions { temperature: Some(0.7), max_tokens: Some(100), accept_cut: false },
        system: log.text("Be good"),
        tools: vec!["finish".into()],
        after: None,
        messages: vec![],
    })
}

fn tool(log: &RunLog) -> SpanSpec {
    SpanSpec::Tool { args: log.text(r#"{"key":"k"}"#), request: log.text("request"), effect: EffectClass::Reversible }
}

fn end(span: u32, output: crate::model::TextHash, usage: Option<Usage>) -> TraceBody {
    TraceBody::SpanEnded(SpanEnd {
        span: SpanId(span),
        status: SpanStatus::Ok,
        finish: Some(Finish { key: "done".into(), synthetic: false }),
        output: Some(output),
        so_far: None,
        usage,
        cost: Some(31),
        answered: false,
        cause: None,
        waited: Some(Vec::new()),
    })
}

fn response(log: &RunLog, text: &str) -> crate::model::TextHash {
    let response = LlmResponse { text: text.into(), ..LlmResponse::default() };
    log.text(&serde_json::to_string(&response).unwrap())
}

fn memory_set(key: &str, old: KeyState, new: &str) -> ActionRecord {
    ActionRecord {
        span: SpanId(1),
        tool_span: SpanId(3),
        tool_name: "tama_mem_set".into(),
        key: Key::memory(key),
        op: ActionOp::Set,
        old,
        intended: KeyState::Text { text: new.into() },
        undo: Undoability::Undo,
    }
}

fn done(log: &RunLog) -> TraceBody {
    TraceBody::RunStatus { status: RunStatus::Ok, text: Some(log.text("all done")) }
}
