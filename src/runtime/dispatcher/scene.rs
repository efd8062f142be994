//! A scene for the tests of a retry: a run with two branches, each with a tool; the first tool has set a key.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::fixture::{Bench, pipeline};
use super::reversal::Planner;
use crate::model::{
    ActionChange, ActionEvent, ActionOp, ActionRecord, EffectClass, Fan, Generation, Key, KeyState, RetryPlan,
    RunState, Seq, SpanId, SpanSpec, SpanStart, TextHash, TraceBody, Try, Undoability,
};
use crate::runtime::engine::Mode;
use crate::store::RunLog;

const HASH: TextHash = TextHash([0; 16]);
/// The tool of one branch, at `main/a/tool`.
pub(super) const TOOL: SpanId = SpanId(3);
/// The tool of the branch beside it, at `main/b/tool`.
pub(super) const BESIDE: SpanId = SpanId(5);

pub(super) struct Scene {
    pub bench: Bench,
    /// The action of the first tool.
    pub set: Seq,
}

impl Scene {
    pub fn new() -> Self {
        let bench = Bench::new(Mode::Debug { step: false, breakpoints: Vec::new() });
        let agent = || SpanSpec::Agent { pattern: "react".into(), input: HASH, prompt: None, prompt_file: None };
        let tool = || SpanSpec::Tool { args: HASH, request: HASH, effect: EffectClass::Reversible };
        for (span, parent, path, fan, spec) in [
            (1, 0, "main", None, agent()),
            (2, 1, "main/a", Some(0), agent()),
            (3, 2, "main/a/tool", None, tool()),
            (4, 1, "main/b", Some(1), agent()),
            (5, 4, "main/b/tool", None, tool()),
        ] {
            bench.dispatcher.log.append(vec![TraceBody::SpanStarted(SpanStart {
                span: SpanId(span),
                parent: SpanId(parent),
                path: path.into(),
                name: path.rsplit('/').next().unwrap().into(),
                visit: 1,
                attempt: Try(1),
                generation: Generation(1),
                fan: fan.map(|index| Fan { group: 0, index }),
                spec,
                step: None,
                attributes: BTreeMap::new(),
            })]);
        }
        let mut scene = Self { bench, set: Seq(0) };
        scene.set = scene.act(TOOL);
        scene
    }

    pub fn log(&self) -> &RunLog {
        &self.bench.dispatcher.log
    }

    /// Has a tool set the key `k`.
    pub fn act(&self, tool: SpanId) -> Seq {
        let action = self.log().append(vec![TraceBody::Action(ActionRecord {
            span: SpanId(tool.0 - 1),
            tool_span: tool,
            tool_name: "tool".into(),
            key: Key::memory("k"),
            op: ActionOp::Set,
            old: KeyState::Absent,
            intended: KeyState::Text { text: "x".into() },
            undo: Undoability::Undo,
        })]);
        let change = ActionChange::Applied { after: KeyState::Text { text: "x".into() }, kept: false };
        self.log().append(vec![TraceBody::ActionEvent(ActionEvent { action, change })]);
        action
    }

    /// Has a tool read what the first one set.
    pub fn read(&self, tool: SpanId) {
        let key = Key::memory("k");
        self.log().append(vec![TraceBody::Read { span: tool, key, action: Some(self.set) }]);
    }

    pub fn planner(&self) -> Planner {
        let names = [(1, "main"), (2, "a"), (4, "b")].map(|(span, name)| (SpanId(span), name.to_owned()));
        Planner {
            state: self.log().with(RunState::clone),
            names: Arc::new(HashMap::from(names)),
            edited: Vec::new(),
            newest: Arc::new(pipeline("x")),
            resumes: None,
        }
    }

    pub fn plan(&self, span: SpanId) -> RetryPlan {
        self.planner().plan(span, true, None).unwrap()
    }
}
