//! Texts that a span had not yet at the moment that is shown.

use crate::model::{RunState, SpanDetail, SpanId};

/// Sections that come with the end of a span.
const OF_THE_END: [&str; 6] = ["response", "reasoning", "result", "output", "error", "changes"];

/// True for the title of a section that a span has not yet at the moment that is shown.
pub(in crate::app) fn is_later(run: &RunState, span: SpanId, title: &str) -> bool {
    OF_THE_END.contains(&title) && run.trace.get(span).is_none_or(|found| found.status.is_live())
}

/// Leaves out the texts of a span that had not ended at the moment that is shown.
pub(in crate::app) fn leave_out_later(run: &RunState, detail: &mut SpanDetail) {
    let span = detail.span;
    detail.sections.retain(|section| !is_later(run, span, &section.title));
}
