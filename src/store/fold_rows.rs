//! The rows of a run as far as its folded state goes by them: a few columns, and of an event's JSON what the fold reads.
//! Texts, hashes and messages are left where they are, so that going from a keyframe to a seq is quick.

use std::borrow::Cow;
use std::collections::BTreeMap;

use duckdb::types::ValueRef;
use duckdb::{Connection, Row, ToSql};
use serde::Deserialize;

use super::StoreError;
use super::database::failed;
use super::read;
use super::schema::Table;
use crate::model::{
    ActionEvent, EffectClass, Fan, Generation, LlmRequestRecord, Millis, ModelName, ModelOptions, Seq, SpanEnd, SpanId,
    SpanKind, SpanSpec, SpanStart, TextHash, TraceBody, TraceEvent, Try, is_known_event,
};

/// Stands for a text that the fold doesn't look at.
const NO_TEXT: TextHash = TextHash([0; 16]);

/// Events that change nothing in the fold but its last seq and time.
const PASSED_OVER: [&str; 7] =
    ["note", "sent", "prompt_edited", "messages_edited", "edited_by_hand", "pipeline_changed", "try_group"];

/// The start of a span, as far as the fold goes.
#[derive(Deserialize)]
struct Start<'a> {
    span: SpanId,
    parent: SpanId,
    #[serde(borrow)]
    name: Cow<'a, str>,
    visit: u32,
    attempt: Try,
    generation: Generation,
    fan: Option<Fan>,
    kind: SpanKind,
    #[serde(borrow)]
    pattern: Option<Cow<'a, str>>,
    effect: Option<EffectClass>,
}

/// Events after a seq, up to another one, as far as the fold goes by them: what it does not read is left out.
pub(super) fn between(connection: &Connection, after: Seq, upto: Seq) -> Result<Vec<TraceEvent>, StoreError> {
    let seqs = [after.0, upto.0].map(|seq| i64::try_from(seq).unwrap_or(i64::MAX));
    let mut found = read::actions_between(connection, after, upto)?;
    rows(connection, Table::Events, "kind", seqs, &mut found, |row| body(text(row, 3)?, text(row, 4)?))?;
    rows(connection, Table::ActionEvents, "action_seq", seqs, &mut found, |row| {
        let (action, change) = (Seq(number(row, 3)?.ok_or("an action without a seq")?), from_json(text(row, 4)?)?);
        Ok(TraceBody::ActionEvent(ActionEvent { action, change }))
    })?;
    found.sort_by_key(|event| event.seq);
    Ok(found)
}

/// Reads rows of a table; its time, `column` and its JSON make the event.
fn rows(
    connection: &Connection,
    table: Table,
    column: &str,
    seqs: [i64; 2],
    found: &mut Vec<TraceEvent>,
    body: impl Fn(&Row<'_>) -> Result<TraceBody, String>,
) -> Result<(), StoreError> {
    let fault = failed("read the run's log");
    let select = |happened: &str| {
        let name = table.name();
        format!("SELECT seq, at_ms, {happened}, {column}, body FROM {name} WHERE seq > ? AND seq <= ?")
    };
    // Runs of the first formats have no such column.
    let mut statement = connection
        .prepare_cached(&select("happened_ms"))
        .or_else(|_| connection.prepare_cached(&select("NULL")))
        .map_err(&fault)?;
    let params: [&dyn ToSql; 2] = [&seqs[0], &seqs[1]];
    let mut rows = statement.query(&params[..]).map_err(&fault)?;
    while let Some(row) = rows.next().map_err(&fault)? {
        found.push(event(row, &body).map_err(|why| StoreError::Damaged(format!("a row can't be read: {why}")))?);
    }
    Ok(())
}

fn event(row: &Row<'_>, body: impl Fn(&Row<'_>) -> Result<TraceBody, String>) -> Result<TraceEvent, String> {
    let seq = Seq(number(row, 0)?.ok_or("a row without a seq")?);
    let body = body(row).map_err(|why| format!("{seq}: {why}"))?;
    Ok(TraceEvent { seq, at: Millis(number(row, 1)?.unwrap_or(0)), happened: number(row, 2)?.map(Millis), body })
}

/// An event by its name and its JSON.
fn body(kind: &str, json: &str) -> Result<TraceBody, String> {
    match kind {
        "span_started" => from_json::<Start<'_>>(json).map(Start::into_body),
        "span_ended" => from_json::<SpanEnd>(json).map(TraceBody::SpanEnded),
        kind if PASSED_OVER.contains(&kind) || !is_known_event(kind) => {
            Ok(TraceBody::Note { span: None, error: false, text: String::new() })
        }
        _ => from_json(json),
    }
}

impl Start<'_> {
    fn into_body(self) -> TraceBody {
        let spec = match self.kind {
            SpanKind::Tool => {
                let effect = self.effect.unwrap_or(EffectClass::Read);
                SpanSpec::Tool { args: NO_TEXT, request: NO_TEXT, effect }
            }
            SpanKind::Llm => SpanSpec::Llm(LlmRequestRecord {
                request: NO_TEXT,
                model: ModelName { provider: String::new(), model: String::new() },
                options: ModelOptions::default(),
                system: NO_TEXT,
                tools: Vec::new(),
                after: None,
                messages: Vec::new(),
            }),
            SpanKind::Human => SpanSpec::Human { question: NO_TEXT, request: NO_TEXT, channel: String::new() },
            SpanKind::Agent | SpanKind::Run => {
                let pattern = self.pattern.map(Cow::into_owned).unwrap_or_default();
                SpanSpec::Agent { pattern, input: NO_TEXT, prompt: None, prompt_file: None }
            }
        };
        TraceBody::SpanStarted(SpanStart {
            span: self.span,
            parent: self.parent,
            path: String::new(),
            name: self.name.into_owned(),
            visit: self.visit,
            attempt: self.attempt,
            generation: self.generation,
            fan: self.fan,
            step: None,
            attributes: BTreeMap::new(),
            spec,
        })
    }
}

fn number(row: &Row<'_>, at: usize) -> Result<Option<u64>, String> {
    match row.get_ref(at).map_err(|error| error.to_string())? {
        ValueRef::Null => Ok(None),
        ValueRef::BigInt(number) => u64::try_from(number).map(Some).map_err(|error| error.to_string()),
        _ => Err("a number is none".to_owned()),
    }
}

fn text<'a>(row: &'a Row<'_>, at: usize) -> Result<&'a str, String> {
    match row.get_ref(at).map_err(|error| error.to_string())? {
        ValueRef::Text(text) => std::str::from_utf8(text).map_err(|error| error.to_string()),
        _ => Err("a text is none".to_owned()),
    }
}

fn from_json<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}
