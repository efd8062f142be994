//! The calls as tables: (state, event) → actions.

use tokio::sync::oneshot::Receiver;
use tokio_util::sync::CancellationToken;

use super::super::turn::Turn;
use super::*;
use crate::model::{LlmResponse, SpanKind, SpanStatus};
use crate::runtime::ask::Payload;
use crate::runtime::failure::Halt;
use crate::runtime::journal::NO_REQUEST;

const LLM: SpanId = SpanId(2);
const TOOL: SpanId = SpanId(3);

fn position(path: &str) -> SpanPosition {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    SpanPosition { path: path.into(), parent: parent.into(), name: name.into(), visit: 1, fan: None }
}

fn calls() -> Calls {
    Calls::new(Journal::default(), (HashMap::from([("lead".to_owned(), SpanId(1))]), HashMap::new()))
}

/// Adds a tool call that is pending.
fn add(calls: &mut Calls, path: &str, span: SpanId) -> Receiver<Outcome> {
    let (reply, answer) = oneshot::channel();
    let call = ToolCall { name: "tool".into(), args: Json::Null };
    let work = Work::Tool { call, refusal: None };
    assert_eq!(work.kind(), SpanKind::Tool);
    calls.insert(PendingCall::of(work, (span, SpanId(1)), position(path), Caller::Outcome(reply), NO_REQUEST));
    answer
}

/// Starts a task that never ends by itself; a tool can be asked to stop.
fn start(calls: &mut Calls, path: &str, is_tool: bool) -> CancellationToken {
    let stop = CancellationToken::new();
    let handle = tokio::spawn(std::future::pending());
    let stop_it = is_tool.then(|| stop.clone());
    calls.start(path, Job { handle, stop: stop_it, turn: Turn::default(), permit: None, so_far: None });
    stop
}

#[expect(clippy::unnecessary_wraps, reason = "it stands for an outcome")]
fn result(text: &str) -> Outcome {
    Ok(Payload::Tool(text.into()))
}

#[test]
fn a_path_that_runs_again_gets_the_next_try_under_the_agent_at_its_parent() {
    let mut calls = calls();
    let mut tries = Vec::new();
    for span in [SpanId(4), SpanId(5)] {
        let spec = SpanSpec::Human { question: NO_REQUEST, request: NO_REQUEST, channel: String::new() };
        let next = NextSpan { span, generation: Generation(span.0) };
        let DriverAction::Append(events) = calls.start_span(&position("lead/x"), next, spec, None) else { panic!() };
        let [TraceBody::SpanStarted(start)] = &events[..] else { panic!("{events:?}") };
        tries.push((start.span.0, start.parent.0, start.attempt.0, start.generation.0));
        assert_eq!(calls.span_at("lead/x"), Some(span));
    }
    assert_eq!(tries, [(4, 1, 1, 4), (5, 1, 2, 5)]);
}

#[test]
fn every_caller_gets_the_recorded_outcome_once() {
    let mut calls = calls();
    let mut first = add(&mut calls, "lead/x", TOOL);
    let (reply, mut second) = oneshot::channel();
    assert!(calls.join("lead/x", Caller::Outcome(reply)).is_none(), "it waits with the first");
    calls.reply("lead/x");
    assert!(first.try_recv().is_err(), "there is no outcome yet, and the call is gone");

    let mut first = add(&mut calls, "lead/x", TOOL);
    let (reply, third) = oneshot::channel();
    drop(third);
    assert!(calls.join("lead/x", Caller::Outcome(reply)).is_none());
    calls.record_outcome("lead/x", result("done"));
    calls.reply("lead/x");
    assert_eq!(first.try_recv().unwrap(), result("done"));
    assert!(second.try_recv().is_err());
    let (reply, _answer) = oneshot::channel();
    assert!(calls.join("lead/x", Caller::Outcome(reply)).is_some(), "nothing is pending there any more");
    assert!(matches!(calls.lookup("lead/x", NO_REQUEST), Lookup::Hit(outcome) if *outcome == result("done")));
}

#[test]
fn a_failure_is_shown_once_recorded_and_a_divergence_is_not_journaled() {
    let mut calls = calls();
    let mut answer = add(&mut calls, "lead/x", TOOL);
    calls.record_outcome("lead/x", Err(Failure::new("HTTP 529")));
    calls.reply("lead/x");
    assert!(answer.try_recv().unwrap().unwrap_err().is_shown());

    let (reply, _answer) = oneshot::channel();
    let caller = Caller::Outcome(reply);
    calls.insert(PendingCall::new((TOOL, TOOL), position("lead/y"), NO_REQUEST, Stage::Comparing, caller));
    assert!(!calls.get("lead/y").unwrap().is_paused(), "its texts are being read");
    calls.record_outcome("lead/y", Err(Halt::Stopped.into()));
    assert!(matches!(calls.lookup("lead/y", NO_REQUEST), Lookup::Miss));
}

#[tokio::test]
async fn asked_to_stop_a_model_call_ends_at_once_and_a_tool_by_itself() {
    let mut calls = calls();
    let _answers =
        [add(&mut calls, "lead/llm", LLM), add(&mut calls, "lead/tool", TOOL), add(&mut calls, "lead/y", TOOL)];
    start(&mut calls, "lead/llm", false);
    let stop = start(&mut calls, "lead/tool", true);
    // A call that is stopped at a gate has nothing to stop.
    let halted = calls.ask_to_stop(&["lead/llm", "lead/tool", "lead/y", "gone"].map(str::to_owned));
    assert_eq!(halted.paths, ["lead/llm", "lead/tool"]);
    assert_eq!(halted.waiting, BTreeSet::from(["lead/tool".to_owned()]));
    assert!(stop.is_cancelled());
    assert!(!calls.get("lead/llm").unwrap().has_task());
    assert!(calls.get("lead/tool").unwrap().has_task());
    // Its end counts for the span that it was started for.
    assert!(!calls.end_task("lead/tool", SpanId(99)));
    assert!(calls.end_task("lead/tool", TOOL));
    assert!(!calls.get("lead/tool").unwrap().has_task());
}

#[test]
fn a_continue_reaches_the_span_itself_before_those_below() {
    let mut calls = calls();
    let _answers =
        [add(&mut calls, "lead/x", TOOL), add(&mut calls, "lead/x/y", LLM), add(&mut calls, "leader/z", LLM)];
    assert_eq!(calls.paused_within(TOOL, "lead/x"), ["lead/x"]);
    assert_eq!(calls.paused_within(SpanId(1), "lead"), ["lead/x", "lead/x/y"]);
    assert_eq!(calls.paused_within(SpanId::RUN, "").len(), 3);
}

#[test]
fn a_retry_forgets_how_the_agents_that_it_reopens_ended() {
    let mut calls = calls();
    let spec =
        || SpanSpec::Agent { pattern: "react".into(), input: TextHash([0; 16]), prompt: None, prompt_file: None };
    for (span, path) in [(SpanId(4), "lead/a"), (SpanId(5), "lead/b")] {
        calls.start_span(&position(path), NextSpan { span, generation: Generation(1) }, spec(), None);
        calls.end_agent(path, &SpanEnd::new(span, SpanStatus::Ok));
    }
    let another = Err(Failure::new("another end"));
    calls.invalidate(&[], &["lead/a".to_owned()]);
    assert!(calls.other_end("lead/a", &another).is_none(), "it ends anew");
    assert!(calls.other_end("lead/b", &another).is_some());
}

#[test]
fn an_agent_that_is_through_stays_so_until_a_retry_takes_it() {
    let (mut calls, span, path) = (calls(), SpanId(4), "lead/a");
    let spec = SpanSpec::Agent { pattern: "react".into(), input: TextHash([0; 16]), prompt: None, prompt_file: None };
    calls.start_span(&position(path), NextSpan { span, generation: Generation(1) }, spec, None);
    assert_eq!(calls.finished(path), None, "it runs");
    let output = Output::new("done", "42");
    calls.end_agent(path, &SpanEnd::new(span, SpanStatus::Ok));
    calls.finish_agent(path, output.clone());
    assert_eq!(calls.finished(path), Some(&output));
    let _answer = add(&mut calls, path, span);
    assert_eq!(calls.finished(path), None, "it stands at the gate after it");
    calls.record_answer(path, Ok(Payload::Agent(Output::new("done", "43"))));
    calls.reply(path);
    assert_eq!(calls.finished(path), Some(&Output::new("done", "43")), "the user's answer comes first");
    calls.invalidate(&[], &[path.to_owned()]);
    assert_eq!(calls.finished(path), None, "it ends anew");
    calls.end_agent(path, &SpanEnd::new(span, SpanStatus::Error));
    assert_eq!(calls.finished(path), None, "it failed: its code says how");
}

#[test]
fn a_retry_forgets_its_set_and_keeps_the_tries() {
    let mut calls = calls();
    let spec = || SpanSpec::Human { question: NO_REQUEST, request: NO_REQUEST, channel: String::new() };
    let next = NextSpan { span: TOOL, generation: Generation(1) };
    calls.start_span(&position("lead/x"), next, spec(), None);
    let mut answer = add(&mut calls, "lead/x", TOOL);
    calls.record_outcome("lead/x", Ok(Payload::Llm(LlmResponse::default())));
    calls.invalidate(&["lead/x".to_owned()], &["lead".to_owned()]);
    assert!(answer.try_recv().is_err());
    assert_eq!((calls.span_at("lead/x"), calls.span_at("lead")), (None, Some(SpanId(1))));
    assert!(matches!(calls.lookup("lead/x", NO_REQUEST), Lookup::Miss));
    let DriverAction::Append(events) = calls.start_span(&position("lead/x"), next, spec(), None) else { panic!() };
    assert!(matches!(&events[..], [TraceBody::SpanStarted(start)] if start.attempt == Try(2)), "{events:?}");
}

#[test]
fn the_look_at_a_calls_files_ends_for_the_call_that_it_was_started_for() {
    let mut calls = calls();
    let _answer = add(&mut calls, "lead/x", TOOL);
    assert!(!calls.end_look("lead/x", TOOL, None), "nobody looks");
    calls.start_look("lead/x");
    assert!(calls.get("lead/x").unwrap().upcoming().is_none() && !calls.get("lead/x").unwrap().is_paused());
    // A retry has replaced the call meanwhile.
    assert!(!calls.end_look("lead/x", SpanId(99), None));
    assert!(calls.end_look("lead/x", TOOL, Some("f is its own".into())));
    assert_eq!(calls.get("lead/x").unwrap().own_file().map(String::as_str), Some("f is its own"));
    assert!(calls.get("lead/x").unwrap().upcoming().is_some());

    calls.start_look("lead/x");
    let halted = calls.ask_to_stop(&["lead/x".to_owned()]);
    assert_eq!((halted.paths, halted.waiting.len()), (vec!["lead/x".to_owned()], 0));
    assert!(!calls.end_look("lead/x", TOOL, None), "a call that was stopped does not start");
}

#[tokio::test]
async fn the_tool_that_has_the_workspace_is_found_among_all_busy_calls() {
    let mut calls = calls();
    let _answers = [
        add(&mut calls, "lead/a/llm", LLM),
        add(&mut calls, "lead/b/tool", TOOL),
        add(&mut calls, "lead/c", SpanId(4)),
    ];
    for path in ["lead/a/llm", "lead/b/tool", "lead/c"] {
        start(&mut calls, path, true);
    }
    assert_eq!(calls.holder(&lock_name(TOOL, "tool")), Some(TOOL));
    assert_eq!(calls.holder(&lock_name(SpanId(4), "tool")), Some(SpanId(4)));
    assert_eq!(calls.holder("retry"), None);
}
