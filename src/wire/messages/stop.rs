//! The words for why the model stopped.

use serde_json::Value as Json;

use super::fields::{given, text};
use crate::wire::{Stop, StopKind};

/// Reads a word. Those of imitators count as well.
pub(super) fn read_stop(word: &str) -> Stop {
    let kind = match word {
        "end_turn" | "stop_sequence" | "stop" | "eos" | "complete" | "completed" => StopKind::End,
        "tool_use" | "tool_calls" | "function_call" => StopKind::Calls,
        "max_tokens" | "model_context_window_exceeded" | "length" | "max_output_tokens" => StopKind::Length,
        "sensitive" | "content_filter" | "content_filtered" | "guardrail_intervened" | "safety" => StopKind::Filtered,
        "refusal" => StopKind::Refused,
        "malformed_tool_use" | "malformed_model_output" | "malformed_function_call" => StopKind::Malformed,
        "pause_turn" | "pause_run" => StopKind::Paused,
        _ => StopKind::Other,
    };
    Stop { word: word.to_owned(), kind }
}

/// Reads the word that a message, or the delta of one, gives.
pub(super) fn stop_of(message: &Json) -> Option<Stop> {
    text(message, "stop_reason").map(read_stop)
}

/// Reads the explanation that comes with the word.
pub(super) fn explanation_of(message: &Json) -> Option<String> {
    let details = given(message, "stop_details")?;
    let words = ["explanation", "message", "category"].iter().find_map(|name| text(details, name));
    details.as_str().or(words).map(str::to_owned)
}

/// The word to write: the dialect's own, whichever the answer came with.
pub(super) fn write_stop(stop: &Stop) -> &str {
    let own = [
        "end_turn",
        "stop_sequence",
        "tool_use",
        "max_tokens",
        "model_context_window_exceeded",
        "refusal",
        "pause_turn",
    ];
    if own.contains(&stop.word.as_str()) && read_stop(&stop.word).kind == stop.kind {
        return &stop.word;
    }
    match stop.kind {
        StopKind::End => "end_turn",
        StopKind::Calls => "tool_use",
        StopKind::Length => "max_tokens",
        StopKind::Refused => "refusal",
        StopKind::Paused => "pause_turn",
        StopKind::Filtered | StopKind::Malformed | StopKind::Other => &stop.word,
    }
}
