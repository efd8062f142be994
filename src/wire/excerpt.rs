//! The beginning of a body that is no answer, for an error.

/// Characters of a body that is no answer that an error has.
const TOLD: usize = 300;

/// The beginning of bytes, on one line.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * TOLD)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(TOLD).collect()
}
