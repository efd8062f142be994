//! A request, read.

use serde_json::{Value as Json, json};

use super::turn::read_turn;
use super::value::{count, items, text};
use crate::wire::{Request, Tool, Unreadable};

/// The fields that bound the output, the one that counts first.
pub(super) const LIMITS: [&str; 2] = ["max_completion_tokens", "max_tokens"];

/// Reads a request.
pub(in crate::wire) fn read_request(body: &Json) -> Result<Request, Unreadable> {
    let Some(messages) = body.get("messages").and_then(Json::as_array) else {
        return Err(Unreadable("a chat request has a list named \"messages\"; this body has none".into()));
    };
    if let Some(at) = messages.iter().position(|message| !message.is_object()) {
        return Err(Unreadable(format!("messages[{at}] is not an object")));
    }
    let offered = ["tools", "functions"].into_iter().flat_map(|name| items(body.get(name)));
    Ok(Request {
        model: text(body, "model").unwrap_or_default().to_owned(),
        turns: messages.iter().map(read_turn).collect(),
        tools: offered.filter(|tool| tool.is_object()).map(read_tool).collect(),
        temperature: body.get("temperature").and_then(Json::as_f64),
        max_tokens: LIMITS.iter().find_map(|name| count(body, name)),
        stream: body.get("stream") == Some(&Json::Bool(true)),
        source: Some(body.clone()),
    })
}

/// Reads an item of `tools`, or of the older `functions`.
pub(super) fn read_tool(source: &Json) -> Tool {
    let function = source.get("function").unwrap_or(source);
    let own = source.get("type").is_some_and(|kind| kind != "function");
    let said = |name: &str| text(function, name).filter(|_| !own).unwrap_or_default().to_owned();
    let schema = function.get("parameters").filter(|schema| schema.is_object() && !own).cloned();
    Tool {
        name: said("name"),
        description: said("description"),
        schema: schema.unwrap_or_else(|| json!({"type": "object", "properties": {}})),
        source: Some(source.clone()),
    }
}
