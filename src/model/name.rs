//! Names of files as text: every sequence of bytes has one, and names that are UTF-8 stay as they are.
//!
//! A byte that is not part of valid UTF-8 becomes one character from U+10FF80 to U+10FFFF, its own value in the last
//! eight bits (Python's `surrogateescape`, with characters that UTF-8 can hold). A name that has such a character
//! itself has it written byte by byte in the same way, so no two names become one.

/// The first character that stands for a byte stands for byte 0x80.
const FIRST: u32 = 0x10_FF80;

/// The bytes of a name (or of a link's target) as text.
#[must_use]
pub fn name_from_bytes(bytes: &[u8]) -> String {
    let mut name = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if byte_of(letter).is_none() {
                name.push(letter);
            } else {
                let mut utf8 = [0; 4];
                name.extend(letter.encode_utf8(&mut utf8).bytes().map(stand_in));
            }
        }
        name.extend(chunk.invalid().iter().copied().map(stand_in));
    }
    name
}

/// The bytes that a name stands for.
#[must_use]
pub fn name_to_bytes(name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len());
    for letter in name.chars() {
        if let Some(byte) = byte_of(letter) {
            bytes.push(byte);
        } else {
            let mut utf8 = [0; 4];
            bytes.extend_from_slice(letter.encode_utf8(&mut utf8).as_bytes());
        }
    }
    bytes
}

/// The name as people read it: bytes that are no text as `\xff`.
#[must_use]
pub fn readable_name(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for letter in name.chars() {
        match byte_of(letter) {
            Some(byte) => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                shown.push_str("\\x");
                shown.extend([byte >> 4, byte & 15].map(|digit| char::from(HEX[usize::from(digit)])));
            }
            None => shown.push(letter),
        }
    }
    shown
}

/// The first few of some names, and how many more there are.
#[must_use]
pub fn first_names(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn stand_in(byte: u8) -> char {
    // Only bytes from 0x80 up are invalid or part of a longer sequence.
    char::from_u32(FIRST - 0x80 + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn byte_of(letter: char) -> Option<u8> {
    let over = u32::from(letter).checked_sub(FIRST)?;
    u8::try_from(over + 0x80).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_stays_and_bytes_come_back() {
        for name in ["a/b", "Grüße\n", "back\\slash", "字"] {
            assert_eq!(name_from_bytes(name.as_bytes()), name);
        }
        let wild = b"a\xff/\xc3(b";
        let name = name_from_bytes(wild);
        assert_eq!(name_to_bytes(&name), wild);
        assert_eq!(readable_name(&name), "a\\xff/\\xc3(b");
    }

    proptest! {
        #[test]
        fn every_name_has_one_text(bytes: Vec<u8>, letter in 0x10_FF00_u32..=0x10_FFFF) {
            prop_assert_eq!(name_to_bytes(&name_from_bytes(&bytes)), bytes.clone());
            // A name that holds one of the characters itself is no other name's text.
            let mut own = bytes;
            own.extend(char::from_u32(letter).unwrap().to_string().bytes());
            let text = name_from_bytes(&own);
            prop_assert_eq!(name_from_bytes(&name_to_bytes(&text)), text.clone());
            prop_assert_eq!(name_to_bytes(&text), own);
        }
    }
}
