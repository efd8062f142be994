//! The line at the top.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{Theme, cell};
use crate::app::text::{clock, count, money, plural};
use crate::app::{self, Header, State};

/// One part; those that matter less are left out where they don't fit.
struct Part {
    text: String,
    style: Style,
    /// The least is left out first; 0 stays.
    rank: u8,
    /// Shorter texts, shown before it is left out; the last of them first.
    shorter: Vec<(String, u8)>,
    /// True for a line before it; else it belongs to the part before.
    apart: bool,
}

/// Milliseconds from which on waits are worth telling.
const APART: u64 = 1_000;

impl Part {
    fn new(text: impl Into<String>, style: Style, rank: u8) -> Self {
        Self { text: text.into(), style, rank, shorter: Vec::new(), apart: true }
    }
}

/// Draws the line.
pub(super) fn draw(frame: &mut Frame, area: Rect, state: &State, theme: Theme) {
    let mut parts = parts(&app::header(state), theme);
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
        line.push_span(match (at, part.apart) {
            (0, _) => Span::raw(" "),
            (_, true) => Span::styled(" │ ", theme.border(false)),
            (_, false) => Span::raw("  "),
        });
        line.push_span(Span::styled(part.text, part.style));
    }
    frame.render_widget(Paragraph::new(line), area);
}

fn width(parts: &[Part]) -> usize {
    let before = |part: &Part| if part.apart { 3 } else { 2 };
    parts.iter().map(|part| cell::width(&part.text) + before(part)).sum::<usize>().saturating_sub(2)
}

fn parts(header: &Header, theme: Theme) -> Vec<Part> {
    let name = if header.name.is_empty() { "tama-tui" } else { &header.name };
    let whole = format!("{name} {}", header.run);
    let shorter = if header.run.is_empty() { Vec::new() } else { vec![(header.run.clone(), 0)] };
    let mut parts = vec![Part { shorter, ..Part::new(whole.trim_end(), theme.strong(), 4) }];
    for (at, mark) in (0..).zip(&header.marks) {
        let shorter = vec![(mark.short.clone(), 0)];
        let style = theme.state(mark.full.state);
        parts.push(Part { shorter, apart: at == 0, ..Part::new(mark.full.text.clone(), style, 6 + at) });
    }
    let work = minutes(header.work);
    if header.open >= header.work + APART {
        let whole = format!("work {work} · open {}", minutes(header.open));
        parts.push(Part { shorter: vec![(work, 5)], ..Part::new(whole, theme.tool(), 11) });
    } else {
        parts.push(Part { shorter: vec![(work.clone(), 5)], ..Part::new(format!("work {work}"), theme.tool(), 11) });
    }
    let tokens = format!("{} tok", count(header.tokens));
    parts.push(Part::new(tokens, theme.text(), 8));
    if header.cost > 0 {
        parts.push(Part { apart: false, ..Part::new(money(header.cost), theme.text(), 9) });
    }
    if header.edits > 0 {
        parts.push(Part::new(format!("{} not in files", plural(header.edits, "edit")), theme.output(), 3));
    }
    if header.lag > 0 {
        let lag = format!("{} behind", plural(usize::try_from(header.lag).unwrap_or(usize::MAX), "event"));
        parts.push(Part::new(lag, theme.error(), 2));
    }
    match &header.sandbox {
        // An open sandbox is named as long as anything is.
        Some(open) if header.is_open => {
            let shorter = vec![("SANDBOX OFF".into(), 1)];
            parts.push(Part { shorter, ..Part::new(open.clone(), theme.error(), 10) });
        }
        Some(on) => parts.push(Part::new(on.clone(), theme.quiet(), 12)),
        None => {}
    }
    parts
}

/// A clock without a zero at its front: `0:24`, `1:02:03`.
fn minutes(millis: u64) -> String {
    let clock = clock(millis);
    clock.strip_prefix('0').map_or(clock.clone(), str::to_owned)
}
