//! API keys of well-known shape.

/// Well-known shapes of API keys: how they start, and how many characters follow at least.
pub(super) const SHAPES: [(&str, usize); 13] = [
    ("sk-", 20),
    ("ghp_", 36),
    ("gho_", 36),
    ("ghu_", 36),
    ("ghs_", 36),
    ("ghr_", 36),
    ("github_pat_", 22),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 35),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("glpat-", 20),
];
/// Bytes of a key that are looked at. What follows them in the same word is a part of the key too.
pub(super) const LOOKED_AT: usize = 4096;

/// True when a key of this shape begins at a place of a text, whose word ends where `word_end` says.
pub(super) fn is_key(shape: usize, text: &[u8], at: usize, word_end: usize) -> bool {
    let Some((start, least)) = SHAPES.get(shape) else { return false };
    let body = &text[(at + start.len()).min(word_end)..word_end];
    // A digit tells a key from words joined by dashes.
    is_word_start(text, at) && body.len() >= *least && body.iter().take(LOOKED_AT).any(u8::is_ascii_digit)
}

/// True when no word goes on here: a key does not begin in the middle of one.
pub(super) fn is_word_start(text: &[u8], at: usize) -> bool {
    at.checked_sub(1).is_none_or(|before| !is_key_byte(text[before]))
}

/// The place at which a word that goes on here ends.
pub(super) fn word_end(text: &[u8], from: usize) -> usize {
    text[from..].iter().position(|byte| !is_key_byte(*byte)).map_or(text.len(), |length| from + length)
}

/// The place at which the last word of a text begins; its length when it ends with none.
pub(super) fn last_word(text: &[u8]) -> usize {
    text.iter().rposition(|byte| !is_key_byte(*byte)).map_or(0, |at| at + 1)
}

/// True when a word may be the beginning of a key.
pub(super) fn may_be_key(word: &[u8]) -> bool {
    let begins = |start: &&str| word.starts_with(start.as_bytes()) || start.as_bytes().starts_with(word);
    !word.is_empty() && SHAPES.iter().map(|(start, _)| start).any(begins)
}

/// True for the characters of API keys.
pub(super) fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}
