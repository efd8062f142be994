//! Why a model stopped: the words of `OpenAI`, and those of imitators.

use crate::wire::{Fault, Stop, StopKind};

/// A stop by its word.
pub(super) fn stop(word: &str, has_calls: bool) -> Stop {
    let kind = match kind(word) {
        StopKind::End if has_calls => StopKind::Calls,
        kind => kind,
    };
    Stop { word: word.to_owned(), kind }
}

/// The meaning of a word.
pub(super) fn kind(word: &str) -> StopKind {
    let word = plain(word);
    match word.as_str() {
        "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" | "stop_token" | "end" | "complete"
        | "completed" | "finish" | "finished" | "done" => StopKind::End,
        "tool_calls" | "tool_call" | "function_call" | "function_calls" | "tool_use" => StopKind::Calls,
        "length"
        | "max_tokens"
        | "max_output_tokens"
        | "max_completion_tokens"
        | "max_new_tokens"
        | "max_length"
        | "model_length"
        | "token_limit"
        | "context_length"
        | "context_length_exceeded"
        | "model_context_window_exceeded" => StopKind::Length,
        "content_filter"
        | "content_filtered"
        | "filtered"
        | "safety"
        | "sensitive"
        | "recitation"
        | "blocklist"
        | "prohibited_content"
        | "spii"
        | "image_safety"
        | "guardrail_intervened" => StopKind::Filtered,
        "refusal" | "refused" => StopKind::Refused,
        "pause_turn" => StopKind::Paused,
        word if word.contains("malformed") || word == "unexpected_tool_call" => StopKind::Malformed,
        _ => StopKind::Other,
    }
}

/// A word that means that the server broke the answer off.
pub(super) fn interruption(word: &str) -> Option<Fault> {
    let interrupted = matches!(
        plain(word).as_str(),
        "error" | "insufficient_system_resource" | "network_error" | "abort" | "aborted" | "cancelled" | "timeout"
    );
    let fault = || Fault::Server {
        message: format!("the server ended the answer with finish_reason {word:?}"),
        kind: word.to_owned(),
        status: None,
    };
    interrupted.then(fault)
}

/// The word to write for a stop: its own when that means the same here.
pub(super) fn finish_reason(stop: &Stop, broken_off: bool) -> String {
    let means = kind(&stop.word);
    let same = means == stop.kind || (means == StopKind::End && stop.kind == StopKind::Calls);
    // The text beside it says that it is a refusal.
    if !stop.word.is_empty()
        && (same || stop.kind == StopKind::Refused)
        && (broken_off || interruption(&stop.word).is_none())
    {
        return stop.word.clone();
    }
    match stop.kind {
        StopKind::Calls => "tool_calls",
        StopKind::Length => "length",
        StopKind::Filtered => "content_filter",
        StopKind::Refused => "refusal",
        StopKind::Malformed => "malformed_function_call",
        StopKind::Paused => "pause_turn",
        StopKind::End | StopKind::Other => "stop",
    }
    .to_owned()
}

fn plain(word: &str) -> String {
    word.trim().to_ascii_lowercase().replace(['-', ' '], "_")
}
