//! The Rollback panel: actions, newest first, and whether each can be undone.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{Theme, cell, panel};
use crate::app::keys::{self, UiAction};
use crate::app::{ActionRow, Pane, State, Word};
use crate::model;

/// Draws the panel.
pub(super) fn draw(frame: &mut Frame, area: Rect, state: &State, theme: Theme) {
    let focused = state.focus == Pane::Rollback;
    let key = keys::verb(UiAction::ShowRollback).keys_text();
    let title = format!("{key} {}", state.rollback.title(&state.run));
    let columns = usize::from(area.width.saturating_sub(6));
    let block = panel::frame(theme, focused, panel::title(theme, focused, &cell::cut(&title, columns)));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let rows = state.rollback.window(&state.run, usize::from(inner.height));
    if rows.is_empty() {
        let selected = state.run.trace.get(state.selected());
        let text = if selected.is_some_and(model::Span::will_be_permanent) {
            "About to make a change that has no undo."
        } else {
            "No changes yet."
        };
        frame.render_widget(Paragraph::new(format!(" {text}")).style(theme.quiet()), inner);
        return;
    }
    let widths = Widths::new(&rows, usize::from(inner.width));
    for (row, y) in rows.iter().zip(inner.y..inner.bottom()) {
        let at = Rect { y, height: 1, ..inner };
        let style = if row.selected { theme.selection(focused) } else { Style::new() };
        frame.render_widget(Paragraph::new(line(row, &widths, theme)), at);
        frame.buffer_mut().set_style(at, style);
    }
}

/// Widths of the columns for the rows in view.
struct Widths {
    seq: usize,
    key: usize,
    change: usize,
    word: usize,
}

impl Widths {
    fn new(rows: &[ActionRow], whole: usize) -> Self {
        let widest =
            |text: &dyn Fn(&ActionRow) -> String| rows.iter().map(|row| cell::width(&text(row))).max().unwrap_or(0);
        let seq = widest(&|row| row.seq.to_string());
        // Two cells for the cursor, two for the letter, two between columns.
        let rest = whole.saturating_sub(2 + seq + 1 + 2 + 2 + 2);
        let word = widest(&|row| row.word.to_string()).min(rest * 2 / 5);
        let rest = rest - word;
        let change = widest(&|row| row.change.clone());
        let key = widest(&|row| row.key.clone()).min(rest.saturating_sub(change).max(rest / 2));
        Self { seq, key, change: rest.saturating_sub(key), word }
    }
}

fn line(row: &ActionRow, widths: &Widths, theme: Theme) -> Line<'static> {
    let gone = matches!(row.word, Word::Undone | Word::NotApplied | Word::Skipped | Word::Discarded);
    let dim = |style: Style| if gone { theme.undone() } else { style };
    Line::from(vec![
        Span::raw(if row.selected { "›" } else { " " }),
        Span::styled(if row.marked { "●" } else { " " }, theme.output()),
        Span::styled(cell::right(&row.seq.to_string(), widths.seq), dim(theme.quiet())),
        Span::styled(format!(" {} ", row.letter), dim(theme.quiet())),
        Span::styled(cell::left(&key(row, widths.key), widths.key), dim(theme.strong())),
        Span::raw("  "),
        Span::styled(cell::left(&row.change, widths.change), dim(theme.text())),
        Span::raw("  "),
        Span::styled(cell::left(&row.word.to_string(), widths.word), word(&row.word, theme)),
    ])
}

/// A key cut to a width: of a path, the end is what is looked for.
fn key(row: &ActionRow, columns: usize) -> String {
    let is_path = row.key.contains('/') && !row.key.contains(' ');
    if is_path { cell::end(&row.key, columns) } else { row.key.clone() }
}

fn word(word: &Word, theme: Theme) -> Style {
    match word {
        Word::Next => theme.output(),
        Word::Free => theme.ok(),
        Word::Blocked(_) => theme.tool(),
        Word::Held => theme.paused(),
        Word::Permanent(_) => theme.error(),
        Word::Undone | Word::Skipped | Word::NotApplied | Word::Discarded => theme.quiet(),
    }
}
