//! The line at the top.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{Theme, cell};
use crate::app::text::{clock, count, money, plural};
use crate::app::{self, State};
use crate::model::RunStatus;

/// One part; those that matter less are left out where they don't fit.
struct Part {
    text: String,
    style: Style,
    /// The least is left out first; 0 stays.
    rank: u8,
    /// Shorter texts, shown before it is left out; the last of them first.
    shorter: Vec<(String, u8)>,
}

/// Draws the line.
pub(super) fn draw(frame: &mut Frame, area: Rect, state: &State, theme: Theme) {
    let mut parts = parts(state, theme);
    while width(&parts) > usize::from(area.width) {
        let Some(least) = (0..parts.len()).filter(|at| parts[*at].rank > 0).max_by_key(|at| parts[*at].rank) else {
            break;
        };
        match parts[least].shorter.pop() {
            Some((text, rank)) => (parts[least].text, parts[least].rank) = (text, rank),
            None => {
                parts.remove(least);
            }
        }
    }
    let mut line = Line::default();
    for (at, part) in parts.into_iter().enumerate() {
        line.push_span(if at == 0 { Span::raw(" ") } else { Span::styled(" │ ", theme.border(false)) });
        line.push_span(Span::styled(part.text, part.style));
    }
    frame.render_widget(Paragraph::new(line), area);
}

fn width(parts: &[Part]) -> usize {
    parts.iter().map(|part| cell::width(&part.text) + 3).sum::<usize>().saturating_sub(2)
}

fn parts(state: &State, theme: Theme) -> Vec<Part> {
    let header = app::header(state);
    let mut parts = Vec::new();
    let mut put = |text: String, style, rank| parts.push(Part { text, style, rank, shorter: Vec::new() });
    let name = if header.name.is_empty() { "tama-tui".to_owned() } else { header.name };
    put(format!("{name} {}", header.run).trim_end().to_owned(), theme.strong(), 0);
    put(header.status, status(state, theme), 3);
    put(clock(header.elapsed), theme.tool(), 3);
    put(format!("{} tok", count(header.tokens)), theme.text(), 4);
    if header.cost > 0 {
        put(money(header.cost), theme.text(), 5);
    }
    if header.follow {
        put("follow".into(), theme.call(), 7);
    }
    if header.edits > 0 {
        put(format!("{} not in files", plural(header.edits, "edit")), theme.output(), 2);
    }
    if header.lag > 0 {
        put(format!("{} behind", plural(usize::try_from(header.lag).unwrap_or(usize::MAX), "event")), theme.error(), 1);
    }
    if header.permanent > 0 {
        put(format!("{} no undo", header.permanent), theme.tool(), 8);
    }
    if let Some(sandbox) = header.sandbox {
        put(sandbox, if header.is_open { theme.tool() } else { theme.text() }, 6);
    }
    parts[1].shorter = vec![(header.short_status, 0)];
    if header.is_open
        && let Some(sandbox) = parts.last_mut()
    {
        // An open sandbox is named as long as anything is.
        sandbox.shorter = vec![("SANDBOX OFF".into(), 1)];
    }
    parts
}

fn status(state: &State, theme: Theme) -> Style {
    match state.run.status {
        RunStatus::Interrupted => theme.tool(),
        _ if state.run.trace.paused().next().is_some() => theme.paused(),
        RunStatus::Running => theme.call(),
        RunStatus::Ok => theme.ok(),
        RunStatus::Failed => theme.error(),
        RunStatus::Cancelled => theme.tool(),
    }
}
