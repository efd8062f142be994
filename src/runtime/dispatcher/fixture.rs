//! Fixtures for the tests of the parts.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;

use super::Dispatcher;
use super::command::Commands;
use crate::effects::confine::Shell;
use crate::effects::llm::{CallPosition, LlmError, LlmProvider, Progress};
use crate::model::{
    Conversation, Generation, LlmRequest, LlmResponse, ModelName, ModelOptions, RunId, RunState, Seq, TraceBody,
    TraceEvent,
};
use crate::pipeline::{Agent, Pattern, Pipeline, Prompt, load};
use crate::rollback::capture::Rules;
use crate::runtime::engine::{Engine, Headless, Mode, Pending, Setup};
use crate::runtime::feed::{PastEvents, Receiver as Updates, Sink, channel};
use crate::runtime::past::Past;
use crate::store::{RunLog, Volatile};
use crate::world::World;

/// A pipeline of one agent.
pub(super) const PIPELINE: &str = r#"
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

/// No model at all.
pub(super) struct NoModel;

#[async_trait]
impl LlmProvider for NoModel {
    async fn call(&self, _: &LlmRequest, _: &CallPosition, _: &Progress) -> Result<LlmResponse, LlmError> {
        Err(LlmError::new("no model".into()))
    }
}

/// A request with nothing but a system prompt.
pub(super) fn request(system: &str) -> LlmRequest {
    let model = ModelName { provider: "script".into(), model: "replies.toml".into() };
    LlmRequest {
        model,
        options: ModelOptions::default(),
        tools: Vec::new(),
        system: system.into(),
        messages: Conversation::default(),
    }
}

/// A pipeline of one agent, `main`, whose prompt is in `main.md`.
pub(super) fn pipeline(prompt: &str) -> Pipeline {
    let agent = Agent {
        name: "main".into(),
        description: String::new(),
        pattern: Pattern::Oneshot,
        model: None,
        tools: Vec::new(),
        skills: Vec::new(),
        max_iter: 1,
        prompt: Some(Prompt { text: prompt.into(), file: Some("main.md".into()) }),
        steps: [].into_iter().collect(),
    };
    Pipeline { agents: [("main".to_owned(), agent)].into_iter().collect(), ..Pipeline::default() }
}

/// A dispatcher whose pattern code is the test.
pub(super) struct Bench {
    pub dispatcher: Dispatcher,
    pub engine: Pending,
    _folder: tempfile::TempDir,
}

impl Bench {
    pub fn new(mode: Mode) -> Self {
        let (sink, updates) = channel();
        let recorder = Arc::new(Volatile::new(sink.publish()));
        let log = RunLog::new(recorder, RunState::default(), Seq(0), HashSet::new());
        Self::over(log, (sink, updates), mode, |log, pipeline| {
            log.append(vec![TraceBody::RunStarted {
                run: RunId("test".into()),
                name: "scene".into(),
                entrypoint: "main".into(),
                task: log.text("go"),
                pipeline: log.text(&serde_json::to_string(&pipeline).unwrap()),
                workspace: "work".into(),
                provenance: crate::model::Provenance::default(),
                hash: 1,
            }]);
            Past { versions: vec![(Generation(1), Arc::new(pipeline))], ..Past::default() }
        })
    }

    #[expect(clippy::needless_pass_by_value, reason = "a bench has its log")]
    fn over(log: RunLog, channel: (Sink, Updates), mode: Mode, past: impl FnOnce(&RunLog, Pipeline) -> Past) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pipeline.toml"), PIPELINE).unwrap();
        std::fs::write(folder.path().join("replies.toml"), "[[reply]]\nagent = \"main\"\ntext = \"hello\"\n").unwrap();
        let loaded = load(&folder.path().join("pipeline.toml")).unwrap();
        let commands = Commands {
            shell: Shell::unconfined(&loaded.workspace),
            rules: Rules::excluding([]).unwrap(),
            folders: None,
            review: None,
            snapshots: tokio::sync::Mutex::default(),
        };
        let setup = Setup {
            world: World::open(&loaded.workspace, None).unwrap(),
            log: log.clone(),
            channel,
            models: Box::new(|_| Err(LlmError::new("no model".into()))),
            commands,
            mode,
            source: None,
            on_status: Box::new(|_| ()),
            look_only: None,
            agent: None,
        };
        let past = past(&log, loaded.pipeline);
        let (dispatcher, engine) = Engine::build(setup, past, PastEvents::default(), None);
        Self { dispatcher, engine, _folder: folder }
    }

    /// Opens the run again from its stored events.
    pub fn reopened(self) -> Self {
        let log = self.dispatcher.log.clone();
        let events: Vec<TraceEvent> = log.recorder().events(Seq(0), usize::MAX).unwrap();
        Self::over(log, channel(), Mode::Headless(Headless::default()), |log, _| Past::rebuild(&events, log).unwrap())
    }
}
