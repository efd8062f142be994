//! Reading all rows of a run by seq, a window at a time, as the bytes that the hash chain is over (`chain`).

use std::collections::BTreeSet;
use std::ops::Range;

use duckdb::types::ValueRef;
use duckdb::{Connection, ToSql};

use super::StoreError;
use super::chain::{Cell, Chain, Link};
use super::database::failed;
use super::encode::Stored;
use super::schema::{Layout, Table};
use crate::model::Seq;

/// The bytes of a window after which the next one has as many rows: it has more after fewer, for each window costs some
/// statements, and fewer after more.
const BYTES: std::ops::Range<usize> = 2 << 20..8 << 20;
/// Rows of the first window.
const FIRST: i64 = 4_096;
/// Rows of the smallest window.
const LEAST: i64 = 256;
/// Rows of the largest window. The bytes of a window are known after it was read.
const MOST: i64 = 8_192;

/// Rows of a window, by seq.
#[derive(Debug)]
pub(super) struct Window {
    /// The columns of its rows.
    layout: Layout,
    /// Their cells as canonical bytes, each row's with room for the chain before it.
    bytes: Vec<u8>,
    rows: Vec<ScannedRow>,
}

/// One row, as it was read.
#[derive(Debug, Clone)]
pub(super) struct ScannedRow {
    /// Its table.
    pub(super) table: Table,
    /// Its place in the run's counter.
    pub(super) seq: Seq,
    /// The chain that is stored with it.
    pub(super) chain: Option<Chain>,
    link: Range<usize>,
}

impl Window {
    fn new(layout: &Layout, bytes: usize) -> Self {
        Self { layout: layout.clone(), bytes: Vec::with_capacity(bytes), rows: Vec::new() }
    }

    /// Takes its rows out, by seq; their cells stay.
    pub(super) fn take_rows(&mut self) -> Vec<ScannedRow> {
        std::mem::take(&mut self.rows)
    }

    /// The chain after a row, computed from its cells.
    pub(super) fn chain_after(&mut self, row: &ScannedRow, before: Chain) -> Chain {
        Link::chain_after(&mut self.bytes[row.link.clone()], before)
    }

    /// A row as it is stored.
    pub(super) fn stored(&self, row: &ScannedRow) -> Stored {
        let columns = self.layout.of(row.table).clone();
        let mut cells = Vec::with_capacity(columns.all().len());
        let mut bytes = Link::cells(&self.bytes[row.link.clone()]);
        while let Some(cell) = Cell::take(&mut bytes) {
            cells.push(cell);
        }
        cells.push(row.chain.map(|chain| chain.to_string()).into());
        Stored { table: row.table, columns, cells }
    }

    /// Takes rows that are in memory.
    pub(super) fn of(stored: &[Stored], layout: &Layout) -> Self {
        let mut window = Self::new(layout, 0);
        for row in stored {
            let from = window.bytes.len();
            Link::start(row.table, &mut window.bytes);
            let (cells, last) = row.cells.split_at(row.cells.len().saturating_sub(1));
            for cell in cells {
                cell.put(&mut |bytes| window.bytes.extend_from_slice(bytes));
            }
            let chain = match last {
                [Cell::Text(text)] => Chain::parse(text),
                _ => None,
            };
            window.rows.push(ScannedRow { table: row.table, seq: row.seq(), chain, link: from..window.bytes.len() });
        }
        window
    }

    /// Reads the rows of a table from a seq on, up to another one.
    fn read(&mut self, connection: &Connection, table: Table, seqs: Range<i64>) -> duckdb::Result<()> {
        let columns = self.layout.of(table);
        let sql = format!("SELECT {} FROM {} WHERE seq >= ? AND seq < ?", columns.list(), table.name());
        let last = columns.all().len() - 1;
        let params: [&dyn ToSql; 2] = [&seqs.start, &seqs.end];
        let mut statement = connection.prepare_cached(&sql)?;
        let mut found = statement.query(&params[..])?;
        while let Some(row) = found.next()? {
            let from = self.bytes.len();
            Link::start(table, &mut self.bytes);
            for at in 0..last {
                put(row.get_ref(at)?, &mut self.bytes);
            }
            let seq = match row.get_ref(0)? {
                ValueRef::BigInt(seq) => Seq(u64::try_from(seq).unwrap_or(0)),
                _ => Seq(0),
            };
            let chain = match row.get_ref(last)? {
                ValueRef::Text(text) => std::str::from_utf8(text).ok().and_then(Chain::parse),
                _ => None,
            };
            self.rows.push(ScannedRow { table, seq, chain, link: from..self.bytes.len() });
        }
        Ok(())
    }
}

/// Puts out a value's canonical bytes as [`Cell::put`] does, without copying texts first.
fn put(value: ValueRef<'_>, bytes: &mut Vec<u8>) {
    match value {
        ValueRef::Text(text) if std::str::from_utf8(text).is_ok() => Cell::put_text(text, &mut |part| {
            bytes.extend_from_slice(part);
        }),
        other => Cell::read(other).put(&mut |part| bytes.extend_from_slice(part)),
    }
}

/// Reads a run's windows, from the first to the last.
pub(super) struct Scan<'a> {
    connection: &'a Connection,
    layout: &'a Layout,
    /// Tables that can't be read any more.
    broken: BTreeSet<Table>,
    last: Seq,
    /// How many rows the next window has, and how many bytes the last one had.
    size: i64,
    bytes: usize,
}

impl<'a> Scan<'a> {
    /// Starts at the first row of a database with these columns.
    pub(super) fn new(connection: &'a Connection, layout: &'a Layout) -> Self {
        Self { connection, layout, broken: BTreeSet::new(), last: Seq(0), size: FIRST, bytes: 0 }
    }

    /// The next rows of all tables; `None` after the last. What can't be read of one table leaves the others, and goes
    /// to `broken`.
    pub(super) fn next(&mut self, broken: &mut dyn FnMut(Table, &StoreError)) -> Option<Window> {
        let mut window = Window::new(self.layout, self.bytes);
        loop {
            let before = self.broken.len();
            let mut firsts = Vec::new();
            for table in self.tables() {
                match first_after(self.connection, table, self.last) {
                    Ok(first) => firsts.extend(first),
                    Err(error) => self.breaks(table, &error, broken),
                }
            }
            if let Some(first) = firsts.into_iter().min() {
                let end = first.saturating_add(self.size);
                for table in self.tables() {
                    let fault = failed("read the run's log");
                    if let Err(error) = window.read(self.connection, table, first..end).map_err(fault) {
                        self.breaks(table, &error, broken);
                    }
                }
            }
            if let Some(last) = window.rows.iter().map(|row| row.seq).max() {
                self.last = last;
                self.fit(window.bytes.len());
                window.rows.sort_by_key(|row| row.seq);
                return Some(window);
            }
            if self.broken.len() == before {
                return None;
            }
        }
    }

    /// Fits the next window to the bytes of the last one.
    fn fit(&mut self, bytes: usize) {
        self.bytes = bytes.min(BYTES.end);
        if bytes < BYTES.start {
            self.size = (self.size * 2).min(MOST);
        } else if bytes > BYTES.end {
            self.size = (self.size / 2).max(LEAST);
        }
    }

    fn tables(&self) -> Vec<Table> {
        Table::ALL.into_iter().filter(|table| !self.broken.contains(table)).collect()
    }

    fn breaks(&mut self, table: Table, error: &StoreError, broken: &mut dyn FnMut(Table, &StoreError)) {
        self.broken.insert(table);
        broken(table, error);
    }
}

/// The first row of a table after a seq.
fn first_after(connection: &Connection, table: Table, last: Seq) -> Result<Option<i64>, StoreError> {
    let sql = format!("SELECT min(seq) FROM {} WHERE seq > ?", table.name());
    let fault = failed("read the run's log");
    let last = i64::try_from(last.0).unwrap_or(i64::MAX);
    connection.prepare_cached(&sql).and_then(|mut sql| sql.query_row([last], |row| row.get(0))).map_err(fault)
}

/// How many rows have no place in the log.
pub(super) fn placeless(connection: &Connection) -> Result<i64, StoreError> {
    let mut sum = 0;
    for table in Table::ALL {
        let sql = format!("SELECT count(*) FROM {} WHERE seq IS NULL OR seq < 1", table.name());
        sum += connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).map_err(failed("read the run's log"))?;
    }
    Ok(sum)
}
