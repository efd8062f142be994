//! Cells back into rows.

use serde::de::DeserializeOwned;

use super::Row;
use super::chain::Cell;
use super::encode::Stored;
use super::schema::Table;
use crate::model::{
    ActionEvent, ActionRecord, BlobHash, Key, KeyState, Millis, Seq, SpanId, TextHash, TraceBody, TraceEvent,
    Undoability, is_known_event,
};

/// Reads a row; the error says what is wrong with it.
pub(super) fn decode(row: &Stored) -> Result<Row, String> {
    let (seq, at) = (row.seq(), Millis(unsigned(row, "at_ms")?));
    let body = match row.table {
        Table::Texts => {
            let hash = TextHash::parse(text(row, "hash")?).ok_or("its hash is not valid")?;
            return Ok(Row::Text { seq, at, hash, text: text(row, "text")?.to_owned() });
        }
        Table::Events => event(row)?,
        Table::ActionLog => TraceBody::Action(action(row)?),
        Table::ActionEvents => TraceBody::ActionEvent(ActionEvent {
            action: Seq(unsigned(row, "action_seq")?),
            change: from_json(text(row, "body")?)?,
        }),
    };
    let happened = match row.cell("happened_ms") {
        Cell::Null => None,
        _ => Some(Millis(unsigned(row, "happened_ms")?)),
    };
    Ok(Row::Event(TraceEvent { seq, at, happened, body }))
}

/// An event of a newer minor version is kept as it is. Anything else that can't be read is damage.
fn event(row: &Stored) -> Result<TraceBody, String> {
    let (body, kind) = (text(row, "body")?, text(row, "kind")?);
    match from_json(body) {
        Err(_) if !is_known_event(kind) => Ok(TraceBody::Unknown { event: kind.to_owned(), body: body.to_owned() }),
        read => read,
    }
}

fn action(row: &Stored) -> Result<ActionRecord, String> {
    let undoable = match row.cell("undoable") {
        Cell::Bool(undoable) => *undoable,
        _ => return Err("undoable is not a boolean".to_owned()),
    };
    let undo = if undoable { Undoability::Undo } else { Undoability::NoUndo { why: text(row, "why_not")?.to_owned() } };
    Ok(ActionRecord {
        span: span(row, "span_id")?,
        tool_span: span(row, "tool_span_id")?,
        tool_name: text(row, "tool_name")?.to_owned(),
        key: Key { kind: word(row, "key_kind")?, name: text(row, "key")?.to_owned() },
        op: word(row, "op")?,
        old: old_state(row)?,
        intended: from_json(text(row, "intended")?)?,
        undo,
    })
}

fn old_state(row: &Stored) -> Result<KeyState, String> {
    let mode = || u32::try_from(unsigned(row, "old_mode")?).map_err(|_| "old_mode is out of range".to_owned());
    let value = || text(row, "old_value");
    Ok(match text(row, "old_kind")? {
        "absent" => KeyState::Absent,
        "text" => KeyState::Text { text: value()?.to_owned() },
        "list" => KeyState::List { elements: from_json(value()?)? },
        "blob" => KeyState::File {
            blob: BlobHash::parse(value()?).ok_or("old_value is not a hash")?,
            size: unsigned(row, "old_size")?,
            mode: mode()?,
        },
        "directory" => KeyState::Directory { mode: mode()? },
        "symlink" => KeyState::Symlink { target: value()?.to_owned() },
        "unknown" => KeyState::Unknown,
        other => return Err(format!("old_kind is {other:?}")),
    })
}

fn text<'a>(row: &'a Stored, column: &str) -> Result<&'a str, String> {
    match row.cell(column) {
        Cell::Text(text) => Ok(text),
        _ => Err(format!("{column} is not a text")),
    }
}

fn unsigned(row: &Stored, column: &str) -> Result<u64, String> {
    match row.cell(column) {
        Cell::Int(value) => u64::try_from(*value).map_err(|_| format!("{column} is negative")),
        _ => Err(format!("{column} is not a number")),
    }
}

fn span(row: &Stored, column: &str) -> Result<SpanId, String> {
    SpanId::parse(text(row, column)?).ok_or_else(|| format!("{column} is not a span"))
}

/// An enum whose JSON is one word.
fn word<T: DeserializeOwned>(row: &Stored, column: &str) -> Result<T, String> {
    serde_json::from_value(text(row, column)?.into()).map_err(|error| format!("{column}: {error}"))
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}
