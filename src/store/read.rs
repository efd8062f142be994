//! Reading a run's rows back, as they are asked for.

use std::collections::{HashMap, HashSet};

use duckdb::types::ValueRef;
use duckdb::{Connection, ToSql};

use super::chain::Cell;
use super::database::failed;
use super::decode::decode;
use super::encode::Stored;
use super::schema::{Columns, Table};
use super::{Row, StoreError};
use crate::model::{Seq, SpanId, TextHash, TraceEvent};

/// How many texts one statement names; for more, all are read: a statement reads the whole table, however many it names.
const NAMED: usize = 1024;

/// The tables that hold events.
const WITH_EVENTS: [Table; 3] = [Table::Events, Table::ActionLog, Table::ActionEvents];

/// Rows of one table that fit a condition, by seq.
fn rows(connection: &Connection, table: Table, fits: &str, params: &[&dyn ToSql]) -> Result<Vec<Stored>, StoreError> {
    let sql = format!("SELECT * FROM {} WHERE {fits}", table.name());
    let fault = failed("read the run's log");
    let mut statement = connection.prepare_cached(&sql).map_err(&fault)?;
    let mut found = statement.query(params).map_err(&fault)?;
    let columns = Columns::named(table, found.as_ref().map(duckdb::Statement::column_names).unwrap_or_default());
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(&fault)? {
        let cells = (0..columns.all().len()).map(|at| row.get_ref(at).map(Cell::read));
        let cells = cells.collect::<duckdb::Result<_>>().map_err(&fault)?;
        rows.push(Stored { table, columns: columns.clone(), cells });
    }
    Ok(rows)
}

/// Events after a seq, up to the committed one.
pub(super) fn events(
    connection: &Connection,
    after: Seq,
    committed: Seq,
    limit: usize,
) -> Result<Vec<TraceEvent>, StoreError> {
    let [after, committed, most] =
        [after.0, committed.0, limit as u64].map(|value| i64::try_from(value).unwrap_or(i64::MAX));
    let mut found = Vec::new();
    for table in WITH_EVENTS {
        let fits = "seq > ? AND seq <= ? ORDER BY seq LIMIT ?";
        found.extend(rows(connection, table, fits, &[&after, &committed, &most])?);
    }
    let mut events = decoded(found)?;
    events.truncate(limit);
    Ok(events)
}

/// Events after a seq, up to another one.
pub(super) fn events_between(connection: &Connection, after: Seq, upto: Seq) -> Result<Vec<TraceEvent>, StoreError> {
    let [after, upto] = [after.0, upto.0].map(|seq| i64::try_from(seq).unwrap_or(i64::MAX));
    let mut found = Vec::new();
    for table in WITH_EVENTS {
        found.extend(rows(connection, table, "seq > ? AND seq <= ?", &[&after, &upto])?);
    }
    decoded(found)
}

/// Rows of all tables after a seq, up to another one, by seq.
pub(super) fn rows_between(connection: &Connection, after: Seq, upto: Seq) -> Result<Vec<Row>, StoreError> {
    let [after, upto] = [after.0, upto.0].map(|seq| i64::try_from(seq).unwrap_or(i64::MAX));
    let mut found = Vec::new();
    for table in Table::ALL {
        found.extend(rows(connection, table, "seq > ? AND seq <= ?", &[&after, &upto])?);
    }
    found.sort_by_key(Stored::seq);
    found.iter().map(decoded_row).collect()
}

/// A row as it was written.
pub(super) fn decoded_row(row: &Stored) -> Result<Row, StoreError> {
    decode(row).map_err(|why| StoreError::Damaged(format!("row {} can't be read: {why}", row.seq())))
}

/// Actions after a seq, up to another one.
pub(super) fn actions_between(connection: &Connection, after: Seq, upto: Seq) -> Result<Vec<TraceEvent>, StoreError> {
    let [after, upto] = [after.0, upto.0].map(|seq| i64::try_from(seq).unwrap_or(i64::MAX));
    decoded(rows(connection, Table::ActionLog, "seq > ? AND seq <= ?", &[&after, &upto])?)
}

/// The events of one span: its own, edits of its path, its actions (an agent's and a tool's), and changes of their
/// status.
pub(super) fn span_events(
    connection: &Connection,
    span: SpanId,
    first: Seq,
    committed: Seq,
) -> Result<Vec<TraceEvent>, StoreError> {
    const EVENTS: &str = "seq >= ? AND seq <= ? AND (span_id = ? OR span_id = ?)";
    const ACTIONS: &str = "seq >= ? AND seq <= ? AND (span_id = ? OR tool_span_id = ?)";
    const CHANGES: &str = "seq >= ?1 AND seq <= ?2 AND action_seq IN \
        (SELECT seq FROM action_log WHERE seq >= ?1 AND (span_id = ?3 OR tool_span_id = ?4))";
    let [first, committed] = [first.0, committed.0].map(|seq| i64::try_from(seq).unwrap_or(i64::MAX));
    let span = span.to_string();
    let mut found = Vec::new();
    for (table, fits) in WITH_EVENTS.into_iter().zip([EVENTS, ACTIONS, CHANGES]) {
        found.extend(rows(connection, table, fits, &[&first, &committed, &span, &span])?);
    }
    decoded(found)
}

/// The starts of the spans directly below one.
pub(super) fn starts_below(
    connection: &Connection,
    span: SpanId,
    committed: Seq,
) -> Result<Vec<TraceEvent>, StoreError> {
    let committed = i64::try_from(committed.0).unwrap_or(i64::MAX);
    let fits = "seq <= ? AND parent_span_id = ?";
    decoded(rows(connection, Table::Events, fits, &[&committed, &span.to_string()])?)
}

/// The events that a run's state does not tell; those of a newer version are among them.
pub(super) fn looked_up(connection: &Connection) -> Result<Vec<TraceEvent>, StoreError> {
    // Only to read less: most events are of these kinds.
    const OTHERS: &str = "kind NOT IN \
        ('span_started', 'span_ended', 'span_waiting', 'paused', 'released', 'read', 'kept', 'sent', 'note')";
    let mut events = decoded(rows(connection, Table::Events, OTHERS, &[])?)?;
    events.retain(|event| event.body.is_looked_up());
    Ok(events)
}

/// A text as the database has it.
pub(super) fn text(connection: &Connection, hash: TextHash) -> Result<Option<String>, StoreError> {
    const SQL: &str = "SELECT text FROM texts WHERE hash = ? LIMIT 1";
    let found = connection.prepare_cached(SQL).and_then(|mut sql| sql.query_row([hash.to_string()], |row| row.get(0)));
    match found {
        Ok(text) => Ok(Some(text)),
        Err(duckdb::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(failed("read a text")(error)),
    }
}

/// Texts by their hashes; those that are not there are left out.
pub(super) fn texts(connection: &Connection, hashes: &[TextHash]) -> Result<HashMap<TextHash, String>, StoreError> {
    let wanted: HashSet<TextHash> = hashes.iter().copied().collect();
    let fits = if wanted.len() > NAMED {
        "true".to_owned()
    } else {
        // Hashes are hexadecimal digits, so they can stand in the statement.
        let list = wanted.iter().map(|hash| format!("'{hash}'")).collect::<Vec<_>>().join(", ");
        format!("hash IN ({list})")
    };
    let mut found = HashMap::with_capacity(wanted.len());
    if wanted.is_empty() {
        return Ok(found);
    }
    let fault = failed("read texts");
    let sql = format!("SELECT hash, text FROM texts WHERE {fits}");
    let mut statement = connection.prepare(&sql).map_err(&fault)?;
    let mut rows = statement.query([]).map_err(&fault)?;
    while let Some(row) = rows.next().map_err(&fault)? {
        let (hash, text) = (row.get_ref(0).map_err(&fault)?, row.get_ref(1).map_err(&fault)?);
        if let (ValueRef::Text(hash), ValueRef::Text(text)) = (hash, text)
            && let Some(hash) = std::str::from_utf8(hash).ok().and_then(TextHash::parse)
            && wanted.contains(&hash)
        {
            found.insert(hash, String::from_utf8_lossy(text).into_owned());
        }
    }
    Ok(found)
}

fn decoded(mut found: Vec<Stored>) -> Result<Vec<TraceEvent>, StoreError> {
    found.sort_by_key(Stored::seq);
    let mut events = Vec::with_capacity(found.len());
    for row in &found {
        if let Row::Event(event) = decoded_row(row)? {
            events.push(event);
        }
    }
    Ok(events)
}

/// How many rows all tables have.
pub(super) fn count(connection: &Connection) -> Result<u64, StoreError> {
    let mut sum = 0;
    for table in Table::ALL {
        let sql = format!("SELECT count(*) FROM {}", table.name());
        sum += connection.query_row(&sql, [], |row| row.get::<_, u64>(0)).map_err(failed("read the run's log"))?;
    }
    Ok(sum)
}
