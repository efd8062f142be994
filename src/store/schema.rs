//! The shape of a run's database: four append-only tables, and views with tama's names and columns.
//!
//! No table has a key, a unique constraint or an index. All of it is created before the first row and checkpointed.

/// The format that this version writes; the manifest has it.
///
/// 2 has commands: `command_started`, `command_ended`, `renamed`, and held and dropped changes. 3 has the log file: an
/// earlier version would take the rows in it for lost.
pub const FORMAT: u32 = 3;

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

    /// Name and type of its columns, in order; `seq` is the first and `chain` the last.
    pub(super) fn columns(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Events => EVENTS,
            Self::ActionLog => ACTION_LOG,
            Self::ActionEvents => ACTION_EVENTS,
            Self::Texts => TEXTS,
        }
    }

    /// The place of a column.
    pub(super) fn position(self, column: &str) -> Option<usize> {
        self.columns().iter().position(|(name, _)| *name == column)
    }

    /// The names of its columns, for SQL.
    pub(super) fn column_list(self) -> String {
        self.columns().iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

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
pub(super) fn ddl() -> String {
    let tables = Table::ALL.map(|table| {
        let columns: Vec<String> = table.columns().iter().map(|(name, kind)| format!("{name} {kind}")).collect();
        format!("CREATE TABLE {} ({});\n", table.name(), columns.join(", "))
    });
    // One transaction: each statement by itself would be synced.
    format!("BEGIN;\n{}{VIEWS}\nCOMMIT;", tables.concat())
}
