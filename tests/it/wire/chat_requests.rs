//! Requests of Chat Completions: read, written as they came, and written well-formed.

use serde_json::{Value as Json, json};
use tama_tui::wire::{Call, Dialect, Part, PartKind, Request, Role, Tool, ToolResult, Turn};

use super::chat::{body, files};
use super::support::canonical;

fn text(text: &str) -> Part {
    Part::new(PartKind::Text(text.to_owned()))
}

fn call(id: &str, name: &str, args: Json) -> Part {
    Part::new(PartKind::Call(Call { id: id.to_owned(), name: name.to_owned(), args }))
}

fn result(id: &str, text: &str) -> Turn {
    let result = ToolResult { id: id.to_owned(), name: String::new(), text: text.to_owned(), error: false };
    Turn::new(Role::Tool, vec![Part::new(PartKind::Result(result))])
}

fn messages(turns: Vec<Turn>) -> Vec<Json> {
    let request = Request { model: "m".into(), turns, ..Request::default() };
    Dialect::Chat.write_request(&request)["messages"].as_array().unwrap().clone()
}

#[test]
fn requests_are_written_as_they_came() {
    for name in files("request-", ".json") {
        let body = body(&name);
        let mut request = Dialect::Chat.read_request(&body).unwrap();
        assert_eq!(canonical(&Dialect::Chat.write_request(&request)), canonical(&body), "{name}");
        // Also without the body's source, each turn and tool is as it came.
        request.source = None;
        let written = Dialect::Chat.write_request(&request);
        for field in ["messages", "tools", "functions"] {
            assert_eq!(canonical(&written[field]), canonical(&body[field]), "{field} of {name}");
        }
    }
}

#[test]
fn a_request_is_read() {
    let request = Dialect::Chat.read_request(&body("request-openai-sdk.json")).unwrap();
    assert_eq!((request.model.as_str(), request.max_tokens, request.stream), ("gpt-5", Some(4096), true));
    let roles: Vec<Role> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::Tool, Role::Tool]);
    assert_eq!(request.turns[1].parts[0].kind, PartKind::Text("What is it?".into()));
    assert_eq!(request.turns[1].parts[1].kind, PartKind::Other);
    let PartKind::Result(result) = &request.turns[4].parts[0].kind else { panic!() };
    assert_eq!((result.id.as_str(), result.text.as_str()), ("call_a", "a cat"));
    assert_eq!((request.tools[0].name.as_str(), request.tools[0].description.as_str()), ("look", "Looks."));
    assert_eq!(request.tools[1].name, "");
    for none in [json!({}), json!([]), json!({"messages": {}}), json!({"messages": ["a"]}), json!(null)] {
        assert!(Dialect::Chat.read_request(&none).is_err(), "{none}");
    }
}

#[test]
fn a_change_is_laid_over() {
    let body = body("request-openai-sdk.json");
    let mut request = Dialect::Chat.read_request(&body).unwrap();
    request.turns[1].parts[0].kind = PartKind::Text("What else?".into());
    request.turns.push(Turn::new(Role::User, vec![text("thanks")]));
    request.temperature = Some(0.5);
    request.max_tokens = Some(9);
    request.stream = false;
    let written = Dialect::Chat.write_request(&request);
    let mut expected = body.clone();
    expected["messages"][1]["content"][0]["text"] = json!("What else?");
    expected["messages"].as_array_mut().unwrap().push(json!({"role": "user", "content": "thanks"}));
    expected["temperature"] = json!(0.5);
    expected["max_completion_tokens"] = json!(9);
    expected["stream"] = json!(false);
    expected.as_object_mut().unwrap().remove("stream_options");
    assert_eq!(canonical(&written), canonical(&expected));
}

#[test]
fn a_request_made_here_is_what_the_documentation_shows() {
    let schema = json!({"type": "object", "properties": {"path": {"type": "string"}}});
    let request = Request {
        model: "m".into(),
        turns: vec![
            Turn::new(Role::System, vec![text("Be short.")]),
            Turn::new(Role::User, vec![text("read it")]),
            Turn::new(Role::Assistant, vec![call("c1", "read", json!({"path": "a"}))]),
            result("c1", ""),
        ],
        tools: vec![
            Tool { name: "read".into(), description: "Reads.".into(), schema: schema.clone(), source: None },
            Tool { name: "list".into(), description: String::new(), schema: json!({}), source: None },
        ],
        temperature: Some(0.0),
        max_tokens: Some(100),
        stream: true,
        source: None,
    };
    let expected = json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "read it"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "read", "arguments": "{\"path\":\"a\"}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": ""},
        ],
        "tools": [
            {"type": "function", "function": {"name": "read", "description": "Reads.", "parameters": schema}},
            {"type": "function", "function": {"name": "list", "parameters": {"type": "object", "properties": {}}}},
        ],
        "temperature": 0.0,
        "max_tokens": 100,
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    assert_eq!(canonical(&Dialect::Chat.write_request(&request)), canonical(&expected));
    for (model, field) in
        [("o3-mini", "max_completion_tokens"), ("openai/gpt-5.1", "max_completion_tokens"), ("gpt-4o", "max_tokens")]
    {
        let request = Request { model: model.into(), max_tokens: Some(1), ..Request::default() };
        assert_eq!(Dialect::Chat.write_request(&request)[field], json!(1), "{model}");
    }
}

#[test]
fn ids_are_there_and_differ_and_results_name_them() {
    let calls =
        vec![call("", "a", json!({})), call("x", "b", json!({})), call("x", "c", json!("{\"cut")), text("I do.")];
    let turns = vec![
        Turn::new(Role::User, vec![text("go")]),
        Turn::new(Role::Assistant, calls),
        result("x", "of b"),
        result("x", "of c"),
        result("", "of a"),
    ];
    let messages = messages(turns);
    let ids: Vec<&Json> = messages[1]["tool_calls"].as_array().unwrap().iter().map(|call| &call["id"]).collect();
    assert_eq!(ids, [&json!("call00000"), &json!("x"), &json!("call00001")]);
    let arguments = messages[1]["tool_calls"][2]["function"]["arguments"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Json>(arguments).unwrap(), json!({"unreadable_arguments": "{\"cut"}));
    let results: Vec<_> = messages[2..].iter().map(|result| (&result["tool_call_id"], &result["content"])).collect();
    let of = |text: &str| json!(text);
    assert_eq!(results, [(&of("x"), &of("of b")), (&of("call00001"), &of("of c")), (&of("call00000"), &of("of a")),]);
}

#[test]
fn each_call_has_a_result_and_each_result_a_call() {
    let turns = vec![
        result("lost", "early"),
        Turn::new(Role::Assistant, vec![call("c1", "a", json!({})), call("c2", "b", json!({}))]),
        result("c2", "two"),
        Turn::new(Role::User, vec![text("go on")]),
        Turn::new(Role::Assistant, vec![call("c1", "a", json!({}))]),
    ];
    let roles: Vec<(String, Json)> = messages(turns)
        .iter()
        .map(|message| (message["role"].as_str().unwrap().to_owned(), message["tool_call_id"].clone()))
        .collect();
    let expected = [
        ("user", json!(null)),
        ("assistant", json!(null)),
        ("tool", json!("c2")),
        ("tool", json!("c1")),
        ("user", json!(null)),
        ("assistant", json!(null)),
        ("tool", json!("c1")),
    ];
    assert_eq!(roles, expected.map(|(role, id)| (role.to_owned(), id)));
}

#[test]
fn an_answer_goes_back_with_the_next_request() {
    for name in files("", ".sse").into_iter().chain(files("answer-", ".json")) {
        let answer = super::support::decode(Dialect::Chat, &super::chat::bytes(&name));
        let echo = Dialect::Chat.echo(&answer);
        let turn = Dialect::Chat.read_turn(&echo);
        let read: Vec<(String, Json)> = turn
            .parts
            .iter()
            .filter_map(|part| if let PartKind::Call(call) = &part.kind { Some(call) } else { None })
            .map(|call| (call.name.clone(), call.args.clone()))
            .collect();
        let came: Vec<(String, Json)> = answer.calls().map(|call| (call.name.clone(), call.args.clone())).collect();
        assert_eq!(read, came, "{name}");
        let results: Vec<Turn> = turn
            .parts
            .iter()
            .filter_map(|part| if let PartKind::Call(call) = &part.kind { Some(result(&call.id, "ok")) } else { None })
            .collect();
        let turns = [vec![Turn::new(Role::User, vec![text("go")]), turn], results].concat();
        let written = messages(turns);
        assert_eq!(written[1], echo, "{name}");
        assert_eq!(written.len(), 2 + came.len(), "{name}");
    }
}
