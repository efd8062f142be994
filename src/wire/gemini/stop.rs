//! Words for why the model stopped.

use serde_json::Value as Json;

use crate::wire::{Stop, StopKind};

/// Reads a finish reason; unspecified is none.
pub(super) fn read_word(reason: &Json) -> Option<String> {
    let word = match reason {
        Json::String(word) => word.clone(),
        Json::Number(number) => number.to_string(),
        _ => return None,
    };
    (!matches!(word.as_str(), "" | "0" | "FINISH_REASON_UNSPECIFIED")).then_some(word)
}

/// The meaning of a word. The dialect has none for calls: they are there, or they aren't.
pub(super) fn meaning(word: &str, has_calls: bool) -> StopKind {
    match word.to_ascii_uppercase().as_str() {
        "STOP" | "1" | "END_TURN" | "STOP_SEQUENCE" | "EOS" if has_calls => StopKind::Calls,
        "STOP" | "1" | "END_TURN" | "STOP_SEQUENCE" | "EOS" => StopKind::End,
        "TOOL_CALLS" | "TOOL_USE" | "FUNCTION_CALL" => StopKind::Calls,
        "MAX_TOKENS" | "2" | "LENGTH" => StopKind::Length,
        "SAFETY"
        | "3"
        | "RECITATION"
        | "4"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "LANGUAGE"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR"
        | "CONTENT_FILTER" => StopKind::Filtered,
        "REFUSAL" => StopKind::Refused,
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "MALFORMED_RESPONSE" => StopKind::Malformed,
        _ => StopKind::Other,
    }
}

/// The word to write for a stop, which may have been read from another dialect.
pub(super) fn word(stop: &Stop, has_calls: bool) -> String {
    let word = match stop.kind {
        kind if kind == meaning(&stop.word, has_calls) && stop.word.chars().any(char::is_uppercase) => {
            return stop.word.clone();
        }
        StopKind::End | StopKind::Calls => "STOP",
        StopKind::Length => "MAX_TOKENS",
        StopKind::Filtered | StopKind::Refused => "SAFETY",
        StopKind::Malformed => "MALFORMED_FUNCTION_CALL",
        StopKind::Paused | StopKind::Other => "OTHER",
    };
    word.to_owned()
}
