//! Puts rows into the database's tables, by statements that are planned once.
//!
//! An appender plans its statement anew at each flush, which takes longer than storing the rows. So the rows are offered
//! as a table that the database reads ([`Offer`], a table function), and an `INSERT` from it is prepared once for each
//! table. The offered cells are texts, whatever their columns are: the statement turns them into the columns' types.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use duckdb::Connection;
use duckdb::core::{DataChunkHandle, FlatVector, Inserter, LogicalTypeHandle, LogicalTypeId};
use duckdb::vtab::{BindInfo, InitInfo, TableFunctionInfo, VTab};

use super::chain::Cell;
use super::points::crash_point;
use super::schema::{Layout, Table};
use super::tail::Tail;

/// The table function's name in SQL.
const FUNCTION: &str = "rows_to_store";

/// The offers of every database that this process writes to. A table function is given numbers and texts only.
static OFFERS: Mutex<BTreeMap<i64, Arc<Offer>>> = Mutex::new(BTreeMap::new());

/// The number of the next offer.
static NEXT: AtomicI64 = AtomicI64::new(1);

/// The rows of one table that the database may read.
struct Offer {
    table: Table,
    columns: usize,
    rows: Mutex<Offered>,
}

#[derive(Default)]
struct Offered {
    tail: Tail,
    /// How many of the table's rows were read.
    taken: usize,
}

impl Offer {
    fn lock(&self) -> MutexGuard<'_, Offered> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills a chunk with the next rows; none are left when it stays empty.
    fn fill(&self, chunk: &DataChunkHandle) {
        let mut offered = self.lock();
        let mut vectors: Vec<FlatVector<'_>> = (0..self.columns).map(|at| chunk.flat_vector(at)).collect();
        let room = vectors.first().map_or(0, FlatVector::capacity);
        let (mut count, mut text) = (0, String::new());
        let rows = offered.tail.rows().filter(|row| row.table == self.table);
        for row in rows.skip(offered.taken).take(room) {
            for (vector, cell) in vectors.iter_mut().zip(&row.cells) {
                put(cell, vector, count, &mut text);
            }
            count += 1;
        }
        chunk.set_len(count);
        offered.taken += count;
    }
}

/// Puts a cell into a vector as the text that the database reads as its value.
fn put(cell: &Cell, vector: &mut FlatVector<'_>, row: usize, text: &mut String) {
    text.clear();
    let written = match cell {
        Cell::Null => return vector.set_null(row),
        Cell::Text(text) => return vector.insert(row, text),
        Cell::Bool(value) => write!(text, "{value}"),
        Cell::Int(value) => write!(text, "{value}"),
        // As short as it can be read back.
        Cell::Real(value) => write!(text, "{value:?}"),
    };
    debug_assert!(written.is_ok(), "a text takes everything");
    vector.insert(row, &*text);
}

/// The table function.
struct Rows;

impl VTab for Rows {
    type InitData = ();
    type BindData = Arc<Offer>;

    fn bind(bind: &BindInfo) -> Result<Self::BindData, Box<dyn Error>> {
        let offers = OFFERS.lock().unwrap_or_else(PoisonError::into_inner);
        let offer = offers.get(&bind.get_parameter(0).to_int64()).ok_or("nothing is offered under this number")?;
        for at in 0..offer.columns {
            bind.add_result_column(&format!("c{at}"), LogicalTypeId::Varchar.into());
        }
        Ok(Arc::clone(offer))
    }

    fn init(_: &InitInfo) -> Result<Self::InitData, Box<dyn Error>> {
        Ok(())
    }

    fn func(func: &TableFunctionInfo<Self>, output: &mut DataChunkHandle) -> Result<(), Box<dyn Error>> {
        func.get_bind_data().fill(output);
        Ok(())
    }

    fn parameters() -> Option<Vec<LogicalTypeHandle>> {
        Some(vec![LogicalTypeId::Bigint.into()])
    }
}

/// The statements that store rows in one database.
pub(super) struct Inserts {
    tables: Vec<Insert>,
}

/// The statement of one table.
struct Insert {
    number: i64,
    offer: Arc<Offer>,
    sql: String,
}

impl Inserts {
    /// Makes the statements for a database with these columns. They are planned when they are first used.
    pub(super) fn new(connection: &Connection, layout: &Layout) -> duckdb::Result<Self> {
        connection.register_table_function::<Rows>(FUNCTION)?;
        Ok(Self { tables: Table::ALL.map(|table| Insert::new(table, layout)).into() })
    }

    /// Stores rows. Rows of one table commit by themselves; those of more tables share a transaction.
    pub(super) fn store(&self, connection: &Connection, rows: &Tail) -> duckdb::Result<()> {
        let mut counts = BTreeMap::<Table, usize>::new();
        for row in rows.rows() {
            *counts.entry(row.table).or_default() += 1;
        }
        let shared = counts.len() > 1;
        if shared {
            execute(connection, "BEGIN")?;
        }
        let inserts = self.tables.iter().filter_map(|insert| Some((insert, *counts.get(&insert.offer.table)?)));
        let stored = inserts.into_iter().try_for_each(|(insert, count)| insert.store(connection, rows, count));
        crash_point("commit-rows");
        if !shared {
            return stored;
        }
        let done = stored.and_then(|()| execute(connection, "COMMIT").map(drop));
        if done.is_err() {
            // Nothing is written after this; the error that counts is the first.
            drop(connection.execute_batch("ROLLBACK"));
        }
        done
    }
}

impl Insert {
    fn new(table: Table, layout: &Layout) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let offer = Offer { table, columns: layout.of(table).all().len(), rows: Mutex::default() };
        let offer = Arc::new(offer);
        OFFERS.lock().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::clone(&offer));
        let sql = format!("INSERT INTO {} SELECT * FROM {FUNCTION}({number})", table.name());
        Self { number, offer, sql }
    }

    fn store(&self, connection: &Connection, rows: &Tail, count: usize) -> duckdb::Result<()> {
        *self.offer.lock() = Offered { tail: rows.clone(), taken: 0 };
        let stored = execute(connection, &self.sql);
        *self.offer.lock() = Offered::default();
        match stored? {
            stored if stored == count => Ok(()),
            stored => Err(duckdb::Error::StatementChangedRows(stored)),
        }
    }
}

impl Drop for Insert {
    fn drop(&mut self) {
        OFFERS.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

fn execute(connection: &Connection, sql: &str) -> duckdb::Result<usize> {
    connection.prepare_cached(sql)?.execute([])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::database;
    use crate::store::encode::Stored;
    use crate::store::scan::Scan;

    fn row(layout: &Layout, table: Table, seq: usize, cells: &[(&str, Cell)]) -> Stored {
        let columns = layout.of(table).clone();
        let mut row = Stored { table, cells: vec![Cell::Null; columns.all().len()], columns };
        row.cells[0] = Cell::Int(i64::try_from(seq).unwrap());
        for (column, cell) in cells {
            let at = row.columns.position(column).unwrap();
            row.cells[at] = cell.clone();
        }
        row
    }

    /// Stores rows in moves of these lengths, and reads them.
    fn stored(layout: &Layout, rows: &[Stored], moves: &[usize]) -> Vec<Stored> {
        let folder = tempfile::tempdir().unwrap();
        let connection = database::create(&folder.path().join("run.duckdb"), layout).unwrap();
        let inserts = Inserts::new(&connection, layout).unwrap();
        let mut left = rows.to_vec();
        for length in moves {
            let mut tail = Tail::default();
            tail.push(left.drain(..length / 2).collect());
            tail.push(left.drain(..length - length / 2).collect());
            inserts.store(&connection, &tail).unwrap();
        }
        let mut scan = Scan::new(&connection, layout);
        let mut found = Vec::new();
        while let Some(mut window) = scan.next(&mut |table, error| panic!("{table:?}: {error}")) {
            found.extend(window.take_rows().iter().map(|row| window.stored(row)));
        }
        found
    }

    #[test]
    fn more_rows_than_a_chunk_holds_come_back_in_their_order() {
        let layout = Layout::newest();
        let rows: Vec<Stored> = (1..=6000)
            .map(|seq| {
                let table = if seq % 3 == 0 { Table::Texts } else { Table::Events };
                row(&layout, table, seq, &[("at_ms", Cell::Int(7))])
            })
            .collect();
        assert_eq!(stored(&layout, &rows, &[1, 0, 5998, 1]), rows);
    }

    #[test]
    fn a_value_that_its_column_does_not_take_is_an_error_and_nothing_is_stored() {
        let (layout, folder) = (Layout::newest(), tempfile::tempdir().unwrap());
        let connection = database::create(&folder.path().join("run.duckdb"), &layout).unwrap();
        let inserts = Inserts::new(&connection, &layout).unwrap();
        let mut tail = Tail::default();
        let wrong = row(&layout, Table::Events, 2, &[("visit", Cell::Int(i64::MAX))]);
        tail.push(vec![row(&layout, Table::Texts, 1, &[]), wrong]);
        assert!(inserts.store(&connection, &tail).is_err());
        let count = |table: &str| {
            connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap()
        };
        assert_eq!((count("texts"), count("events")), (0, 0));
        // The statements are none the worse for it.
        let mut tail = Tail::default();
        tail.push(vec![row(&layout, Table::Texts, 1, &[]), row(&layout, Table::Events, 2, &[])]);
        inserts.store(&connection, &tail).unwrap();
        assert_eq!((count("texts"), count("events")), (1, 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn every_value_comes_back_as_it_was(
            values in prop::collection::vec((any::<Option<i64>>(), any::<Option<i32>>(), any::<Option<bool>>()), 1..20),
            reals in prop::collection::vec(
                prop::option::of(prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO
                    | prop::num::f64::INFINITE), 20),
            texts in prop::collection::vec(prop::option::of("\\PC{0,5}[\0\n\"']?|NULL|x{20,3000}"), 20),
        ) {
            let layout = Layout::newest();
            let rows: Vec<Stored> = values.iter().zip(reals).zip(texts).zip(1..).map(|(((value, real), text), seq)| {
                let (big, small, bool) = *value;
                row(&layout, Table::Events, seq, &[
                    ("at_ms", big.into()),
                    ("visit", small.map(i64::from).into()),
                    ("answered", bool.into()),
                    ("temperature", real.into()),
                    ("name", text.into()),
                ])
            }).collect();
            let moves = [rows.len() / 3, rows.len() - rows.len() / 3];
            prop_assert_eq!(stored(&layout, &rows, &moves), rows);
        }
    }
}
