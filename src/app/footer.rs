//! The line at the bottom: keys that can follow a prefix, the search being typed, the reason why a key was refused, the
//! effect of `r`, and a few keys that work now.

use super::{
    Key, LEAVE_KEY, Pane, Place, State, UiAction, act, edit_names, held_words, keys, popup_keys, safe, search, text,
};
use crate::model::{PauseReason, SpanId};

/// The texts of the footer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footer {
    /// The left side: a message, or what a key would do.
    pub left: String,
    /// True when the left side answers a key. An answer is shown before every hint.
    pub is_answer: bool,
    /// True when that answer is the reason for a refusal.
    pub is_refusal: bool,
    /// The search being typed.
    pub input: Option<String>,
    /// Keys that can follow the pressed prefix, with their verbs.
    pub menu: Vec<(String, &'static str)>,
    /// Keys that work now, with their verbs; the most important ones first, the help last.
    pub hints: Vec<(String, &'static str)>,
    /// The number of first hints that are shown even where the left side has to be cut for them.
    pub needed: usize,
}

/// The most important verbs while the run is stopped, then others that drive it.
const NEEDED: [UiAction; 8] = [
    UiAction::Continue,
    UiAction::Drop,
    UiAction::Show(Pane::Rollback),
    UiAction::Step,
    UiAction::Edit,
    UiAction::Undo,
    UiAction::Retry,
    UiAction::Pause,
];
/// The most important verbs at a call that failed.
const NEEDED_AT_FAILURE: [UiAction; 4] = [UiAction::Retry, UiAction::Answer, UiAction::Continue, UiAction::Edit];
/// The most important verbs where a question to a person stands.
const NEEDED_AT_QUESTION: [UiAction; 4] = [UiAction::Answer, UiAction::Continue, UiAction::Edit, UiAction::Retry];
/// The most important verbs on a span above or below such a call: a retry and an edit are of the selected span.
const NEEDED_ABOVE_FAILURE: [UiAction; 2] = [UiAction::Answer, UiAction::Continue];
/// The most important verbs in Rollback: `u` acts there.
const NEEDED_IN_ROLLBACK: [UiAction; 5] =
    [UiAction::Continue, UiAction::Drop, UiAction::Undo, UiAction::UndoSpan, UiAction::Diff];
const MORE: [UiAction; 7] = [
    UiAction::Pause,
    UiAction::Retry,
    UiAction::UndoSpan,
    UiAction::Redo,
    UiAction::WhoWrote,
    UiAction::Skip,
    UiAction::Help,
];

/// Builds the footer of a state; while a popup is open, of the popup.
#[must_use]
pub fn footer(state: &State) -> Footer {
    let input = state.search.as_ref().map(search::prompt);
    let answer = state.message.clone().or_else(|| nothing_found(state));
    let is_refusal = if state.message.is_some() { state.is_refusal() } else { answer.is_some() };
    let is_answer = answer.is_some();
    if state.search.is_some() {
        let hints = vec![("Enter".to_owned(), "keep"), ("Esc".to_owned(), "discard the search")];
        return Footer { left: answer.unwrap_or_default(), is_answer, is_refusal, input, hints, ..Footer::default() };
    }
    if state.popup.is_some() {
        let (left, hints) = (answer.unwrap_or_default(), popup_keys(state));
        let needed = hints.len();
        return Footer { left, is_answer, is_refusal, hints, needed, ..Footer::default() };
    }
    if state.takes_agent_input() {
        let left = answer.or_else(|| waiting_below(state)).unwrap_or_default();
        let hints = vec![(LEAVE_KEY.to_owned(), "leave the agent's terminal")];
        return Footer { left, is_answer, is_refusal, hints, needed: 1, ..Footer::default() };
    }
    let (hints, needed) = hints(state);
    let menu = state.pending.map(following).unwrap_or_default();
    let left = answer.or_else(|| preview(state)).unwrap_or_default();
    Footer { left, is_answer, is_refusal, input, menu, hints, needed }
}

/// Counts the stops and questions that wait for the person while the agent's terminal has the keys.
fn waiting_below(state: &State) -> Option<String> {
    let approvals = state.asked.pending(&state.run).len();
    let paused = state.run.trace.paused().count();
    match (approvals, paused) {
        (0, 0) => None,
        (0, _) => Some(format!("{paused} paused: {LEAVE_KEY}, then ]p")),
        _ => Some(format!("{approvals} waiting for your answer: {LEAVE_KEY}, then ]a")),
    }
}

/// The keys that work now, and the number of first ones that come before everything else.
fn hints(state: &State) -> (Vec<(String, &'static str)>, usize) {
    let works = |action: &UiAction| {
        let verb = keys::verb(*action);
        verb.context.has(state.focus) && (verb.available)(state).is_ok()
    };
    let holds = held_near(state).is_some();
    let applies = held_near(state).is_some_and(|(span, _)| state.conflict_within(span).is_none());
    let failed = failure_here(state);
    let approves = act::opens_approval(state);
    let asked = state.asking_here().is_some();
    let hint = |action: UiAction| match action {
        UiAction::Continue if asked && state.paused_here().is_none() => {
            (keys::verb(action).keys_text(), "open the question")
        }
        UiAction::Continue if approves => (keys::verb(action).keys_text(), "open the approval"),
        UiAction::Continue if failed.is_some() => (keys::verb(action).keys_text(), "continue as failed"),
        UiAction::Answer if failed.is_some() => (keys::verb(action).keys_text(), "answer instead"),
        UiAction::Continue if applies => (keys::verb(action).keys_text(), "apply"),
        UiAction::Show(Pane::Rollback) => (keys::verb(action).keys_text(), "look"),
        _ => (keys::verb(action).keys_text(), keys::verb(action).name),
    };
    // While a span is stopped, the user wants to continue it rather than to pause.
    let at_gate = works(&UiAction::Continue);
    let is_needed = |action: &&UiAction| match action {
        UiAction::Pause => works(action) && !at_gate,
        // An approval is answered, and held changes are decided on: neither is stepped over.
        UiAction::Step if approves || holds => false,
        // Held changes are shown there.
        UiAction::Show(Pane::Rollback) => applies,
        // Elsewhere D is for the place where its changes are seen.
        UiAction::Drop => works(action) && applies,
        action => works(action),
    };
    let wanted = match (state.focus, failed) {
        (pane, None) if asked && pane != Pane::Rollback => &NEEDED_AT_QUESTION[..],
        (Pane::Rollback, _) => &NEEDED_IN_ROLLBACK,
        (_, Some((span, _))) if span == state.selected() => &NEEDED_AT_FAILURE,
        (_, Some(_)) => &NEEDED_ABOVE_FAILURE,
        _ => &NEEDED,
    };
    let needed: Vec<UiAction> = wanted.iter().filter(is_needed).copied().collect();
    let more = MORE.into_iter().filter(|action| works(action) && !needed.contains(action));
    (needed.iter().copied().chain(more).map(hint).collect(), needed.len())
}

/// The stopped call that a key would act on and that failed, with its error.
fn failure_here(state: &State) -> Option<(SpanId, &str)> {
    let (_, span) = state.paused_here()?;
    match state.run.trace.pause(span) {
        Some((_, PauseReason::Error { error })) => Some((span, error)),
        _ => None,
    }
}

/// `failed: HTTP 529`; where it is not the selected span that failed, with its path.
fn failure_text(state: &State, span: SpanId, error: &str) -> String {
    let whose = if span == state.selected() { String::new() } else { format!("{} ", state.run.trace.path(span)) };
    format!("{whose}{}", text::failed(&safe::line(error)))
}

/// The command whose held changes `c` means here, and their count.
fn held_near(state: &State) -> Option<(SpanId, usize)> {
    let (target, paused) = state.paused_here()?;
    let near = |span: SpanId| span == paused || state.run.trace.is_within(span, target);
    state.held_here().filter(|(span, _)| near(*span) && !act::opens_approval(state))
}

/// Describes the held changes or the error here; else the effect of `u` in Rollback, and of `r` elsewhere.
fn preview(state: &State) -> Option<String> {
    if let Some((span, _)) = held_near(state) {
        // Changes that conflict stay held after `c`: say why.
        if let Some((_, PauseReason::Conflict { conflict })) = state.run.trace.pause(span) {
            return Some(format!("{}: c asks, D discards", safe::line(conflict)));
        }
        return Some(held_words(state, span).to_string());
    }
    if state.focus == Pane::Rollback {
        return (keys::verb(UiAction::Undo).available)(state).ok().and_then(|()| state.rollback.undo_line(&state.run));
    }
    if let Some((span, error)) = failure_here(state) {
        return Some(failure_text(state, span, error));
    }
    let may = keys::verb(UiAction::Retry).available;
    let line = may(state).ok().and_then(|()| state.preview.line(&state.run, state.selected()))?;
    let edits = state.by_hand.of(state.selected());
    Some(if edits.is_empty() { line } else { format!("edited ({}) · {line}", edit_names(&edits)) })
}

/// Says that nothing is found by the search being typed, or by the filter of Spans.
fn nothing_found(state: &State) -> Option<String> {
    let place = state.search.as_ref().map_or(Place::Pane(Pane::Tree), |search| search.place);
    search::nothing_found(state, place)
}

fn following(prefix: Key) -> Vec<(String, &'static str)> {
    keys::following(prefix).into_iter().map(|(key, verb)| (key.to_string(), verb.name)).collect()
}
