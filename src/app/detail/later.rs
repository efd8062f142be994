//! Texts that a span had not yet at the moment that is shown.

use crate::model::{RunState, SpanDetail};

/// Sections that come with the end of a span.
const OF_THE_END: [&str; 6] = ["response", "reasoning", "result", "output", "error", "changes"];

/// Leaves out the texts of a span that had not ended at the moment that is shown.
pub(in crate::app) fn leave_out_later(run: &RunState, detail: &mut SpanDetail) {
    if run.trace.get(detail.span).is_none_or(|span| span.status.is_live()) {
        detail.sections.retain(|section| !OF_THE_END.contains(&section.title.as_str()));
    }
}
