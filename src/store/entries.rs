//! The entries of the log file: rows as bytes, so many at a time, each entry with its length and a check.
//!
//! An entry is the length of its content (4 bytes, little-endian), the first 16 bytes of the content's BLAKE3 hash, and
//! the content: for each row its table's tag and its cells, as the hash chain has them (`chain`), the chain included.
//!
//! Behind the rows of one writing stands an entry of its own that signs their end (`stamp`): a tag that no table has, the
//! seq (8 bytes, little-endian), the chain (16 bytes) and the keyed hash (32 bytes). Earlier versions pass over it.

use super::chain::{Cell, Chain};
use super::encode::Stored;
use super::mark::Noted;
use super::schema::{Layout, Table};
use super::stamp::Signed;
use crate::model::Seq;

const CHECK: usize = 16;
const HEAD: usize = 4 + CHECK;

/// The longest content of one entry.
const LONGEST: usize = 1 << 30;

/// The tag of an entry that signs those before it.
const SIGNED: u8 = 0xff;

/// The content of a log file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Entries {
    /// The rows of every whole entry, in their order, with the columns of the run's database.
    pub(super) rows: Vec<Stored>,
    /// The ends that are signed, with any key.
    pub(super) signed: Vec<Signed>,
}

/// The bytes of one entry; `None`: it would be too long.
pub(super) fn encode(rows: &[Stored]) -> Option<Vec<u8>> {
    let mut bytes = vec![0; HEAD];
    for row in rows {
        bytes.push(row.table.tag());
        for cell in &row.cells {
            cell.put(&mut |part| bytes.extend_from_slice(part));
        }
    }
    close(&mut bytes)?;
    Some(bytes)
}

/// The bytes of the entry that signs the end of those before it.
pub(super) fn encode_signed(signed: &Signed) -> Vec<u8> {
    let mut bytes = vec![0; HEAD];
    bytes.push(SIGNED);
    bytes.extend(signed.noted.seq.0.to_le_bytes());
    bytes.extend(signed.noted.chain.bytes());
    bytes.extend(signed.hash.as_bytes());
    // It is short.
    close(&mut bytes);
    bytes
}

/// Fills in the head of an entry; `None`: it is too long.
fn close(bytes: &mut [u8]) -> Option<()> {
    let content = bytes.len() - HEAD;
    let length = u32::try_from(content).ok().filter(|_| content <= LONGEST)?;
    let check = blake3::hash(&bytes[HEAD..]);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[4..HEAD].copy_from_slice(&check.as_bytes()[..CHECK]);
    Some(())
}

/// The content of a log file. An entry that is not what was written is left out, and so is a torn one at the end:
/// the seqs and the mark show what is missing.
pub(super) fn decode(mut bytes: &[u8], layout: &Layout) -> Entries {
    let mut entries = Entries::default();
    while let Some((head, rest)) = bytes.split_at_checked(HEAD) {
        if *head == [0; HEAD] {
            // Room for later entries, or the head of one that is damaged.
            bytes = rest;
            continue;
        }
        let length = head.first_chunk().map_or(0, |length| u32::from_le_bytes(*length));
        let Some((content, rest)) = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length))
        else {
            break;
        };
        if blake3::hash(content).as_bytes()[..CHECK] == head[4..] {
            match signed_of(content) {
                Some(signed) => entries.signed.push(signed),
                None => entries.rows.extend(rows_of(content, layout).unwrap_or_default()),
            }
        }
        bytes = rest;
    }
    entries
}

fn signed_of(content: &[u8]) -> Option<Signed> {
    let (seq, rest) = content.strip_prefix(&[SIGNED])?.split_first_chunk()?;
    let (chain, hash) = rest.split_first_chunk()?;
    let noted = Noted { seq: Seq(u64::from_le_bytes(*seq)), chain: Chain::of_bytes(*chain) };
    Some(Signed { noted, hash: blake3::Hash::from(<[u8; 32]>::try_from(hash).ok()?) })
}

fn rows_of(mut content: &[u8], layout: &Layout) -> Option<Vec<Stored>> {
    let mut rows = Vec::new();
    while let Some((tag, mut rest)) = content.split_first() {
        let table = Table::ALL.into_iter().find(|table| table.tag() == *tag)?;
        let columns = layout.of(table).clone();
        let cells = columns.all().iter().map(|_| Cell::take(&mut rest)).collect::<Option<_>>()?;
        rows.push(Stored { table, columns, cells });
        content = rest;
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(table: Table, first: &Cell) -> Stored {
        let columns = Layout::newest().of(table).clone();
        let mut cells = vec![Cell::Null; columns.all().len()];
        cells[0] = first.clone();
        Stored { table, columns, cells }
    }

    fn sample() -> Vec<Stored> {
        let cells = [Cell::Int(-7), Cell::Real(0.5), Cell::Bool(true), Cell::Text("ä\0".into()), Cell::Null];
        Table::ALL.into_iter().cycle().zip(&cells).map(|(table, cell)| row(table, cell)).collect()
    }

    #[test]
    fn rows_come_back() {
        let rows = sample();
        let bytes = [encode(&rows[..2]).unwrap(), encode(&rows[2..]).unwrap()].concat();
        assert_eq!(decode(&bytes, &Layout::newest()).rows, rows);
    }

    #[test]
    fn zeros_are_room_for_entries() {
        let rows = sample();
        let bytes = encode(&rows).unwrap();
        let around = [&[0; 2 * HEAD][..], &bytes, &[0; 1000]].concat();
        assert_eq!(decode(&around, &Layout::newest()).rows, rows);
    }

    #[test]
    fn a_torn_or_changed_entry_leaves_the_others() {
        let rows = sample();
        let (first, second) = (encode(&rows[..2]).unwrap(), encode(&rows[2..]).unwrap());
        let both = [first.clone(), second].concat();
        for end in 0..both.len() {
            let whole = if end < first.len() { 0 } else { 2 };
            assert_eq!(decode(&both[..end], &Layout::newest()).rows, rows[..whole], "cut at {end}");
        }
        for at in 4..first.len() {
            let mut changed = both.clone();
            changed[at] ^= 4;
            assert_eq!(decode(&changed, &Layout::newest()).rows, rows[2..], "byte {at}");
        }
    }

    #[test]
    fn a_signed_end_comes_back_and_leaves_the_rows() {
        let rows = sample();
        let noted = |seq| Noted { seq: Seq(seq), chain: Chain::of_bytes([7; 16]) };
        let signed = [3, u64::MAX].map(|seq| Signed { noted: noted(seq), hash: blake3::hash(b"x") });
        let parts = [encode(&rows[..2]).unwrap(), encode_signed(&signed[0]), encode(&rows[2..]).unwrap()];
        let bytes = [&parts.concat()[..], &encode_signed(&signed[1]), &[0; 50]].concat();
        assert_eq!(decode(&bytes, &Layout::newest()), Entries { rows: rows.clone(), signed: signed.to_vec() });
        // As an earlier version reads it.
        assert_eq!(rows_of(&encode_signed(&signed[0])[HEAD..], &Layout::newest()), None);
        let torn = decode(&bytes[..bytes.len() - 51], &Layout::newest());
        assert_eq!(torn, Entries { rows, signed: signed[..1].to_vec() });
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), zeros in 0..80_usize) {
            let _ = decode(&bytes, &Layout::newest());
            let _ = rows_of(&bytes, &Layout::newest());
            let _ = decode(&[bytes, vec![0; zeros]].concat(), &Layout::newest());
        }
    }
}
