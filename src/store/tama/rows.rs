//! The rows of tama's tables, as far as they can be read: any column may be missing or empty in a file.

use serde::{Deserialize, Serialize};

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Field {
    /// NULL, or no such column.
    Null,
    /// A whole number.
    Int(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(String),
}

impl Field {
    fn int(self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(number),
            _ => None,
        }
    }

    fn real(self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "a temperature is small")]
            Self::Int(number) => Some(number as f64),
            Self::Real(number) => Some(number),
            _ => None,
        }
    }

    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Int(number) => Some(number.to_string()),
            Self::Real(number) => Some(number.to_string()),
            Self::Null => None,
        }
    }
}

/// The type that a column is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Int,
    Real,
    Text,
}

/// A row of a table.
pub(super) trait TableRow: Sized {
    /// The table.
    const TABLE: &'static str;
    /// Its columns, in the order in which [`TableRow::of`] takes them.
    const COLUMNS: &'static [(&'static str, Type)];

    /// Makes it of its values; one that is not there is [`Field::Null`].
    fn of(fields: &mut dyn Iterator<Item = Field>) -> Self;
}

fn next(fields: &mut dyn Iterator<Item = Field>) -> Field {
    fields.next().unwrap_or(Field::Null)
}

/// A row of `runs`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RunRow {
    pub trace_id: Option<String>,
    pub timestamp: Option<i64>,
    pub entrypoint: Option<String>,
    pub task: Option<String>,
    pub status: Option<String>,
    pub output: Option<String>,
    pub duration_ms: Option<i64>,
}

impl TableRow for RunRow {
    const TABLE: &'static str = "runs";
    const COLUMNS: &'static [(&'static str, Type)] = &[
        ("trace_id", Type::Text),
        ("timestamp", Type::Int),
        ("entrypoint", Type::Text),
        ("task", Type::Text),
        ("status", Type::Text),
        ("output", Type::Text),
        ("duration_ms", Type::Int),
    ];

    fn of(fields: &mut dyn Iterator<Item = Field>) -> Self {
        Self {
            trace_id: next(fields).text(),
            timestamp: next(fields).int(),
            entrypoint: next(fields).text(),
            task: next(fields).text(),
            status: next(fields).text(),
            output: next(fields).text(),
            duration_ms: next(fields).int(),
        }
    }
}

/// A row of `spans`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SpanRow {
    pub trace_id: Option<String>,
    pub span_id: Option<String>,
    pub parent_span_id: Option<String>,
    pub prev_span_id: Option<String>,
    pub node_id: Option<String>,
    pub name: Option<String>,
    pub kind: Option<String>,
    pub start_ms: Option<i64>,
    pub end_ms: Option<i64>,
    pub seq: Option<i64>,
}

impl TableRow for SpanRow {
    const TABLE: &'static str = "spans";
    const COLUMNS: &'static [(&'static str, Type)] = &[
        ("trace_id", Type::Text),
        ("span_id", Type::Text),
        ("parent_span_id", Type::Text),
        ("prev_span_id", Type::Text),
        ("node_id", Type::Text),
        ("name", Type::Text),
        ("kind", Type::Text),
        ("start_ms", Type::Int),
        ("end_ms", Type::Int),
        ("seq", Type::Int),
    ];

    fn of(fields: &mut dyn Iterator<Item = Field>) -> Self {
        Self {
            trace_id: next(fields).text(),
            span_id: next(fields).text(),
            parent_span_id: next(fields).text(),
            prev_span_id: next(fields).text(),
            node_id: next(fields).text(),
            name: next(fields).text(),
            kind: next(fields).text(),
            start_ms: next(fields).int(),
            end_ms: next(fields).int(),
            seq: next(fields).int(),
        }
    }
}

/// A row of `llm_calls`. Files of 0.0.1 and 0.0.2 have `temperature` and `role` last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct LlmRow {
    pub span_id: Option<String>,
    pub model: Option<String>,
    pub role: Option<String>,
    pub temperature: Option<f64>,
    pub system_prompt: Option<String>,
    pub response: Option<String>,
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub duration_ms: Option<i64>,
}

impl TableRow for LlmRow {
    const TABLE: &'static str = "llm_calls";
    const COLUMNS: &'static [(&'static str, Type)] = &[
        ("span_id", Type::Text),
        ("model", Type::Text),
        ("role", Type::Text),
        ("temperature", Type::Real),
        ("system_prompt", Type::Text),
        ("response", Type::Text),
        ("input_tokens", Type::Int),
        ("output_tokens", Type::Int),
        ("duration_ms", Type::Int),
    ];

    fn of(fields: &mut dyn Iterator<Item = Field>) -> Self {
        Self {
            span_id: next(fields).text(),
            model: next(fields).text(),
            role: next(fields).text(),
            temperature: next(fields).real(),
            system_prompt: next(fields).text(),
            response: next(fields).text(),
            input_tokens: next(fields).int(),
            output_tokens: next(fields).int(),
            duration_ms: next(fields).int(),
        }
    }
}

/// A row of `tool_calls`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ToolRow {
    pub span_id: Option<String>,
    pub tool_name: Option<String>,
    pub args_json: Option<String>,
    pub result: Option<String>,
    pub duration_ms: Option<i64>,
}

impl TableRow for ToolRow {
    const TABLE: &'static str = "tool_calls";
    const COLUMNS: &'static [(&'static str, Type)] = &[
        ("span_id", Type::Text),
        ("tool_name", Type::Text),
        ("args_json", Type::Text),
        ("result", Type::Text),
        ("duration_ms", Type::Int),
    ];

    fn of(fields: &mut dyn Iterator<Item = Field>) -> Self {
        Self {
            span_id: next(fields).text(),
            tool_name: next(fields).text(),
            args_json: next(fields).text(),
            result: next(fields).text(),
            duration_ms: next(fields).int(),
        }
    }
}

/// A row of `action_log`, in the rollback database. The rows of a span that was undone were deleted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ActionRow {
    pub seq: Option<i64>,
    pub span_id: Option<String>,
    pub tool_name: Option<String>,
    pub key: Option<String>,
    pub old_value: Option<String>,
}

impl TableRow for ActionRow {
    const TABLE: &'static str = "action_log";
    const COLUMNS: &'static [(&'static str, Type)] = &[
        ("seq", Type::Int),
        ("span_id", Type::Text),
        ("tool_name", Type::Text),
        ("key", Type::Text),
        ("old_value", Type::Text),
    ];

    fn of(fields: &mut dyn Iterator<Item = Field>) -> Self {
        Self {
            seq: next(fields).int(),
            span_id: next(fields).text(),
            tool_name: next(fields).text(),
            key: next(fields).text(),
            old_value: next(fields).text(),
        }
    }
}
