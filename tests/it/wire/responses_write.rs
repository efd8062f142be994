//! `OpenAI` Responses: requests read and written, answers written.

use serde_json::{Value as Json, json};
use tama_tui::wire::{
    Answer, Call, Dialect, Fault, Part, PartKind, Request, Role, Stop, StopKind, Tool, ToolResult, Turn, Usage,
};

use super::responses::{DIALECT, files};
use super::support::{canonical, decode, decode_in};

fn bodies(name: &str) -> Vec<(String, Json)> {
    files(name).into_iter().map(|(name, bytes)| (name, serde_json::from_slice(&bytes).unwrap())).collect()
}

fn request(name: &str) -> (Json, Request) {
    let (_, body) = bodies("requests").into_iter().find(|(file, _)| file == name).unwrap();
    let read = DIALECT.read_request(&body).unwrap();
    (body, read)
}

pub fn text(text: &str) -> Part {
    Part::new(PartKind::Text(text.into()))
}

pub fn call(id: &str, name: &str, args: Json) -> Part {
    Part::new(PartKind::Call(Call { id: id.into(), name: name.into(), args }))
}

pub fn result(id: &str, text: &str) -> Part {
    let text = text.to_owned();
    Part::new(PartKind::Result(ToolResult { id: id.into(), name: String::new(), text, error: false }))
}

#[test]
fn requests_are_written_as_they_came() {
    for (name, body) in bodies("requests") {
        let read = DIALECT.read_request(&body).unwrap();
        assert_eq!(canonical(&DIALECT.write_request(&read)), canonical(&body), "{name}");
    }
}

#[test]
fn answers_are_written_as_they_came() {
    for (name, body) in bodies("answers") {
        let read = DIALECT.read_answer(&body);
        assert_eq!(canonical(&DIALECT.write_answer(&read)), canonical(&body), "{name}");
    }
}

fn neutral(answer: &Answer) -> (Vec<PartKind>, Option<Stop>, Option<Usage>, Option<Fault>, bool) {
    let kinds = answer.parts.iter().map(|part| part.kind.clone()).collect();
    (kinds, answer.stop.clone(), answer.usage, answer.fault.clone(), answer.whole)
}

/// True when each call has an id of its own; else some are made.
fn has_own_ids(answer: &Answer) -> bool {
    let ids: Vec<&str> = answer.calls().map(|call| call.id.as_str()).collect();
    ids.iter().enumerate().all(|(at, id)| !id.is_empty() && !ids[..at].contains(id))
}

#[test]
fn answers_are_streamed_as_they_came() {
    let recorded = bodies("answers").into_iter();
    let answers = recorded.map(|(name, body)| (name, DIALECT.read_answer(&body)));
    let streams = files("streams").into_iter().map(|(name, bytes)| {
        let answer = decode_in(DIALECT, &bytes, 999).0;
        (name, answer)
    });
    for (name, answer) in answers.chain(streams).filter(|(_, answer)| has_own_ids(answer)) {
        let again = decode(DIALECT, &DIALECT.write_stream(&answer));
        assert_eq!(neutral(&again), neutral(&answer), "{name}");
        if answer.fault.is_some() && answer.stop.is_none() {
            continue; // A whole body has no error in its middle.
        }
        let whole = DIALECT.read_answer(&DIALECT.write_answer(&Answer { source: None, ..answer.clone() }));
        assert_eq!(neutral(&whole), neutral(&answer), "{name}");
    }
}

#[test]
fn an_answer_made_here_is_one_of_a_server() {
    let answer = Answer {
        model: Some("m".into()),
        parts: vec![text("Hi"), call("call_a", "f", json!({"a": 1})), call("call_b", "g", json!("not JSON"))],
        stop: Some(Stop { word: "completed".into(), kind: StopKind::Calls }),
        usage: Some(Usage { input: 3, output: 4, cached: 1, reasoning: 2 }),
        whole: true,
        ..Answer::default()
    };
    let body = DIALECT.write_answer(&answer);
    assert_eq!(
        (&body["object"], &body["status"], &body["output"][1]["id"]),
        (&json!("response"), &json!("completed"), &json!("fc_1"))
    );
    assert_eq!(neutral(&DIALECT.read_answer(&body)), neutral(&answer));
    assert_eq!(neutral(&decode(DIALECT, &DIALECT.write_stream(&answer))), neutral(&answer));
    for (kind, word) in [
        (StopKind::Length, "max_output_tokens"),
        (StopKind::Filtered, "content_filter"),
        (StopKind::Refused, "refusal"),
        (StopKind::Malformed, "malformed_function_call"),
        (StopKind::Paused, "pause_turn"),
        (StopKind::Other, "odd"),
    ] {
        let stop = Some(Stop { word: word.into(), kind });
        let answer = Answer { stop, ..answer.clone() };
        assert_eq!(neutral(&decode(DIALECT, &DIALECT.write_stream(&answer))), neutral(&answer));
    }
    let read = DIALECT.read_answer(&body);
    let mut changed = read.clone();
    changed.parts[0] = text("Ho");
    let mut expected = body;
    expected["output"][0] = json!({"type": "message", "role": "assistant", "id": "msg_0", "status": "completed",
        "content": [{"type": "output_text", "text": "Ho", "annotations": []}]});
    assert_eq!(canonical(&DIALECT.write_answer(&changed)), canonical(&expected), "the rest is as it came");
    let fault = Some(Fault::Server { message: "Too many.".into(), kind: "rate_limit_exceeded".into(), status: None });
    let failed = Answer { fault, ..Answer::default() };
    assert_eq!(
        DIALECT.write_answer(&failed),
        json!({"error": {"code": "rate_limit_exceeded", "message": "Too many."}})
    );
    assert_eq!(decode(DIALECT, &DIALECT.write_stream(&failed)).fault, failed.fault);
}

#[test]
fn a_request_made_here_keeps_nothing_at_the_provider() {
    let tool = |name: &str, schema| Tool { name: name.into(), description: "d".into(), schema, source: None };
    let request = Request {
        model: "gpt-5.1".into(),
        turns: vec![
            Turn::new(Role::System, vec![text("You help.")]),
            Turn::new(Role::User, vec![text("Hello")]),
            Turn::new(Role::Assistant, vec![text("I look."), call("call_1", "f", json!({"a": 1}))]),
            Turn::new(Role::Tool, vec![result("call_1", "found")]),
            Turn::new(Role::System, vec![text("Be quick.")]),
        ],
        tools: vec![tool("f", json!({"type": "object", "properties": {"a": {}}})), tool("g", json!({}))],
        temperature: Some(0.5),
        max_tokens: Some(100),
        stream: true,
        source: None,
    };
    let message = |role: &str, kind: &str, text: &str| json!({"type": "message", "role": role, "content": [{"type": kind, "text": text}]});
    let tool = |name: &str, schema: Json| json!({"type": "function", "name": name, "description": "d", "parameters": schema, "strict": false});
    let mut said = message("assistant", "output_text", "I look.");
    said["content"][0]["annotations"] = json!([]);
    let expected = json!({
        "model": "gpt-5.1",
        "instructions": "You help.",
        "input": [
            message("user", "input_text", "Hello"),
            said,
            {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{\"a\":1}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "found"},
            message("developer", "input_text", "Be quick."),
        ],
        "tools": [
            tool("f", json!({"type": "object", "properties": {"a": {}}})),
            tool("g", json!({"type": "object", "properties": {}})),
        ],
        "store": false,
        "include": ["reasoning.encrypted_content"],
        "temperature": 0.5,
        "max_output_tokens": 100,
        "stream": true,
    });
    assert_eq!(canonical(&DIALECT.write_request(&request)), canonical(&expected));
    let old = DIALECT.write_request(&Request { model: "openai/gpt-4.1".into(), ..request });
    assert!(old.get("include").is_none(), "a model without reasoning refuses to include it");
}

#[test]
fn calls_and_results_always_pair() {
    let turns = vec![
        Turn::new(Role::Assistant, vec![call("", "f", json!("cut {")), call("", "f", json!({}))]),
        Turn::new(Role::Tool, vec![result("", "one"), result("", "two")]),
        Turn::new(
            Role::Assistant,
            vec![call("call_0", "f", json!({})), call("same", "f", json!({})), call("same", "f", json!({}))],
        ),
        Turn::new(
            Role::Tool,
            vec![
                result("same", "first"),
                result("call_0", "zero"),
                result("same", "second"),
                result("lost", "of nobody"),
            ],
        ),
        Turn::new(Role::Assistant, vec![call("never", "f", json!({}))]),
        Turn::new(Role::User, vec![text("Continue.")]),
        Turn::new(Role::Assistant, vec![call("call_0", "f", json!({}))]),
        Turn::new(Role::Tool, vec![result("call_0", "again")]),
    ];
    let body = DIALECT.write_request(&Request { turns, ..Request::default() });
    let items = body["input"].as_array().unwrap();
    let results: Vec<(&str, &str)> = items
        .iter()
        .filter(|item| item["type"] == "function_call_output")
        .map(|item| (item["call_id"].as_str().unwrap(), item["output"].as_str().unwrap()))
        .collect();
    let expected = [
        ("call_1", "one"),
        ("call_2", "two"),
        ("same", "first"),
        ("call_0", "zero"),
        ("call_3", "second"),
        ("never", "No result: the call was not run."),
        ("call_4", "again"),
    ];
    assert_eq!(results, expected);
    assert_eq!(items[0]["arguments"], r#"{"unreadable_arguments":"cut {"}"#);
    let lost = items.iter().find(|item| item["role"] == "user").unwrap();
    assert_eq!(lost["content"][0]["text"], "A tool's result: of nobody");
    assert_paired(&body);
}

#[test]
fn a_result_comes_directly_after_its_call() {
    let turns = vec![
        Turn::new(Role::Assistant, vec![call("a", "f", json!({})), call("b", "f", json!({}))]),
        Turn::new(Role::Tool, vec![result("b", "of b")]),
        Turn::new(Role::User, vec![text("Wait.")]),
        Turn::new(Role::Tool, vec![result("a", "of a")]),
    ];
    let body = DIALECT.write_request(&Request { turns, ..Request::default() });
    assert_paired(&body);
    assert_eq!((&body["input"][3]["output"], &body["input"][4]["role"]), (&json!("of a"), &json!("user")));
}

/// Each call has an id of its own and one result, after it and before the next message; there are no others.
pub fn assert_paired(body: &Json) {
    let mut open: Vec<&str> = Vec::new();
    let mut all: Vec<&str> = Vec::new();
    for item in body["input"].as_array().unwrap() {
        match item["type"].as_str().unwrap_or_default() {
            "function_call" | "custom_tool_call" => {
                let id = item["call_id"].as_str().unwrap();
                assert!(!id.is_empty() && !all.contains(&id), "{body}");
                if item["type"] == "function_call" {
                    let arguments: Json = serde_json::from_str(item["arguments"].as_str().unwrap()).unwrap();
                    assert!(arguments.is_object(), "{body}");
                }
                open.push(id);
                all.push(id);
            }
            "function_call_output" | "custom_tool_call_output" => {
                let at = open.iter().position(|id| item["call_id"] == *id).unwrap_or_else(|| panic!("{body}"));
                open.remove(at);
            }
            _ if item["role"].is_null() || item["role"] == "assistant" => {}
            _ => assert!(open.is_empty(), "{body}"),
        }
    }
    assert!(open.is_empty(), "{body}");
}

#[test]
fn a_loop_goes_on_from_an_echo() {
    let (_, bytes) = files("streams").into_iter().find(|(name, _)| name == "custom-tool.sse").unwrap();
    let answer = decode(DIALECT, &bytes);
    let turns = vec![DIALECT.read_turn(&DIALECT.echo(&answer)), Turn::new(Role::Tool, vec![result("call_9", "Done!")])];
    let body = DIALECT.write_request(&Request { turns, ..Request::default() });
    assert_eq!(
        body["input"][1],
        json!({"type": "custom_tool_call_output", "call_id": "call_9", "output": "Done!"}),
        "a custom tool has results of its own type"
    );
}

#[test]
fn cut_reasoning_does_not_go_back() {
    let (_, bytes) = files("streams").into_iter().find(|(name, _)| name == "reasoning-only.sse").unwrap();
    let from = bytes.windows(16).position(|at| at == b"output_item.done").unwrap();
    let answer = decode_in(DIALECT, &bytes[..from - 20], 99).0;
    assert!(answer.reasoning().starts_with("**Looking**"));
    let mut item = DIALECT.echo(&answer)[0].clone();
    item.as_object_mut().unwrap().remove("encrypted_content");
    let turns = vec![DIALECT.read_turn(&json!([item])), Turn::new(Role::User, vec![text("Continue.")])];
    let body = DIALECT.write_request(&Request { turns, ..Request::default() });
    assert_eq!(body["input"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_request_of_codex_is_read() {
    let (body, read) = request("codex.json");
    let names: Vec<&str> = read.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["exec_command", "apply_patch", "now"]);
    let roles: Vec<Role> = read.turns.iter().map(|turn| turn.role).collect();
    let expected = [Role::System, Role::System, Role::User, Role::User, Role::Assistant, Role::Tool, Role::Assistant];
    assert_eq!(roles, expected);
    let kinds: Vec<&PartKind> = read.turns[4].parts.iter().map(|part| &part.kind).collect();
    assert!(
        matches!(kinds[..], [PartKind::Reasoning(_), PartKind::Text(_), PartKind::Call(_), PartKind::Call(_)]),
        "{kinds:?}"
    );
    assert!(read.stream && read.model == "gpt-5-codex");

    let mut changed = read.clone();
    changed.turns[3].parts[0].kind = PartKind::Text("Write b.txt".into());
    let PartKind::Call(call) = &mut changed.turns[4].parts[2].kind else { panic!() };
    call.args = json!({"cmd": "pwd"});
    changed.tools[0].description = "Runs.".into();
    changed.tools.remove(2);
    changed.max_tokens = Some(9);
    let mut expected = body;
    expected["input"][3]["content"][0]["text"] = json!("Write b.txt");
    expected["input"][6]["arguments"] = json!("{\"cmd\":\"pwd\"}");
    expected["input"][0]["tools"][0]["tools"][0]["description"] = json!("Runs.");
    expected["input"][0]["tools"].as_array_mut().unwrap().remove(1);
    expected["max_output_tokens"] = json!(9);
    assert_eq!(canonical(&DIALECT.write_request(&changed)), canonical(&expected), "what was not changed is as it came");
}

#[test]
fn a_text_as_input_and_the_instructions_are_turns() {
    let (body, read) = request("openai-sdk.json");
    assert_eq!(read.turns.len(), 2);
    assert_eq!((read.temperature, read.max_tokens, read.stream), (Some(0.5), Some(200), false));
    let mut changed = read;
    changed.turns[0].parts[0] = text("Be long.");
    let mut expected = body;
    expected["instructions"] = json!("Be long.");
    expected["input"] =
        json!([{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}]);
    assert_eq!(canonical(&DIALECT.write_request(&changed)), canonical(&expected));
    let (_, previous) = request("only-previous.json");
    assert_eq!(previous.source.as_ref().unwrap()["previous_response_id"], "resp_9");
}

#[test]
fn what_is_no_request_says_why() {
    for (body, word) in [
        (json!([]), "not a JSON object"),
        (json!({"model": "m"}), "no `input`"),
        (json!({"model": "m", "messages": []}), "another dialect"),
        (json!({"model": "m", "input": 7}), "neither a text nor a list"),
    ] {
        let told = DIALECT.read_request(&body).unwrap_err().to_string();
        assert!(told.contains(word), "{told}");
    }
}

#[test]
fn a_schema_is_that_of_an_object() {
    let schema = json!({"anyOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": {}}}], "description": "D."});
    let tools = vec![Tool { name: "f".into(), description: String::new(), schema, source: None }];
    let body = DIALECT.write_request(&Request { tools, ..Request::default() });
    let parameters = &body["tools"][0]["parameters"];
    assert_eq!(parameters["type"], "object");
    assert_eq!(parameters["properties"], json!({"a": {"type": "string"}, "b": {}}));
    assert!(parameters.get("anyOf").is_none());
    assert!(parameters["description"].as_str().unwrap().contains(r#""required":["a"]"#), "{parameters}");
}

#[test]
fn a_source_of_another_dialect_is_not_written() {
    let block = json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}});
    let kind = PartKind::Call(Call { id: "toolu_1".into(), name: "f".into(), args: json!({"a": 1}) });
    let turns = vec![
        Turn::new(Role::Assistant, vec![Part::read(kind, block)]),
        Turn::new(Role::Tool, vec![result("toolu_1", "r")]),
    ];
    let body = DIALECT.write_request(&Request { turns, ..Request::default() });
    assert_eq!(
        body["input"][0],
        json!({"type": "function_call", "call_id": "toolu_1", "name": "f", "arguments": "{\"a\":1}"})
    );
    assert_eq!(Dialect::Responses.name(), "responses");
}
