//! Tries with choices: the form that asks for them, and the table.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::{Theme, cell};
use super::sheet;
use crate::app::{State, TriesForm, TriesTable, TryRow, TryTone};

/// Draws the form.
pub(super) fn form(frame: &mut Frame, body: Rect, form: &TriesForm, state: &State, theme: Theme) {
    let title = format!("Try {} several times", state.run.trace.path(form.span()));
    let key = form.key().to_string();
    let keys = [("h l", "times"), ("Space", "model"), (key.as_str(), "Retry"), ("Esc", "Cancel")];
    draw(frame, body, &title, &form.lines(&state.run, state.size), &keys, theme);
}

/// Draws the table.
pub(super) fn table(frame: &mut Frame, body: Rect, table: TriesTable, state: &State, theme: Theme) {
    let Some(report) = &state.tries else { return };
    let title = format!("Tries of {}", report.path);
    let busy = [("d", "changes"), ("X", "cancel"), ("Esc", "leave open")];
    let over = [("d", "changes"), ("Enter", "Keep"), ("Esc", "Keep none")];
    let keys = if report.is_busy() { busy } else { over };
    draw(frame, body, &title, &table.lines(report, &state.run, state.size), &keys, theme);
}

fn draw(frame: &mut Frame, body: Rect, title: &str, rows: &[TryRow], keys: &[(&str, &str)], theme: Theme) {
    let columns = usize::from(body.width).saturating_sub(4);
    let lines = rows.iter().map(|row| line(row, columns, theme)).collect();
    sheet::show(frame, body, title, lines, keys, theme);
}

fn line(row: &TryRow, columns: usize, theme: Theme) -> Line<'static> {
    let style = match row.tone {
        TryTone::Plain => theme.text(),
        TryTone::Head => theme.strong(),
        TryTone::Pass => theme.ok(),
        TryTone::Fail => theme.error(),
        TryTone::Quiet => theme.quiet(),
    };
    let line = Line::from(Span::styled(cell::cut(&row.text, columns).into_owned(), style));
    if row.chosen { line.patch_style(theme.selection(true)) } else { line }
}
