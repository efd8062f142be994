//! Converts calls between the neutral form and genai's.

use genai::chat::{
    ChatMessage, ChatRequest, ContentPart, MessageContent, StreamEnd, Tool, ToolCall as ChatToolCall, ToolResponse,
};
use serde_json::{Value as Json, json};

use crate::model::{LlmRequest, Message, ToolCall, ToolDecl, Usage};

/// Converts a request for genai. Derives call ids from positions: the neutral form has none.
pub(super) fn chat_request(request: &LlmRequest) -> ChatRequest {
    let mut turn = 0;
    let mut messages = Vec::new();
    for (at, message) in request.messages.iter().enumerate() {
        messages.push(match message {
            Message::User { text } => ChatMessage::user(text.as_str()),
            Message::Assistant { text, calls } => {
                if !calls.is_empty() {
                    turn = at;
                }
                ChatMessage::assistant(assistant(text, calls, turn))
            }
            Message::Tool { call, name, text } => {
                let answer = ToolResponse::new(call_id(turn, *call), text.as_str()).with_fn_name(name.as_str());
                ChatMessage::tool(MessageContent::from_parts(vec![ContentPart::ToolResponse(answer)]))
            }
        });
    }
    let mut chat = ChatRequest::new(messages);
    if !request.system.is_empty() {
        chat = chat.with_system(request.system.as_str());
    }
    if !request.tools.is_empty() {
        chat = chat.with_tools(request.tools.iter().map(tool));
    }
    chat
}

/// The tool calls of a response, in order.
pub(super) fn tool_calls(end: &StreamEnd) -> Vec<ToolCall> {
    let calls = end.captured_tool_calls().unwrap_or_default();
    calls.into_iter().map(|call| ToolCall { name: call.fn_name.clone(), args: arguments(&call.fn_arguments) }).collect()
}

/// Why the model stopped, in the provider's own word.
pub(super) fn stop_reason(end: &StreamEnd) -> Option<String> {
    end.captured_stop_reason.as_ref().map(|reason| reason.raw().to_owned())
}

/// The tokens, when the provider counted them.
pub(super) fn usage(end: &StreamEnd) -> Option<Usage> {
    let counted = end.captured_usage.as_ref()?;
    if counted.prompt_tokens.is_none() && counted.completion_tokens.is_none() {
        return None;
    }
    let tokens = |count: Option<i32>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
    Some(Usage { input: tokens(counted.prompt_tokens), output: tokens(counted.completion_tokens) })
}

fn assistant(text: &str, calls: &[ToolCall], turn: usize) -> MessageContent {
    let mut parts = Vec::new();
    if !text.is_empty() || calls.is_empty() {
        parts.push(ContentPart::Text(text.to_owned()));
    }
    parts.extend(calls.iter().enumerate().map(|(at, call)| {
        ContentPart::ToolCall(ChatToolCall {
            call_id: call_id(turn, at),
            fn_name: call.name.clone(),
            fn_arguments: call.args.clone(),
            thought_signatures: None,
        })
    }));
    MessageContent::from_parts(parts)
}

fn call_id(turn: usize, call: usize) -> String {
    format!("call_{turn}_{call}")
}

fn tool(decl: &ToolDecl) -> Tool {
    Tool::new(decl.name.as_str()).with_description(decl.description.as_str()).with_schema(decl.schema.clone())
}

/// A tool without arguments is called with an empty text by some providers.
fn arguments(given: &Json) -> Json {
    match given {
        Json::Null => json!({}),
        Json::String(text) if text.trim().is_empty() => json!({}),
        other => other.clone(),
    }
}
