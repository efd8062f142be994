//! Conversations that a program leaves at its provider (Responses, `previous_response_id`): the items of each response
//! are kept here, so that a request shows the whole conversation.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value as Json, json};

/// The most bytes of items that are kept, about.
const MOST: usize = 128 << 20;

/// How much of a conversation a request holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// All of it.
    Whole,
    /// The new part; the rest was put before it from what came through the gateway earlier.
    Joined,
    /// The new part; the rest is known to the provider only.
    AtProvider,
}

/// The items up to and with one response.
#[derive(Debug)]
struct Kept {
    items: Arc<Vec<Json>>,
    /// False if the provider doesn't know the response as the client does: it was made or changed here.
    at_provider: bool,
    bytes: usize,
}

/// The items of responses, by the responses' ids.
#[derive(Debug, Default)]
pub(super) struct Responses {
    kept: HashMap<String, Kept>,
    order: VecDeque<String>,
    bytes: usize,
}

/// A request's body with the conversation before it.
#[derive(Debug)]
pub(super) struct Joined {
    /// The body that holds the whole conversation.
    pub(super) body: Json,
    /// The number of items that were put before the request's own.
    pub(super) before: usize,
    /// True if the provider knows these items by the id that the request has.
    pub(super) at_provider: bool,
}

impl Responses {
    /// Puts the conversation before a request's own items; `None`: it refers to none, or to one that is not known.
    pub(super) fn join(&self, body: &Json) -> Option<Joined> {
        let kept = self.kept.get(previous(body)?)?;
        let mut items = kept.items.as_ref().clone();
        let before = items.len();
        items.extend(input(body));
        let mut body = body.clone();
        let fields = body.as_object_mut()?;
        fields.shift_remove("previous_response_id");
        fields.insert("input".into(), Json::Array(items));
        Some(Joined { body, before, at_provider: kept.at_provider })
    }

    /// Keeps the items of a response: those of its request, which holds the whole conversation, and its output.
    pub(super) fn keep(&mut self, id: &str, whole_request: &Json, output: Vec<Json>, at_provider: bool) {
        let mut items = input(whole_request);
        items.extend(output);
        let bytes = items.iter().map(size).sum();
        let kept = Kept { items: Arc::new(items), at_provider, bytes };
        self.bytes += bytes;
        match self.kept.insert(id.to_owned(), kept) {
            Some(older) => self.bytes -= older.bytes,
            None => self.order.push_back(id.to_owned()),
        }
        while self.bytes > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.bytes -= self.kept.remove(&oldest).map_or(0, |kept| kept.bytes);
        }
    }
}

/// The response that a request goes on from.
pub(super) fn previous(body: &Json) -> Option<&str> {
    body.get("previous_response_id").and_then(Json::as_str).filter(|id| !id.is_empty())
}

/// True if a part of the conversation is at the provider.
pub(super) fn is_partial(body: &Json) -> bool {
    previous(body).is_some() || body.get("conversation").is_some_and(|conversation| !conversation.is_null())
}

/// The items of a request's input.
fn input(body: &Json) -> Vec<Json> {
    match body.get("input") {
        Some(Json::Array(items)) => items.clone(),
        Some(Json::String(text)) => {
            vec![json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})]
        }
        Some(item @ Json::Object(_)) => vec![item.clone()],
        _ => Vec::new(),
    }
}

/// The size of a value in bytes, about.
fn size(value: &Json) -> usize {
    match value {
        Json::String(text) => text.len() + 24,
        Json::Array(items) => 24 + items.iter().map(size).sum::<usize>(),
        Json::Object(fields) => 48 + fields.iter().map(|(name, value)| name.len() + 24 + size(value)).sum::<usize>(),
        _ => 24,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_shows_all_that_came_before() {
        let mut responses = Responses::default();
        let first = json!({"model": "m", "input": "hi"});
        let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
        responses.keep("resp_1", &first, vec![call.clone()], true);
        let result = json!({"type": "function_call_output", "call_id": "c", "output": "done"});
        let second = json!({"previous_response_id": "resp_1", "model": "m", "input": [result]});
        let joined = responses.join(&second).unwrap();
        assert_eq!((joined.before, joined.at_provider), (2, true));
        assert_eq!(joined.body["input"][0]["content"][0]["text"], "hi");
        assert_eq!((&joined.body["input"][1], &joined.body["input"][2]), (&call, &result));
        assert_eq!(joined.body.get("previous_response_id"), None);
        responses.keep("resp_2", &joined.body, vec![json!({"type": "message"})], false);
        let third = json!({"previous_response_id": "resp_2", "input": []});
        let joined = responses.join(&third).unwrap();
        assert_eq!((joined.before, joined.at_provider), (4, false));
        assert!(responses.join(&json!({"previous_response_id": "resp_9", "input": []})).is_none());
        assert!(is_partial(&third) && !is_partial(&first));
    }

    #[test]
    fn the_oldest_go_when_there_is_too_much() {
        let mut responses = Responses::default();
        let large = json!({"input": "x".repeat(MOST / 2)});
        for id in ["1", "2", "3"] {
            responses.keep(id, &large, vec![], true);
        }
        let known = |id: &str| responses.join(&json!({ "previous_response_id": id })).is_some();
        assert_eq!([known("1"), known("2"), known("3")], [false, false, true]);
    }
}
