//! Pattern code that is executed again and does something else than is recorded.

use tokio::sync::oneshot::Receiver;

use super::diverged::REMEDY;
use super::fixture::Bench;
use crate::model::{Gate, Generation, PauseReason, Release, Seq, SpanId, TraceBody};
use crate::runtime::ask::{AgentKey, Ask, Begin, Outcome, Output, Payload, SpanPosition};
use crate::runtime::engine::{Headless, Mode};
use crate::runtime::failure::{Failure, Halt};
use crate::runtime::refusal::Refusal;

type Entered = Receiver<Result<Begin, Failure>>;

/// The test is the pattern code.
impl Bench {
    fn enter(&mut self, input: &str) -> Entered {
        let position =
            SpanPosition { path: "main".into(), parent: String::new(), name: "main".into(), visit: 1, fan: None };
        let (reply, answer) = tokio::sync::oneshot::channel();
        let key = AgentKey::agent("main");
        self.dispatcher.ask(Ask::Enter { position, key, input: input.to_owned(), reply });
        answer
    }

    fn exit(&mut self, result: Result<Output, Failure>) -> Receiver<Outcome> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.dispatcher.ask(Ask::Exit { path: "main".into(), result, reply });
        answer
    }

    /// The execution of one agent, from its start to its end.
    async fn execute(&mut self, input: &str, result: Result<Output, Failure>) -> Outcome {
        let entered = self.enter(input);
        self.answer(entered).await?;
        let ended = self.exit(result);
        self.answer(ended).await
    }

    /// Waits for an answer; the texts of a divergence are read beside the loop.
    async fn answer<T>(&mut self, mut answer: Receiver<T>) -> T {
        loop {
            if let Ok(found) = answer.try_recv() {
                return found;
            }
            self.take_next().await;
        }
    }

    /// Takes what is read beside the loop.
    async fn take_next(&mut self) {
        let message = self.engine.receive().await;
        self.dispatcher.take(message);
    }

    fn pause(&self) -> Option<(Gate, PauseReason)> {
        self.dispatcher
            .log
            .with(|state| state.trace.pause(SpanId(1)).map(|(gate, reason)| (gate.to_owned(), reason.to_owned())))
    }

    fn release(&mut self, how: &Release) -> Result<(), Refusal> {
        self.dispatcher.release(SpanId(1), how)
    }
}

fn headless() -> Bench {
    Bench::new(Mode::Headless(Headless::default()))
}

#[expect(clippy::unnecessary_wraps, reason = "it stands for the end of an agent")]
fn done(value: &str) -> Result<Output, Failure> {
    Ok(Output::new("done", value))
}

/// The two sides of a divergence, without the remedy.
fn sides(halt: Failure) -> (String, String) {
    let Failure::Halt(Halt::Diverged(divergence)) = halt else { panic!("no divergence: {halt:?}") };
    assert_eq!(divergence.path, "main");
    let asked = divergence.asked.strip_suffix(&format!(". {REMEDY}")).unwrap();
    (divergence.recorded.clone(), asked.to_owned())
}

#[tokio::test]
async fn the_same_input_and_end_go_on() {
    let mut bench = headless();
    for _ in 0..2 {
        assert_eq!(bench.execute("go", done("well")).await, Ok(Payload::Agent(Output::new("done", "well"))));
    }
    assert_eq!(bench.dispatcher.log.with(|state| state.trace.len()), 2, "one span: the agent's");
    let mut bench = bench.reopened();
    assert_eq!(bench.execute("go", done("well")).await, Ok(Payload::Agent(Output::new("done", "well"))));
}

#[tokio::test]
async fn another_input_than_the_recorded_one_halts() {
    let mut bench = headless();
    bench.execute("go", done("well")).await.unwrap();
    let expected = ("the input \"go\"".to_owned(), "the input \"stay\"".to_owned());
    assert_eq!(sides(bench.execute("stay", done("well")).await.unwrap_err()), expected);
    let mut bench = bench.reopened();
    assert_eq!(sides(bench.execute("stay", done("well")).await.unwrap_err()), expected);
}

#[tokio::test]
async fn another_end_than_the_recorded_one_halts() {
    let mut bench = headless();
    bench.execute("go", done("well")).await.unwrap();
    let recorded = "the end \"done\": \"well\"";
    let others = [
        (done("badly"), "the end \"done\": \"badly\""),
        (Ok(Output::new("other", "well")), "the end \"other\": \"well\""),
        (Err(Failure::new("well")), "the end failed: \"well\""),
    ];
    for (result, asked) in others.clone() {
        assert_eq!(sides(bench.execute("go", result).await.unwrap_err()), (recorded.to_owned(), asked.to_owned()));
    }
    let mut bench = bench.reopened();
    for (result, asked) in others {
        assert_eq!(sides(bench.execute("go", result).await.unwrap_err()), (recorded.to_owned(), asked.to_owned()));
    }
}

#[tokio::test]
async fn a_halt_is_no_end_to_compare() {
    let mut bench = headless();
    bench.execute("go", done("well")).await.unwrap();
    let halt = Failure::from(Halt::Limit("no more".into()));
    assert_eq!(bench.execute("go", Err(halt.clone())).await, Err(halt));
}

#[tokio::test]
async fn a_divergence_stops_at_an_error_and_no_answer_replaces_it() {
    for at_start in [true, false] {
        let mut bench = Bench::new(Mode::Debug { step: false, breakpoints: Vec::new() });
        bench.execute("go", done("well")).await.unwrap();
        let (mut start, mut end) = (bench.enter(if at_start { "stay" } else { "go" }), None);
        if !at_start {
            assert!(start.try_recv().unwrap().is_ok());
            end = Some(bench.exit(done("badly")));
        }
        bench.take_next().await;
        let (gate, reason) = bench.pause().unwrap();
        assert_eq!(gate, Gate::Error);
        let PauseReason::Error { error } = reason else { panic!("{reason:?}") };
        assert!(error.starts_with("divergence at main: recorded is the "), "{error}");

        let refused = bench.release(&Release::Answer { text: "mine".into() });
        assert_eq!(refused.unwrap_err().to_string(), "a divergence can't be answered; retry the agent");
        assert!(bench.pause().is_some());

        bench.release(&Release::Continue { notify_model: false }).unwrap();
        let ended = match end {
            Some(mut end) => end.try_recv().unwrap().map(drop),
            None => start.try_recv().unwrap().map(drop),
        };
        assert!(matches!(ended, Err(Failure::Halt(Halt::Diverged(_)))), "{ended:?}");
        assert_eq!(bench.pause(), None);
    }
}

#[tokio::test]
async fn code_that_is_executed_again_waits_at_the_same_divergence() {
    let mut bench = Bench::new(Mode::Debug { step: false, breakpoints: Vec::new() });
    bench.execute("go", done("well")).await.unwrap();
    let notes = |bench: &Bench| {
        let events = bench.dispatcher.log.recorder().events(Seq(0), usize::MAX).unwrap();
        events.iter().filter(|event| matches!(event.body, TraceBody::Note { error: true, .. })).count()
    };
    // The first asker was dropped.
    drop(bench.enter("stay"));
    let mut second = bench.enter("stay");
    bench.take_next().await;
    assert_eq!(notes(&bench), 1);
    bench.release(&Release::Continue { notify_model: false }).unwrap();
    assert!(second.try_recv().unwrap().is_err());
}

#[tokio::test]
async fn an_agent_that_a_retry_reopens_keeps_its_input_and_gets_a_new_end() {
    let mut bench = headless();
    bench.execute("go", done("well")).await.unwrap();
    bench.dispatcher.calls.invalidate(&[], &["main".to_owned()]);
    bench.dispatcher.log.append(vec![TraceBody::Invalidated {
        generation: Generation(2),
        cause: SpanId(1),
        spans: Vec::new(),
        paths: Vec::new(),
        reopened: vec![SpanId(1)],
        stale: Vec::new(),
    }]);
    let entered = bench.enter("stay");
    assert!(bench.answer(entered).await.is_err());
    assert_eq!(bench.execute("go", done("better")).await, Ok(Payload::Agent(Output::new("done", "better"))));
    assert!(bench.execute("go", done("well")).await.is_err());
}
