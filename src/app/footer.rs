//! The line at the bottom: what can follow a prefix, what is typed, why a key was refused, what `r` would do, and a
//! few keys that work now.

use super::{Key, Pane, State, UiAction, keys};

/// What the footer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footer {
    /// The left side: a message, or what `r` would do.
    pub left: String,
    /// The search being typed.
    pub input: Option<String>,
    /// What can follow the prefix that was pressed: key and verb.
    pub menu: Vec<(String, &'static str)>,
    /// Keys that work now, with their verbs.
    pub hints: Vec<(String, &'static str)>,
}

const HINTS: [UiAction; 9] = [
    UiAction::Continue,
    UiAction::Undo,
    UiAction::Retry,
    UiAction::Step,
    UiAction::Edit,
    UiAction::UndoSpan,
    UiAction::Redo,
    UiAction::Pause,
    UiAction::Help,
];

/// The footer of a state.
#[must_use]
pub fn footer(state: &State) -> Footer {
    let left = state.message.clone().or_else(|| state.preview.line(state.selected())).unwrap_or_default();
    let hints = HINTS
        .into_iter()
        .map(keys::verb)
        .filter(|verb| verb.context.has(state.focus) && (verb.available)(state).is_ok())
        .map(|verb| (verb.keys_text(), verb.name))
        .collect();
    let menu = state.pending.map(following).unwrap_or_default();
    let input = state.search.as_ref().map(|search| match search.pane {
        Pane::Detail => format!("search: {}", search.text),
        _ => format!("filter: {}", search.text),
    });
    Footer { left, input, menu, hints }
}

fn following(prefix: Key) -> Vec<(String, &'static str)> {
    keys::following(prefix).into_iter().map(|(key, verb)| (key.to_string(), verb.name)).collect()
}
