//! Colours that the user chose, by their meaning.

use ratatui::style::Color;

use super::ColorDepth;
use super::palette::{self, Hue};

/// The colours that can be chosen, with their meaning.
const CHOICES: [(Hue, &str); 18] = [
    (palette::SKY, "model calls, input tokens, what is active"),
    (palette::FUCHSIA, "output tokens, what belongs to the selection"),
    (palette::ORANGE, "tools and durations"),
    (palette::YELLOW, "a stopped span"),
    (palette::GREEN, "success"),
    (palette::RED, "failure, denied"),
    (palette::VIOLET, "a span that waits"),
    (palette::SAND, "discarded changes"),
    (palette::BROKEN, "an interrupted span"),
    (palette::GREY, "labels, hints, folded rows"),
    (palette::LINE, "borders"),
    (palette::AMBER, "behind an approval"),
    (palette::ASKED, "behind a question to you"),
    (palette::CRIMSON, "behind a failure"),
    (palette::SELECTED, "behind the selected row"),
    (palette::HIT, "behind a text that a search found"),
    (palette::FRONT, "ordinary text, where the screen paints its background"),
    (palette::BACK, "the background, where the screen paints it"),
];

/// The colours of a theme that the user chose. They count where the terminal has 256 colours or more: the 16 are the
/// terminal's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Colours([Option<u32>; CHOICES.len()]);

/// A colour that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColourChoice {
    /// Its name.
    pub name: &'static str,
    /// Its meaning, in a line.
    pub doc: &'static str,
    /// The usual one on a dark background: red, green and blue, a byte each.
    pub usual: u32,
}

impl Colours {
    /// None is chosen.
    pub(super) const NONE: Self = Self([None; CHOICES.len()]);

    /// Lists the colours that can be chosen.
    pub fn choices() -> impl Iterator<Item = ColourChoice> {
        CHOICES.iter().map(|(hue, doc)| ColourChoice { name: hue.name(), doc, usual: hue.usual() })
    }

    /// Chooses a colour by its name; `rgb`: red, green and blue, a byte each. False when there is no such name.
    pub fn choose(&mut self, name: &str, rgb: u32) -> bool {
        let at = place(name);
        if let Some(slot) = at.and_then(|at| self.0.get_mut(at)) {
            *slot = Some(rgb);
        }
        at.is_some()
    }

    /// The colour that was chosen for a hue.
    pub(super) fn find(self, hue: Hue, depth: ColorDepth) -> Option<Color> {
        let rgb = self.0[place(hue.name())?]?;
        match depth {
            ColorDepth::True => Some(Color::from_u32(rgb)),
            ColorDepth::Indexed => Some(Color::Indexed(nearest(rgb))),
            ColorDepth::Basic | ColorDepth::None => None,
        }
    }
}

fn place(name: &str) -> Option<usize> {
    CHOICES.iter().position(|(hue, _)| hue.name() == name)
}

/// Finds the colour of the 256 that is most like a colour; the first 16 are the user's own, and not used.
fn nearest(rgb: u32) -> u8 {
    let [_, wanted @ ..] = rgb.to_be_bytes();
    let distance = |at: &u8| -> u32 {
        let parts = indexed(*at).into_iter().zip(wanted);
        parts.map(|(one, other)| u32::from(one.abs_diff(other)).pow(2)).sum()
    };
    (16..=u8::MAX).min_by_key(distance).unwrap_or(u8::MAX)
}

/// Red, green and blue of one of the 256, from 16 up.
fn indexed(at: u8) -> [u8; 3] {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let step = |part: u8| STEPS[usize::from(part)];
    if at >= 232 {
        return [8 + 10 * (at - 232); 3];
    }
    let cube = at.saturating_sub(16);
    [step(cube / 36), step(cube / 6 % 6), step(cube % 6)]
}

#[cfg(test)]
mod tests {
    use super::super::{Ground, Theme};
    use super::*;

    #[test]
    fn a_chosen_colour_is_drawn_and_the_others_stay() {
        let mut colours = Colours::default();
        assert!(colours.choose("call", 0x0012_3456));
        assert!(!colours.choose("cal", 0));
        let theme = |depth| Theme::on(depth, Ground::Light).with(colours);
        assert_eq!(theme(ColorDepth::True).call().fg, Some(Color::Rgb(0x12, 0x34, 0x56)));
        assert_eq!(theme(ColorDepth::True).tool(), Theme::on(ColorDepth::True, Ground::Light).tool());
        let basic = Theme::on(ColorDepth::Basic, Ground::Light);
        assert_eq!((theme(ColorDepth::Basic).call(), theme(ColorDepth::None).call().fg), (basic.call(), None));
    }

    #[test]
    fn each_of_the_256_is_most_like_itself() {
        let rgb = |at: u8| indexed(at).into_iter().fold(0, |rgb, part| rgb << 8 | u32::from(part));
        for at in 16..=u8::MAX {
            assert_eq!(indexed(nearest(rgb(at))), indexed(at));
        }
    }

    #[test]
    fn every_choice_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<&str> = Colours::choices().map(|choice| choice.name).collect();
        assert_eq!(names.len(), CHOICES.len());
        assert!(!names.contains(""));
    }
}
