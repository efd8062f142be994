//! Numbers and texts as few bytes: the alphabet of what is packed.

/// Writes a number: seven bits a byte, the lowest first.
pub(super) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// Reads a number that [`put`] wrote.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Writes by how much a number differs from another one; small differences of either sign are short.
pub(super) fn put_change(bytes: &mut Vec<u8>, from: u64, to: u64) {
    let by = to.wrapping_sub(from).cast_signed();
    put(bytes, ((by << 1) ^ (by >> 63)).cast_unsigned());
}

/// Reads a number that [`put_change`] wrote.
pub(super) fn take_change(bytes: &mut &[u8], from: u64) -> Option<u64> {
    let by = take(bytes)?;
    Some(from.wrapping_add((by >> 1) ^ (by & 1).wrapping_neg()))
}

/// Writes a text as the length of the beginning that it shares with another one, and the rest.
pub(super) fn put_text(bytes: &mut Vec<u8>, like: &str, text: &str) {
    let same = like.bytes().zip(text.bytes()).take_while(|(one, other)| one == other).count();
    let shared = (0..=same).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    put(bytes, shared as u64);
    put(bytes, (text.len() - shared) as u64);
    bytes.extend_from_slice(&text.as_bytes()[shared..]);
}

/// Reads a text that [`put_text`] wrote.
pub(super) fn take_text(bytes: &mut &[u8], like: &str) -> Option<String> {
    let shared = like.get(..usize::try_from(take(bytes)?).ok()?)?;
    let rest = take_bytes(bytes)?;
    Some([shared, std::str::from_utf8(rest).ok()?].concat())
}

/// Writes bytes behind their length.
pub(super) fn put_bytes(bytes: &mut Vec<u8>, part: &[u8]) {
    put(bytes, part.len() as u64);
    bytes.extend_from_slice(part);
}

/// Reads bytes that [`put_bytes`] wrote.
pub(super) fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take(bytes)?).ok()?;
    bytes.split_off(..length)
}

/// Writes the place of a thing in the list of all such things.
pub(super) fn put_place<T: PartialEq>(bytes: &mut Vec<u8>, all: &[T], one: &T) {
    put(bytes, all.iter().position(|known| known == one).unwrap_or(all.len()) as u64);
}

/// Reads what [`put_place`] wrote.
pub(super) fn take_place<T: Copy>(bytes: &mut &[u8], all: &[T]) -> Option<T> {
    all.get(usize::try_from(take(bytes)?).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_and_texts_come_back(numbers: Vec<(u64, u64)>, like: String, text: String) {
            let mut bytes = Vec::new();
            for (from, to) in &numbers {
                put(&mut bytes, *to);
                put_change(&mut bytes, *from, *to);
            }
            put_text(&mut bytes, &like, &text);
            put_text(&mut bytes, &text, &text);
            let mut rest = &bytes[..];
            for (from, to) in numbers {
                prop_assert_eq!(take(&mut rest), Some(to));
                prop_assert_eq!(take_change(&mut rest, from), Some(to));
            }
            prop_assert_eq!(take_text(&mut rest, &like), Some(text.clone()));
            prop_assert_eq!(take_text(&mut rest, &text), Some(text));
            prop_assert!(rest.is_empty());
        }
    }
}
