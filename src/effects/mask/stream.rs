//! Secrets in what arrives in pieces.

use super::masker::Masker;
use super::shapes::{LOOKED_AT, is_key_byte, last_word, may_be_key, word_end};

/// Bytes of a word that are held back until it is clear whether it is a key.
const HELD: usize = LOOKED_AT + 16;

/// Masks what arrives in pieces: holds back a possible beginning of a secret until more of it is there.
#[derive(Debug)]
pub struct MaskedStream<'a> {
    masker: &'a Masker,
    held: Vec<u8>,
    /// The last byte that was taken out: a key does not begin in the middle of a word.
    last: Option<u8>,
    /// True while the rest of a long key comes.
    in_key: bool,
}

impl<'a> MaskedStream<'a> {
    /// Begins a text.
    #[must_use]
    pub fn new(masker: &'a Masker) -> Self {
        Self { masker, held: Vec::new(), last: None, in_key: false }
    }

    /// Adds a piece of a text, and returns what is safe to show now.
    pub fn push(&mut self, piece: &str) -> String {
        // Secrets begin and end between characters.
        String::from_utf8_lossy(&self.push_bytes(piece.as_bytes())).into_owned()
    }

    /// Adds a piece of output, and returns what is safe to keep now.
    pub fn push_bytes(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        if self.in_key {
            let end = word_end(&self.held, 0);
            self.held.drain(..end);
            self.in_key = self.held.is_empty();
        }
        let safe = self.safe();
        self.give(safe)
    }

    /// Everything came: returns what was held back.
    #[must_use]
    pub fn finish(&mut self) -> Vec<u8> {
        let all = self.held.len();
        self.give(all)
    }

    /// Takes out this many of the bytes that are held, masked.
    fn give(&mut self, bytes: usize) -> Vec<u8> {
        let rest = self.held.split_off(bytes);
        let given = std::mem::replace(&mut self.held, rest);
        let before = self.last.filter(|last| is_key_byte(*last));
        self.last = given.last().copied().or(self.last);
        let Some(before) = before else { return self.masker.mask_bytes(&given).into_owned() };
        let given: Vec<u8> = std::iter::once(before).chain(given).collect();
        self.masker.mask_from(&given, 1).into_owned()
    }

    /// The length of what is held in front of the first secret that may still be incomplete.
    fn safe(&mut self) -> usize {
        let word = last_word(&self.held);
        let is_in_word = word == 0 && self.last.is_some_and(is_key_byte);
        let mut safe = self.masker.unfinished(&self.held);
        if !is_in_word && may_be_key(&self.held[word..]) {
            if self.held.len() - word < HELD {
                safe = safe.min(word);
            } else if self.masker.next(&self.held, word).is_some_and(|key| key.end == self.held.len()) {
                self.in_key = true;
                return self.held.len();
            }
        }
        // One that came whole is not given out in parts.
        let mut at = 0;
        while let Some(secret) = self.masker.next(&self.held, at).filter(|secret| secret.start < safe) {
            if secret.end > safe {
                return secret.start;
            }
            at = secret.end;
        }
        safe
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "sk-proj-abcdefghijklmnopqrst1";

    fn masker() -> Masker {
        let var = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Masker::new([
            var("MY_TOKEN", "open sesame"),
            var("A_TOKEN", "12345678"),
            var("B_TOKEN", "5678ABCD"),
            var("C_TOKEN", "5678ABCDE\nline two é"),
        ])
    }

    /// All that comes out for these pieces.
    fn whole<'a>(masker: &Masker, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut stream = MaskedStream::new(masker);
        let mut out: Vec<u8> = pieces.flat_map(|piece| stream.push_bytes(piece)).collect();
        out.extend(stream.finish());
        out
    }

    #[test]
    fn secrets_in_pieces_are_masked_as_in_the_whole() {
        let masker = masker();
        let text =
            format!("say open sesame, open it; use {KEY} or {KEY}x, é; task-{KEY} 12345678 5678ABCDE\nline two é");
        for size in [1, 2, 3, 7, 100] {
            let out = whole(&masker, text.as_bytes().chunks(size));
            assert_eq!(String::from_utf8(out).unwrap(), masker.mask(&text), "{size}");
        }
        let mut stream = MaskedStream::new(&masker);
        assert_eq!((stream.push("the open se"), stream.push("cret")), ("the ".into(), "open secret".into()));
        assert_eq!(stream.push(&format!(" {KEY}")), " ");
    }

    #[test]
    fn a_secret_whose_end_begins_another_is_not_given_out_in_parts() {
        let masker = masker();
        let mut stream = MaskedStream::new(&masker);
        assert_eq!((stream.push("a 12345678"), stream.push(" b")), ("a ".into(), "[masked A_TOKEN] b".into()));
    }

    #[test]
    fn a_word_without_end_is_not_held_without_end() {
        let masker = Masker::default();
        let mut stream = MaskedStream::new(&masker);
        let mut out = stream.push(&format!("{KEY}{}", "x".repeat(HELD)));
        for _ in 0..10 {
            out.push_str(&stream.push(&"x".repeat(LOOKED_AT)));
        }
        out.push_str(&stream.push(" end"));
        assert_eq!(out, "[masked API key] end");
        let mut stream = MaskedStream::new(&masker);
        assert_eq!(stream.push(&format!("sk-{}", "x".repeat(HELD))).len(), HELD + 3);
    }

    proptest! {
        #[test]
        fn any_pieces_come_out_as_the_whole(
            words in prop::collection::vec(
                prop_oneof![
                    Just("open sesame"), Just("open "), Just("sesame"), Just("1234"), Just("5678"), Just("ABCD"),
                    Just("E\nline two "), Just("é"), Just("sk-"), Just(KEY), Just(" "), Just("-"), Just("x")
                ],
                0..20
            ),
            cuts in prop::collection::vec(1..9_usize, 1..40),
        ) {
            let (masker, text) = (masker(), words.concat());
            let (mut pieces, mut rest, mut cuts) = (Vec::new(), text.as_bytes(), cuts.into_iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            let out = whole(&masker, pieces.into_iter());
            prop_assert_eq!(String::from_utf8(out).unwrap(), masker.mask(&text).into_owned());
        }
    }
}
