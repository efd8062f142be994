//! The plan of a retry.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::{Theme, cell, hits};
use super::sheet;
use crate::app::{PLAN_LABEL, Place, PlanAsk, PlanLine, PlanTone, State};

/// Draws the lines in view, and how many are above and below.
pub(super) fn draw(frame: &mut Frame, body: Rect, ask: &PlanAsk, state: &State, theme: Theme) {
    let reading = ask.reading();
    let lines = ask.window().iter().map(|row| line(row, theme)).collect();
    let title = format!("Retry {}", state.run.trace.path(ask.plan.span));
    let retry = ask.key().to_string();
    let keys = [("Space", "readers too"), ("e", "edit first"), (retry.as_str(), "Retry"), ("Esc", "Cancel")];
    let from = usize::from(ask.plan.readers.is_empty());
    let inner = sheet::show_wide(frame, body, &title, (lines, ask.widest()), &keys[from..], theme);
    sheet::more(frame, inner, reading.above(), reading.below(), theme);
    hits::mark(frame.buffer_mut(), inner, state.find(Place::Popup), theme);
}

fn line(row: &PlanLine, theme: Theme) -> Line<'static> {
    let style = match row.tone {
        PlanTone::Plain => theme.text(),
        PlanTone::Warning => theme.tool(),
        PlanTone::Quiet => theme.quiet(),
    };
    let label = Span::styled(cell::left(row.label, PLAN_LABEL), theme.strong());
    Line::from(vec![label, Span::styled(row.text.clone(), style)])
}
