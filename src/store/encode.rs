//! Rows into cells: what each event puts into which column.

use std::collections::HashSet;

use super::chain::{Cell, Chain};
use super::schema::{Columns, Layout, Table};
use super::{Row, StoreError};
use crate::model::{
    ActionChange, ActionEvent, ActionOp, ActionRecord, Generation, KeyState, LlmResponse, Millis, Restored, RunState,
    Seq, SpanEnd, SpanId, SpanKind, SpanSpec, SpanStart, TextHash, TraceBody, TraceEvent, Undoability, WaitInterval,
};

/// A row as it is stored: one cell per column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    /// The table.
    pub(super) table: Table,
    /// The table's columns.
    pub(super) columns: Columns,
    /// The row.
    pub(super) cells: Vec<Cell>,
}

impl Stored {
    /// An empty row.
    fn new(table: Table, layout: &Layout) -> Self {
        let columns = layout.of(table).clone();
        Self { table, cells: vec![Cell::Null; columns.all().len()], columns }
    }

    /// Sets a cell; a run that was created in an earlier format may have no such column, and the row's JSON has it.
    fn set(&mut self, column: &'static str, value: impl Into<Cell>) {
        debug_assert!(self.table.knows(column), "no column {column}");
        if let Some(at) = self.columns.position(column) {
            self.cells[at] = value.into();
        }
    }

    /// The cell of a column.
    pub(super) fn cell(&self, column: &str) -> &Cell {
        self.columns.position(column).and_then(|at| self.cells.get(at)).unwrap_or(&Cell::Null)
    }

    /// Its place in the run's counter.
    pub(super) fn seq(&self) -> Seq {
        match self.cells.first() {
            Some(Cell::Int(seq)) => Seq(u64::try_from(*seq).unwrap_or(0)),
            _ => Seq(0),
        }
    }

    /// The chain after this row, computed from its cells.
    pub(super) fn chain_after(&self, before: Chain) -> Chain {
        let last = self.cells.len().saturating_sub(1);
        before.after(self.table, &self.cells[..last])
    }

    /// The same cells in other columns.
    pub(super) fn moved_to(&self, layout: &Layout) -> Self {
        let columns = layout.of(self.table).clone();
        let cells = columns.all().iter().map(|column| self.cell(&column.name).clone()).collect();
        Self { table: self.table, columns, cells }
    }
}

/// Looks up a text that an earlier row stored.
type Look<'a> = &'a mut dyn FnMut(TextHash) -> Option<String>;

/// Turns rows into cells, in the order of their seq.
#[derive(Debug, Clone)]
pub(super) struct Encoder {
    /// The chain up to the last row.
    pub(super) chain: Chain,
    layout: Layout,
    generation: Generation,
    calls: HashSet<SpanId>,
}

impl Encoder {
    /// Goes on after what is stored.
    pub(super) fn new(layout: Layout, chain: Chain, state: &RunState) -> Self {
        let calls = state.trace.spans().iter().zip(0..).filter(|(span, _)| span.kind == SpanKind::Llm);
        Self { chain, layout, generation: state.generation, calls: calls.map(|(_, at)| SpanId(at)).collect() }
    }

    /// The cells of a row; `text` looks up a text that an earlier row stored.
    pub(super) fn encode(&mut self, row: &Row, text: Look<'_>) -> Result<Stored, StoreError> {
        let mut stored = match row {
            Row::Text { seq, at, hash, text } => text_row(&self.layout, *seq, *at, *hash, text),
            Row::Event(event) => self.event_row(event, text)?,
        };
        self.link(&mut stored);
        Ok(stored)
    }

    /// The cells of a row that was read from another database: all of them, also those that this version doesn't know.
    pub(super) fn adopt(&mut self, row: &Stored) -> Stored {
        let mut stored = row.moved_to(&self.layout);
        self.link(&mut stored);
        stored
    }

    fn link(&mut self, stored: &mut Stored) {
        self.chain = stored.chain_after(self.chain);
        stored.set("chain", self.chain.to_string());
    }

    fn event_row(&mut self, event: &TraceEvent, text: Look<'_>) -> Result<Stored, StoreError> {
        if let TraceBody::Invalidated { generation, .. } | TraceBody::Restored(Restored { generation, .. }) =
            &event.body
        {
            self.generation = *generation;
        }
        let mut stored = match &event.body {
            TraceBody::Action(record) => action_row(&self.layout, record)?,
            TraceBody::ActionEvent(change) => action_event_row(&self.layout, change)?,
            body => {
                let mut stored = Stored::new(Table::Events, &self.layout);
                let (kind, body) = event_text(body)?;
                stored.set("kind", kind);
                stored.set("body", body);
                stored
            }
        };
        stored.set("seq", event.seq);
        stored.set("at_ms", event.at.0);
        stored.set("happened_ms", event.happened.map(|at| at.0));
        stored.set("generation", self.generation.0);
        if stored.table == Table::Events {
            stored.set("span_id", event.body.span().map(name));
            self.columns(&event.body, &mut stored, text);
        }
        Ok(stored)
    }

    /// The typed columns of an event, for queries.
    fn columns(&mut self, body: &TraceBody, row: &mut Stored, text: Look<'_>) {
        match body {
            TraceBody::SpanStarted(start) => {
                if start.spec.kind() == SpanKind::Llm {
                    self.calls.insert(start.span);
                }
                start_columns(start, row);
            }
            TraceBody::SpanEnded(end) => {
                end_columns(end, row);
                if self.calls.contains(&end.span)
                    && let Some(output) = end.output.and_then(text)
                {
                    response_columns(output, row);
                }
            }
            other => other_columns(other, row),
        }
    }
}

fn text_row(layout: &Layout, seq: Seq, at: Millis, hash: TextHash, text: &str) -> Stored {
    let mut stored = Stored::new(Table::Texts, layout);
    stored.set("seq", seq);
    stored.set("at_ms", at.0);
    stored.set("hash", name(hash));
    stored.set("text", text);
    stored
}

fn action_row(layout: &Layout, record: &ActionRecord) -> Result<Stored, StoreError> {
    let mut row = Stored::new(Table::ActionLog, layout);
    row.set("span_id", name(record.span));
    row.set("tool_span_id", name(record.tool_span));
    row.set("tool_name", &record.tool_name);
    row.set("key", &record.key.name);
    row.set("key_kind", record.key.kind.name());
    row.set("op", op_name(record.op));
    let old = FlatState::of(&record.old)?;
    row.set("old_value", old.value);
    row.set("old_kind", old.kind);
    row.set("old_size", old.size);
    row.set("old_mode", old.mode);
    let why_not = match &record.undo {
        Undoability::Undo => None,
        Undoability::NoUndo { why } => Some(why),
    };
    row.set("undoable", why_not.is_none());
    row.set("why_not", why_not);
    row.set("intended", json(&record.intended)?);
    Ok(row)
}

fn action_event_row(layout: &Layout, event: &ActionEvent) -> Result<Stored, StoreError> {
    let mut row = Stored::new(Table::ActionEvents, layout);
    row.set("action_seq", event.action);
    row.set("change", event.change.name());
    row.set("body", json(&event.change)?);
    match &event.change {
        ActionChange::Applied { after, kept } => {
            row.set("kept", *kept);
            let new = FlatState::of(after)?;
            row.set("new_value", new.value);
            row.set("new_kind", new.kind);
            row.set("new_size", new.size);
            row.set("new_mode", new.mode);
        }
        ActionChange::Undone { forced } => row.set("forced", *forced),
        ActionChange::Failed { error: why } | ActionChange::Refused { why } | ActionChange::Discarded { why } => {
            row.set("why", why);
        }
        // What it printed stands in the body.
        ActionChange::Compensated { .. }
        | ActionChange::Held
        | ActionChange::NotApplied
        | ActionChange::UndoStarted
        | ActionChange::RedoStarted
        | ActionChange::Redone => {}
    }
    Ok(row)
}

fn start_columns(start: &SpanStart, row: &mut Stored) {
    row.set("generation", start.generation.0);
    row.set("parent_span_id", name(start.parent));
    row.set("path", &start.path);
    row.set("span_kind", start.spec.kind().name());
    row.set("name", &start.name);
    row.set("visit", start.visit);
    row.set("attempt", start.attempt.0);
    row.set("fan_group", start.fan.map(|fan| fan.group));
    row.set("fan_index", start.fan.map(|fan| fan.index));
    row.set("step", start.step.as_ref());
    match &start.spec {
        SpanSpec::Agent { pattern, input, prompt, prompt_file: _ } => {
            row.set("pattern", pattern);
            row.set("input_text", name(input));
            row.set("system_text", prompt.map(name));
        }
        SpanSpec::Llm(call) => {
            row.set("model", call.model.to_string());
            row.set("temperature", call.options.temperature);
            row.set("request", name(call.request));
            row.set("system_text", name(call.system));
            row.set("input_text", call.messages.last().map(|message| name(message.text)));
        }
        SpanSpec::Tool { args, request, effect: _ } => {
            row.set("args_text", name(args));
            row.set("request", name(request));
        }
        SpanSpec::Human { question, request, channel: _ } => {
            row.set("input_text", name(question));
            row.set("request", name(request));
        }
    }
}

fn end_columns(end: &SpanEnd, row: &mut Stored) {
    row.set("status", end.status.name());
    row.set("finish_key", end.finish.as_ref().map(|finish| &finish.key));
    row.set("output_text", end.output.map(name));
    row.set("input_tokens", end.usage.map(|usage| usage.input));
    row.set("output_tokens", end.usage.map(|usage| usage.output));
    row.set("cost_microusd", end.cost);
    row.set("answered", end.answered);
    row.set("waited_ms", end.waited.as_ref().map(|waits| waits.iter().map(WaitInterval::ms).sum::<u64>()));
}

fn other_columns(body: &TraceBody, row: &mut Stored) {
    match body {
        TraceBody::RunStarted { run, name: pipeline, entrypoint, task, .. } => {
            row.set("run_id", &run.0);
            row.set("name", pipeline);
            row.set("entrypoint", entrypoint);
            row.set("input_text", name(task));
        }
        TraceBody::RunStatus { status, text } => {
            row.set("status", status.name());
            row.set("output_text", text.map(name));
        }
        TraceBody::Paused { gate, .. } => row.set("gate", gate.name()),
        TraceBody::Sent { system, messages, args, .. } => {
            row.set("system_text", system.map(name));
            row.set("args_text", args.map(name));
            let last = messages.as_ref().and_then(|messages| messages.last());
            row.set("input_text", last.map(|message| name(message.text)));
        }
        TraceBody::PromptEdited { generation, text, .. } => {
            row.set("generation", generation.0);
            row.set("system_text", text.map(name));
        }
        TraceBody::EditedByHand { generation, edits, .. } => {
            row.set("generation", generation.0);
            row.set("args_text", name(edits));
        }
        TraceBody::MessagesEdited { generation, .. } | TraceBody::PipelineChanged { generation, .. } => {
            row.set("generation", generation.0);
        }
        TraceBody::Read { key, action, .. } => {
            row.set("key_kind", key.kind.name());
            row.set("key", &key.name);
            row.set("action_seq", *action);
        }
        TraceBody::Kept { action, .. } => row.set("action_seq", *action),
        TraceBody::CommandStarted(start) => row.set("name", &start.command),
        TraceBody::CommandEnded { command, .. } => row.set("action_seq", *command),
        TraceBody::Renamed { from, .. } => row.set("action_seq", *from),
        TraceBody::ApprovalAsked(asked) => {
            row.set("rule", asked.rule.as_ref());
            row.set("args_text", name(asked.request));
        }
        TraceBody::ApprovalAnswered(answered) => {
            row.set("action_seq", answered.asked);
            row.set("answer", answered.how.name());
        }
        // The JSON says all of it, or the columns are set elsewhere.
        _ => {}
    }
}

/// A key's state in four columns.
struct FlatState {
    value: Option<String>,
    kind: &'static str,
    size: Option<u64>,
    mode: Option<u32>,
}

impl FlatState {
    fn of(state: &KeyState) -> Result<Self, StoreError> {
        let flat = |value, kind| Self { value: Some(value), kind, size: None, mode: None };
        Ok(match state {
            KeyState::Absent => Self { value: None, kind: "absent", size: None, mode: None },
            KeyState::Text { text } => flat(text.clone(), "text"),
            KeyState::List { elements } => flat(json(elements)?, "list"),
            KeyState::File { blob, size, mode } => {
                Self { value: Some(name(blob)), kind: "blob", size: Some(*size), mode: Some(*mode) }
            }
            KeyState::Directory { mode } => Self { mode: Some(*mode), ..flat(String::new(), "directory") },
            KeyState::Symlink { target } => flat(target.clone(), "symlink"),
            KeyState::Unknown => flat(String::new(), "unknown"),
        })
    }
}

/// An op's name in SQL, as its JSON has it.
pub(super) fn op_name(op: ActionOp) -> &'static str {
    match op {
        ActionOp::Set => "set",
        ActionOp::Append => "append",
        ActionOp::Delete => "delete",
        ActionOp::External => "external",
    }
}

/// An event's name, and all of it as JSON. Its name is the first thing in its JSON.
fn event_text(body: &TraceBody) -> Result<(String, String), StoreError> {
    if let TraceBody::Unknown { event, body } = body {
        return Ok((event.clone(), body.clone()));
    }
    let text = json(body)?;
    let tag = text.strip_prefix("{\"event\":\"").and_then(|rest| rest.split_once('"'));
    let kind = tag.map(|(kind, _)| kind.to_owned()).unwrap_or_default();
    Ok((kind, text))
}

/// The text of a response, as tama stores it (an error is its own text), and why the model stopped.
fn response_columns(output: String, row: &mut Stored) {
    match serde_json::from_str::<LlmResponse>(&output) {
        Ok(response) => {
            row.set("response", response.text);
            row.set("stop_reason", response.stop);
        }
        Err(_) => row.set("response", output),
    }
}

fn name(id: impl ToString + Copy) -> String {
    id.to_string()
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Database { what: "write a row as JSON", why: error.to_string() })
}
