//! Bytes of an agent that are no text. A terminal shows `�` for each; the parser would show nothing, and all that follows
//! on the line would be in the wrong column.

use std::borrow::Cow;

/// Shown for what is no text.
const SHOWN: char = '\u{fffd}';
/// Stands for it in the picture: a code point that is no letter and never will be, one column wide.
const STAND_IN: char = '\u{10ffff}';

/// Lets what is no text pass through the parser.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    /// The beginning of a letter whose other bytes have not come yet.
    begun: Vec<u8>,
}

impl Unknown {
    /// The bytes for the parser.
    pub(super) fn stand_in(&mut self, bytes: &[u8]) -> String {
        let mut all = std::mem::take(&mut self.begun);
        all.extend_from_slice(bytes);
        let mut text = String::with_capacity(all.len());
        let mut chunks = all.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.extend(chunk.valid().chars().map(|letter| if letter == SHOWN { STAND_IN } else { letter }));
            let invalid = chunk.invalid();
            let may_go_on = std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if may_go_on && chunks.peek().is_none() {
                self.begun = invalid.to_vec();
            } else if !invalid.is_empty() {
                text.push(STAND_IN);
            }
        }
        text
    }
}

/// A text of the picture as it is shown.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(STAND_IN) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|letter| if letter == STAND_IN { SHOWN } else { letter }).collect())
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthChar;

    use super::*;

    #[test]
    fn what_is_no_text_stands_for_itself_and_a_letter_may_come_in_parts() {
        assert_eq!((SHOWN.width(), STAND_IN.width()), (Some(1), Some(1)));
        let mut unknown = Unknown::default();
        let mut pass = |bytes: &[u8]| shown(&unknown.stand_in(bytes)).into_owned();
        assert_eq!(pass(b"a\xffb\xc3("), "a\u{fffd}b\u{fffd}(");
        assert_eq!(pass("x\u{fffd}y".as_bytes()), "x\u{fffd}y");
        assert_eq!([pass(b"1\xe4\xb8"), pass(b"\x96 2")], ["1", "世 2"]);
        assert_eq!([pass(b"1\xe4\xb8"), pass(b"2\x9b31m")], ["1", "\u{fffd}2\u{fffd}31m"]);
    }
}
