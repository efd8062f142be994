//! Approvals: opening one, sending its answer, and the next one after it.

use crate::app::{Approval, Command, Popup, State, safe};
use crate::model::{self, Allow, Millis, Release, RunState, Seq, SpanId, SpanState, SpanStatus, TraceBody, TraceEvent};

/// True when a span itself needs an approval.
pub(super) fn needs_approval(run: &RunState, span: SpanId) -> bool {
    run.trace.pause(span).is_some_and(|(_, reason)| reason.is_approval())
}

/// True when a span needs an approval, or asks a person.
pub(super) fn needs_answer(run: &RunState, span: SpanId) -> bool {
    needs_approval(run, span) || run.trace.is_asking(span)
}

/// Opens the approval of a span, because the user asked for it.
pub(super) fn open(state: &mut State, span: SpanId) -> Vec<Command> {
    if state.asked.is_answered(span) {
        state.say("answered: the run has not confirmed it yet");
        return Vec::new();
    }
    show(state, span, None)
}

/// Opens the oldest approval by itself, if nothing else is open and no key came for a while.
pub(in crate::app) fn open_by_itself(state: &mut State) -> Vec<Command> {
    let span = state.approval_to_open().filter(|_| state.asked.is_quiet());
    span.map(|span| show(state, span, Some(state.asked.clock()))).unwrap_or_default()
}

/// Shows the approval of a span again after an edit or an answer was given up, if it still needs one.
pub(super) fn reopen(state: &mut State, span: SpanId) -> Vec<Command> {
    if !needs_answer(&state.run, span) || state.asked.is_answered(span) {
        return Vec::new();
    }
    show(state, span, Some(state.asked.clock()))
}

fn show(state: &mut State, span: SpanId, opened: Option<Millis>) -> Vec<Command> {
    let view =
        if state.run.trace.is_asking(span) { Approval::question(span, opened) } else { Approval::new(span, opened) };
    state.popup = Some(Popup::Approval(Box::new(view)));
    vec![Command::Run(model::Command::Inspect { span })]
}

/// Sends the answer to an approval, and opens the next one.
pub(super) fn send(state: &mut State, span: SpanId, how: Release) -> Vec<Command> {
    state.asked.answer(span);
    if matches!(how, Release::Allow(Allow::Held)) {
        state.asked.hold(span);
    }
    let mut commands = vec![Command::Run(model::Command::Release { span, how })];
    if let Some(next) = state.asked.next(&state.run) {
        let opened = Some(state.asked.clock());
        commands.extend(show(state, next, opened));
    }
    commands
}

/// A command that was to run with its changes held stopped or ended: says so where there was nothing to hold.
pub(super) fn tell_nothing_held(state: &mut State, body: &TraceBody) {
    let (span, ended) = match body {
        TraceBody::Paused { span, .. } => (*span, false),
        TraceBody::SpanEnded(end) => (end.span, end.status != SpanStatus::Cancelled),
        _ => return,
    };
    let changed = |seq: &Seq| state.run.ledger.get(*seq).is_some_and(|entry| entry.record.key.kind.is_path());
    let nothing = ended && !state.run.actions(span, false).iter().any(changed);
    if state.asked.take_hold(span) && nothing {
        let label = safe::line(&state.run.trace.label(span)).into_owned();
        state.say(format!("{label} has run and changed no file: nothing is held"));
    }
}

/// Brings the open approval up to new events: closes it when it is gone, reads its texts again when they changed.
pub(super) fn follow(state: &mut State, events: &[TraceEvent]) -> Vec<Command> {
    let Some(Popup::Approval(view)) = &state.popup else { return Vec::new() };
    let span = view.span();
    if needs_answer(&state.run, span) {
        let concerns = events.iter().any(|event| event.body.span() == Some(span));
        return if concerns { vec![Command::Run(model::Command::Inspect { span })] } else { Vec::new() };
    }
    let why = match state.run.span_state(span) {
        SpanState::Cancelled => "it was cancelled",
        SpanState::Interrupted => "it was interrupted",
        SpanState::Undone => "a new try replaced it",
        _ => "it was answered elsewhere",
    };
    let label = safe::line(&state.run.trace.label(span)).into_owned();
    let what = if view.is_question() { "answer" } else { "approval" };
    state.popup = None;
    state.say(format!("{label} needs no {what} any more: {why}"));
    Vec::new()
}
