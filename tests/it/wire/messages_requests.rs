//! Requests of Anthropic Messages: what goes out is valid, whatever the turns hold.

use std::collections::HashSet;

use serde_json::{Value as Json, json};
use tama_tui::wire::{Call, Dialect, Part, PartKind, Request, Role, Tool, ToolResult, Turn};

const MESSAGES: Dialect = Dialect::Messages;

pub fn text(text: &str) -> Part {
    Part::new(PartKind::Text(text.into()))
}

pub fn call(id: &str, name: &str, args: Json) -> Part {
    Part::new(PartKind::Call(Call { id: id.into(), name: name.into(), args }))
}

pub fn result(id: &str, text: &str, error: bool) -> Part {
    Part::new(PartKind::Result(ToolResult { id: id.into(), name: String::new(), text: text.into(), error }))
}

pub fn request(turns: Vec<Turn>) -> Request {
    Request { model: "claude-opus-4-8".into(), turns, max_tokens: Some(1000), ..Request::default() }
}

fn messages(turns: Vec<Turn>) -> Json {
    let body = MESSAGES.write_request(&request(turns));
    assert_valid(&body);
    without_marks(&body["messages"])
}

fn without_marks(json: &Json) -> Json {
    match json {
        Json::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "cache_control")
            .map(|(name, value)| (name.clone(), without_marks(value)))
            .collect(),
        Json::Array(list) => list.iter().map(without_marks).collect(),
        other => other.clone(),
    }
}

fn valid_name(json: &Json) -> bool {
    let valid = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    json.as_str().is_some_and(|name| !name.is_empty() && name.chars().all(valid))
}

fn blank(json: &Json) -> bool {
    json.as_str().is_none_or(|text| text.trim().is_empty())
}

/// The rules by which the API refuses a request.
pub fn assert_valid(body: &Json) {
    assert!(body["max_tokens"].as_u64().is_some_and(|most| most > 0));
    assert!(body.to_string().matches("\"cache_control\":{").count() <= 4, "{body}");
    assert!(body["system"].as_array().is_none_or(|blocks| blocks.iter().all(|block| !blank(&block["text"]))));
    for tool in body["tools"].as_array().into_iter().flatten() {
        assert!(tool["type"].is_string() || (valid_name(&tool["name"]) && tool["input_schema"]["type"] == "object"));
    }
    let messages = body["messages"].as_array().unwrap();
    let spoken: Vec<&Json> = messages.iter().filter(|message| message["role"] != "system").collect();
    let mut wanted = "user";
    let mut ids = HashSet::new();
    for (at, message) in spoken.iter().enumerate() {
        assert_eq!(message["role"], wanted, "roles alternate: {body}");
        wanted = if wanted == "user" { "assistant" } else { "user" };
        let Some(blocks) = message["content"].as_array() else {
            assert!(!blank(&message["content"]));
            continue;
        };
        assert!(!blocks.is_empty(), "{body}");
        assert!(blocks.iter().all(|block| block["type"] != "text" || !blank(&block["text"])), "{body}");
        let of = |kind: &'static str| blocks.iter().filter(move |block| block["type"] == kind);
        let before = at.checked_sub(1).map_or(Json::Null, |before| spoken[before]["content"].clone());
        let calls: HashSet<String> = before.as_array().into_iter().flatten().filter_map(call_id).collect();
        let results: Vec<String> =
            of("tool_result").map(|block| block["tool_use_id"].as_str().unwrap().into()).collect();
        assert_eq!(results.len(), calls.len(), "each call has one result: {body}");
        assert_eq!(results.into_iter().collect::<HashSet<_>>(), calls, "{body}");
        assert!(blocks.iter().take(calls.len()).all(|block| block["type"] == "tool_result"), "results first: {body}");
        for used in of("tool_use") {
            assert!(valid_name(&used["id"]) && valid_name(&used["name"]) && used["input"].is_object(), "{body}");
            assert!(ids.insert(used["id"].to_string()), "{body}");
        }
        let last = &blocks[blocks.len() - 1];
        let is_thinking = ["thinking", "redacted_thinking"].contains(&last["type"].as_str().unwrap());
        assert!(message["role"] == "user" || !is_thinking, "{body}");
        if at + 1 == spoken.len() && message["role"] == "assistant" {
            assert_eq!(of("tool_use").count(), 0, "{body}");
            assert!(
                last["type"] != "text" || last["text"].as_str().is_none_or(|text| text.trim_end() == text),
                "{body}"
            );
        }
    }
    assert!(!spoken.is_empty());
}

fn call_id(block: &Json) -> Option<String> {
    (block["type"] == "tool_use").then(|| block["id"].as_str().unwrap().to_owned())
}

fn not_run(id: &str) -> Json {
    let text = "not run: there is no result of this call";
    json!({"type": "tool_result", "tool_use_id": id, "content": text, "is_error": true})
}

#[test]
fn a_request_made_here_is_valid_and_marked_for_the_cache() {
    let tool = Tool {
        name: "f".into(),
        description: "Does it.".into(),
        schema: json!({"properties": {"a": {"type": "string"}}}),
        source: None,
    };
    let turns = vec![
        Turn::new(Role::System, vec![text("Be brief.")]),
        Turn::new(Role::User, vec![text("go")]),
        Turn::new(Role::Assistant, vec![call("t1", "f", json!({"a": "b"}))]),
        Turn::new(Role::Tool, vec![result("t1", "done", false)]),
    ];
    let request =
        Request { tools: vec![tool], stream: true, temperature: Some(2.0), max_tokens: None, ..request(turns) };
    let body = MESSAGES.write_request(&request);
    assert_valid(&body);
    let mark = json!({"type": "ephemeral"});
    let wanted = json!({
        "model": "claude-opus-4-8", "max_tokens": 32000, "stream": true, "temperature": 1.0,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": mark}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "go", "cache_control": mark}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {"a": "b"}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "done", "cache_control": mark},
            ]},
        ],
        "tools": [{
            "name": "f", "description": "Does it.",
            "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}},
        }],
    });
    assert_eq!(body, wanted);
}

#[test]
fn each_call_is_answered_once_directly_after_it() {
    let written = messages(vec![
        Turn::new(
            Role::Assistant,
            vec![text("I call."), call("a b", "f.g", json!("{\"cut")), call("x", "f", json!({}))],
        ),
        Turn::new(Role::User, vec![text("and?"), result("a b", "1", true), result("a b", "again", false)]),
        Turn::new(Role::Assistant, vec![call("x", "f", json!({})), call("", "", json!({})), call("", "f", json!({}))]),
        Turn::new(Role::Tool, vec![result("", "p", false)]),
        Turn::new(Role::Assistant, vec![call("x", "f", json!({}))]),
    ]);
    let wanted = json!([
        {"role": "user", "content": [{"type": "text", "text": "Begin."}]},
        {"role": "assistant", "content": [
            {"type": "text", "text": "I call."},
            {"type": "tool_use", "id": "a_b", "name": "f_g", "input": {"unreadable_arguments": "{\"cut"}},
            {"type": "tool_use", "id": "x", "name": "f", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "a_b", "content": "1", "is_error": true},
            not_run("x"),
            {"type": "text", "text": "Result of an earlier tool call:\nagain"},
            {"type": "text", "text": "and?"},
        ]},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "x_1", "name": "f", "input": {}},
            {"type": "tool_use", "id": "call_0", "name": "unnamed", "input": {}},
            {"type": "tool_use", "id": "call_1", "name": "f", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "call_0", "content": "p"},
            not_run("x_1"), not_run("call_1"),
        ]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "x_2", "name": "f", "input": {}}]},
        {"role": "user", "content": [not_run("x_2")]},
    ]);
    assert_eq!(written, wanted);
}

#[test]
fn empty_turns_go_and_neighbours_join() {
    let written = messages(vec![
        Turn::new(Role::User, vec![text("a")]),
        Turn::new(Role::Assistant, vec![text(" \n")]),
        Turn::new(Role::User, vec![text("b"), text("")]),
        Turn::new(Role::Assistant, vec![text("c \n"), text("  ")]),
        Turn::new(Role::Assistant, vec![text("d \n")]),
    ]);
    let wanted = json!([
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "c \n"}, {"type": "text", "text": "d"}]},
    ]);
    assert_eq!(written, wanted);
    let only_instructions = messages(vec![Turn::new(Role::System, vec![text("Be brief.")])]);
    assert_eq!(only_instructions, json!([{"role": "user", "content": [{"type": "text", "text": "Begin."}]}]));
}

#[test]
fn an_error_says_something_and_results_have_no_empty_texts() {
    let source =
        json!({"type": "tool_result", "tool_use_id": "t", "is_error": true, "content": [{"type": "text", "text": ""}]});
    let kind = result("t", "", true).kind;
    for part in [Part::new(kind.clone()), Part::read(kind, source)] {
        let written = messages(vec![
            Turn::new(Role::User, vec![text("go")]),
            Turn::new(Role::Assistant, vec![call("t", "f", json!({}))]),
            Turn::new(Role::Tool, vec![part]),
        ]);
        assert_eq!(written[2]["content"][0]["content"], "failed without a message");
    }
}

#[test]
fn thinking_comes_first_and_last_never() {
    let thinking = Part::read(
        PartKind::Reasoning("Hm.".into()),
        json!({"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}),
    );
    let unsigned = Part::new(PartKind::Reasoning("made here".into()));
    let written = messages(vec![
        Turn::new(Role::User, vec![text("go")]),
        Turn::new(Role::Assistant, vec![text("a"), unsigned]),
        Turn::new(Role::Assistant, vec![thinking.clone(), text("b"), thinking.clone()]),
        Turn::new(Role::User, vec![text("go")]),
        Turn::new(Role::Assistant, vec![thinking]),
        Turn::new(Role::User, vec![text("on")]),
    ]);
    let kinds: Vec<&Json> = written[1]["content"].as_array().unwrap().iter().map(|block| &block["type"]).collect();
    assert_eq!(kinds, ["thinking", "text", "text"]);
    assert_eq!(written[2]["content"].as_array().unwrap().len(), 2, "the turn between them said nothing");
}

#[test]
fn a_changed_request_keeps_its_unknown_fields() {
    let (_, bytes) =
        super::messages::recorded("requests", "json").into_iter().find(|(name, _)| name == "claude_code").unwrap();
    let body: Json = serde_json::from_slice(&bytes).unwrap();
    let mut request = MESSAGES.read_request(&body).unwrap();
    assert_eq!(
        request.turns.iter().map(|turn| turn.role).collect::<Vec<_>>(),
        [Role::System, Role::User, Role::Assistant, Role::Tool, Role::System, Role::Assistant, Role::User]
    );
    assert_eq!(request.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["Bash", "Read", ""]);
    if let PartKind::Call(call) = &mut request.turns[2].parts[2].kind {
        call.args = json!({"command": "ls -a"});
    }
    request.tools[0].description = "Runs.".into();
    let mut wanted = body.clone();
    wanted["messages"][1]["content"][2]["input"]["command"] = "ls -a".into();
    wanted["tools"][0]["description"] = "Runs.".into();
    let written = MESSAGES.write_request(&request);
    assert_valid(&written);
    assert_eq!(written, wanted);
    request.tools.clear();
    assert_eq!(MESSAGES.write_request(&request).get("tools"), None);
}

#[test]
fn instructions_stand_where_they_came_but_not_between_calls_and_results() {
    let system = json!({"role": "system", "content": "Mind."});
    let read = MESSAGES.read_request(&json!({"messages": [system]})).unwrap().turns.remove(0);
    let written = messages(vec![
        Turn::new(Role::User, vec![text("go")]),
        Turn::new(Role::Assistant, vec![call("t", "f", json!({}))]),
        read,
        Turn::new(Role::Tool, vec![result("t", "done", false)]),
    ]);
    let roles: Vec<&Json> = written.as_array().unwrap().iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user", "system"]);
    assert_eq!(written[3], system);
}

#[test]
fn a_schema_with_a_choice_at_its_top_keeps_its_meaning() {
    let schema = json!({"anyOf": [
        {"properties": {"a": {"type": "string"}}, "required": ["a"]},
        {"properties": {"b": {"type": "string"}}, "required": ["b"]},
    ]});
    let tool = Tool { name: "f".into(), description: String::new(), schema: schema.clone(), source: None };
    let request = Request { tools: vec![tool.clone(), tool], ..request(vec![Turn::new(Role::User, vec![text("go")])]) };
    let body = MESSAGES.write_request(&request);
    assert_eq!(body["tools"].as_array().unwrap().len(), 1, "names differ");
    let written = &body["tools"][0];
    assert_eq!(written["input_schema"]["properties"], json!({"a": {"type": "string"}, "b": {"type": "string"}}));
    assert_eq!(written["input_schema"].get("anyOf"), None);
    assert!(written["description"].as_str().unwrap().contains(&schema.to_string()));
}

#[test]
fn an_echo_goes_back_with_its_results() {
    for (name, bytes) in super::messages::recorded("streams", "sse") {
        let answer = super::support::decode(MESSAGES, &bytes);
        let turn = MESSAGES.read_turn(&MESSAGES.echo(&answer));
        let ids: Vec<String> = turn.parts.iter().filter_map(|part| Some(as_call(part)?.id.clone())).collect();
        let results = ids.iter().map(|id| result(id, &format!("result of {id}"), false)).collect();
        let mut turns = vec![Turn::new(Role::User, vec![text("go")]), turn, Turn::new(Role::Tool, results)];
        turns.push(Turn::new(Role::User, vec![text("on")]));
        let body = MESSAGES.write_request(&request(turns));
        assert_valid(&body);
        for id in ids {
            assert!(body.to_string().contains(&format!("result of {id}\"")), "{name}");
        }
        assert!(!body.to_string().contains("not run"), "{name}");
    }
}

fn as_call(part: &Part) -> Option<&Call> {
    if let PartKind::Call(call) = &part.kind { Some(call) } else { None }
}

#[test]
fn bodies_that_are_no_requests_are_refused() {
    for body in [json!(null), json!([]), json!({}), json!({"messages": {}}), json!({"messages": ["a"]})] {
        assert!(MESSAGES.read_request(&body).is_err(), "{body}");
    }
}
