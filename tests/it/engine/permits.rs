//! Permits, counted where the effects arrive: never more at once than the limit, and none while a call waits for its
//! server.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tama_tui::effects::llm::{CallPosition, LlmError, LlmProvider, Progress};
use tama_tui::model::{Command, LlmRequest, LlmResponse, RunStatus, SpanId, TraceBody, Update, WaitFor};
use tama_tui::pipeline::load;
use tama_tui::runtime::{self, Headless, Mode};
use tama_tui::store::DataDir;
use tokio::sync::Notify;

use crate::engine::scenario::assert_verifies;
use crate::support::program::set_helper;
use crate::support::wait::PATIENCE;

const HEAD: &str = r#"
[pipeline]
name = "permits"
entrypoint = "lead"
task = "go"
workspace = "work"
[models]
default = "script:replies.toml"
[agents.w]
pattern = "oneshot"
prompt = "work"
[agents.v]
pattern = "oneshot"
prompt = "work"
"#;

/// A model that counts its calls at work.
#[derive(Default)]
struct Busy {
    now: AtomicUsize,
    most: AtomicUsize,
    calls: AtomicUsize,
    /// Notified when `lead/v` was called.
    called: Notify,
}

struct Model(Arc<Busy>);

#[async_trait]
impl LlmProvider for Model {
    async fn call(
        &self,
        _: &LlmRequest,
        position: &CallPosition,
        progress: &Progress,
    ) -> Result<LlmResponse, LlmError> {
        let Self(busy) = self;
        if position.agent == "lead/w" {
            progress.waits("5 s: busy".into());
            busy.called.notified().await;
            progress.goes_on();
            tokio::task::yield_now().await;
        }
        let now = busy.now.fetch_add(1, Ordering::SeqCst) + 1;
        busy.most.fetch_max(now, Ordering::SeqCst);
        busy.calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        busy.now.fetch_sub(1, Ordering::SeqCst);
        if position.agent == "lead/v" {
            busy.called.notify_one();
        }
        Ok(LlmResponse { text: "done".into(), ..LlmResponse::default() })
    }
}

/// Runs a pipeline to its end, and verifies the run; returns its model, and the events of waits by their reason.
async fn run(pipeline: &str, wanted: impl Fn(WaitFor) -> bool) -> (Arc<Busy>, Vec<(SpanId, Option<String>)>) {
    set_helper();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pipeline.toml"), format!("{HEAD}{pipeline}")).unwrap();
    fs::write(folder.path().join("replies.toml"), "").unwrap();
    let data = DataDir::open_or_create(folder.path().join(".tama")).unwrap();
    let busy = Arc::new(Busy::default());
    let model: Arc<dyn LlmProvider> = Arc::new(Model(busy.clone()));
    let models = Box::new(move |_: &_| Ok(model.clone()));
    let mode = Mode::Headless(Headless::default());
    let session = runtime::start_with(load(folder.path()).unwrap(), &data, "go".into(), mode, models).unwrap();
    let (name, mut engine) = (session.run.0.clone(), session.engine);
    let mut waits = Vec::new();
    let follow = async {
        while let Some(update) = engine.feed.next().await {
            match update {
                Update::Closed => return,
                Update::Events(events) => waits.extend(events.iter().filter_map(|event| match &event.body {
                    TraceBody::SpanWaiting { span, on, why } if wanted(*why) => Some((*span, on.clone())),
                    _ => None,
                })),
                _ => {}
            }
        }
    };
    if tokio::time::timeout(PATIENCE, follow).await.is_err() {
        drop(engine.commands.send(Command::Quit));
        panic!("the run did not end");
    }
    assert_eq!(session.log.with(|state| state.status), RunStatus::Ok);
    drop((engine, session.log));
    assert_verifies(&data, &name);
    (busy, waits)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_more_calls_than_the_limit_are_at_work() {
    let many = vec!["\"v\""; 40].join(", ");
    let pipeline = format!(
        "[limits]\nmax_parallel = 3\n[agents.lead]\npattern = \"parallel\"\nworkers = [\"one\", \"two\"]\n\
         [agents.one]\npattern = \"parallel\"\nworkers = [{many}]\n[agents.two]\npattern = \"parallel\"\nworkers = [{many}]\n"
    );
    let (busy, _) = run(&pipeline, |_| false).await;
    assert_eq!((busy.most.load(Ordering::SeqCst), busy.calls.load(Ordering::SeqCst)), (3, 80));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_for_its_server_holds_no_permit() {
    let pipeline = r#"
[limits]
max_parallel = 1
[agents.lead]
pattern = "parallel"
workers = ["w", "v", "v", "v", "v"]
"#;
    let (busy, waits) = run(pipeline, |why| why == WaitFor::RetryAfter).await;
    assert_eq!((busy.most.load(Ordering::SeqCst), busy.calls.load(Ordering::SeqCst)), (1, 5));
    let texts: Vec<Option<&str>> = waits.iter().map(|(_, on)| on.as_deref()).collect();
    assert_eq!(texts, [Some("5 s: busy"), None]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permit_that_is_had_at_once_leaves_no_event() {
    let pipeline = "[agents.lead]\npattern = \"parallel\"\nworkers = [\"v\", \"v\", \"v\", \"v\"]\n";
    let (busy, waits) = run(pipeline, |why| why == WaitFor::Permit).await;
    assert_eq!((busy.calls.load(Ordering::SeqCst), waits), (4, Vec::new()));
}
