//! The Detail panel: the texts, and the span in numbers below.

mod lines;

pub(super) use lines::draw as line;
use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use super::{Theme, cell};
use crate::app::{self, LineKind, Pane, Place, State, TEXT_MARGIN, safe, text};
use crate::model::{Gate, PauseReason, SpanId, SpanState, Usage};

/// Columns that a path, or the numbers, are worth showing in.
const LEAST: usize = 9;

/// Puts the span's path above the texts, where `room` beside the tabs is enough for it, and the span in numbers below
/// them.
pub(super) fn around<'a>(block: Block<'a>, state: &State, width: usize, room: usize, theme: Theme) -> Block<'a> {
    let block = match room {
        LEAST.. => block.title(path(state, room, theme).alignment(Alignment::Right)),
        _ => block,
    };
    match width.saturating_sub(4) {
        numbers_room @ LEAST.. => block.title_bottom(numbers(state, numbers_room, theme)),
        _ => block,
    }
}

/// Where the span is: `writer#2 › llm 2`, as much of it as fits.
fn path(state: &State, room: usize, theme: Theme) -> Line<'static> {
    let span = state.selected();
    if span == SpanId::RUN {
        return Line::default();
    }
    let trace = &state.run.trace;
    let mut parts: Vec<SpanId> =
        std::iter::once(span).chain(trace.ancestors(span)).filter(|at| *at != SpanId::RUN).collect();
    parts.reverse();
    let label = |from: usize| parts[from..].iter().map(|at| trace.label(*at)).collect::<Vec<_>>().join(" › ");
    let fits = (0..parts.len()).map(label).find(|text| cell::width(&safe::line(text)) + 2 <= room);
    let text = fits.unwrap_or_else(|| trace.label(span));
    Line::from(Span::styled(format!(" {} ", cell::cut(&text, room - 2)), theme.output()))
}

/// The span in numbers, or why it stands still.
fn numbers(state: &State, room: usize, theme: Theme) -> Line<'static> {
    let trace = &state.run.trace;
    let span = state.selected();
    let Some(found) = trace.get(span) else { return Line::default() };
    let mut parts: Vec<(String, Style)> = Vec::new();
    let span_state = state.run.span_state(span);
    let style = theme.state(span_state);
    // Nothing of a run that ended so is stopped any more.
    let over = matches!(span_state, SpanState::Cancelled | SpanState::Interrupted | SpanState::Undone);
    let mut rest = String::new();
    match (trace.pause(span).filter(|_| !over), trace.waiting_on(span).filter(|_| !over)) {
        (Some(pause), _) => {
            let (words, more) = stop_words(state, span, pause);
            parts.push((words, style));
            rest = more;
        }
        (None, Some(on)) => parts.push((format!("waiting for {on}"), style)),
        (None, None) => {
            let marks = app::row_marks(&state.run, span, false, room);
            parts.extend(marks.into_iter().map(|mark| (mark.text, theme.state(mark.state))));
        }
    }
    // A span that is ok is marked with its finish key; a fault's has no name of its own.
    let finish = trace.finish(span).filter(|finish| *finish != "fault" && span_state != SpanState::Ok);
    if let Some(finish) = finish {
        parts.push((format!("finish {}", safe::line(finish)), on_border(theme.text())));
    }
    let usage = found.counts.usage;
    if usage != Usage::default() {
        parts.push((format!("{} in", text::count(usage.input)), theme.call()));
        parts.push((format!("{} out", text::count(usage.output)), theme.output()));
    }
    if found.counts.cost >= 500 {
        parts.push((text::money(found.counts.cost), on_border(theme.text())));
    }
    parts.push((text::duration(state.run.trace.work(span, state.now)), theme.tool()));
    joined(parts, &rest, room, theme)
}

/// Why a span stands still: the words for its state, and what there is to say beyond them.
fn stop_words(state: &State, span: SpanId, (gate, reason): &(Gate, PauseReason)) -> (String, String) {
    let text = safe::line(&app::pause_text(*gate, reason)).into_owned();
    if state.held_here().is_some_and(|(held, _)| held == span) {
        let held = app::held_words(state, span);
        let more = match reason {
            PauseReason::Conflict { .. } => format!(": {text}"),
            _ => format!(": {} · {text}", held.keys),
        };
        return (held.what, more);
    }
    let words = safe::line(&app::pause_title(*gate, reason)).into_owned();
    let more = text.strip_prefix(&words[..]).unwrap_or_default().to_owned();
    (words, more)
}

/// A style without a colour would take the border's.
fn on_border(style: Style) -> Style {
    style.fg(Color::Reset)
}

/// Parts with dots between them, as many as fit; the first, with what belongs to it, is cut where even it does not.
fn joined(parts: Vec<(String, Style)>, rest: &str, room: usize, theme: Theme) -> Line<'static> {
    let mut line = Line::from(Span::raw(" "));
    let mut left = room.saturating_sub(2);
    for (at, (text, style)) in parts.into_iter().enumerate() {
        let text = if at == 0 { cell::cut(&text, left).into_owned() } else { text };
        let wide = cell::width(&text) + if at == 0 { 0 } else { 3 };
        if wide > left {
            break;
        }
        left -= wide;
        if at > 0 {
            line.push_span(Span::styled(" · ", theme.border(false)));
        }
        line.push_span(Span::styled(text, style));
        if at == 0 && !rest.is_empty() {
            let more = cell::cut(rest, left).into_owned();
            left -= cell::width(&more);
            line.push_span(Span::styled(more, on_border(theme.text())));
        }
    }
    line.push_span(Span::raw(" "));
    line
}

/// Draws the texts inside the panel's border.
pub(super) fn draw(frame: &mut Frame, inner: Rect, state: &State, focused: bool, theme: Theme) {
    let lines = state.detail.window(usize::from(inner.height));
    if lines.is_empty() {
        let text = if state.run.trace.is_empty() { " waiting for the run to start" } else { " reading…" };
        frame.render_widget(Paragraph::new(text).style(theme.quiet()), inner);
        return;
    }
    let cursor = state.detail.scroll.cursor.saturating_sub(state.detail.scroll.top);
    for ((at, line), y) in lines.iter().enumerate().zip(inner.y..inner.bottom()) {
        let row = Rect { y, height: 1, ..inner };
        // Texts are laid out for `TEXT_MARGIN` columns less than there are.
        let margin = if matches!(line.kind, LineKind::Title { .. }) { 1 } else { TEXT_MARGIN - 1 };
        let text = Rect { x: row.x + margin, width: row.width.saturating_sub(margin), ..row };
        frame.render_widget(Paragraph::new(lines::draw(line, state.find(Place::Pane(Pane::Detail)), theme)), text);
        if focused && at == cursor {
            frame.buffer_mut().set_style(row, theme.selection(true));
        }
    }
}
