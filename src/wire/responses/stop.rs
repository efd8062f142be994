//! Why a response ended, and its tokens.

use serde_json::{Map, Value as Json, json};

use super::item::text;
use crate::wire::{Answer, Stop, StopKind, Usage};

/// The meaning of a status or a reason, also of those that imitators use.
fn kind(word: &str) -> StopKind {
    match word {
        "completed" | "stop" | "end_turn" | "stop_sequence" | "eos" => StopKind::End,
        "tool_calls" | "tool_use" | "function_call" => StopKind::Calls,
        "max_output_tokens"
        | "max_tokens"
        | "length"
        | "max_prompt_tokens"
        | "max_context_length"
        | "context_length_exceeded"
        | "model_context_window_exceeded"
        | "token_limit" => StopKind::Length,
        "content_filter" | "content_filtered" | "safety" | "blocked" | "prohibited_content" => StopKind::Filtered,
        "refusal" | "refused" => StopKind::Refused,
        "malformed_function_call" | "malformed_tool_call" | "invalid_tool_call" => StopKind::Malformed,
        "pause_turn" => StopKind::Paused,
        _ => StopKind::Other,
    }
}

/// The stop of a response with a status; `calls` and `refused` are what its items hold. `None` while it goes on.
pub(super) fn read(status: &str, response: &Json, calls: bool, refused: bool) -> Option<Stop> {
    let reason = match response.get("incomplete_details") {
        Some(Json::String(reason)) => reason,
        Some(details) => text(details, "reason"),
        None => "",
    };
    let word = match status {
        "" | "in_progress" | "queued" => return None,
        "incomplete" if !reason.is_empty() => reason,
        status => status,
    };
    let kind = match kind(&word.to_ascii_lowercase()) {
        StopKind::End if calls => StopKind::Calls,
        StopKind::End if refused => StopKind::Refused,
        kind => kind,
    };
    Some(Stop { word: word.to_owned(), kind })
}

/// True for a status after which nothing comes.
pub(super) fn is_whole(status: &str) -> bool {
    matches!(status, "completed" | "incomplete" | "failed")
}

/// The status of an answer, and the details of one that is incomplete.
pub(super) fn write(answer: &Answer, refused: bool) -> (&str, Json) {
    let Some(stop) = &answer.stop else {
        let status = match (&answer.fault, answer.whole) {
            (Some(_), _) => "failed",
            (None, true) => "completed",
            (None, false) => "in_progress",
        };
        return (status, Json::Null);
    };
    let word = stop.word.as_str();
    let reason = |reason: &str| ("incomplete", json!({ "reason": reason }));
    match (word, stop.kind) {
        ("completed", StopKind::Refused) if refused => ("completed", Json::Null),
        ("completed" | "failed" | "cancelled" | "incomplete", StopKind::End | StopKind::Calls | StopKind::Other) => {
            (word, Json::Null)
        }
        (_, StopKind::End | StopKind::Calls) => ("completed", Json::Null),
        (_, same) if kind(&word.to_ascii_lowercase()) == same => reason(word),
        (_, StopKind::Length) => reason("max_output_tokens"),
        (_, StopKind::Filtered) => reason("content_filter"),
        (_, StopKind::Refused) => reason("refusal"),
        (_, StopKind::Malformed) => reason("malformed_function_call"),
        (_, StopKind::Paused) => reason("pause_turn"),
        (_, StopKind::Other) => reason(word),
    }
}

/// Reads the tokens from a `usage` field; `None` when it says nothing.
pub(super) fn read_usage(usage: Option<&Json>) -> Option<Usage> {
    let usage = usage?;
    let count = |names: [&str; 2]| names.into_iter().find_map(|name| number(usage.get(name)?));
    let detail = |lists: [&str; 2], name: &str| lists.into_iter().find_map(|list| number(usage.get(list)?.get(name)?));
    let input = count(["input_tokens", "prompt_tokens"]);
    let output = count(["output_tokens", "completion_tokens"]);
    (input.is_some() || output.is_some()).then(|| Usage {
        input: input.unwrap_or(0),
        output: output.unwrap_or(0),
        cached: detail(["input_tokens_details", "prompt_tokens_details"], "cached_tokens").unwrap_or(0),
        reasoning: detail(["output_tokens_details", "completion_tokens_details"], "reasoning_tokens").unwrap_or(0),
    })
}

/// Takes over tokens: the last that says something counts.
pub(super) fn take_usage(known: &mut Option<Usage>, json: &Json) {
    if let Some(usage) = read_usage(json.get("usage"))
        && (known.is_none() || usage != Usage::default())
    {
        *known = Some(usage);
    }
}

/// Writes tokens as a `usage` field.
pub(super) fn write_usage(usage: Usage) -> Json {
    let mut fields = Map::new();
    fields.insert("input_tokens".into(), usage.input.into());
    fields.insert("input_tokens_details".into(), json!({ "cached_tokens": usage.cached }));
    fields.insert("output_tokens".into(), usage.output.into());
    fields.insert("output_tokens_details".into(), json!({ "reasoning_tokens": usage.reasoning }));
    fields.insert("total_tokens".into(), usage.input.saturating_add(usage.output).into());
    Json::Object(fields)
}

/// A count as servers write it: a whole number, one with a point, or a text.
fn number(json: &Json) -> Option<u64> {
    match json {
        Json::Number(number) => number.as_u64().or_else(|| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
            number.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64)
        }),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
