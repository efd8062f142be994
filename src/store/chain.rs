//! The hash chain over all rows in the order of their seq, and the cells that it is made of.

use std::fmt;

use duckdb::ToSql;
use duckdb::types::{ToSqlOutput, Value, ValueRef};

use super::schema::Table;
use crate::model::Seq;

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// SQL NULL.
    Null,
    /// An integer of any width.
    Int(i64),
    /// A float.
    Real(f64),
    /// A boolean.
    Bool(bool),
    /// A text.
    Text(String),
}

impl Cell {
    /// Reads what the database holds; a type that no column has becomes its written form.
    pub(super) fn read(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Boolean(value) => Self::Bool(value),
            ValueRef::Int(value) => Self::Int(value.into()),
            ValueRef::BigInt(value) => Self::Int(value),
            ValueRef::Double(value) => Self::Real(value),
            ValueRef::Text(bytes) => Self::Text(String::from_utf8_lossy(bytes).into_owned()),
            other => Self::Text(format!("{:?}", Value::from(other))),
        }
    }

    /// Puts out its canonical bytes, see [`Chain`].
    pub(super) fn put(&self, put: &mut impl FnMut(&[u8])) {
        match self {
            Self::Null => put(&[0]),
            Self::Int(value) => {
                put(&[1]);
                put(&value.to_le_bytes());
            }
            Self::Real(value) => {
                put(&[2]);
                put(&value.to_bits().to_le_bytes());
            }
            Self::Bool(value) => put(&[3, u8::from(*value)]),
            Self::Text(text) => Self::put_text(text.as_bytes(), put),
        }
    }

    /// Puts out the canonical bytes of a text.
    pub(super) fn put_text(text: &[u8], put: &mut impl FnMut(&[u8])) {
        put(&[4]);
        put(&(text.len() as u64).to_le_bytes());
        put(text);
    }

    /// Takes a cell off the front of canonical bytes; `None`: they are not a cell's.
    pub(super) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let eight = |bytes: &mut &[u8]| bytes.split_off(..8).and_then(|eight| eight.try_into().ok());
        Some(match bytes.split_off_first()? {
            0 => Self::Null,
            1 => Self::Int(i64::from_le_bytes(eight(bytes)?)),
            2 => Self::Real(f64::from_bits(u64::from_le_bytes(eight(bytes)?))),
            3 => Self::Bool(*bytes.split_off_first()? == 1),
            4 => {
                let length = usize::try_from(u64::from_le_bytes(eight(bytes)?)).ok()?;
                Self::Text(std::str::from_utf8(bytes.split_off(..length)?).ok()?.to_owned())
            }
            _ => return None,
        })
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> duckdb::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::BigInt(*value),
            Self::Real(value) => ValueRef::Double(*value),
            Self::Bool(value) => ValueRef::Boolean(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

macro_rules! cell_from {
    ($($from:ty => |$value:ident| $to:expr;)*) => {
        $(impl From<$from> for Cell { fn from($value: $from) -> Self { $to } })*
    };
}

cell_from! {
    i64 => |value| Self::Int(value);
    // Counters and times stay far below 2^63; the largest one is kept rather than wrapped.
    u64 => |value| Self::Int(i64::try_from(value).unwrap_or(i64::MAX));
    u32 => |value| Self::Int(value.into());
    bool => |value| Self::Bool(value);
    f64 => |value| Self::Real(value);
    &str => |value| Self::Text(value.to_owned());
    &String => |value| Self::Text(value.clone());
    String => |value| Self::Text(value);
    Seq => |value| Self::from(value.0);
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The chain up to one row: the first 128 bits of BLAKE3 over the chain before it and the row's canonical bytes.
///
/// Canonical bytes are the table's tag, then for each cell but the chain itself a type tag and the value: integers
/// and floats as 8 bytes little-endian, texts as their length (8 bytes) and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Chain([u8; 16]);

impl Chain {
    /// The chain after one more row.
    pub(super) fn after(self, table: Table, cells: &[Cell]) -> Self {
        let mut link = Vec::with_capacity(1 << 10);
        Link::start(table, &mut link);
        for cell in cells {
            cell.put(&mut |bytes| link.extend_from_slice(bytes));
        }
        Link::chain_after(&mut link, self)
    }

    /// Its bytes.
    pub(super) fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// A chain of its bytes.
    pub(super) fn of_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads 32 hex digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        crate::model::TextHash::parse(text).map(|hash| Self(hash.0))
    }
}

/// One link of the chain as the bytes that are hashed: the chain before it, the table's tag, the row's cells.
pub(super) struct Link;

impl Link {
    const CHAIN: usize = 16;

    /// Starts a link at the end of `bytes`, with room for the chain before it; the row's cells follow.
    pub(super) fn start(table: Table, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&[0; Self::CHAIN]);
        bytes.push(table.tag());
    }

    /// The cells of a link.
    pub(super) fn cells(link: &[u8]) -> &[u8] {
        link.get(Self::CHAIN + 1..).unwrap_or_default()
    }

    /// The chain after a link, hashed in one piece.
    pub(super) fn chain_after(link: &mut [u8], before: Chain) -> Chain {
        if let Some(room) = link.first_chunk_mut() {
            *room = before.0;
        }
        let mut half = [0; 16];
        half.copy_from_slice(&blake3::hash(link).as_bytes()[..16]);
        Chain(half)
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::model::TextHash(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_tells_cells_apart() {
        let chain = |cells: &[Cell]| Chain::default().after(Table::Events, cells);
        assert_ne!(chain(&["ab".into(), "c".into()]), chain(&["a".into(), "bc".into()]));
        assert_ne!(chain(&[Cell::Null]), chain(&["".into()]));
        assert_ne!(chain(&[1u32.into()]), chain(&[2u32.into()]));
        assert_ne!(chain(&[]), Chain::default().after(Table::Texts, &[]));
        let one = chain(&["a".into()]);
        assert_eq!(Chain::parse(&one.to_string()), Some(one));
    }
}
