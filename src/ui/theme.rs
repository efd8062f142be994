//! Colours and styles: few, each with a meaning, in the family of tama's own palette.
//!
//! Sky: calls, input tokens, what is active. Fuchsia: the selection, output tokens. Orange: tools, durations. Yellow:
//! stopped. Green: ok. Red: errors. The rest is the terminal's own colour, or grey. What a colour says, a word says
//! too. The colours themselves stand in `palette`.

use ratatui::style::{Color, Modifier, Style};

use super::colours::Colours;
use super::palette::{self, Hue};
use crate::model::{SpanKind, SpanState};

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

/// The background that the screen is drawn on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ground {
    /// The terminal's own, and dark.
    #[default]
    Dark,
    /// The terminal's own, and light.
    Light,
    /// A dark one that the screen paints itself: no colour can be read on every terminal's.
    Painted,
}

impl Ground {
    /// Decides from `COLORFGBG` (`env` looks a variable up), whose last part is the background among the 16 colours.
    #[must_use]
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        let colors = env("COLORFGBG").unwrap_or_default();
        match colors.rsplit(';').next().map(str::parse) {
            Some(Ok(0..=6 | 8)) => Self::Dark,
            Some(Ok(7 | 9..=15)) => Self::Light,
            _ => Self::Painted,
        }
    }
}

/// The styles of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    depth: ColorDepth,
    ground: Ground,
    colours: Colours,
}

impl Theme {
    /// The theme for a terminal with a dark background.
    #[must_use]
    pub const fn new(depth: ColorDepth) -> Self {
        Self::on(depth, Ground::Dark)
    }

    /// The theme for a terminal.
    #[must_use]
    pub const fn on(depth: ColorDepth, ground: Ground) -> Self {
        Self { depth, ground, colours: Colours::NONE }
    }

    /// The theme with colours that the user chose.
    #[must_use]
    pub const fn with(self, colours: Colours) -> Self {
        Self { colours, ..self }
    }

    /// How many colours it uses.
    #[must_use]
    pub const fn depth(self) -> ColorDepth {
        self.depth
    }

    fn fg(self, hue: Hue) -> Style {
        self.color(hue).map_or_else(Style::new, |color| Style::new().fg(color))
    }

    /// Text on a background of its own.
    fn filled(self, back: Hue, front: Hue) -> Style {
        match (self.color(back), self.color(front)) {
            (Some(back), Some(front)) => self.strong().bg(back).fg(front),
            _ => self.strong().add_modifier(Modifier::REVERSED),
        }
    }

    fn color(self, hue: Hue) -> Option<Color> {
        self.colours.find(hue, self.depth).or_else(|| hue.color(self.depth, self.ground))
    }

    /// Foreground and background of what has no colour of its own, where the screen paints its background.
    #[must_use]
    pub(super) fn painted(self) -> Option<(Color, Color)> {
        let paints = self.ground == Ground::Painted && matches!(self.depth, ColorDepth::True | ColorDepth::Indexed);
        if paints { self.color(palette::FRONT).zip(self.color(palette::BACK)) } else { None }
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
        if self.depth == ColorDepth::None { Style::new().add_modifier(Modifier::DIM) } else { self.fg(palette::GREY) }
    }

    /// Model calls, input tokens, what is active.
    #[must_use]
    pub fn call(self) -> Style {
        self.fg(palette::SKY)
    }

    /// Output tokens, and what belongs to the selection.
    #[must_use]
    pub fn output(self) -> Style {
        self.fg(palette::FUCHSIA)
    }

    /// Tools and durations.
    #[must_use]
    pub fn tool(self) -> Style {
        self.fg(palette::ORANGE)
    }

    /// Success.
    #[must_use]
    pub fn ok(self) -> Style {
        self.fg(palette::GREEN)
    }

    /// Failure.
    #[must_use]
    pub fn error(self) -> Style {
        self.fg(palette::RED).add_modifier(Modifier::BOLD)
    }

    /// A stopped span.
    #[must_use]
    pub fn paused(self) -> Style {
        self.fg(palette::YELLOW).add_modifier(Modifier::BOLD)
    }

    /// A pane's border.
    #[must_use]
    pub fn border(self, focused: bool) -> Style {
        match (focused, self.depth) {
            (true, ColorDepth::None) => self.strong(),
            (true, _) => self.fg(palette::SKY),
            (false, ColorDepth::None) => Style::new().add_modifier(Modifier::DIM),
            (false, _) => self.fg(palette::LINE),
        }
    }

    /// A pane's title.
    #[must_use]
    pub fn title(self, focused: bool) -> Style {
        match (focused, self.depth) {
            (true, _) => self.fg(palette::SKY).add_modifier(Modifier::BOLD),
            (false, ColorDepth::None) => self.strong(),
            // A title stands on a border, whose colour it must not take.
            (false, _) => self.strong().fg(Color::Reset),
        }
    }

    /// The selected row, in the pane that has the keys or in another.
    #[must_use]
    pub fn selection(self, focused: bool) -> Style {
        let bold = self.strong();
        match (self.color(palette::SELECTED), self.color(palette::WHITE)) {
            (Some(back), Some(front)) if focused => bold.bg(back).fg(front),
            (Some(_), _) => bold.patch(self.fg(palette::FUCHSIA)),
            _ if focused => bold.add_modifier(Modifier::REVERSED),
            _ => bold.add_modifier(Modifier::UNDERLINED),
        }
    }

    /// Where a search matches.
    #[must_use]
    pub fn hit(self) -> Style {
        self.filled(palette::HIT, palette::BLACK).remove_modifier(Modifier::BOLD)
    }

    /// The screen behind a popup: no colour of its own, and dim.
    #[must_use]
    pub fn behind(self) -> Style {
        let dim = Style::new().bg(Color::Reset).add_modifier(Modifier::DIM);
        let flat = dim.remove_modifier(Modifier::BOLD | Modifier::REVERSED);
        self.color(palette::GREY).map_or(flat, |color| flat.fg(color))
    }

    /// A key in a hint.
    #[must_use]
    pub fn key(self) -> Style {
        self.fg(palette::SKY).add_modifier(Modifier::BOLD)
    }

    /// Quiet and slanted: a try that was replaced, an action that was undone.
    #[must_use]
    pub fn undone(self) -> Style {
        self.quiet().add_modifier(Modifier::ITALIC)
    }

    /// A span's state. Those that want the user, and failures, are filled.
    #[must_use]
    pub fn state(self, state: SpanState) -> Style {
        match state {
            SpanState::Running => self.call(),
            SpanState::Waiting => self.fg(palette::VIOLET),
            SpanState::Paused => self.paused(),
            SpanState::NeedsApproval => self.filled(palette::AMBER, palette::BLACK),
            SpanState::NeedsAnswer => self.filled(palette::ASKED, palette::BLACK),
            SpanState::Failed => self.filled(palette::CRIMSON, palette::WHITE),
            SpanState::Denied => self.error(),
            SpanState::Discarded => self.fg(palette::SAND),
            SpanState::Cancelled => self.strong(),
            SpanState::Interrupted => self.fg(palette::BROKEN).add_modifier(Modifier::BOLD),
            SpanState::Undone => self.undone(),
            SpanState::Ok => self.ok(),
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
    fn the_ground_follows_the_environment() {
        let ground = |value: &str| Ground::detect(|name| (name == "COLORFGBG").then(|| value.to_owned()));
        let dark_or_light = ["15;0", "0;15", "12;default;8", "0;7"].map(ground);
        assert_eq!(dark_or_light, [Ground::Dark, Ground::Light, Ground::Dark, Ground::Light]);
        assert_eq!(["", "default;default", "1;99"].map(ground), [Ground::Painted; 3]);
        let painted = |depth| Theme::on(depth, Ground::Painted).painted().is_some();
        let depths = [ColorDepth::True, ColorDepth::Indexed, ColorDepth::Basic, ColorDepth::None];
        assert_eq!(depths.map(painted), [true, true, false, false]);
        assert_eq!(Theme::new(ColorDepth::True).painted(), None);
    }

    /// Every style that text is written in.
    fn texts(theme: Theme) -> Vec<Style> {
        let mut all: Vec<Style> = SpanState::ALL.into_iter().map(|state| theme.state(state)).collect();
        all.extend([
            theme.text(),
            theme.quiet(),
            theme.call(),
            theme.output(),
            theme.tool(),
            theme.ok(),
            theme.error(),
        ]);
        all.extend([theme.paused(), theme.key(), theme.undone(), theme.hit(), theme.title(true), theme.title(false)]);
        all.extend([theme.selection(true), theme.selection(false)]);
        all
    }

    #[test]
    fn text_has_enough_contrast_on_every_ground() {
        let black = palette::rgb(Color::Rgb(0, 0, 0));
        let dark = palette::rgb(Color::Rgb(0x1e, 0x1e, 0x1e));
        let white = palette::rgb(Color::Rgb(255, 255, 255));
        for depth in [ColorDepth::True, ColorDepth::Indexed] {
            for (ground, backs) in
                [(Ground::Dark, vec![black, dark]), (Ground::Light, vec![white]), (Ground::Painted, vec![])]
            {
                let theme = Theme::on(depth, ground);
                let own = theme.painted().map(|(front, back)| (palette::rgb(front), palette::rgb(back)));
                let backs: Vec<_> = backs.into_iter().chain(own.map(|(_, back)| back)).collect();
                for style in texts(theme) {
                    let front = style.fg.filter(|color| *color != Color::Reset).map(palette::rgb);
                    let Some(front) = front.or(own.map(|(front, _)| front)) else { continue };
                    for back in style.bg.map_or_else(|| backs.clone(), |back| vec![palette::rgb(back)]) {
                        let contrast = palette::contrast(front, back);
                        assert!(contrast >= 4.5, "{style:?} on {back:?}: {contrast:.2} ({depth:?}, {ground:?})");
                    }
                }
                // Borders and bars are no text.
                for back in backs {
                    let line = palette::contrast(palette::rgb(theme.border(false).fg.unwrap()), back);
                    assert!(line >= 2.5, "{line:.2} ({depth:?}, {ground:?})");
                }
            }
        }
    }

    #[test]
    fn the_16_colours_can_be_read_on_every_ground_too() {
        let [black, white] = [Color::Black, Color::White].map(palette::rgb);
        let grounds =
            [(Ground::Dark, vec![black]), (Ground::Light, vec![white]), (Ground::Painted, vec![black, white])];
        for (ground, backs) in grounds {
            let theme = Theme::on(ColorDepth::Basic, ground);
            for style in texts(theme).into_iter().chain([theme.border(true), theme.border(false)]) {
                let Some(front) = style.fg.filter(|color| *color != Color::Reset).map(palette::rgb) else { continue };
                for back in style.bg.map_or_else(|| backs.clone(), |back| vec![palette::rgb(back)]) {
                    let contrast = palette::contrast(front, back);
                    assert!(contrast >= 3.5, "{style:?} on {back:?}: {contrast:.2} ({ground:?})");
                }
            }
        }
    }

    #[test]
    fn every_state_looks_different() {
        let dark = [ColorDepth::True, ColorDepth::Indexed, ColorDepth::Basic].map(Theme::new);
        for theme in dark.into_iter().chain([Theme::on(ColorDepth::Basic, Ground::Painted)]) {
            for at in SpanState::ALL {
                let others = SpanState::ALL.into_iter().filter(|other| *other != at);
                assert!(others.map(|other| theme.state(other)).all(|other| other != theme.state(at)), "{at:?}");
                let wants_user = matches!(at, SpanState::NeedsApproval | SpanState::NeedsAnswer | SpanState::Failed);
                assert_eq!(theme.state(at).bg.is_some(), wants_user, "{at:?}");
            }
            let active = [theme.state(SpanState::Running), theme.key(), theme.border(true), theme.title(true)];
            assert!(active.iter().all(|style| style.fg != theme.paused().fg));
        }
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
