//! Ollama: requests, read and written.

use serde_json::{Value as Json, json};
use tama_tui::wire::{Call, Dialect, Part, PartKind, Request, Role, Tool, ToolResult, Turn};

use super::ollama::{bytes, json};
use super::support::{canonical, decode};

pub const REQUESTS: [&str; 2] = ["request.json", "request_ids.json"];

fn text(text: &str) -> Part {
    Part::new(PartKind::Text(text.into()))
}

fn call(id: &str, name: &str, args: Json) -> Part {
    Part::new(PartKind::Call(Call { id: id.into(), name: name.into(), args }))
}

fn result(id: &str, name: &str, text: &str) -> Part {
    Part::new(PartKind::Result(ToolResult { id: id.into(), name: name.into(), text: text.into(), error: false }))
}

fn messages(turns: Vec<Turn>) -> Json {
    Dialect::Ollama.write_request(&Request { turns, ..Request::default() })["messages"].clone()
}

#[test]
fn requests_are_written_as_they_came() {
    for name in REQUESTS {
        let body = json(name);
        let request = Dialect::Ollama.read_request(&body).unwrap();
        assert_eq!(canonical(&Dialect::Ollama.write_request(&request)), canonical(&body), "{name}");
    }
}

#[test]
fn a_request_is_read() {
    let request = Dialect::Ollama.read_request(&json("request.json")).unwrap();
    let roles: Vec<Role> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::Tool, Role::Tool]);
    assert_eq!((request.temperature, request.max_tokens, request.stream), (Some(0.0), None, true));
    assert_eq!(request.turns[4].parts, [result("", "read", "A")]);
    assert_eq!(request.turns[1].parts[1].source, Some(json!({"images": ["iVBO"]})));
    assert_eq!(request.turns[2].parts[0].kind, PartKind::Reasoning("I look.".into()));
    let names: Vec<&str> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["look", ""]);
    let request = Dialect::Ollama.read_request(&json("request_ids.json")).unwrap();
    assert_eq!((request.max_tokens, request.stream, request.model.as_str()), (Some(64), false, "llama3.2"));
    assert_eq!(request.turns[2].parts, [result("c1", "now", "12:00")]);
    assert!(Dialect::Ollama.read_request(&json!({"contents": []})).is_err());
}

#[test]
fn a_change_keeps_what_was_not_changed() {
    let mut request = Dialect::Ollama.read_request(&json("request.json")).unwrap();
    request.turns[0].parts[0].kind = PartKind::Text("Be long.".into());
    request.turns[4].parts[0] = result("", "read", "B");
    request.max_tokens = Some(8);
    let mut expected = json("request.json");
    expected["messages"][0]["content"] = json!("Be long.");
    expected["messages"][4]["content"] = json!("B");
    expected["options"] = json!({"temperature": 0.0, "num_predict": 8, "num_ctx": 8192});
    assert_eq!(canonical(&Dialect::Ollama.write_request(&request)), canonical(&expected));
}

#[test]
fn a_tool_loop_goes_back_with_its_thinking() {
    for (name, id) in [("stream.ndjson", Json::Null), ("ids.ndjson", json!("call_x"))] {
        let answer = decode(Dialect::Ollama, &bytes(name));
        let turn = Dialect::Ollama.read_turn(&Dialect::Ollama.echo(&answer));
        let calls: Vec<Call> = turn
            .parts
            .iter()
            .filter_map(|part| if let PartKind::Call(call) = &part.kind { Some(call.clone()) } else { None })
            .collect();
        let results: Vec<Part> = calls.iter().rev().map(|call| result(&call.id, "", &call.id)).collect();
        let written = messages(vec![turn, Turn::new(Role::Tool, results)]);
        assert_eq!(written[0], Dialect::Ollama.echo(&answer), "{name}");
        let texts: Vec<&Json> = (1..=calls.len()).map(|at| &written[at]["content"]).collect();
        assert_eq!(texts, calls.iter().map(|call| &call.id).collect::<Vec<_>>(), "{name}");
        assert_eq!((&written[1]["tool_name"], &written[1]["tool_call_id"]), (&json!(calls[0].name), &id), "{name}");
    }
}

#[test]
fn whatever_the_turns_hold_is_well_formed() {
    let written = messages(vec![
        Turn::new(Role::Assistant, vec![text("a"), text("b"), call("x", "read", json!("{\"path\": "))]),
        Turn::new(Role::User, vec![text("now"), text("then")]),
        Turn::new(Role::Tool, vec![result("lost", "c", "L"), result("x", "", "X")]),
        Turn::new(Role::Assistant, vec![]),
    ]);
    let arguments = json!({"unreadable_arguments": "{\"path\": "});
    let expected = json!([
        {"role": "assistant", "content": "ab", "tool_calls": [{"id": "x", "function": {"name": "read", "arguments": arguments}}]},
        {"role": "user", "content": "now\n\nthen"},
        {"role": "tool", "content": "X", "tool_name": "read", "tool_call_id": "x"},
        {"role": "tool", "content": "L", "tool_name": "c", "tool_call_id": "lost"},
    ]);
    assert_eq!(canonical(&written), canonical(&expected));
}

#[test]
fn tools_and_settings_are_written() {
    let tool = |schema| Tool { name: "t".into(), description: "T.".into(), schema, source: None };
    let body = Dialect::Ollama.write_request(&Request {
        model: "m".into(),
        turns: vec![Turn::new(Role::User, vec![text("Hi")])],
        tools: vec![tool(json!(null)), tool(json!({"type": "object", "properties": {"a": true}, "required": ["a"]}))],
        temperature: Some(0.5),
        max_tokens: Some(64),
        stream: true,
        source: None,
    });
    let function = |parameters: Json| json!({"type": "function", "function": {"name": "t", "description": "T.", "parameters": parameters}});
    let expected = json!({
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [
            function(json!({"type": "object", "properties": {}})),
            function(json!({"type": "object", "properties": {"a": {}}, "required": ["a"]})),
        ],
        "options": {"temperature": 0.5, "num_predict": 64},
        "stream": true,
    });
    assert_eq!(canonical(&body), canonical(&expected));
}
