//! A copied `SQLite` database.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::read::Source;
use super::rows::{Field, Type};

/// A `SQLite` database.
pub(super) struct Sqlite(Connection);

impl Sqlite {
    /// Opens a copy: `SQLite` may have to finish what its logs hold, which writes to it.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(words)?;
        // Nothing in the file is trusted to run: no functions of views and triggers, no writing to the schema.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).map_err(words)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false).map_err(words)?;
        connection.execute_batch("PRAGMA query_only = ON; PRAGMA cell_size_check = ON;").map_err(words)?;
        Ok(Self(connection))
    }
}

impl Source for Sqlite {
    fn columns(&self, table: &str) -> Result<Option<Vec<String>>, String> {
        const TABLES: &str = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND lower(name) = lower(?) \
            AND sql LIKE 'CREATE TABLE%'";
        let found: i64 = self.0.query_row(TABLES, [table], |row| row.get(0)).map_err(words)?;
        if found == 0 {
            return Ok(None);
        }
        let mut statement = self.0.prepare("SELECT name FROM pragma_table_info(?)").map_err(words)?;
        let names = statement.query_map([table], |row| row.get(0)).and_then(Iterator::collect).map_err(words)?;
        Ok(Some(names))
    }

    fn cast(&self, column: &str, to: Type) -> String {
        let to = match to {
            Type::Int => "INTEGER",
            Type::Real => "REAL",
            Type::Text => "TEXT",
        };
        format!("CAST({column} AS {to})")
    }

    fn rows(&self, sql: &str, param: Option<&str>, width: usize) -> Result<Vec<Vec<Field>>, String> {
        let mut statement = self.0.prepare(sql).map_err(words)?;
        let mut found = match param {
            Some(param) => statement.query([param]),
            None => statement.query([]),
        }
        .map_err(words)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(words)? {
            let fields = (0..width).map(|at| row.get_ref(at).map(field));
            rows.push(fields.collect::<Result<_, _>>().map_err(words)?);
        }
        Ok(rows)
    }
}

fn field(value: ValueRef<'_>) -> Field {
    match value {
        ValueRef::Null => Field::Null,
        ValueRef::Integer(number) => Field::Int(number),
        ValueRef::Real(number) => Field::Real(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Field::Text(String::from_utf8_lossy(bytes).into_owned()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is called with errors that nobody else has")]
fn words(error: rusqlite::Error) -> String {
    error.to_string()
}
