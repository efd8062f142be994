//! A copied DuckDB database.

use std::path::Path;

use duckdb::types::ValueRef;
use duckdb::{AccessMode, Connection};

use super::read::Source;
use super::rows::{Field, Type};
use crate::store::database::connect;

/// A DuckDB database.
pub(super) struct Duck(Connection);

impl Duck {
    /// Opens a copy, without access to anything else.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        connect(path, AccessMode::ReadOnly).map(Self).map_err(|error| error.to_string())
    }
}

impl Source for Duck {
    fn columns(&self, table: &str) -> Result<Option<Vec<String>>, String> {
        const COLUMNS: &str = "SELECT c.column_name FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_oid) \
            WHERE t.schema_name = 'main' AND t.database_name = current_database() AND lower(t.table_name) = lower(?) \
            AND c.database_name = current_database() ORDER BY c.column_index";
        let mut statement = self.0.prepare(COLUMNS).map_err(words)?;
        let names = statement.query_map([table], |row| row.get(0)).and_then(Iterator::collect).map_err(words)?;
        let names: Vec<String> = names;
        Ok((!names.is_empty()).then_some(names))
    }

    fn cast(&self, column: &str, to: Type) -> String {
        let to = match to {
            Type::Int => "BIGINT",
            Type::Real => "DOUBLE",
            Type::Text => return format!("TRY_CAST({column} AS VARCHAR)"),
        };
        // By way of text: some types have no other way to a number.
        format!("TRY_CAST(TRY_CAST({column} AS VARCHAR) AS {to})")
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
        ValueRef::BigInt(number) => Field::Int(number),
        ValueRef::Int(number) => Field::Int(number.into()),
        ValueRef::Double(number) => Field::Real(number),
        ValueRef::Text(bytes) => Field::Text(String::from_utf8_lossy(bytes).into_owned()),
        _ => Field::Null,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is called with errors that nobody else has")]
fn words(error: duckdb::Error) -> String {
    error.to_string()
}
