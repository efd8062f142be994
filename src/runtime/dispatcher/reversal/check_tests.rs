//! The check of a retry as a table: all that refuses it is found before anything is stopped or undone.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::super::fixture::{Bench, pipeline};
use super::tests::NoModel;
use super::{Check, Holder, Planner, Ready, Refused};
use crate::effects::llm::{LlmError, LlmProvider};
use crate::model::{
    ActionChange, ActionEvent, ActionOp, ActionRecord, EffectClass, Fan, Generation, Key, KeyState, RetryPlan,
    RunState, Seq, SpanId, SpanSpec, SpanStart, TextHash, TraceBody, Try, Undoability, Update,
};
use crate::pipeline::Pipeline;
use crate::runtime::engine::Mode;
use crate::runtime::session::ModelSource;

const HASH: TextHash = TextHash([0; 16]);
/// A tool of one branch, and a tool of the branch beside it.
const TOOL: SpanId = SpanId(3);
const BESIDE: SpanId = SpanId(5);

const TODAY: &str = r#"
[pipeline]
name = "scene"
entrypoint = "main"
workspace = "work"
[models]
default = "script:replies.toml"
[agents.main]
pattern = "oneshot"
prompt = "speak"
"#;

/// A run with two branches, each with a tool.
struct Scene {
    bench: Bench,
    /// The key that the first tool set.
    set: Seq,
    /// The folder of today's pipeline.
    today: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let bench = Bench::new(Mode::Debug { step: false, breakpoints: Vec::new() });
        let log = &bench.dispatcher.log;
        let agent = || SpanSpec::Agent { pattern: "react".into(), input: HASH, prompt: None, prompt_file: None };
        let tool = || SpanSpec::Tool { args: HASH, request: HASH, effect: EffectClass::Reversible };
        for (span, parent, path, fan, spec) in [
            (1, 0, "main", None, agent()),
            (2, 1, "main/a", Some(0), agent()),
            (3, 2, "main/a/tool", None, tool()),
            (4, 1, "main/b", Some(1), agent()),
            (5, 4, "main/b/tool", None, tool()),
        ] {
            log.append(vec![TraceBody::SpanStarted(SpanStart {
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
        let today = tempfile::tempdir().unwrap();
        std::fs::write(today.path().join("pipeline.toml"), TODAY).unwrap();
        std::fs::write(today.path().join("replies.toml"), "[[reply]]\nagent = \"*\"\ntext = \"x\"\n").unwrap();
        let mut scene = Self { bench, set: Seq(0), today };
        scene.set = scene.act(TOOL, SpanId(2));
        scene
    }

    /// Sets the key `k` by a tool.
    fn act(&self, tool: SpanId, agent: SpanId) -> Seq {
        let log = &self.bench.dispatcher.log;
        let action = log.append(vec![TraceBody::Action(ActionRecord {
            span: agent,
            tool_span: tool,
            tool_name: "tool".into(),
            key: Key::memory("k"),
            op: ActionOp::Set,
            old: KeyState::Absent,
            intended: KeyState::Text { text: "x".into() },
            undo: Undoability::Undo,
        })]);
        let change = ActionChange::Applied { after: KeyState::Text { text: "x".into() }, kept: false };
        log.append(vec![TraceBody::ActionEvent(ActionEvent { action, change })]);
        action
    }

    fn planner(&self) -> Planner {
        let state = self.bench.dispatcher.log.with(RunState::clone);
        let names = [(1, "main"), (2, "a"), (4, "b")].map(|(span, name)| (SpanId(span), name.to_owned()));
        Planner { state, names: Arc::new(HashMap::from(names)), edited: Vec::new(), newest: Arc::new(pipeline("x")) }
    }

    fn plan(&self, span: SpanId) -> RetryPlan {
        self.planner().plan(span, true, None).unwrap()
    }

    /// Checks the retry of a plan that was shown.
    fn check(&self, shown: RetryPlan, change: impl FnOnce(&mut Check)) -> Result<Box<Ready>, Refused> {
        let models: ModelSource = Box::new(|_: &Pipeline| Ok(Arc::new(NoModel) as Arc<dyn LlmProvider>));
        let mut check = Check {
            shown,
            with_readers: true,
            planner: self.planner(),
            holder: None,
            source: Some(self.today.path().join("pipeline.toml")),
            models: Arc::new(models),
            log: self.bench.dispatcher.log.clone(),
            services: self.bench.dispatcher.services.clone(),
        };
        change(&mut check);
        check.run()
    }

    /// The refusal of a retry of the first tool, and what is shown beside it.
    fn refused(&self, change: impl FnOnce(&mut Check)) -> (String, Option<Box<Update>>) {
        let Err(Refused { why, update }) = self.check(self.plan(TOOL), change) else { panic!("it is not refused") };
        (why.to_string(), update)
    }
}

fn put(folder: &Path, pipeline: &str) {
    std::fs::write(folder.join("pipeline.toml"), pipeline).unwrap();
}

#[tokio::test]
async fn a_retry_that_nothing_stands_against_is_ready_with_the_plan_of_now() {
    let scene = Scene::new();
    let ready = scene.check(scene.plan(TOOL), |_| ()).ok().unwrap();
    assert_eq!((ready.plan.reruns, ready.plan.undoes), (vec![TOOL], vec![scene.set]));
    assert_eq!(ready.today.unwrap().name, "scene");
}

#[tokio::test]
async fn a_tool_that_has_the_workspace_stands_against_it_unless_it_is_of_the_set() {
    let scene = Scene::new();
    let holder = |span: SpanId| Some(Holder { span: Some(span), name: "s5 tool".into() });
    let (why, _) = scene.refused(|check| check.holder = holder(BESIDE));
    assert!(why.contains("s5 tool is using the workspace"), "{why}");
    assert!(scene.check(scene.plan(TOOL), |check| check.holder = holder(TOOL)).is_ok());
}

#[tokio::test]
async fn an_agent_that_is_gone_from_todays_file_stands_against_it() {
    let scene = Scene::new();
    let gone = TODAY.replace("agents.main", "agents.other").replace("\"main\"", "\"other\"");
    put(scene.today.path(), &gone);
    let Err(refused) = scene.check(scene.plan(SpanId(1)), |_| ()) else { panic!("it is not refused") };
    let why = refused.why.to_string();
    assert_eq!(why, "failed to retry: main is not in the pipeline's file any more; put it back. Nothing was undone");
    // Without its file, or with a faulty one, it runs by the stored pipeline.
    put(scene.today.path(), "[pipeline");
    assert!(scene.check(scene.plan(SpanId(1)), |_| ()).is_ok_and(|ready| ready.today.is_err()));
    assert!(scene.check(scene.plan(SpanId(1)), |check| check.source = None).is_ok());
}

#[tokio::test]
async fn a_plan_that_changed_since_it_was_shown_is_shown_again() {
    let scene = Scene::new();
    let shown = scene.plan(TOOL);
    for older in [
        RetryPlan { undoes: Vec::new(), ..shown.clone() },
        RetryPlan { reruns: vec![SpanId(2), TOOL], ..shown.clone() },
    ] {
        let Err(Refused { why, update }) = scene.check(older, |_| ()) else { panic!("it is not refused") };
        assert!(why.to_string().contains("the run changed while the plan was shown"), "{why}");
        assert!(matches!(update.as_deref(), Some(Update::Plan(plan)) if *plan == shown), "{update:?}");
    }
}

#[tokio::test]
async fn a_later_change_that_stays_stands_against_it() {
    let scene = Scene::new();
    let later = scene.act(BESIDE, SpanId(4));
    let (why, update) = scene.refused(|_| ());
    assert_eq!(
        why,
        format!("failed to retry: {} (k) was changed since. Nothing ran and nothing was undone", scene.set)
    );
    let Some(Update::Undo(report)) = update.as_deref() else { panic!("{update:?}") };
    assert_eq!(report.conflict.as_ref().map(|conflict| conflict.action), Some(scene.set));
    // Together they can be undone.
    let ready = scene.check(scene.plan(SpanId(1)), |_| ()).ok().unwrap();
    assert_eq!(ready.plan.undoes, [later, scene.set]);
}

#[tokio::test]
async fn models_that_can_not_be_used_stand_against_it() {
    let scene = Scene::new();
    let none: ModelSource = Box::new(|_: &Pipeline| Err(LlmError("use the model x: no key".into())));
    let (why, _) = scene.refused(|check| check.models = Arc::new(none));
    assert!(why.contains("no key"), "{why}");
}
