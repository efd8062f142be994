//! A run to test with: a log that lives in memory, a workspace in a temporary folder, spans by hand.

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::act::{Origin, perform};
use crate::model::{
    ActionOp, EffectClass, Fan, Key, KeyState, LlmRequestRecord, ModelName, ModelOptions, RunId, RunState, Seq,
    SpanEnd, SpanId, SpanSpec, SpanStart, SpanStatus, TraceBody, Try, Usage,
};
use crate::store::{RunLog, Volatile, hash_text};
use crate::world::{Change, Value, World};

/// A run with its world.
pub(super) struct Fixture {
    pub log: RunLog,
    pub world: World,
    pub folder: TempDir,
}

impl Fixture {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = World::open(folder.path(), None).unwrap();
        let log = new_log(&world.root().display().to_string());
        Self { log, world, folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path(name)).ok()
    }

    /// Makes one change as the tool span `tool`.
    pub async fn act(&self, tool: u32, change: Change) -> Seq {
        self.act_all(tool, vec![change]).await[0]
    }

    pub async fn act_all(&self, tool: u32, changes: Vec<Change>) -> Vec<Seq> {
        let origin = Origin { span: SpanId(1), tool_span: SpanId(tool), tool_name: "tool".into() };
        perform(&self.log, &self.world, &origin, changes).await.unwrap()
    }

    pub fn memory(&self, name: &str) -> KeyState {
        self.world.read(&Key::memory(name)).unwrap().state()
    }

    /// Memory has to be what the log folds to, always.
    pub fn assert_folds(&self) {
        assert_eq!(self.world.memory(), self.log.with(|state| state.ledger.all_memory()));
    }
}

/// A log of a run that has just started, in memory.
pub(super) fn new_log(workspace: &str) -> RunLog {
    let recorder = Arc::new(Volatile::new(Box::new(|_| {})));
    let log = RunLog::new(recorder, RunState::default(), Seq(0), std::collections::HashSet::new());
    log.append(vec![TraceBody::RunStarted {
        run: RunId("test".into()),
        name: "test".into(),
        entrypoint: "main".into(),
        task: hash_text(""),
        pipeline: hash_text(""),
        workspace: workspace.into(),
        provenance: crate::model::Provenance::default(),
        hash: 1,
    }]);
    log
}

pub(super) fn set(key: &str, text: &str) -> Change {
    Change { key: Key::memory(key), op: ActionOp::Set, new: Value::Text(text.into()) }
}

pub(super) fn append(key: &str, text: &str) -> Change {
    Change { key: Key::memory(key), op: ActionOp::Append, new: Value::Text(text.into()) }
}

pub(super) fn delete(key: &str) -> Change {
    Change { key: Key::memory(key), op: ActionOp::Delete, new: Value::Absent }
}

pub(super) fn write(path: &str, text: &str) -> Change {
    Change { key: Key::file(path), op: ActionOp::Set, new: Value::File { bytes: text.into(), mode: None } }
}

pub(super) fn remove(path: &str) -> Change {
    Change { key: Key::file(path), op: ActionOp::Delete, new: Value::Absent }
}

pub(super) fn folder(path: &str) -> Change {
    let new = Value::Directory { mode: None, entries: Vec::new() };
    Change { key: Key::directory(path), op: ActionOp::Set, new }
}

/// Builds a span tree by hand.
pub(super) struct Tree {
    pub log: RunLog,
}

impl Tree {
    pub fn new() -> Self {
        Self { log: new_log("/nowhere") }
    }

    pub fn agent(&self, parent: SpanId, name: &str) -> SpanId {
        let (input, prompt) = (hash_text(""), None);
        self.start(parent, name, None, SpanSpec::Agent { pattern: "react".into(), input, prompt, prompt_file: None })
    }

    /// An agent of another program.
    pub fn wrapped(&self, parent: SpanId, name: &str) -> SpanId {
        let (input, prompt) = (hash_text(""), None);
        self.start(parent, name, None, SpanSpec::Agent { pattern: "wrapped".into(), input, prompt, prompt_file: None })
    }

    pub fn branch(&self, parent: SpanId, name: &str, group: u32, index: u32) -> SpanId {
        let spec = SpanSpec::Agent { pattern: "react".into(), input: hash_text(""), prompt: None, prompt_file: None };
        self.start(parent, name, Some(Fan { group, index }), spec)
    }

    pub fn llm(&self, parent: SpanId) -> SpanId {
        let record = LlmRequestRecord {
            request: hash_text(""),
            model: ModelName { provider: "script".into(), model: "x".into() },
            options: ModelOptions::default(),
            system: hash_text(""),
            tools: Vec::new(),
            after: None,
            messages: Vec::new(),
        };
        self.start(parent, "llm", None, SpanSpec::Llm(record))
    }

    pub fn tool(&self, parent: SpanId) -> SpanId {
        self.called(parent, "tool")
    }

    /// A call of a tool with that name.
    pub fn called(&self, parent: SpanId, name: &str) -> SpanId {
        let spec = SpanSpec::Tool { args: hash_text(""), request: hash_text(""), effect: EffectClass::Reversible };
        self.start(parent, name, None, spec)
    }

    /// Ends spans, in order; each model call took 7 tokens.
    pub fn end(&self, spans: &[SpanId]) {
        for &span in spans {
            let llm = self.log.with(|state| state.trace.name(span) == "llm");
            self.log.append(vec![TraceBody::SpanEnded(SpanEnd {
                span,
                status: SpanStatus::Ok,
                finish: None,
                output: None,
                so_far: None,
                usage: llm.then_some(Usage { input: 5, output: 2 }),
                cost: None,
                answered: false,
                cause: None,
                waited: None,
            })]);
        }
    }

    /// A model call and a tool call, both ended.
    pub fn turn(&self, agent: SpanId) -> [SpanId; 2] {
        let llm = self.llm(agent);
        self.end(&[llm]);
        let tool = self.tool(agent);
        self.end(&[tool]);
        [llm, tool]
    }

    fn start(&self, parent: SpanId, name: &str, fan: Option<Fan>, spec: SpanSpec) -> SpanId {
        let (span, visit, generation) = self.log.with(|state| {
            let stands = |at: &SpanId| state.trace.get(*at).is_some_and(|found| found.status != SpanStatus::Undone);
            let same = |at: &SpanId| state.trace.name(*at) == name && stands(at);
            (state.trace.len(), state.trace.children(parent).filter(same).count() + 1, state.generation)
        });
        let span = SpanId(u32::try_from(span).unwrap());
        self.log.append(vec![TraceBody::SpanStarted(SpanStart {
            span,
            parent,
            path: name.into(),
            name: name.into(),
            visit: u32::try_from(visit).unwrap(),
            attempt: Try(1),
            generation,
            fan,
            spec,
            step: None,
            attributes: std::collections::BTreeMap::new(),
        })]);
        span
    }
}
