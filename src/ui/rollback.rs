//! The Rollback panel: actions, newest first, each with its state: ready, blocked, undone, …

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{Theme, cell, panel};
use crate::app::keys::{self, UiAction};
use crate::app::{ActionRow, Pane, State, Word};
use crate::model::SpanState;

/// Draws the panel.
pub(super) fn draw(frame: &mut Frame, area: Rect, state: &State, theme: Theme) {
    let focused = state.focus == Pane::Rollback;
    let key = keys::verb(UiAction::Show(Pane::Rollback)).keys_text();
    let title = format!("{key} {}", state.rollback.title(&state.run));
    let columns = usize::from(area.width.saturating_sub(6));
    let block = panel::frame(theme, focused, panel::title(theme, focused, &cell::cut(&title, columns)));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let rows = state.rollback.window(&state.run, usize::from(inner.height));
    if rows.is_empty() {
        let key = keys::verb(UiAction::ThisSpan).keys_text();
        let text = format!(" No changes of this span itself: {key} shows those below it.");
        frame.render_widget(Paragraph::new(text).style(theme.quiet()), inner);
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
    agent: usize,
    word: usize,
}

impl Widths {
    fn new(rows: &[ActionRow], whole: usize) -> Self {
        let widest =
            |text: &dyn Fn(&ActionRow) -> String| rows.iter().map(|row| cell::width(&text(row))).max().unwrap_or(0);
        let seq = widest(&|row| row.seq.to_string());
        // Beside the number: three cells for cursor and mark, three for the letter, the kind and a space, two gaps of two.
        let rest = whole.saturating_sub(3 + seq + 3 + KIND + 1 + 2 + 2);
        let word = widest(&|row| word_text(&row.word)).min(rest * 2 / 5);
        let rest = rest - word;
        let wide = widest(&|row| row.agent.clone()).min(AGENT);
        let agent = if rest >= ROOM + wide + 2 { wide } else { 0 };
        let rest = rest - if agent > 0 { agent + 2 } else { 0 };
        let change = widest(&|row| row.change.clone());
        // The key gets its room before the change does: it tells the rows apart.
        let key = widest(&|row| row.key.clone()).min(rest.saturating_sub(change.min(CHANGE)).max(rest / 2));
        Self { seq, key, change: rest.saturating_sub(key), agent, word }
    }
}

/// The width of the kind, and the largest width of the agent.
const KIND: usize = 4;
const AGENT: usize = 14;
/// The width that the change keeps beside a long key.
const CHANGE: usize = 6;
/// Key and change together need this width; where they would get less, the agent is left out.
const ROOM: usize = 30;

fn line(row: &ActionRow, widths: &Widths, theme: Theme) -> Line<'static> {
    let gone = matches!(row.word, Word::Undone | Word::NotApplied | Word::Skipped | Word::Discarded);
    let dim = |style: Style| if gone { theme.undone() } else { style };
    let mut spans = vec![
        Span::raw(if row.selected { "›" } else { " " }),
        Span::styled(if row.marked { "● " } else { "  " }, theme.output()),
        Span::styled(cell::right(&row.seq.to_string(), widths.seq), dim(theme.quiet())),
        Span::styled(format!(" {} ", row.letter), dim(letter(row.letter, theme))),
        Span::styled(cell::left(row.kind, KIND + 1), dim(theme.quiet())),
        Span::styled(cell::left(&key(row, widths.key), widths.key), dim(theme.strong())),
        Span::raw("  "),
        Span::styled(cell::left(&row.change, widths.change), dim(theme.text())),
        Span::raw("  "),
    ];
    if widths.agent > 0 {
        spans.push(Span::styled(cell::left(&row.agent, widths.agent + 2), dim(theme.quiet())));
    }
    spans.push(Span::styled(cell::left(&word_text(&row.word), widths.word), word(&row.word, theme)));
    Line::from(spans)
}

/// Cuts a key to a width. A path keeps its end, because people look for the file's name.
fn key(row: &ActionRow, columns: usize) -> String {
    let is_path = row.key.contains('/') && !row.key.contains(' ');
    if is_path { cell::end(&row.key, columns) } else { row.key.clone() }
}

/// Git's colours: green for added, red for deleted.
fn letter(letter: char, theme: Theme) -> Style {
    match letter {
        'A' => theme.ok(),
        'D' => theme.error(),
        'R' => theme.call(),
        _ => theme.tool(),
    }
}

/// The state in a few words; the reason for "no undo" is left to the diff.
fn word_text(word: &Word) -> String {
    match word {
        Word::NoUndo(_) => "no undo".to_owned(),
        other => other.to_string(),
    }
}

fn word(word: &Word, theme: Theme) -> Style {
    match word {
        Word::Next => theme.output(),
        Word::Free => theme.ok(),
        Word::Undoing | Word::Redoing => theme.call(),
        Word::Blocked(_) => theme.tool(),
        Word::Held => theme.paused(),
        Word::Conflict => theme.state(SpanState::Failed),
        Word::NoUndo(_) => theme.error(),
        Word::Undone | Word::Skipped | Word::NotApplied | Word::Discarded => theme.undone(),
    }
}
