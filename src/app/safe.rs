//! Untrusted text made fit to be shown: escape sequences are taken out whole, every other control is shown.
//!
//! Text of models, tools, files and past runs is data. What would steer a terminal is parsed with [`vte`] (a parser
//! for the whole of ECMA-48, strings included) and replaced by `␛`; other controls become their Unicode pictures;
//! marks that reorder or hide text become `�`. The stored text keeps its bytes.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// Columns between tab stops.
const TAB: usize = 4;
/// Stands for a removed escape sequence.
const ESCAPE: char = '␛';
/// Stands for a character that would hide or reorder others.
const HIDDEN: char = '\u{fffd}';

/// One line of safe text; line ends are shown as `␊`.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) { Cow::Borrowed(text) } else { Cow::Owned(clean(text)) }
}

/// The lines of a text, each safe. An escape sequence that does not end on its line hides nothing.
pub fn lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.lines().map(line)
}

/// True for a character that may stand in a cell unchanged.
#[must_use]
pub fn is_plain(c: char) -> bool {
    !c.is_control() && !is_hidden(c)
}

/// Line and paragraph separators, marks that reorder text, and tag characters (invisible copies of ASCII).
fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

fn clean(text: &str) -> String {
    let mut out = Cleaner { text: String::with_capacity(text.len()), column: 0, open: false, ended: false };
    let mut parser = vte::Parser::new();
    let mut start = 0;
    let mut bytes = [0; 4];
    for (at, c) in text.char_indices() {
        let was_open = out.open;
        parser.advance(&mut out, c.encode_utf8(&mut bytes).as_bytes());
        if c == '\u{1b}' {
            out.ended = was_open && !out.open;
            if !out.open {
                start = at;
            }
            out.open = true;
        }
    }
    if out.open {
        // Never ended: what follows the escape is text that a terminal would have swallowed.
        text[start..].chars().for_each(|c| out.put(c));
    }
    out.text
}

/// Receives what the parser found.
struct Cleaner {
    text: String,
    column: usize,
    /// Inside of an escape sequence.
    open: bool,
    /// The escape just seen ended a string; the `\` that follows belongs to it.
    ended: bool,
}

impl Cleaner {
    fn put(&mut self, c: char) {
        let shown = match c {
            '\t' => {
                let pad = TAB - self.column % TAB;
                self.text.extend(std::iter::repeat_n(' ', pad));
                self.column += pad;
                return;
            }
            '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(HIDDEN),
            '\u{7f}' => '␡',
            c if is_plain(c) => c,
            _ => HIDDEN,
        };
        self.column += shown.width().unwrap_or(0);
        self.text.push(shown);
    }

    fn removed(&mut self) {
        self.open = false;
        self.put(ESCAPE);
    }
}

impl vte::Perform for Cleaner {
    fn print(&mut self, c: char) {
        self.open = false;
        self.put(c);
    }

    fn execute(&mut self, byte: u8) {
        // Controls inside of a sequence act at once in a terminal; here they are shown, and the sequence goes on.
        self.put(char::from(byte));
    }

    fn unhook(&mut self) {
        self.removed();
    }

    fn osc_dispatch(&mut self, _: &[&[u8]], _: bool) {
        self.removed();
    }

    fn csi_dispatch(&mut self, _: &vte::Params, _: &[u8], _: bool, _: char) {
        self.removed();
    }

    fn esc_dispatch(&mut self, _: &[u8], _: bool, byte: u8) {
        if byte == b'\\' && self.ended { self.open = false } else { self.removed() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(line("Grüße, 世界 🎉"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_sequence_goes_whole() {
        assert_eq!(line("a\u{1b}[31mred\u{1b}[0m"), "a␛red␛");
        assert_eq!(line("\u{1b}]52;c;ZXZpbA==\u{7}x"), "␛x");
        assert_eq!(line("\u{1b}]0;title\u{1b}\\x"), "␛x");
        assert_eq!(line("\u{1b}P1$r0m\u{1b}\\x"), "␛x");
        assert_eq!(line("\u{1b}cx"), "␛x");
        assert_eq!(line("\u{1b}_an APC\u{1b}\\x"), "␛x");
    }

    #[test]
    fn a_sequence_without_end_hides_nothing() {
        assert_eq!(line("a\u{1b}]0;the rest of it"), "a␛]0;the rest of it");
        assert_eq!(line("a\u{1b}_APC"), "a␛_APC");
        assert_eq!(line("\u{1b}]0;x\u{1b}]0;hidden"), "␛␛]0;hidden");
        assert_eq!(lines("a\u{1b}]0;x\nb\u{7}").collect::<Vec<_>>(), ["a␛]0;x", "b␇"]);
    }

    #[test]
    fn controls_are_shown() {
        assert_eq!(line("a\u{0}b\u{7}c\u{7f}d\u{9b}31m"), "a␀b␇c␡d�31m");
        assert_eq!(line("one\ntwo\rthree"), "one␊two␍three");
    }

    #[test]
    fn tabs_go_to_their_stops() {
        assert_eq!(line("\ta\tbcd\te"), "    a   bcd e");
    }

    #[test]
    fn reordering_and_hidden_marks_are_shown() {
        assert_eq!(line("a\u{202e}b\u{200b}c\u{e0041}"), "a�b�c�");
    }

    proptest! {
        #[test]
        fn no_control_comes_through(text in "(\\PC|[\u{0}-\u{9f}]|\u{1b}[\\[\\]P_^X]|\u{1b}\\\\){0,60}") {
            prop_assert!(line(&text).chars().all(is_plain));
        }

        #[test]
        fn plain_characters_outside_of_sequences_stay(text in "[a-z\u{0}-\u{8}é世]{0,40}") {
            let kept: String = line(&text).chars().filter(|c| !('\u{2400}'..='\u{2426}').contains(c)).collect();
            let plain: String = text.chars().filter(|c| !c.is_control()).collect();
            prop_assert_eq!(kept, plain);
        }
    }
}
