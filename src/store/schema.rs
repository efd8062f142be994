//! The shape of a run's database: four append-only tables, and views with tama's names and columns.
//!
//! No table has a key, a unique constraint or an index. All of it is created before the first row and checkpointed.

use std::borrow::Cow;
use std::sync::Arc;

/// A base table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// Trace events that are neither actions nor changes of actions.
    Events,
    /// Actions, written before their effect.
    ActionLog,
    /// Outcomes of actions, and later changes of their status.
    ActionEvents,
    /// Payloads by hash, each once.
    Texts,
}

impl Table {
    /// Every base table.
    pub(super) const ALL: [Table; 4] = [Self::Events, Self::ActionLog, Self::ActionEvents, Self::Texts];

    /// Its name in SQL.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::ActionLog => "action_log",
            Self::ActionEvents => "action_events",
            Self::Texts => "texts",
        }
    }

    /// Its place in the hash chain's bytes; never reused for another table.
    pub(super) fn tag(self) -> u8 {
        match self {
            Self::Events => 1,
            Self::ActionLog => 2,
            Self::ActionEvents => 3,
            Self::Texts => 4,
        }
    }

    /// The columns that every format has, in order; `seq` is the first and `chain` the last.
    fn base(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Events => EVENTS,
            Self::ActionLog => ACTION_LOG,
            Self::ActionEvents => ACTION_EVENTS,
            Self::Texts => TEXTS,
        }
    }

    /// The columns that this version writes.
    fn newest(self) -> Vec<Column> {
        let column = |name: &'static str, kind: &'static str| Column { name: name.into(), kind: kind.into() };
        let mut columns: Vec<Column> = self.base().iter().map(|(name, kind)| column(name, kind)).collect();
        let added = ADDED.iter().filter(|added| added.1 == self);
        let chain = columns.len() - 1;
        columns.splice(chain..chain, added.map(|(_, _, name, kind)| column(name, kind)));
        columns
    }

    /// True for a column that some format of this version has.
    pub(super) fn knows(self, column: &str) -> bool {
        self.base().iter().any(|(name, _)| *name == column)
            || ADDED.iter().any(|added| (added.1, added.2) == (self, column))
    }
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: Cow<'static, str>,
    /// Its type in SQL.
    pub(super) kind: Cow<'static, str>,
}

impl Column {
    /// Its name as SQL reads it, whatever it is.
    fn quoted(&self) -> String {
        format!("\"{}\"", self.name.replace('"', "\"\""))
    }

    /// How it is packed when a run is closed. Left to itself the database tries every way on every column, which takes
    /// twice as long as all else about closing.
    fn packing(&self) -> &'static str {
        match (self.kind.as_ref(), self.name.as_ref()) {
            // Hashes can't be packed much.
            ("VARCHAR", "chain" | "hash") => " USING COMPRESSION uncompressed",
            ("VARCHAR", "body" | "intended" | "new_value" | "old_value" | "path" | "response" | "text") => {
                " USING COMPRESSION fsst"
            }
            // Few different texts, or none.
            ("VARCHAR", _) => " USING COMPRESSION dictionary",
            _ => "",
        }
    }
}

/// The columns of one table as one database has them, in its order. The hash chain is over all of them in that order, so
/// a run keeps those that it was created with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns(Arc<Vec<Column>>);

impl Columns {
    /// Columns as a database names them, with their types.
    pub(super) fn of(columns: Vec<Column>) -> Self {
        Self(Arc::new(columns))
    }

    /// The columns of rows that were read, by name.
    pub(super) fn named(table: Table, names: Vec<String>) -> Self {
        let known = table.newest();
        let kind = |name: &str| known.iter().find(|column| column.name == name).map(|column| column.kind.clone());
        let column = |name: String| Column { kind: kind(&name).unwrap_or("VARCHAR".into()), name: name.into() };
        Self::of(names.into_iter().map(column).collect())
    }

    /// All of them, in order.
    pub(super) fn all(&self) -> &[Column] {
        &self.0
    }

    /// The place of a column.
    pub(super) fn position(&self, column: &str) -> Option<usize> {
        self.0.iter().position(|found| found.name == column)
    }

    /// The names, for SQL.
    pub(super) fn list(&self) -> String {
        self.0.iter().map(Column::quoted).collect::<Vec<_>>().join(", ")
    }

    /// Those of this version, and after them the ones that it doesn't know.
    pub(super) fn renewed(&self, table: Table) -> Self {
        let mut columns = table.newest();
        let more = self.0.iter().filter(|column| !table.knows(&column.name));
        let chain = columns.len() - 1;
        columns.splice(chain..chain, more.cloned());
        Self::of(columns)
    }

    /// Checks that the columns are those of a format: every one that all formats have, and no known one of another
    /// type. A newer minor may have more, between `seq` and `chain`.
    fn fit(&self, table: Table) -> bool {
        let added = ADDED.iter().filter(|added| added.1 == table).map(|(_, _, name, kind)| (*name, *kind));
        let known =
            |column: &Column| table.base().iter().copied().chain(added.clone()).find(|(name, _)| *name == column.name);
        let of_type = |column: &Column| match known(column) {
            Some((_, kind)) => kind == column.kind,
            None => PLAIN.contains(&column.kind.as_ref()),
        };
        self.position("seq") == Some(0)
            && self.position("chain") == Some(self.0.len() - 1)
            && table.base().iter().all(|(name, _)| self.position(name).is_some())
            && self.0.iter().all(of_type)
    }
}

/// The columns of every table of one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout([Columns; 4]);

impl Layout {
    /// The columns that this version writes.
    pub(super) fn newest() -> Self {
        Self(Table::ALL.map(|table| Columns::of(table.newest())))
    }

    /// The columns that a database has, in the order of [`Table::ALL`]; `Err`: the table whose columns are not those of
    /// a format.
    pub(super) fn checked(found: [Columns; 4]) -> Result<Self, Table> {
        let wrong = Table::ALL.into_iter().zip(&found).find(|(table, columns)| !columns.fit(*table));
        match wrong.map(|(table, _)| table) {
            None => Ok(Self(found)),
            Some(table) => Err(table),
        }
    }

    /// The columns of a table.
    pub(super) fn of(&self, table: Table) -> &Columns {
        &self.0[usize::from(table.tag()) - 1]
    }

    /// The columns for a database that is written anew from one with these.
    pub(super) fn renewed(&self) -> Self {
        Self(Table::ALL.map(|table| self.of(table).renewed(table)))
    }
}

/// Types that an unknown column may have.
const PLAIN: [&str; 5] = ["BIGINT", "INTEGER", "DOUBLE", "BOOLEAN", "VARCHAR"];

/// Columns that came after the first format, before `chain`: the major that brought them, table, name and type. A run
/// has those of the format that it was created with.
const ADDED: &[(u32, Table, &str, &str)] = &[
    (4, Table::Events, "happened_ms", "BIGINT"),
    (4, Table::Events, "step", "VARCHAR"),
    (4, Table::Events, "stop_reason", "VARCHAR"),
    (4, Table::Events, "waited_ms", "BIGINT"),
    (4, Table::Events, "rule", "VARCHAR"),
    (4, Table::Events, "answer", "VARCHAR"),
    (4, Table::ActionLog, "happened_ms", "BIGINT"),
    (4, Table::ActionEvents, "happened_ms", "BIGINT"),
    (4, Table::ActionEvents, "kept", "BOOLEAN"),
];

/// `kind` is the event's tag; texts are named by hash; `body` is the event itself as JSON, the rest is for queries.
const EVENTS: &[(&str, &str)] = &[
    ("seq", "BIGINT"),
    ("at_ms", "BIGINT"),
    ("generation", "INTEGER"),
    ("kind", "VARCHAR"),
    ("run_id", "VARCHAR"),
    ("entrypoint", "VARCHAR"),
    ("span_id", "VARCHAR"),
    ("parent_span_id", "VARCHAR"),
    ("path", "VARCHAR"),
    ("span_kind", "VARCHAR"),
    ("name", "VARCHAR"),
    ("visit", "INTEGER"),
    ("attempt", "INTEGER"),
    ("fan_group", "INTEGER"),
    ("fan_index", "INTEGER"),
    ("pattern", "VARCHAR"),
    ("model", "VARCHAR"),
    ("temperature", "DOUBLE"),
    ("request", "VARCHAR"),
    ("input_text", "VARCHAR"),
    ("system_text", "VARCHAR"),
    ("args_text", "VARCHAR"),
    ("output_text", "VARCHAR"),
    ("response", "VARCHAR"),
    ("status", "VARCHAR"),
    ("finish_key", "VARCHAR"),
    ("gate", "VARCHAR"),
    ("input_tokens", "BIGINT"),
    ("output_tokens", "BIGINT"),
    ("cost_microusd", "BIGINT"),
    ("answered", "BOOLEAN"),
    ("key_kind", "VARCHAR"),
    ("key", "VARCHAR"),
    ("action_seq", "BIGINT"),
    ("body", "VARCHAR"),
    ("chain", "VARCHAR"),
];

/// The first five columns mean what they mean in tama; `old_value` NULL means that the key did not exist, and
/// nothing else. `old_kind` says how to read it: `absent`, `text` (raw), `list` (JSON), `blob` (the hash of the
/// bytes), `directory`, `symlink` (its target), `unknown`.
const ACTION_LOG: &[(&str, &str)] = &[
    ("seq", "BIGINT"),
    ("span_id", "VARCHAR"),
    ("tool_name", "VARCHAR"),
    ("key", "VARCHAR"),
    ("old_value", "VARCHAR"),
    ("tool_span_id", "VARCHAR"),
    ("key_kind", "VARCHAR"),
    ("op", "VARCHAR"),
    ("old_kind", "VARCHAR"),
    ("old_size", "BIGINT"),
    ("old_mode", "INTEGER"),
    ("undoable", "BOOLEAN"),
    ("why_not", "VARCHAR"),
    ("intended", "VARCHAR"),
    ("generation", "INTEGER"),
    ("at_ms", "BIGINT"),
    ("chain", "VARCHAR"),
];

/// `new_value` and its kind, size and mode are read as those of `action_log`'s `old_value`.
const ACTION_EVENTS: &[(&str, &str)] = &[
    ("seq", "BIGINT"),
    ("action_seq", "BIGINT"),
    ("change", "VARCHAR"),
    ("new_value", "VARCHAR"),
    ("new_kind", "VARCHAR"),
    ("new_size", "BIGINT"),
    ("new_mode", "INTEGER"),
    ("forced", "BOOLEAN"),
    ("why", "VARCHAR"),
    ("body", "VARCHAR"),
    ("generation", "INTEGER"),
    ("at_ms", "BIGINT"),
    ("chain", "VARCHAR"),
];

const TEXTS: &[(&str, &str)] =
    &[("seq", "BIGINT"), ("at_ms", "BIGINT"), ("hash", "VARCHAR"), ("text", "VARCHAR"), ("chain", "VARCHAR")];

const VIEWS: &str = include_str!("views.sql");

/// Everything that a new database is given.
pub(super) fn ddl(layout: &Layout) -> String {
    let tables = Table::ALL.map(|table| {
        let columns = layout.of(table).all().iter().map(|column| {
            let packing = column.packing();
            format!("{} {}{packing}", column.quoted(), column.kind)
        });
        format!("CREATE TABLE {} ({});\n", table.name(), columns.collect::<Vec<_>>().join(", "))
    });
    // One transaction: each statement by itself would be synced.
    format!("BEGIN;\n{}{VIEWS}\nCOMMIT;", tables.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(table: Table, change: impl Fn(&mut Vec<Column>)) -> Result<Layout, Table> {
        Layout::checked(Table::ALL.map(|at| {
            let mut columns = at.newest();
            if at == table {
                change(&mut columns);
            }
            Columns::of(columns)
        }))
    }

    fn column(name: &'static str, kind: &'static str) -> Column {
        Column { name: name.into(), kind: kind.into() }
    }

    #[test]
    fn columns_of_earlier_formats_and_of_newer_minors_fit() {
        for table in Table::ALL {
            let first = layout(table, |columns| {
                columns.retain(|column| table.base().iter().any(|(name, _)| *name == column.name));
            });
            assert!(first.is_ok());
            let more = layout(table, |columns| columns.insert(1, column("later", "BIGINT"))).unwrap();
            assert_eq!(more.of(table).position("later"), Some(1));
            assert_eq!(more.renewed().of(table).position("later"), Some(table.newest().len() - 1));
        }
    }

    #[test]
    fn other_columns_do_not_fit() {
        let wrong: [fn(&mut Vec<Column>); 5] = [
            |columns| drop(columns.remove(2)),
            |columns| columns.push(column("later", "BIGINT")),
            |columns| columns.insert(0, column("later", "BIGINT")),
            |columns| columns.insert(1, column("later", "STRUCT(a INTEGER)")),
            |columns| columns[1].kind = "BLOB".into(),
        ];
        for change in wrong {
            assert_eq!(layout(Table::Texts, change), Err(Table::Texts));
        }
    }
}
