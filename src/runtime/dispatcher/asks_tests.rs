//! Agents that begin again when the pattern code does.

use tokio::sync::oneshot;

use super::Incoming;
use super::fixture::Bench;
use crate::model::Seq;
use crate::runtime::ask::{AgentKey, Ask, Begin, Output, SpanPosition};
use crate::runtime::engine::{Headless, Mode};
use crate::runtime::failure::Failure;

impl Bench {
    fn ask(&mut self, ask: Ask) {
        let epoch = self.dispatcher.calls.epoch();
        self.dispatcher.take(Incoming::Ask { epoch, ask });
    }

    /// Has the agent begin; `None`: it waits.
    fn begin_agent(&mut self, input: &str) -> Option<Begin> {
        let position =
            SpanPosition { path: "main".into(), parent: String::new(), name: "main".into(), visit: 1, fan: None };
        let (reply, mut begin) = oneshot::channel();
        self.ask(Ask::Enter { position, key: AgentKey::agent("main"), input: input.to_owned(), reply });
        begin.try_recv().ok().map(Result::unwrap)
    }

    fn end_agent(&mut self, output: &Output) {
        let (reply, _) = oneshot::channel();
        self.ask(Ask::Exit { path: "main".into(), result: Ok(output.clone()), reply });
    }
}

/// A run whose agent is through.
fn through(output: &Output) -> Bench {
    let mut bench = Bench::new(Mode::Headless(Headless::default()));
    assert!(matches!(bench.begin_agent("go"), Some(Begin::Run { .. })));
    bench.end_agent(output);
    bench
}

fn events(bench: &Bench) -> usize {
    bench.dispatcher.log.recorder().events(Seq(0), usize::MAX).unwrap().len()
}

#[tokio::test]
async fn an_agent_that_is_through_does_not_run_again_live_and_from_the_record() {
    let output = Output { key: "good".into(), value: "four".into(), synthetic: true };
    let mut live = through(&output);
    live.dispatcher.calls.next_epoch();
    let before = events(&live);
    assert_eq!(live.begin_agent("go"), Some(Begin::Done(output.clone())));
    assert_eq!(events(&live), before, "nothing of it is recorded twice");
    let mut past = live.reopened();
    assert_eq!(past.begin_agent("go"), Some(Begin::Done(output)));
}

#[tokio::test]
async fn an_agent_that_is_through_is_asked_for_with_its_own_input_only() {
    let mut bench = through(&Output::new("done", "four")).reopened();
    assert_eq!(bench.begin_agent("go elsewhere"), None, "it is compared first");
}

#[tokio::test]
async fn an_agent_that_failed_runs_again() {
    let mut bench = Bench::new(Mode::Headless(Headless::default()));
    bench.begin_agent("go").unwrap();
    let (reply, _) = oneshot::channel();
    let result = Err(Failure::new("no"));
    bench.ask(Ask::Exit { path: "main".into(), result, reply });
    assert!(matches!(bench.reopened().begin_agent("go"), Some(Begin::Run { .. })));
}
