//! Gemini: requests, read and written.

use serde_json::{Value as Json, json};
use tama_tui::wire::{Call, Dialect, Part, PartKind, Request, Role, Tool, ToolResult, Turn};

use super::gemini::{bytes, json};
use super::support::{canonical, decode};

pub const REQUESTS: [&str; 3] = ["request_cli.json", "request_langchain.json", "request_snake.json"];

fn text(text: &str) -> Part {
    Part::new(PartKind::Text(text.into()))
}

fn call(id: &str, name: &str, args: Json) -> Part {
    Part::new(PartKind::Call(Call { id: id.into(), name: name.into(), args }))
}

fn result(id: &str, name: &str, text: &str, error: bool) -> Part {
    Part::new(PartKind::Result(ToolResult { id: id.into(), name: name.into(), text: text.into(), error }))
}

fn write(turns: Vec<Turn>) -> Json {
    Dialect::Gemini.write_request(&Request { turns, ..Request::default() })
}

#[test]
fn requests_are_written_as_they_came() {
    for name in REQUESTS {
        let body = json(name);
        let request = Dialect::Gemini.read_request(&body).unwrap();
        assert_eq!(canonical(&Dialect::Gemini.write_request(&request)), canonical(&body), "{name}");
    }
}

#[test]
fn a_request_is_read() {
    let request = Dialect::Gemini.read_request(&json("request_cli.json")).unwrap();
    let roles: Vec<Role> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::User, Role::Assistant, Role::Tool]);
    assert_eq!(request.temperature, Some(0.0));
    let PartKind::Result(read) = &request.turns[5].parts[0].kind else { panic!() };
    assert_eq!((read.id.as_str(), read.text.as_str(), read.error), ("list_directory-1", "a.txt\nb.txt", false));
    assert_eq!(request.tools[0].schema["required"], json!(["path"]));

    let request = Dialect::Gemini.read_request(&json("request_langchain.json")).unwrap();
    assert_eq!(request.turns[2].role, Role::Tool);
    assert_eq!(request.max_tokens, Some(1024));
    let names: Vec<&str> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["look", "", ""]);
    assert_eq!(request.tools[0].schema["properties"]["n"]["type"], "integer");

    let request = Dialect::Gemini.read_request(&json("request_snake.json")).unwrap();
    assert_eq!((request.max_tokens, request.temperature), (Some(64), Some(0.5)));
    assert_eq!(request.turns[0].parts[0].kind, PartKind::Text("Be brief.".into()));
    assert!(Dialect::Gemini.read_request(&json!({"messages": []})).is_err());
    assert!(Dialect::Gemini.read_request(&json!([])).is_err());
}

#[test]
fn a_change_keeps_what_was_not_changed() {
    let mut request = Dialect::Gemini.read_request(&json("request_cli.json")).unwrap();
    request.turns[3].parts[0].kind = PartKind::Text("list other files".into());
    let mut expected = json("request_cli.json");
    expected["contents"][2]["parts"][0]["text"] = json!("list other files");
    assert_eq!(canonical(&Dialect::Gemini.write_request(&request)), canonical(&expected));

    let mut request = Dialect::Gemini.read_request(&json("request_snake.json")).unwrap();
    request.max_tokens = None;
    request.temperature = Some(1.0);
    let written = Dialect::Gemini.write_request(&request);
    assert_eq!(written["generationConfig"], json!({"temperature": 1.0}));
    assert_eq!(written["cachedContent"], "cachedContents/1");
    assert_eq!(written.get("generation_config"), None);
    let read = Dialect::Gemini.read_request(&written).unwrap();
    assert_eq!((read.turns[0].parts.clone(), read.tools.len()), (request.turns[0].parts.clone(), 2));
}

#[test]
fn a_tool_loop_goes_back_with_its_signatures() {
    let answer = decode(Dialect::Gemini, &bytes("stream.sse"));
    let turn = Dialect::Gemini.read_turn(&Dialect::Gemini.echo(&answer));
    let ids: Vec<String> = turn
        .parts
        .iter()
        .filter_map(|part| if let PartKind::Call(call) = &part.kind { Some(call.id.clone()) } else { None })
        .collect();
    let results = Turn::new(Role::Tool, vec![result(&ids[1], "read", "B", false), result(&ids[0], "read", "A", true)]);
    let system = Turn::new(Role::System, vec![text("Be brief.")]);
    let user = Turn::new(Role::User, vec![text("Read a and b.")]);
    let body = write(vec![system, user, turn, results]);
    assert_eq!(body["systemInstruction"], json!({"parts": [{"text": "Be brief."}]}));
    assert_eq!(body["contents"][1], Dialect::Gemini.echo(&answer));
    let expected = json!({"role": "user", "parts": [
        {"functionResponse": {"name": "read", "response": {"error": "A"}}},
        {"functionResponse": {"name": "read", "response": {"result": "B"}}},
    ]});
    assert_eq!(body["contents"][2], expected);
}

#[test]
fn whatever_the_turns_hold_is_well_formed() {
    let body = write(vec![
        Turn::new(Role::Assistant, vec![text(""), call("x", "read file", json!("{\"path\": "))]),
        Turn::new(Role::Assistant, vec![call("y", "", json!({})), call("z", "b", json!({}))]),
        Turn::new(Role::User, vec![text("now"), text("")]),
        Turn::new(Role::Tool, vec![result("z", "b", "Z", false), result("lost", "c", "L", false)]),
        Turn::new(Role::System, vec![text("late")]),
        Turn::new(Role::Tool, vec![result("x", "", "X", false)]),
        Turn::new(Role::Assistant, vec![]),
        Turn::new(Role::User, vec![text("more")]),
    ]);
    let expected = json!([
        {"role": "user", "parts": [{"text": "Continue."}]},
        {"role": "model", "parts": [
            {"functionCall": {"id": "x", "name": "read_file", "args": {"unreadable_arguments": "{\"path\": "}}},
            {"functionCall": {"id": "y", "name": "unnamed", "args": {}}},
            {"functionCall": {"id": "z", "name": "b", "args": {}}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"id": "x", "name": "read_file", "response": {"result": "X"}}},
            {"functionResponse": {"id": "y", "name": "unnamed", "response": {"error": "There is no result."}}},
            {"functionResponse": {"id": "z", "name": "b", "response": {"result": "Z"}}},
            {"text": "now"},
            {"text": "Result of c: L"},
            {"text": "more"},
        ]},
    ]);
    assert_eq!(canonical(&body["contents"]), canonical(&expected));
    assert_eq!(body["systemInstruction"], json!({"parts": [{"text": "late"}]}));
    assert_eq!(write(vec![])["contents"], json!([{"role": "user", "parts": [{"text": "Continue."}]}]));
}

#[test]
fn schemas_are_written_in_words_that_the_service_takes() {
    let declare = |schema: Json| {
        let tools = vec![Tool { name: "t".into(), description: "T.".into(), schema, source: None }];
        let body = Dialect::Gemini.write_request(&Request { tools, ..Request::default() });
        body["tools"][0]["functionDeclarations"][0].clone()
    };
    let plain = json!({"type": "object", "properties": {"a": {"type": "string", "enum": ["x"]}}, "required": ["a"]});
    assert_eq!(declare(plain.clone()), json!({"name": "t", "description": "T.", "parameters": plain}));
    let mut closed = plain.clone();
    closed["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    closed["additionalProperties"] = json!(false);
    assert_eq!(declare(closed)["parameters"], plain);
    for nothing in [json!({"type": "object", "properties": {}}), json!({"type": "object"}), json!({}), json!(null)] {
        assert_eq!(declare(nothing), json!({"name": "t", "description": "T."}));
    }
    for inner in [
        json!({"type": ["string", "null"]}),
        json!({"$ref": "#/$defs/a"}),
        json!({"const": 1}),
        json!({"oneOf": [{"type": "string"}]}),
        json!({"type": "object", "additionalProperties": {"type": "string"}}),
        json!({"type": "object", "additionalProperties": true}),
        json!({"type": "object"}),
        json!({"type": "array"}),
        json!({"type": "integer", "enum": [1, 2]}),
        json!({"type": "string", "format": "uri"}),
        json!({"type": "number", "exclusiveMinimum": 0}),
    ] {
        let whole = json!({"type": "object", "properties": {"a": inner}, "$defs": {"a": {"type": "string"}}});
        let mut given = whole.clone();
        given["$schema"] = json!("x");
        assert_eq!(declare(given), json!({"name": "t", "description": "T.", "parametersJsonSchema": whole}));
    }
}

#[test]
fn settings_are_written_where_there_are_any() {
    let body = Dialect::Gemini.write_request(&Request {
        turns: vec![Turn::new(Role::User, vec![text("Hi")])],
        temperature: Some(0.5),
        max_tokens: Some(64),
        ..Request::default()
    });
    let expected = json!({
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "generationConfig": {"temperature": 0.5, "maxOutputTokens": 64},
    });
    assert_eq!(body, expected);
}

#[test]
fn a_call_that_the_service_did_not_make_is_marked() {
    let turns = || {
        vec![
            Turn::new(Role::User, vec![text("Hi")]),
            Turn::new(Role::Assistant, vec![call("x", "a", json!({})), call("y", "b", json!({}))]),
        ]
    };
    for (model, signature) in [
        ("gemini-3-pro-preview", json!("skip_thought_signature_validator")),
        ("models/gemini-3.5-flash", json!("skip_thought_signature_validator")),
        ("gemini-2.5-flash", Json::Null),
        ("other", Json::Null),
    ] {
        let request = Request { model: model.into(), turns: turns(), ..Request::default() };
        let written = Dialect::Gemini.write_request(&request);
        let parts = &written["contents"][1]["parts"];
        assert_eq!(
            (&parts[0]["thoughtSignature"], &parts[1]["thoughtSignature"]),
            (&signature, &Json::Null),
            "{model}"
        );
    }
}
