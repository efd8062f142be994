//! The run list: a screen of its own.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::{Theme, cell, is_too_small, panel, sweep};
use crate::app::{RunColumn, RunList, RunRow, RunWord};
use crate::model::RunStatus;

/// Columns of the keys in the help.
const KEYS: usize = 14;
/// Columns between two columns.
const GAP: &str = "  ";

/// Draws the whole screen.
pub fn draw_run_list(frame: &mut Frame, list: &RunList, theme: Theme) {
    if is_too_small(frame) {
        return;
    }
    let area = frame.area();
    let line = |y: u16| Rect { y, height: 1, ..area };
    header(frame, line(0), list, theme);
    body(frame, Rect { y: 1, height: area.height - 2, ..area }, list, theme);
    footer(frame, line(area.height - 1), list, theme);
    sweep::sweep(frame.buffer_mut(), theme.painted());
}

fn header(frame: &mut Frame, area: Rect, list: &RunList, theme: Theme) {
    let mut line = Line::default();
    for (at, part) in list.header().iter().enumerate() {
        line.push_span(if at == 0 { Span::raw(" ") } else { Span::styled(" │ ", theme.border(false)) });
        let room = usize::from(area.width).saturating_sub(line.width() + 1);
        // The end of a path says more than its start.
        line.push_span(Span::styled(cell::end(part, room), if at == 0 { theme.strong() } else { theme.text() }));
    }
    frame.render_widget(Paragraph::new(line), area);
}

fn body(frame: &mut Frame, area: Rect, list: &RunList, theme: Theme) {
    let title = if list.help().is_some() { "Keys" } else { "Runs, newest first" };
    let block = panel::frame(theme, true, panel::title(theme, true, title));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let inside = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let empty = list.empty_text();
    if let Some(verbs) = list.help() {
        let line = |verb: &crate::app::ListVerb| {
            let keys = Span::styled(cell::left(&verb.all_keys(), KEYS), theme.key());
            Line::from(vec![keys, Span::raw(verb.doc)])
        };
        frame.render_widget(Paragraph::new(verbs.iter().map(line).collect::<Vec<_>>()), inside);
    } else if empty.is_empty() {
        frame.render_widget(Paragraph::new(table(list, theme)), inner);
    } else {
        let lines: Vec<Line> = empty.into_iter().map(Line::from).collect();
        frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), inside);
    }
}

/// The names of the columns, and the rows in view.
fn table(list: &RunList, theme: Theme) -> Vec<Line<'static>> {
    let columns = list.columns();
    let filled = |text: &str, column: RunColumn, width: usize| {
        if column.is_right() { cell::right(text, width) } else { cell::left(text, width) }
    };
    let mut head = String::from(" ");
    for (column, width) in &columns {
        head += &filled(column.head(), *column, *width);
        head += GAP;
    }
    let mut lines = vec![Line::from(Span::styled(head, theme.quiet()))];
    for (row, is_selected) in list.in_view() {
        let mut line = Line::from(Span::raw(if is_selected { "›" } else { " " }));
        for (column, width) in &columns {
            let text = filled(&list.cell(row, *column), *column, *width);
            line.push_span(Span::styled(text, style(row, *column, theme)));
            line.push_span(Span::raw(GAP));
        }
        lines.push(if is_selected { selected(&line, theme) } else { line });
    }
    lines
}

/// A row under the cursor: one colour on one background.
fn selected(line: &Line<'static>, theme: Theme) -> Line<'static> {
    let text: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
    Line::from(Span::styled(text, theme.selection(true)))
}

fn style(row: &RunRow, column: RunColumn, theme: Theme) -> Style {
    match (column, row.word()) {
        (RunColumn::Status, RunWord::Live | RunWord::Open) => theme.call(),
        (RunColumn::Status, RunWord::Closed(RunStatus::Ok)) => theme.ok(),
        (RunColumn::Status, RunWord::Closed(RunStatus::Failed) | RunWord::Unreadable) => theme.error(),
        (RunColumn::Status, RunWord::Closed(_)) | (RunColumn::Took, _) => theme.tool(),
        (RunColumn::Run, _) => theme.strong(),
        (RunColumn::Age | RunColumn::Task, _) => theme.quiet(),
        _ => theme.text(),
    }
}

/// An answer or what is typed on the left, keys on the right: as many as fit, the last always.
fn footer(frame: &mut Frame, area: Rect, list: &RunList, theme: Theme) {
    let columns = usize::from(area.width);
    let (left, hints) = list.footer();
    let wide = |(key, name): &(String, String)| cell::width(key) + cell::width(name) + 3;
    let needed = hints.last().map_or(0, wide);
    let mut room = columns.saturating_sub(needed + cell::width(&left) + 3);
    let mut line = Line::default();
    for (at, hint) in hints.iter().enumerate() {
        let is_last = at + 1 == hints.len();
        if !is_last && wide(hint) > room {
            continue;
        }
        room = room.saturating_sub(if is_last { 0 } else { wide(hint) });
        line.push_span(Span::styled(format!(" {}", hint.0), theme.key()));
        line.push_span(Span::styled(format!(" {} ", hint.1), theme.quiet()));
    }
    let left_room = columns.saturating_sub(line.width() + 1);
    let style = if list.is_typing() { theme.call() } else { theme.tool() };
    let typed = if list.is_typing() { cell::end(&left, left_room.saturating_sub(2)) + "▏" } else { left };
    let mut whole = Line::from(Span::styled(cell::left(&format!(" {typed}"), left_room), style));
    whole.spans.extend(line.spans);
    frame.render_widget(Paragraph::new(whole), area);
}
