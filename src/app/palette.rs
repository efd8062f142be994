//! The palette: every verb by name, with its key, and why it can't be done now; and the way to a number: an action, a
//! moment, a span.

use super::keys::{self, UiAction, Verb};
use super::{Pane, State};
use crate::model::{Seq, SpanId};

/// The palette.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Palette {
    /// The text typed so far.
    pub text: String,
    /// The row under the cursor.
    pub cursor: usize,
}

/// The effect of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaletteChoice {
    /// Does what the verb says.
    Verb(UiAction),
    /// Goes to an action.
    Action(Seq),
    /// Shows the run as it was at an event.
    Moment(Seq),
    /// Goes to a span.
    Span(SpanId),
}

/// A row of the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaletteRow {
    /// Its keys.
    pub keys: String,
    /// Its name.
    pub name: String,
    /// Its effect, in one line.
    pub doc: String,
    /// Why it can't be done now.
    pub why: Option<String>,
    /// Its effect.
    pub choice: PaletteChoice,
}

impl Palette {
    /// The rows that fit the text, the best first.
    #[must_use]
    pub fn rows(&self, state: &State) -> Vec<PaletteRow> {
        let text = self.text.trim().to_lowercase();
        if let Some(row) = number(&text, state) {
            return vec![row];
        }
        let mut found: Vec<(usize, PaletteRow)> =
            keys::verbs().iter().filter_map(|verb| Some((rank(verb, &text)?, row(verb, state)))).collect();
        found.sort_by_key(|(rank, _)| *rank);
        found.into_iter().map(|(_, row)| row).collect()
    }

    /// Types a letter.
    pub(super) fn push(&mut self, letter: char) {
        self.text.push(letter);
        self.cursor = 0;
    }

    /// Takes the last letter back; false when there is none.
    pub(super) fn pop(&mut self) -> bool {
        self.cursor = 0;
        self.text.pop().is_some()
    }
}

/// How well a verb fits a text: 0 is best.
fn rank(verb: &Verb, text: &str) -> Option<usize> {
    let id = verb.action.id().replace('-', " ");
    let name = verb.name.to_lowercase();
    let is_key = verb.keys.iter().any(|keys| keys::sequence(keys).to_lowercase() == text);
    let words = text.split_whitespace();
    let has_all = |whole: &str| words.clone().all(|word| whole.contains(word));
    match text {
        "" => Some(0),
        text if is_key || name == text => Some(0),
        text if name.starts_with(text) || id.starts_with(text) => Some(1),
        _ if has_all(&name) || has_all(&id) => Some(2),
        _ if has_all(&verb.doc.to_lowercase()) => Some(3),
        _ => None,
    }
}

fn row(verb: &Verb, state: &State) -> PaletteRow {
    let place = verb.context.place();
    let here = if verb.context.has(state.focus) {
        (verb.available)(state)
    } else {
        let key = keys::verb(UiAction::Show(Pane::Rollback)).keys_text();
        Err(format!("only {}: {key} goes to Rollback", place.trim_end_matches([' ', ':'])))
    };
    PaletteRow {
        keys: verb.all_keys(),
        name: verb.name.to_owned(),
        doc: verb.doc.to_owned(),
        why: here.err(),
        choice: PaletteChoice::Verb(verb.action),
    }
}

/// The row of a number: `41` or `#41` of an action or else a moment, `s12` of a span.
fn number(text: &str, state: &State) -> Option<PaletteRow> {
    let row = |name: String, doc: &str, is_there: bool, choice| PaletteRow {
        keys: String::new(),
        name,
        doc: doc.to_owned(),
        why: (!is_there).then(|| "the run has no such number".to_owned()),
        choice,
    };
    if let Some(span) = text.strip_prefix('s').and_then(|number| number.parse().ok()).map(SpanId) {
        let is_there = span != SpanId::RUN && state.run.trace.get(span).is_some();
        return Some(row(span.to_string(), "to this span", is_there, PaletteChoice::Span(span)));
    }
    let seq = Seq(text.trim_start_matches('#').parse().ok()?);
    if state.run.ledger.get(seq).is_some() {
        return Some(row(seq.to_string(), "to this action", true, PaletteChoice::Action(seq)));
    }
    let last = state.timeline.past().map_or(state.run.last, |past| past.present().last);
    let is_there = seq.0 > 0 && seq <= last;
    Some(row(seq.to_string(), "show the run as it was at this event", is_there, PaletteChoice::Moment(seq)))
}
