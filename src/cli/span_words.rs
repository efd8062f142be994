//! A span's state as a word and a glyph for lines of text.

use crate::model::{EndCause, RunState, SpanId, SpanKind, SpanState};

/// The state of a span as text: `ok (publish)`, `exit 3`, `needs approval`.
pub(super) fn span_words(state: &RunState, span: SpanId) -> String {
    let found = state.trace.get(span);
    let word = match (state.span_state(span), found.and_then(|found| found.cause)) {
        (SpanState::Failed, Some(EndCause::Exit { code })) => format!("exit {code}"),
        (SpanState::Failed, Some(EndCause::Limit)) => "limit reached".to_owned(),
        (SpanState::Failed, Some(EndCause::Denied)) => "not answered".to_owned(),
        (other, _) => other.name().replace('_', " "),
    };
    // The finish key of a tool tells of its failure only, which the word does.
    let is_agent = found.is_some_and(|found| matches!(found.kind, SpanKind::Agent | SpanKind::Human));
    let finish = state.trace.finish(span).filter(|_| is_agent);
    finish.map_or_else(|| word.clone(), |key| format!("{word} ({key})"))
}

/// The glyph of a state; the word beside it says the same.
pub(super) fn glyph(state: SpanState) -> char {
    match state {
        SpanState::Ok => '✓',
        SpanState::Failed => '✗',
        SpanState::Denied | SpanState::Discarded => '⊘',
        SpanState::NeedsApproval => '◆',
        SpanState::NeedsAnswer => '?',
        SpanState::Running => '▸',
        SpanState::Waiting | SpanState::Paused | SpanState::Cancelled | SpanState::Interrupted | SpanState::Undone => {
            '·'
        }
    }
}
