//! Updates from the run.

use super::{agent, approving, conflicts, editing, looking, past, refilter, trying, undoing};
use crate::app::detail::{add_choices, leave_out_later};
use crate::app::state::Said;
use crate::app::{Command, LogKind, Pane, Popup, Resuming, State, fork, safe};
use crate::model::{
    self, CaptureMode, Millis, PauseReason, Restored, ShellMode, Span, SpanId, SpanKind, SpanStatus, TraceBody,
    TraceEvent, UndoReport, Update, WaitFor,
};

/// Applies an update; the flag is true when it concerns the selected span.
pub(in crate::app) fn take_in(state: &mut State, update: Update) -> (Vec<Command>, bool) {
    match update {
        Update::Moment(moment) => (state.take_moment(*moment), false),
        // They are of what is shown.
        Update::Detail(_) | Update::Diff(_) | Update::Comparison(_) | Update::Fork(_) | Update::Editable(_) => {
            take_now(state, update)
        }
        Update::OpenedAnew => {
            // It is another run, or the same one from its start.
            state.back_to_now();
            take_now(state, update)
        }
        update if state.timeline.is_past() => {
            let had_popup = state.popup.is_some();
            let (commands, _) = state.in_present(|state| take_now(state, update));
            // A question is about the run as it is now.
            if !had_popup && state.popup.is_some() {
                state.back_to_now();
            }
            (commands, false)
        }
        update => take_now(state, update),
    }
}

/// Applies an update to the run as it is now.
fn take_now(state: &mut State, update: Update) -> (Vec<Command>, bool) {
    let mut commands = Vec::new();
    match update {
        Update::Events(events) => {
            let concerns = take_events(state, &events);
            return (approving::follow(state, &events), concerns);
        }
        Update::State(run) => {
            past::take_state(state, *run);
            return (Vec::new(), true);
        }
        Update::Checking(checking) => state.checking = Some(checking),
        Update::Checked(damage) => past::take_checked(state, &damage),
        Update::Chunk { span, text } => chunk(state, span, &text, false),
        Update::Reasoning { span, text } => chunk(state, span, &text, true),
        Update::Lag(behind) => state.lag = behind,
        Update::Detail(mut detail) => {
            let span = detail.span;
            if state.timeline.is_past() {
                leave_out_later(&state.run, &mut detail);
            } else {
                add_choices(state, span, &mut detail.sections);
            }
            if let Some(Popup::Approval(view)) = &mut state.popup
                && view.span() == span
            {
                view.fill(&detail.sections);
            }
            let live = state.run.trace.get(span).is_some_and(|found| found.status.is_live());
            let stream = state.streams.get(&span).map(|came| (came, live));
            if state.detail.fill(detail, stream) {
                commands.push(Command::Run(model::Command::Inspect { span }));
            }
        }
        Update::Editable(editable) => commands = editing::open(state, editable),
        Update::Comparison(comparison) => state.panels.compare.take(*comparison),
        // Taken in before.
        Update::Moment(_) => {}
        Update::Plan(plan) => undoing::take_plan(state, plan),
        Update::Fork(outlook) => {
            state.popup = Some(fork::popup(&state.run, &outlook, &state.by_hand.of(outlook.span)));
        }
        Update::Resume(plan) => state.popup = Some(Resuming::new(*plan).popup(&state.run)),
        Update::Diff(diff) => looking::take(state, &diff),
        Update::Undo(report) => take_report(state, &report),
        Update::Tries(report) => trying::take_report(state, *report),
        Update::Models(models) => state.models = models,
        Update::Notice(line) => state.say(safe::line(&line)),
        Update::Refused(why) => refused(state, &why),
        Update::Abilities(abilities) => state.abilities = Some(abilities),
        Update::Edits(edits) => state.edits = edits,
        Update::Subjects(subjects) => refilter::follow_subjects(state, subjects),
        Update::Shell(mode) => take_shell(state, mode),
        Update::MadeElsewhere(question) => state.foreign = Some(question),
        Update::LookedAt => state.is_looked_at = true,
        Update::OpenedAnew => past::open_anew(state),
        Update::Closed => {
            state.closed = true;
            state.pausing = false;
        }
    }
    (commands, false)
}

fn take_events(state: &mut State, events: &[TraceEvent]) -> bool {
    let mut concerns = false;
    let mut newest = None;
    let mut folded = Vec::new();
    for event in events {
        // A refill may overlap what is here already.
        if event.seq <= state.heard {
            continue;
        }
        state.heard = event.seq;
        if let TraceBody::Paused { reason: PauseReason::Breakpoint { breakpoint }, .. } = &event.body {
            *state.hits.entry(breakpoint.clone()).or_default() += 1;
        }
        if event.seq <= state.run.last {
            past::tell(state, event);
            continue;
        }
        concerns |= event.body.span() == Some(state.selected()) || event.body.span().is_none();
        state.run.apply(event);
        state.now = state.now.max(event.at);
        track_calls(state, &event.body);
        if let TraceBody::Invalidated { spans, .. } | TraceBody::Restored(Restored { replaced: spans, .. }) =
            &event.body
        {
            let found = |span: &SpanId| state.run.trace.get(*span);
            folded
                .extend(spans.iter().copied().filter(|span| found(span).is_none_or(|found| is_topmost(state, found))));
        }
        if let TraceBody::SpanEnded(end) = &event.body {
            let found = state.run.trace.get(end.span);
            folded.extend(found.filter(|found| is_done_worker_of_many(state, end.span, found)).map(|_| end.span));
        }
        if let TraceBody::Invalidated { cause, .. } = &event.body {
            // The retry has taken them.
            state.by_hand.forget(*cause);
        }
        state.rollback.event(&event.body, &state.run);
        approving::tell_nothing_held(state, &event.body);
        state.asked.event(&event.body);
        agent::follow(state, &event.body);
        let height = state.height(Pane::Log);
        let lines = state.log.lines().len();
        state.log.event(event, &state.run, height);
        if state.said == Said::Notes && is_answer(&event.body) {
            answer(state, lines);
        }
        if moves_on(&event.body) {
            state.forget_refusal();
        }
        newest = worth_following(&event.body, state).or(newest);
        if !matches!(event.body, TraceBody::Note { .. } | TraceBody::Read { .. } | TraceBody::Kept { .. }) {
            state.preview.want(state.selected());
        }
    }
    state.lag = state.lag.saturating_sub(events.len() as u64);
    state.settler.follow(&mut state.run);
    state.tree.sync(&state.run);
    refilter::follow(state, events);
    // A replaced try stays as one dim row; the new one gets the room. So does a worker that goes on.
    for span in folded {
        state.tree.set_open(span, false);
    }
    if let Some(span) = newest {
        let height = state.height(Pane::Tree);
        state.tree.select(span, height);
    }
    concerns
}

/// True for an event that answers a pressed key.
fn is_answer(body: &TraceBody) -> bool {
    matches!(body, TraceBody::Note { .. } | TraceBody::PromptEdited { .. } | TraceBody::MessagesEdited { .. })
}

/// Says the newest lines of the log in the footer too, after what it says already.
fn answer(state: &mut State, known: usize) {
    let new = state.log.lines()[known..].iter().map(|line| line.text.clone());
    let told: Vec<String> = state.message.take().into_iter().chain(new).collect();
    if !told.is_empty() {
        state.say(told.join(" · "));
        state.said = Said::Notes;
    }
}

/// True for an event after which the run stands elsewhere.
fn moves_on(body: &TraceBody) -> bool {
    use TraceBody as B;
    matches!(
        body,
        B::SpanStarted(_)
            | B::Paused { .. }
            | B::Released { .. }
            | B::RunStatus { .. }
            | B::Invalidated { .. }
            | B::Restored(_)
    )
}

/// True when no span around a replaced span was replaced.
pub(super) fn is_topmost(state: &State, replaced: &Span) -> bool {
    state.run.trace.get(replaced.parent).is_none_or(|above| above.status != SpanStatus::Undone)
}

/// True for a worker of a large fan-out that is done, while nobody looks into it.
pub(super) fn is_done_worker_of_many(state: &State, span: SpanId, found: &Span) -> bool {
    /// More workers than this don't fit on a screen with all that they did.
    const MANY: u32 = 8;
    let trace = &state.run.trace;
    if found.fan.is_none() || found.status != SpanStatus::Ok {
        return false;
    }
    let many = trace.get(found.parent).is_some_and(|above| above.workers.started > MANY);
    many && (state.tree.follow || !trace.is_within(state.selected(), span))
}

/// Keeps the calls that are under way, the streams, and whether a pause is confirmed.
fn track_calls(state: &mut State, body: &TraceBody) {
    let is_call = |state: &State, span: SpanId| {
        let found = state.run.trace.get(span).filter(|found| found.status.is_live());
        found.is_some_and(|found| matches!(found.kind, SpanKind::Llm | SpanKind::Tool))
    };
    match body {
        TraceBody::SpanStarted(start) if is_call(state, start.span) => {
            state.active.insert(start.span);
        }
        TraceBody::Released { span, .. } if is_call(state, *span) => {
            state.active.insert(*span);
        }
        TraceBody::Paused { span, .. } => {
            state.pausing = false;
            state.active.remove(span);
        }
        TraceBody::SpanEnded(end) => forget_call(state, end.span),
        TraceBody::Invalidated { spans, .. } | TraceBody::Restored(Restored { replaced: spans, .. }) => {
            for span in spans {
                forget_call(state, *span);
            }
        }
        TraceBody::RunStatus { .. } => state.pausing = false,
        _ => {}
    }
}

/// A call ended. What came of a response that is not stored whole stays, to be looked at.
fn forget_call(state: &mut State, span: SpanId) {
    state.active.remove(&span);
    if state.run.trace.get(span).is_some_and(|found| found.status == SpanStatus::Ok) {
        state.streams.remove(&span);
    }
}

/// The span the cursor goes to: the newest while it follows, and a new try of a selected one that was undone.
fn worth_following(body: &TraceBody, state: &State) -> Option<SpanId> {
    let trace = &state.run.trace;
    match body {
        TraceBody::SpanStarted(start) => {
            let selected = state.selected();
            let replaced = trace.get(selected).is_some_and(|found| found.status == SpanStatus::Undone)
                && trace.path(selected) == start.path;
            (replaced || follows(state, start.span)).then_some(start.span)
        }
        TraceBody::Paused { span, .. } | TraceBody::SpanWaiting { span, why: WaitFor::Person, on: Some(_) } => {
            follows(state, *span).then_some(*span)
        }
        _ => None,
    }
}

fn follows(state: &State, span: SpanId) -> bool {
    let tree = &state.tree;
    tree.follow && (tree.filter().is_empty() || tree.is_match(span, &state.run))
}

fn chunk(state: &mut State, span: SpanId, text: &str, reasoning: bool) {
    // The event that it began may still be on its way.
    if state.run.trace.get(span).is_some_and(|found| !found.status.is_live()) {
        return;
    }
    let came = state.streams.entry(span).or_default();
    let part = if reasoning { &mut came.reasoning } else { &mut came.text };
    part.push_str(text);
    match (state.detail.span() == span, reasoning) {
        (true, true) => state.detail.reason(text),
        (true, false) => state.detail.stream(text),
        (false, _) => {}
    }
}

fn take_report(state: &mut State, report: &UndoReport) {
    /// Lines of the log that one report is worth.
    const MOST: usize = 50;
    state.rollback.report(report);
    let line = undoing::report_line(&state.run, report);
    let whole = report.conflict.is_none() && report.read_back.differs.is_empty();
    let (at, height) = (state.clock.max(state.now), state.height(Pane::Log));
    state.log.report(report, &line, at, &state.run, height);
    for differs in &report.read_back.differs {
        log(state, LogKind::Error, &format!("differs: {differs}"));
    }
    if report.left.len() > 1 {
        for left in report.left.iter().take(MOST) {
            let action = state.rollback.describe(&state.run, left.action);
            log(state, LogKind::Note, &format!("kept: {action}: {}", left.why));
        }
    }
    if whole {
        state.say(line);
    } else {
        state.refuse(line);
    }
    if let Some(conflict) = &report.conflict {
        state.rollback.conflict(conflict.action);
        conflicts::ask(state, conflict);
    }
}

/// Logs once how commands run here: the sandbox and the capture mode.
fn take_shell(state: &mut State, mut mode: ShellMode) {
    const NETWORK: &str = "network";
    // An agent calls its model itself.
    if state.agent.is_some() && !mode.gaps.iter().any(|gap| gap == NETWORK) {
        mode.gaps.insert(0, NETWORK.to_owned());
    }
    let how = match mode.capture {
        CaptureMode::Overlay => {
            "capture mode overlay: commands run side by side, and their changes are applied when they end"
        }
        CaptureMode::Snapshot => {
            "capture mode snapshot: each command has the workspace alone, which is read before and after"
        }
    };
    let gaps = match mode.gaps.as_slice() {
        [] => "sandbox on: no files outside of the workspace, no network unless the tool has it".to_owned(),
        gaps => format!("SANDBOX OFF: {}", gaps.join(", ")),
    };
    if state.shell.as_ref() != Some(&mode) {
        let kind = if mode.gaps.is_empty() { LogKind::Note } else { LogKind::Warning };
        log(state, kind, &format!("{gaps}; {how}"));
    }
    state.shell = Some(mode);
}

fn refused(state: &mut State, why: &str) {
    if state.retrying.is_none() && state.preview.takes_refusal(why) {
        return;
    }
    state.retrying = None;
    state.fetching = None;
    state.pausing = false;
    state.timeline.give_up();
    state.panels.compare.give_up();
    state.asked.refused();
    state.rollback.refused();
    state.detail.give_up();
    log(state, LogKind::Refused, why);
    state.say_refused(safe::line(why));
}

fn log(state: &mut State, kind: LogKind, text: &str) {
    // An answer has no time of its own, and the last event's may be long past.
    let (at, height): (Millis, usize) = (state.clock.max(state.now), state.height(Pane::Log));
    state.log.push(kind, None, text, at, &state.run, height);
}
