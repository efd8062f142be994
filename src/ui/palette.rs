//! The colours themselves. Each that text is written in has a contrast of 4.5 to 1 or more (as WCAG computes it) on
//! dark backgrounds up to `#1e1e1e` and, in its darker form, on white. The 16 are of the user's own palette: in that of
//! xterm, each has a contrast of 3.5 to 1 or more.

use ratatui::style::Color;

use super::{ColorDepth, Ground};

/// A colour of 24 bits, and the one of the 256 that is like it.
type Pair = (u32, u8);

/// Of the 16, one on a dark background, and one that can be read on a light one too.
type Basic = (Color, Color);

/// A colour by its meaning: on a dark background, on a light one, and of the 16.
#[derive(Clone, Copy)]
pub(super) struct Hue {
    /// Its name in the settings; empty for one that can't be chosen.
    name: &'static str,
    dark: Pair,
    light: Pair,
    basic: Basic,
}

impl Hue {
    const fn new(name: &'static str, dark: Pair, light: Pair, basic: Basic) -> Self {
        Self { name, dark, light, basic }
    }

    /// A colour that is the same on every background.
    const fn fixed(name: &'static str, pair: Pair, basic: Color) -> Self {
        Self::new(name, pair, pair, (basic, basic))
    }

    /// Its name in the settings; empty for one that can't be chosen.
    pub(super) fn name(self) -> &'static str {
        self.name
    }

    /// Its colour on a dark background: red, green and blue.
    pub(super) fn usual(self) -> u32 {
        self.dark.0
    }

    /// The colour for a terminal; `None` without colours.
    pub(super) fn color(self, depth: ColorDepth, ground: Ground) -> Option<Color> {
        let (rgb, indexed) = if ground == Ground::Light { self.light } else { self.dark };
        let (on_dark, on_both) = self.basic;
        match depth {
            ColorDepth::True => Some(Color::from_u32(rgb)),
            ColorDepth::Indexed => Some(Color::Indexed(indexed)),
            // Only a ground that is known to be dark takes bright colours: with 16, none is painted.
            ColorDepth::Basic => Some(if ground == Ground::Dark { on_dark } else { on_both }),
            ColorDepth::None => None,
        }
    }
}

pub(super) const SKY: Hue = Hue::new("call", (0x0038_bdf8, 39), (0x0004_6896, 24), (Color::Cyan, Color::LightBlue));
pub(super) const FUCHSIA: Hue =
    Hue::new("output", (0x00e8_79f9, 177), (0x00a4_1ab9, 127), (Color::Magenta, Color::Magenta));
pub(super) const ORANGE: Hue = Hue::new("tool", (0x00fb_923c, 208), (0x00a4_4404, 130), (Color::Yellow, Color::Reset));
pub(super) const YELLOW: Hue =
    Hue::new("paused", (0x00fa_cc15, 220), (0x007b_5d03, 94), (Color::LightYellow, Color::Magenta));
pub(super) const GREEN: Hue = Hue::new("ok", (0x0034_d399, 42), (0x0006_7049, 28), (Color::Green, Color::Reset));
pub(super) const RED: Hue = Hue::new("error", (0x00f8_7171, 203), (0x00c0_1b1b, 160), (Color::Red, Color::Red));
pub(super) const VIOLET: Hue =
    Hue::new("waiting", (0x00a7_8bfa, 141), (0x006e_3fdd, 92), (Color::LightBlue, Color::DarkGray));
pub(super) const SAND: Hue =
    Hue::new("discarded", (0x00d6_b98c, 180), (0x0076_5e39, 58), (Color::LightMagenta, Color::Magenta));
pub(super) const GREY: Hue =
    Hue::new("quiet", (0x009a_9aa5, 247), (0x0061_616b, 241), (Color::DarkGray, Color::DarkGray));
/// An interrupted span: what was at work.
pub(super) const BROKEN: Hue = Hue::new("interrupted", ORANGE.dark, ORANGE.light, (Color::Yellow, Color::LightRed));
/// Borders: no text.
pub(super) const LINE: Hue =
    Hue::new("border", (0x0066_6672, 242), (0x008a_8a96, 245), (Color::DarkGray, Color::DarkGray));

/// Behind an approval.
pub(super) const AMBER: Hue = Hue::fixed("approval", (0x00fb_bf24, 214), Color::Yellow);
/// Behind a question to a person.
pub(super) const ASKED: Hue = Hue::fixed("question", (0x0038_bdf8, 39), Color::Cyan);
/// Behind a failure.
pub(super) const CRIMSON: Hue = Hue::fixed("failed", (0x00c8_1e1e, 160), Color::Red);
/// Behind the selected row.
pub(super) const SELECTED: Hue = Hue::fixed("selected", (0x0070_1a75, 90), Color::Magenta);
/// Behind what a search found.
pub(super) const HIT: Hue = Hue::fixed("found", (0x00fb_923c, 208), Color::Yellow);
pub(super) const BLACK: Hue = Hue::fixed("", (0, 16), Color::Black);
pub(super) const WHITE: Hue = Hue::fixed("", (0x00ff_ffff, 231), Color::White);

/// Text and background of a screen that paints its own.
pub(super) const FRONT: Hue = Hue::fixed("text", (0x00e4_e4ec, 254), Color::Reset);
pub(super) const BACK: Hue = Hue::fixed("background", (0x0016_161c, 233), Color::Reset);

/// A colour's red, green and blue.
#[cfg(test)]
pub(super) fn rgb(color: Color) -> [u8; 3] {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match color {
        Color::Rgb(red, green, blue) => [red, green, blue],
        Color::Indexed(at @ 16..=231) => {
            [(at - 16) / 36, (at - 16) / 6 % 6, (at - 16) % 6].map(|step| STEPS[usize::from(step)])
        }
        Color::Indexed(at @ 232..) => [8 + 10 * (at - 232); 3],
        // As xterm has them, unless the user says otherwise.
        Color::Black => [0, 0, 0],
        Color::Red => [205, 0, 0],
        Color::Green => [0, 205, 0],
        Color::Yellow => [205, 205, 0],
        Color::Blue => [0, 0, 238],
        Color::Magenta => [205, 0, 205],
        Color::Cyan => [0, 205, 205],
        Color::DarkGray => [127, 127, 127],
        Color::LightRed => [255, 0, 0],
        Color::LightYellow => [255, 255, 0],
        Color::LightBlue => [92, 92, 255],
        Color::LightMagenta => [255, 0, 255],
        Color::White => [255, 255, 255],
        other => panic!("{other:?} is no colour of a theme"),
    }
}

/// The contrast of two colours, from 1 to 21, as WCAG 2 computes it.
#[cfg(test)]
pub(super) fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    let light = |[red, green, blue]: [u8; 3]| 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    let (one, other) = (light(one), light(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}
