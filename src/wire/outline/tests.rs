//! Recorded requests of real programs, edited.

use serde_json::{Value as Json, json};

use super::{EditError, Outline};
use crate::model::{Conversation, LlmRequest, Message, ToolCall};
use crate::wire::Dialect;

macro_rules! recorded {
    ($dialect:expr, $path:literal) => {
        ($path, $dialect, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/", $path)).as_slice())
    };
}

/// All recorded requests, by file.
fn recorded() -> Vec<(String, Dialect, Json)> {
    let all = [
        recorded!(Dialect::Messages, "messages/requests/claude_code.json"),
        recorded!(Dialect::Messages, "messages/requests/consecutive_and_prefill.json"),
        recorded!(Dialect::Messages, "messages/requests/langchain.json"),
        recorded!(Dialect::Messages, "messages/requests/opencode.json"),
        recorded!(Dialect::Messages, "messages/requests/quota_probe.json"),
        recorded!(Dialect::Responses, "responses/requests/agents-sdk.json"),
        recorded!(Dialect::Responses, "responses/requests/codex.json"),
        recorded!(Dialect::Responses, "responses/requests/langchain.json"),
        recorded!(Dialect::Responses, "responses/requests/only-previous.json"),
        recorded!(Dialect::Responses, "responses/requests/openai-sdk.json"),
        recorded!(Dialect::Chat, "chat/request-functions.json"),
        recorded!(Dialect::Chat, "chat/request-langchain.json"),
        recorded!(Dialect::Chat, "chat/request-openai-sdk.json"),
        recorded!(Dialect::Chat, "chat/request-opencode.json"),
        recorded!(Dialect::Gemini, "gemini/request_cli.json"),
        recorded!(Dialect::Gemini, "gemini/request_langchain.json"),
        recorded!(Dialect::Gemini, "gemini/request_snake.json"),
    ];
    let read = |(name, dialect, body): (&str, Dialect, &[u8])| {
        (name.to_owned(), dialect, serde_json::from_slice(body).unwrap())
    };
    all.into_iter().map(read).collect()
}

fn outline(dialect: Dialect, body: &Json) -> Outline {
    Outline::read(dialect, "p", Some("m").filter(|_| dialect == Dialect::Gemini), body, &|text| text.to_owned())
        .unwrap()
}

fn named(name: &str) -> (Dialect, Json) {
    let (_, dialect, body) = recorded().into_iter().find(|(file, _, _)| file == name).unwrap();
    (dialect, body)
}

/// Pointers to all values that differ, of the smallest kind.
fn differences(one: &Json, other: &Json, at: &str, found: &mut Vec<String>) {
    match (one, other) {
        (Json::Object(a), Json::Object(b)) if a.keys().eq(b.keys()) => {
            for (name, value) in a {
                differences(value, &b[name], &format!("{at}/{name}"), found);
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (number, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{at}/{number}"), found);
            }
        }
        _ if one == other => {}
        _ => found.push(at.to_owned()),
    }
}

fn changed(one: &Json, other: &Json) -> Vec<String> {
    let mut found = Vec::new();
    differences(one, other, "", &mut found);
    found
}

fn with_message(request: &LlmRequest, at: usize, message: Message) -> LlmRequest {
    let mut messages: Vec<Message> = request.messages.iter().cloned().collect();
    messages[at] = message;
    LlmRequest { messages: Conversation::from(messages), ..request.clone() }
}

#[test]
fn an_edit_that_changes_nothing_writes_the_same_bytes() {
    for (name, dialect, body) in recorded() {
        let outline = outline(dialect, &body);
        let edited = outline.change(&body, outline.request()).unwrap();
        assert_eq!(edited.body.to_string(), body.to_string(), "{name}");
    }
}

#[test]
fn each_message_changes_in_its_own_place_only() {
    let mut edited = 0;
    for (name, dialect, body) in recorded() {
        let outline = outline(dialect, &body);
        for (at, message) in outline.request().messages.iter().enumerate() {
            let new = match message {
                Message::User { text } if text.starts_with('[') => continue,
                Message::User { .. } => Message::User { text: "other".into() },
                Message::Tool { call, name, .. } => {
                    Message::Tool { call: *call, name: name.clone(), text: "other".into() }
                }
                Message::Assistant { text, calls, .. } if text.is_empty() => {
                    let mut calls = calls.clone();
                    calls[0].args = json!({"other": 1});
                    Message::Assistant { text: String::new(), calls, state: None }
                }
                Message::Assistant { calls, .. } => {
                    Message::Assistant { text: "other".into(), calls: calls.clone(), state: None }
                }
            };
            let after = with_message(outline.request(), at, new);
            let result = outline.change(&body, &after).unwrap();
            let places = changed(&body, &result.body);
            assert_eq!(places.len(), 1, "{name}, message {at}: {places:?}");
            // It reads as it was edited.
            assert_eq!(self::outline(dialect, &result.body).request(), &after, "{name}, message {at}");
            edited += 1;
        }
    }
    assert!(edited > 40, "{edited}");
}

#[test]
fn the_last_messages_can_be_cut_and_others_put_in_their_place() {
    for (name, dialect, body) in recorded() {
        let outline = outline(dialect, &body);
        let request = outline.request();
        for keep in 1..=request.messages.len() {
            let mut messages: Vec<Message> = request.messages.iter().take(keep).cloned().collect();
            messages.push(Message::User { text: "go another way".into() });
            let after = LlmRequest { messages: Conversation::from(messages), ..request.clone() };
            match outline.change(&body, &after) {
                Ok(edited) => {
                    let read = self::outline(dialect, &edited.body);
                    let said: Vec<&Message> = read.request().messages.iter().collect();
                    assert_eq!(said, after.messages.iter().collect::<Vec<_>>(), "{name}, keep {keep}");
                }
                // An image in the place of which a text stands is edited, not cut.
                Err(EditError::Unpaired(_, _) | EditError::Fixed(_)) => {}
                Err(error) => panic!("{name}, keep {keep}: {error}"),
            }
        }
    }
}

#[test]
fn instructions_change_in_their_own_block() {
    let (dialect, body) = named("messages/requests/claude_code.json");
    let outline = outline(dialect, &body);
    let system = outline.request().system.replace("a coding agent", "a careful agent");
    let after = LlmRequest { system, ..outline.request().clone() };
    let edited = outline.change(&body, &after).unwrap();
    assert_eq!(changed(&body, &edited.body), ["/system/1/text"]);
    assert_eq!(edited.body["system"][1]["text"], "You are a careful agent.");
    for (name, dialect, body) in recorded() {
        let outline = self::outline(dialect, &body);
        let after = LlmRequest { system: "All new.".into(), ..outline.request().clone() };
        let edited = outline.change(&body, &after).unwrap();
        let read = self::outline(dialect, &edited.body);
        assert_eq!(read.request().system, "All new.", "{name}");
        assert_eq!(read.request().messages, outline.request().messages, "{name}");
    }
}

#[test]
fn model_options_and_tools_change_where_the_body_has_them() {
    for (name, dialect, body) in recorded() {
        let outline = outline(dialect, &body);
        let mut after = outline.request().clone();
        after.model.model = "other".into();
        after.options.temperature = Some(0.25);
        after.options.max_tokens = Some(77);
        if let Some(tool) = after.tools.iter_mut().find(|tool| !tool.description.is_empty()) {
            tool.description = "Other.".into();
        }
        let edited = outline.change(&body, &after).unwrap();
        let read = Outline::read(dialect, "p", edited.model.as_deref(), &edited.body, &|text| text.to_owned()).unwrap();
        assert_eq!(read.request(), &after, "{name}");
        let fewer = LlmRequest { tools: after.tools.iter().skip(1).cloned().collect(), ..after };
        let edited = outline.change(&body, &fewer).unwrap();
        let read = Outline::read(dialect, "p", edited.model.as_deref(), &edited.body, &|text| text.to_owned()).unwrap();
        assert_eq!(read.request().tools, fewer.tools, "{name}");
    }
}

#[test]
fn thinking_and_marks_stay_when_a_call_is_edited() {
    let body = json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": "tidy"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "toolu_1", "name": "bash", "input": {"command": "ls"}, "caller": {"type": "direct"}},
            {"type": "tool_use", "id": "toolu_2", "name": "bash", "input": {"command": "pwd"}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "a"}]},
            {"type": "tool_result", "tool_use_id": "toolu_2", "content": "b", "cache_control": {"type": "ephemeral"}},
        ]},
    ]});
    let outline = outline(Dialect::Messages, &body);
    let messages: Vec<&Message> = outline.request().messages.iter().collect();
    assert_eq!(messages.len(), 4);
    let Message::Assistant { text, calls, .. } = messages[1] else { panic!("{messages:?}") };
    let mut calls: Vec<ToolCall> = calls.clone();
    calls[1].args = json!({"command": "pwd -P"});
    let after = with_message(outline.request(), 1, Message::Assistant { text: text.clone(), calls, state: None });
    let edited = outline.change(&body, &after).unwrap();
    assert_eq!(changed(&body, &edited.body), ["/messages/1/content/3/input/command"]);
    // A call goes with its result only.
    let mut messages: Vec<Message> = outline.request().messages.iter().cloned().collect();
    let Message::Assistant { calls, .. } = &mut messages[1] else { panic!() };
    calls.pop();
    let after = LlmRequest { messages: Conversation::from(messages.clone()), ..outline.request().clone() };
    assert_eq!(outline.change(&body, &after), Err(EditError::Unpaired("result", "tool call")));
    messages.pop();
    let after = LlmRequest { messages: Conversation::from(messages), ..outline.request().clone() };
    let edited = outline.change(&body, &after).unwrap();
    assert_eq!(edited.body["messages"][1]["content"].as_array().map(Vec::len), Some(3));
    assert_eq!(edited.body["messages"][2]["content"].as_array().map(Vec::len), Some(1));
}

#[test]
fn masked_texts_go_back_unmasked_where_nobody_edited_them() {
    let body = json!({"model": "m", "max_tokens": 9, "system": [
        {"type": "text", "text": "key s3cret"}, {"type": "text", "text": "be brief"},
    ], "messages": [{"role": "user", "content": "use s3cret"}, {"role": "user", "content": "now"}]});
    let mask = |text: &str| text.replace("s3cret", "[masked]");
    let outline = Outline::read(Dialect::Messages, "p", None, &body, &mask).unwrap();
    assert_eq!(outline.request().system, "key [masked]\n\nbe brief");
    let mut after = with_message(outline.request(), 1, Message::User { text: "later".into() });
    after.system = "key [masked]\n\nbe long".into();
    let edited = outline.change(&body, &after).unwrap();
    assert_eq!(changed(&body, &edited.body), ["/system/1/text", "/messages/1/content"]);
}

#[test]
fn what_is_no_text_is_not_edited() {
    let (dialect, body) = named("messages/requests/opencode.json");
    let outline = outline(dialect, &body);
    let texts: Vec<&Message> = outline.request().messages.iter().collect();
    let at = texts.iter().position(|message| **message == Message::User { text: "[image]".into() }).unwrap();
    let after = with_message(outline.request(), at, Message::User { text: "x".into() });
    assert_eq!(outline.change(&body, &after), Err(EditError::Fixed("[image]".into())));
    let mut messages: Vec<Message> = outline.request().messages.iter().cloned().collect();
    messages.remove(at);
    let after = LlmRequest { messages: Conversation::from(messages), ..outline.request().clone() };
    let edited = outline.change(&body, &after).unwrap();
    assert!(!edited.body.to_string().contains("example.com/a.png"));
}
