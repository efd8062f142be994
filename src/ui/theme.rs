//! Colours and styles: few, each with a meaning, in the family of tama's own palette.
//!
//! Sky: calls, input tokens, what is active. Fuchsia: the selection, output tokens. Orange: tools, durations, waiting.
//! Green: ok. Red: errors. The rest is the terminal's own colour, or grey. What a colour says, a word says too.

use ratatui::style::{Color, Modifier, Style};

use crate::model::{SpanKind, SpanStatus};

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorDepth {
    /// 16 million.
    True,
    /// The 256 of xterm.
    Indexed,
    /// The 16 of the user's own palette.
    Basic,
    /// None: only bold, dim, underlined, reversed.
    None,
}

/// The choice of `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// As the environment allows.
    #[default]
    Auto,
    /// Colours even when `NO_COLOR` is set.
    Always,
    /// No colours.
    Never,
}

impl ColorDepth {
    /// Decides from `--color`, `NO_COLOR`, `COLORTERM` and `TERM` (`env` looks a variable up).
    #[must_use]
    pub fn detect(choice: ColorChoice, env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let refused = set("NO_COLOR").is_some() || term == "dumb";
        match choice {
            ColorChoice::Never => return Self::None,
            ColorChoice::Auto if refused => return Self::None,
            ColorChoice::Auto | ColorChoice::Always => {}
        }
        match set("COLORTERM").as_deref() {
            Some("truecolor" | "24bit") => Self::True,
            _ if term.contains("direct") => Self::True,
            _ if term.contains("256color") => Self::Indexed,
            _ => Self::Basic,
        }
    }
}

/// The styles of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    depth: ColorDepth,
}

/// A colour by its meaning: 24-bit, of the 256, of the 16.
#[derive(Clone, Copy)]
struct Hue(u32, u8, Color);

const SKY: Hue = Hue(0x0038_bdf8, 39, Color::Cyan);
const FUCHSIA: Hue = Hue(0x00e8_79f9, 177, Color::Magenta);
const ORANGE: Hue = Hue(0x00fb_923c, 208, Color::Yellow);
const GREEN: Hue = Hue(0x0034_d399, 42, Color::Green);
const RED: Hue = Hue(0x00f8_7171, 203, Color::Red);
const GREY: Hue = Hue(0x008b_8b96, 245, Color::DarkGray);
const LINE: Hue = Hue(0x0055_5560, 240, Color::DarkGray);
/// Behind the selected row; text on it is white, so that it works on a light terminal too.
const SELECTED: Hue = Hue(0x0070_1a75, 90, Color::Magenta);
const ON_SELECTED: Hue = Hue(0x00ff_ffff, 231, Color::White);

impl Theme {
    /// The theme for a terminal.
    #[must_use]
    pub const fn new(depth: ColorDepth) -> Self {
        Self { depth }
    }

    /// How many colours it uses.
    #[must_use]
    pub const fn depth(self) -> ColorDepth {
        self.depth
    }

    fn fg(self, hue: Hue) -> Style {
        self.color(hue).map_or_else(Style::new, |color| Style::new().fg(color))
    }

    fn color(self, Hue(rgb, indexed, basic): Hue) -> Option<Color> {
        match self.depth {
            ColorDepth::True => Some(Color::from_u32(rgb)),
            ColorDepth::Indexed => Some(Color::Indexed(indexed)),
            ColorDepth::Basic => Some(basic),
            ColorDepth::None => None,
        }
    }

    /// Ordinary text: the terminal's own colour.
    #[must_use]
    pub const fn text(self) -> Style {
        Style::new()
    }

    /// Text that must stand out without a meaning of its own.
    #[must_use]
    pub const fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Supporting text: labels, hints, folded rows.
    #[must_use]
    pub fn quiet(self) -> Style {
        if self.depth == ColorDepth::None { Style::new().add_modifier(Modifier::DIM) } else { self.fg(GREY) }
    }

    /// Model calls, input tokens, what is active.
    #[must_use]
    pub fn call(self) -> Style {
        self.fg(SKY)
    }

    /// Output tokens, and what belongs to the selection.
    #[must_use]
    pub fn output(self) -> Style {
        self.fg(FUCHSIA)
    }

    /// Tools, durations, waiting.
    #[must_use]
    pub fn tool(self) -> Style {
        self.fg(ORANGE)
    }

    /// Success.
    #[must_use]
    pub fn ok(self) -> Style {
        self.fg(GREEN)
    }

    /// Failure.
    #[must_use]
    pub fn error(self) -> Style {
        self.fg(RED).add_modifier(Modifier::BOLD)
    }

    /// A stopped span.
    #[must_use]
    pub fn paused(self) -> Style {
        self.fg(SKY).add_modifier(Modifier::BOLD)
    }

    /// A pane's border.
    #[must_use]
    pub fn border(self, focused: bool) -> Style {
        match (focused, self.depth) {
            (true, ColorDepth::None) => self.strong(),
            (true, _) => self.fg(SKY),
            (false, ColorDepth::None) => Style::new().add_modifier(Modifier::DIM),
            (false, _) => self.fg(LINE),
        }
    }

    /// A pane's title.
    #[must_use]
    pub fn title(self, focused: bool) -> Style {
        match (focused, self.depth) {
            (true, _) => self.fg(SKY).add_modifier(Modifier::BOLD),
            (false, ColorDepth::None) => self.strong(),
            // A title stands on a border, whose colour it must not take.
            (false, _) => self.strong().fg(Color::Reset),
        }
    }

    /// The selected row, in the pane that has the keys or in another.
    #[must_use]
    pub fn selection(self, focused: bool) -> Style {
        let bold = self.strong();
        match (self.color(SELECTED), self.color(ON_SELECTED)) {
            (Some(back), Some(front)) if focused => bold.bg(back).fg(front),
            (Some(_), _) => bold.patch(self.fg(FUCHSIA)),
            _ if focused => bold.add_modifier(Modifier::REVERSED),
            _ => bold.add_modifier(Modifier::UNDERLINED),
        }
    }

    /// Where a search matches.
    #[must_use]
    pub fn hit(self) -> Style {
        match self.color(ORANGE) {
            Some(back) => Style::new().bg(back).fg(Color::Black),
            None => Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    /// What lies behind a popup: no colour of its own, and dim.
    #[must_use]
    pub fn behind(self) -> Style {
        let dim = Style::new().bg(Color::Reset).add_modifier(Modifier::DIM);
        let flat = dim.remove_modifier(Modifier::BOLD | Modifier::REVERSED);
        self.color(GREY).map_or(flat, |color| flat.fg(color))
    }

    /// A key in a hint.
    #[must_use]
    pub fn key(self) -> Style {
        self.fg(SKY).add_modifier(Modifier::BOLD)
    }

    /// Struck out and dim: a try that was replaced.
    #[must_use]
    pub fn undone(self) -> Style {
        self.quiet().add_modifier(Modifier::DIM)
    }

    /// A span's status.
    #[must_use]
    pub fn status(self, status: SpanStatus) -> Style {
        match status {
            SpanStatus::Running => self.call(),
            SpanStatus::Paused => self.paused(),
            SpanStatus::Waiting => self.tool(),
            SpanStatus::Ok => self.ok(),
            SpanStatus::Error => self.error(),
            SpanStatus::Cancelled => self.quiet(),
            SpanStatus::Undone => self.undone(),
        }
    }

    /// A span's name, by what it is.
    #[must_use]
    pub fn kind(self, kind: SpanKind) -> Style {
        match kind {
            SpanKind::Run | SpanKind::Agent => self.strong(),
            SpanKind::Llm => self.call(),
            SpanKind::Tool => self.tool(),
            SpanKind::Human => self.output(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(choice: ColorChoice, vars: &[(&str, &str)]) -> ColorDepth {
        ColorDepth::detect(choice, |name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn depth_follows_the_environment() {
        let auto = ColorChoice::Auto;
        assert_eq!(depth(auto, &[("COLORTERM", "truecolor"), ("TERM", "xterm")]), ColorDepth::True);
        assert_eq!(depth(auto, &[("TERM", "tmux-256color")]), ColorDepth::Indexed);
        assert_eq!(depth(auto, &[("TERM", "linux")]), ColorDepth::Basic);
        assert_eq!(depth(auto, &[("TERM", "dumb")]), ColorDepth::None);
        assert_eq!(depth(auto, &[("NO_COLOR", "1"), ("COLORTERM", "truecolor")]), ColorDepth::None);
        assert_eq!(depth(auto, &[("NO_COLOR", ""), ("COLORTERM", "truecolor")]), ColorDepth::True);
    }

    #[test]
    fn the_flag_beats_the_environment() {
        assert_eq!(depth(ColorChoice::Always, &[("NO_COLOR", "1"), ("TERM", "xterm-256color")]), ColorDepth::Indexed);
        assert_eq!(depth(ColorChoice::Never, &[("COLORTERM", "truecolor")]), ColorDepth::None);
    }

    #[test]
    fn without_colours_there_are_none() {
        let theme = Theme::new(ColorDepth::None);
        for style in [theme.call(), theme.error(), theme.selection(true), theme.selection(false), theme.hit()] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
        assert_ne!(theme.selection(true), theme.selection(false));
    }
}
