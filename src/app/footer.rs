//! The line at the bottom: what can follow a prefix, what is typed, why a key was refused, what `r` would do, and a
//! few keys that work now.

use super::text::plural;
use super::{Key, Pane, State, UiAction, keys, safe};
use crate::model::PauseReason;

/// The texts of the footer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footer {
    /// The left side: a message, or what a key would do.
    pub left: String,
    /// True when the left side answers a key: it then comes before every hint.
    pub is_answer: bool,
    /// The search being typed.
    pub input: Option<String>,
    /// Keys that can follow the pressed prefix, with their verbs.
    pub menu: Vec<(String, &'static str)>,
    /// Keys that work now, with their verbs: those that matter most first, the help last.
    pub hints: Vec<(String, &'static str)>,
    /// How many of the first hints come before the left side.
    pub needed: usize,
}

/// Verbs that matter most while the run is stopped, then others that drive it.
const NEEDED: [UiAction; 8] = [
    UiAction::Continue,
    UiAction::Drop,
    UiAction::ShowRollback,
    UiAction::Step,
    UiAction::Edit,
    UiAction::Undo,
    UiAction::Retry,
    UiAction::Pause,
];
/// In Rollback what `u` would do matters more.
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

/// The footer of a state.
#[must_use]
pub fn footer(state: &State) -> Footer {
    let works = |action: &UiAction| {
        let verb = keys::verb(*action);
        verb.context.has(state.focus) && (verb.available)(state).is_ok()
    };
    let lands = state.held_here().is_some_and(|(span, _)| state.conflict_within(span).is_none());
    let hint = |action: UiAction| match action {
        UiAction::Continue if lands => (keys::verb(action).keys_text(), "apply"),
        UiAction::ShowRollback => (keys::verb(action).keys_text(), "look"),
        _ => (keys::verb(action).keys_text(), keys::verb(action).name),
    };
    // While something stands at a gate, a pause is no longer what is wanted.
    let at_gate = works(&UiAction::Continue);
    let is_needed = |action: &&UiAction| match action {
        UiAction::Pause => works(action) && !at_gate,
        // Held changes are shown there.
        UiAction::ShowRollback => lands,
        action => works(action),
    };
    let wanted = if state.focus == Pane::Rollback { &NEEDED_IN_ROLLBACK[..] } else { &NEEDED };
    let needed: Vec<UiAction> = wanted.iter().filter(is_needed).copied().collect();
    let more = MORE.into_iter().filter(|action| works(action) && !needed.contains(action));
    let hints = needed.iter().copied().chain(more).map(hint).collect();
    let menu = state.pending.map(following).unwrap_or_default();
    let input = state.search.as_ref().map(|search| match search.pane {
        Pane::Detail => format!("search: {}", search.text),
        _ => format!("filter: {}", search.text),
    });
    let answer = state.message.clone().or_else(|| nothing_found(state));
    let is_answer = answer.is_some();
    let left = answer.or_else(|| preview(state)).unwrap_or_default();
    Footer { left, is_answer, input, menu, hints, needed: needed.len() }
}

/// Names held changes; else says what `u` would do in Rollback, and elsewhere what `r` would.
fn preview(state: &State) -> Option<String> {
    if let Some((span, changes)) = state.held_here() {
        // After `c` the changes may be held again: say why.
        if let Some((_, PauseReason::Conflict { conflict })) = state.run.trace.pause(span) {
            return Some(format!("{}: c asks, D discards", safe::line(conflict)));
        }
        return Some(format!("{}: c applies, D discards", plural(changes, "held change")));
    }
    if state.focus == Pane::Rollback {
        return (keys::verb(UiAction::Undo).available)(state).ok().and_then(|()| state.rollback.undo_line(&state.run));
    }
    state.preview.line(state.selected())
}

/// Says that a search finds nothing.
fn nothing_found(state: &State) -> Option<String> {
    let (filter, find) = (state.tree.filter(), &state.detail.find);
    if state.tree.is_empty() && !filter.is_empty() {
        return Some(format!("no span matches \u{201c}{}\u{201d}: Esc shows all", safe::line(filter)));
    }
    let searching = state.search.as_ref().is_some_and(|search| search.pane == Pane::Detail) && !find.is_empty();
    let found = || state.detail.lines().iter().any(|line| state.detail.is_match(line));
    (searching && !found()).then(|| format!("\u{201c}{}\u{201d} is not in these texts", safe::line(find)))
}

fn following(prefix: Key) -> Vec<(String, &'static str)> {
    keys::following(prefix).into_iter().map(|(key, verb)| (key.to_string(), verb.name)).collect()
}
