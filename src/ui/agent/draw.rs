//! Draws the panel: the cells of the agent's picture, and its cursor.

use std::ops::RangeInclusive;

use ratatui::Frame;
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use super::{AgentTerminal, unknown};
use crate::app::keys::{self, UiAction};
use crate::app::{AgentPane, LEAVE_KEY, Pane, State};
use crate::ui::{ColorDepth, Theme, cell, panel};

/// Draws the panel.
pub(in crate::ui) fn draw(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    terminal: Option<&AgentTerminal>,
    theme: Theme,
) {
    let Some(agent) = &state.agent else { return };
    let focused = state.focus == Pane::Agent;
    let types = state.takes_agent_input();
    let title = title(agent, types);
    let room = usize::from(area.width.saturating_sub(4));
    let block = panel::frame(theme, focused, panel::title(theme, focused, &cell::cut(&title, room)));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let Some(terminal) = terminal else {
        frame.render_widget(Paragraph::new(" it starts…").style(theme.quiet()), inner);
        return;
    };
    cells(frame, inner, terminal.screen(), theme);
    let picture = terminal.picture();
    let lines = usize::from(inner.height);
    let top = picture.history - picture.scrolled.min(picture.history);
    panel::scroll_marks(frame.buffer_mut(), area, top, picture.history + lines, theme);
    if types && picture.scrolled == 0 && !terminal.screen().hide_cursor() {
        let (line, column) = terminal.screen().cursor_position();
        let at = Position::new(inner.x + column.min(inner.width.saturating_sub(1)), inner.y + line);
        if inner.contains(at) {
            frame.set_cursor_position(at);
        }
    }
}

/// The agent, and how it is with it: `i claude · F12 leaves`.
fn title(agent: &AgentPane, types: bool) -> String {
    let mut title = format!("{} {}", keys::verb(UiAction::Show(Pane::Agent)).keys_text(), agent.name());
    match agent.end() {
        Some(end) => title.extend([" · ", &end.text]),
        None if types => title.extend([" · ", LEAVE_KEY, " leaves"]),
        None => {}
    }
    match agent.picture().scrolled {
        0 => {}
        1 => title.push_str(" · 1 line back"),
        lines => title.extend([" · ", &lines.to_string(), " lines back"]),
    }
    title
}

fn cells(frame: &mut Frame, area: Rect, screen: &vt100::Screen, theme: Theme) {
    for (line, y) in (0..area.height).zip(area.y..) {
        for (column, x) in (0..area.width).zip(area.x..) {
            let Some(from) = screen.cell(line, column) else { continue };
            let fits = !from.is_wide() || column + 1 < area.width;
            if let Some(to) = frame.buffer_mut().cell_mut(Position::new(x, y)).filter(|_| !from.is_wide_continuation())
            {
                put(to, from, fits, theme);
            }
        }
    }
}

/// Joins the symbols of two cells into one, on terminals that know how.
const JOINER: char = '\u{200d}';
/// Colours of skin, which such terminals draw into the symbol before them.
const SKINS: RangeInclusive<char> = '\u{1f3fb}'..='\u{1f3ff}';

/// Puts a cell of the picture into one of the screen. Symbols that the two count differently, and those that a terminal
/// would join with the next one, would move what follows.
fn put(to: &mut Cell, from: &vt100::Cell, fits: bool, theme: Theme) {
    let width = if from.is_wide() { 2 } else { 1 };
    let symbol = unknown::shown(from.contents());
    let symbol = symbol.trim_end_matches(JOINER);
    let fits = fits && !symbol.starts_with(|letter| SKINS.contains(&letter));
    let first = symbol.char_indices().nth(1).map_or(symbol, |(at, _)| &symbol[..at]);
    match [symbol, first].into_iter().find(|text| text.width() == width) {
        Some(text) if fits => to.set_symbol(text),
        _ => to.set_symbol(" "),
    };
    to.set_style(style(from, theme));
}

fn style(from: &vt100::Cell, theme: Theme) -> Style {
    let marks = [
        (from.bold(), Modifier::BOLD),
        (from.dim(), Modifier::DIM),
        (from.italic(), Modifier::ITALIC),
        (from.underline(), Modifier::UNDERLINED),
        (from.inverse(), Modifier::REVERSED),
    ];
    let modifiers = marks.into_iter().filter(|(is_set, _)| *is_set).map(|(_, modifier)| modifier).collect();
    let style = Style::reset().add_modifier(modifiers);
    if theme.depth() == ColorDepth::None {
        return style;
    }
    style.fg(color(from.fgcolor())).bg(color(from.bgcolor()))
}

/// A colour as the agent named it: its terminal has the colours of the real one.
fn color(color: vt100::Color) -> Color {
    const BASIC: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    match color {
        vt100::Color::Default => Color::Reset,
        vt100::Color::Idx(index) => BASIC.get(usize::from(index)).copied().unwrap_or(Color::Indexed(index)),
        vt100::Color::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
    }
}
