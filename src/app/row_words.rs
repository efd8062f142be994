//! The words that a row of Spans shows: the filter looks for them.

use super::{About, row_marks, shown_try, span_text};
use crate::model::{RunState, SpanId};

/// True when a row shows a text, which is in small letters, or when its span's label has it.
pub(super) fn has_words(run: &RunState, span: SpanId, text: &str) -> bool {
    let has = |words: &str| words.to_lowercase().contains(text);
    has(&run.trace.label(span)) || has(&words(run, span))
}

/// Its name, its subject, the number of its try, and its state, as they stand in the row.
fn words(run: &RunState, span: SpanId) -> String {
    let shown = span_text(run, span);
    let mut words = vec![shown.name];
    if let About::Path(about) | About::Text(about) = shown.about {
        words.push(about);
    }
    words.extend(shown_try(run, span).map(|number| format!("try {number}")));
    words.extend(row_marks(run, span, false, usize::MAX).into_iter().map(|mark| mark.text));
    words.join(" ")
}
