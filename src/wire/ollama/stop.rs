//! Words for why the model stopped.

use crate::wire::{Stop, StopKind};

/// The meaning of a word. The dialect has none for calls: they are there, or they aren't.
pub(super) fn meaning(word: &str, has_calls: bool) -> StopKind {
    match word.to_ascii_lowercase().as_str() {
        "stop" | "eos" | "end_turn" | "stop_sequence" if has_calls => StopKind::Calls,
        "stop" | "eos" | "end_turn" | "stop_sequence" => StopKind::End,
        "tool_calls" | "tool_call" | "tool_use" | "function_call" => StopKind::Calls,
        "length" | "limit" | "max_tokens" => StopKind::Length,
        "content_filter" | "safety" => StopKind::Filtered,
        "refusal" => StopKind::Refused,
        // `load`, `unload`: nothing was asked, a model was loaded or put away.
        _ => StopKind::Other,
    }
}

/// The word to write for a stop, which may have been read from another dialect.
pub(super) fn word(stop: &Stop, has_calls: bool) -> String {
    let word = match stop.kind {
        kind if kind == meaning(&stop.word, has_calls) && !stop.word.is_empty() => return stop.word.clone(),
        StopKind::End | StopKind::Calls => "stop",
        StopKind::Length => "length",
        StopKind::Filtered => "content_filter",
        StopKind::Refused => "refusal",
        StopKind::Malformed | StopKind::Paused | StopKind::Other => "error",
    };
    word.to_owned()
}
