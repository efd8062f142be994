//! The rule of whole answers: an answer that was cut, filtered, refused, malformed or empty is an error of its call,
//! with what came of it. None passes as done in silence.

use super::call::LlmError;
use crate::model::{LlmRequest, LlmResponse};
use crate::wire::StopKind;

/// Checks an answer that came to its end. `kind`: the meaning of its stop reason, where it has one; `said`: the
/// provider's explanation.
///
/// # Errors
/// When the answer is not whole.
pub(super) fn check(
    request: &LlmRequest,
    response: LlmResponse,
    kind: Option<StopKind>,
    said: Option<&str>,
) -> Result<LlmResponse, LlmError> {
    match fault(request, &response, kind) {
        None => Ok(response),
        Some(fault) => {
            let said = said.map(|said| format!(" (the provider says: {})", said.trim())).unwrap_or_default();
            let why = format!("get a whole answer from {}: {fault}{said}", request.model);
            Err(LlmError { why, so_far: Some(Box::new(response)) })
        }
    }
}

fn fault(request: &LlmRequest, response: &LlmResponse, kind: Option<StopKind>) -> Option<String> {
    let word = response.stop.as_deref().map(|word| format!(", stop reason {word:?}")).unwrap_or_default();
    let came = came(response);
    match kind {
        Some(StopKind::Length) if !request.options.accept_cut => Some(format!(
            "it was cut at the token limit{word}; {came}. Raise the model's max_tokens, or take such answers with \
             accept_cut = true"
        )),
        Some(StopKind::Filtered) => {
            Some(format!("a filter of the provider stopped it{word}; {came}. Change the prompt"))
        }
        Some(StopKind::Refused) => Some(format!("the model refused{word}; {came}. Change the prompt")),
        Some(StopKind::Malformed) => {
            Some(format!("the model made a tool call that its provider can't read{word}; {came}. Retry the call"))
        }
        Some(StopKind::Paused) => Some(format!("the provider paused the turn{word}; {came}. Retry the call")),
        _ if response.calls.is_empty() && response.text.trim().is_empty() => {
            Some(format!("it is empty{word}; {came}. Retry the call, or answer in its place"))
        }
        _ => None,
    }
}

/// The parts that came, as text.
fn came(response: &LlmResponse) -> String {
    let count = |number: usize, one: &str, many: &str| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{number} {many}")),
    };
    let parts = [
        count(response.text.chars().count(), "character", "characters"),
        count(response.calls.len(), "call", "calls"),
        count(response.reasoning.chars().count(), "character of reasoning", "characters of reasoning"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "nothing came before".to_owned() } else { format!("before it came {}", parts.join(", ")) }
}

/// The meaning of a stop reason in a script, in the words of any provider.
pub(super) fn kind_of_word(word: &str) -> StopKind {
    match word.to_ascii_lowercase().as_str() {
        "length" | "max_tokens" | "max_output_tokens" | "model_context_window_exceeded" => StopKind::Length,
        "content_filter" | "safety" | "recitation" | "blocklist" | "prohibited_content" | "spii" => StopKind::Filtered,
        "refusal" | "refused" => StopKind::Refused,
        "malformed_function_call" | "unexpected_tool_call" => StopKind::Malformed,
        "pause_turn" => StopKind::Paused,
        "stop" | "end_turn" | "stop_sequence" | "completed" => StopKind::End,
        "tool_calls" | "tool_use" | "function_call" => StopKind::Calls,
        _ => StopKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Conversation, ModelName, ModelOptions, ToolCall};

    fn judged(accept_cut: bool, text: &str, calls: usize, word: Option<&str>) -> Result<LlmResponse, String> {
        let request = LlmRequest {
            model: ModelName { provider: "script".into(), model: "x".into() },
            options: ModelOptions { accept_cut, ..ModelOptions::default() },
            tools: Vec::new(),
            system: String::new(),
            messages: Conversation::default(),
        };
        let calls = (0..calls).map(|_| ToolCall { name: "t".into(), args: json!({}) }).collect();
        let stop = word.map(str::to_owned);
        let response = LlmResponse { text: text.into(), calls, stop, ..LlmResponse::default() };
        check(&request, response, word.map(kind_of_word), None).map_err(|error| error.why)
    }

    #[test]
    fn only_whole_answers_count() {
        for (text, calls, word) in [("yes", 0, None), ("", 1, Some("tool_calls")), ("yes", 0, Some("new-word"))] {
            assert!(judged(false, text, calls, word).is_ok(), "{text} {calls} {word:?}");
        }
        let words = ["length", "MAX_TOKENS", "content_filter", "refusal", "MALFORMED_FUNCTION_CALL", "pause_turn"];
        for word in words {
            let why = judged(false, "half", 1, Some(word)).unwrap_err();
            assert!(why.contains(&format!("{word:?}")) && why.contains("before it came 4 characters, 1 call"), "{why}");
        }
        for word in [None, Some("stop")] {
            assert!(judged(false, " \n", 0, word).unwrap_err().contains("it is empty"));
        }
    }

    #[test]
    fn a_cut_answer_is_taken_where_the_model_allows_it() {
        assert!(judged(true, "half", 0, Some("length")).is_ok());
        assert!(judged(true, "", 0, Some("length")).is_err(), "nothing is no answer");
        assert!(judged(true, "half", 0, Some("content_filter")).is_err());
    }
}
