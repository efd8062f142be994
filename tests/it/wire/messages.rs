//! Anthropic Messages: recorded streams, each with what it says beside it.

use serde_json::{Value as Json, json};
use tama_tui::wire::{Answer, Dialect, Fault, Part, PartKind, Role, StopKind};

use super::support::{canonical, decode};

const MESSAGES: Dialect = Dialect::Messages;

/// The recorded files of a folder with an ending: their names and bytes.
pub fn recorded(folder: &str, ending: &str) -> Vec<(String, Vec<u8>)> {
    let folder = format!("{}/tests/wire/messages/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|own| own == ending))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has recorded files");
    files
}

fn recorded_json(folder: &str) -> Vec<(String, Json)> {
    let read = |(name, bytes): (String, Vec<u8>)| (name, serde_json::from_slice(&bytes).unwrap());
    recorded(folder, "json").into_iter().map(read).collect()
}

fn stream(name: &str) -> Answer {
    let (_, bytes) = recorded("streams", "sse").into_iter().find(|(own, _)| own == name).unwrap();
    decode(MESSAGES, &bytes)
}

/// An answer in words, a line for each thing.
fn in_words(answer: &Answer) -> String {
    let mut lines: Vec<String> = answer
        .parts
        .iter()
        .map(|part| match &part.kind {
            PartKind::Text(text) => format!("text {text:?}"),
            PartKind::Reasoning(text) => format!("reasoning {text:?}"),
            PartKind::Call(call) => format!("call {:?} {} {}", call.id, call.name, call.args),
            PartKind::Result(result) => format!("result {:?}", result.id),
            PartKind::Other => {
                format!("other {}", part.source.as_ref().and_then(|source| source["type"].as_str()).unwrap_or("?"))
            }
        })
        .map(|line| line.replace("\\u{200d}", "\u{200d}"))
        .collect();
    lines.extend(answer.stop.as_ref().map(|stop| format!("stop {} {:?}", stop.word, stop.kind)));
    lines.extend(answer.stop_message.as_ref().map(|message| format!("because {message}")));
    lines.extend(answer.usage.map(|usage| {
        let (input, output) = (usage.input, usage.output);
        format!("usage in {input} out {output} cached {} reasoning {}", usage.cached, usage.reasoning)
    }));
    lines.extend(answer.whole.then(|| "whole".to_owned()));
    lines.extend(answer.fault.as_ref().map(|fault| match fault {
        Fault::Server { message, kind, .. } => format!("fault {kind}: {message}"),
        other => format!("fault {other}"),
    }));
    lines.join("\n") + "\n"
}

fn kinds(parts: &[Part]) -> Vec<PartKind> {
    parts.iter().map(|part| part.kind.clone()).collect()
}

#[test]
fn recorded_streams_say_what_they_say() {
    let wanted = recorded("streams", "txt");
    let streams = recorded("streams", "sse");
    assert_eq!(streams.len(), wanted.len());
    for ((name, bytes), (_, wanted)) in streams.into_iter().zip(wanted) {
        assert_eq!(in_words(&decode(MESSAGES, &bytes)), String::from_utf8(wanted).unwrap(), "{name}");
    }
}

#[test]
fn a_stream_has_its_id_and_model() {
    let answer = stream("text");
    assert_eq!(answer.id.as_deref(), Some("msg_01Rec"));
    assert_eq!(answer.model.as_deref(), Some("claude-sonnet-4-5-20250929"));
}

#[test]
fn sources_hold_what_has_to_go_back() {
    let sources: Vec<Json> = stream("thinking_then_call").parts.into_iter().filter_map(|part| part.source).collect();
    assert_eq!(
        sources[0],
        json!({"type": "thinking", "thinking": "I should write.", "signature": "EqQBCkgIARABGAIiQL8="})
    );
    assert_eq!(sources[1], json!({"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix/LafPsn4a"}));
    assert_eq!(sources[3]["caller"], json!({"type": "direct"}));
    let cited = stream("server_tool").parts.pop().and_then(|part| part.source).unwrap();
    assert_eq!(cited["citations"][0]["cited_text"], "a thing");
    let searched = stream("server_tool").parts.remove(0).source.unwrap();
    assert_eq!(searched["input"], json!({"query": "tama"}));
    let unknown = stream("unknown_things").parts;
    let hologram = json!({"type": "hologram", "shape": "cube", "frames": [1, 2], "note": "ab"});
    assert_eq!(unknown[0].source.as_ref(), Some(&hologram));
    assert_eq!(unknown[1].source.as_ref().unwrap()["mood"], "calm");
}

#[test]
fn stop_words_have_a_meaning() {
    let words = [
        ("end_turn", StopKind::End),
        ("stop_sequence", StopKind::End),
        ("stop", StopKind::End),
        ("tool_use", StopKind::Calls),
        ("tool_calls", StopKind::Calls),
        ("max_tokens", StopKind::Length),
        ("length", StopKind::Length),
        ("model_context_window_exceeded", StopKind::Length),
        ("refusal", StopKind::Refused),
        ("pause_turn", StopKind::Paused),
        ("sensitive", StopKind::Filtered),
        ("content_filter", StopKind::Filtered),
        ("compaction", StopKind::Other),
    ];
    for (word, kind) in words {
        let answer = MESSAGES.read_answer(&json!({"type": "message", "content": [], "stop_reason": word}));
        assert_eq!(answer.stop.map(|stop| (stop.word, stop.kind)), Some((word.to_owned(), kind)));
    }
}

#[test]
fn tokens_beside_an_error_are_kept_in_a_stream() {
    let bytes = "event: error\ndata: {\"type\": \"error\", \"error\": {\"type\": \"x\", \"message\": \"Busy\"}}\n\n";
    let begun =
        "data: {\"type\": \"message_start\", \"message\": {\"content\": [], \"usage\": {\"input_tokens\": 10}}}\n\n";
    let answer = decode(MESSAGES, format!("{begun}{bytes}").as_bytes());
    assert_eq!(answer.usage.map(|usage| usage.input), Some(10));
    assert_eq!(decode(MESSAGES, &MESSAGES.write_stream(&answer)).usage, answer.usage);
}

#[test]
fn errors_of_all_shapes_are_told_in_the_servers_words() {
    let bodies = [
        (json!({"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}), "overloaded_error", None),
        (json!({"error": {"message": "Busy", "code": 429}}), "", Some(429)),
        (json!({"error": "Busy"}), "", None),
        (json!({"message": "Busy"}), "", None),
        (json!({"Message": "Busy", "__type": "ThrottlingException"}), "ThrottlingException", None),
        (json!({"detail": "Busy"}), "", None),
        (json!({"detail": [{"msg": "Busy", "loc": ["body"]}]}), "", None),
        (json!({"code": 500, "msg": "Busy", "success": false}), "", Some(500)),
        (
            json!({"object": "error", "message": "Busy", "type": "BadRequestError", "code": 400}),
            "BadRequestError",
            Some(400),
        ),
        (json!({"errors": [{"message": "Busy"}]}), "", None),
        (json!({"error": {"message": r#"{"type":"error","error":{"type":"x","message":"Busy"}}"#}}), "", None),
        (
            json!({"error": {"status": "RESOURCE_EXHAUSTED", "code": 429, "message": "Busy"}}),
            "RESOURCE_EXHAUSTED",
            Some(429),
        ),
    ];
    for (body, kind, status) in bodies {
        let answer = MESSAGES.read_answer(&body);
        let wanted = Fault::Server { message: "Busy".into(), kind: kind.into(), status };
        assert_eq!(answer.fault, Some(wanted), "{body}");
        assert!(!answer.whole);
    }
    for body in [json!({}), json!({"foo": 1}), json!(null), json!([1])] {
        assert!(matches!(MESSAGES.read_answer(&body).fault, Some(Fault::NotAnAnswer(_))), "{body}");
    }
    let fine =
        MESSAGES.read_answer(&json!({"type": "message", "content": "a", "error": null, "stop_reason": "end_turn"}));
    assert_eq!((fine.fault, fine.whole), (None, true));
}

#[test]
fn an_echo_is_well_formed_and_has_the_calls_of_the_answer() {
    for (name, bytes) in recorded("streams", "sse") {
        let answer = decode(MESSAGES, &bytes);
        let echo = MESSAGES.echo(&answer);
        assert_eq!(echo["role"], "assistant");
        let turn = MESSAGES.read_turn(&echo);
        assert_eq!(turn.role, Role::Assistant);
        let calls: Vec<_> = turn.parts.iter().filter_map(|part| call_of(&part.kind)).collect();
        let names: Vec<&str> = answer.calls().map(|call| call.name.as_str()).collect();
        assert_eq!(calls.iter().map(|call| call.1.as_str()).collect::<Vec<_>>(), names, "{name}");
        let mut ids: Vec<&str> = calls.iter().map(|call| call.0.as_str()).collect();
        assert!(ids.iter().all(|id| !id.is_empty()), "{name}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), names.len(), "{name}: ids differ");
        for (call, came) in calls.iter().zip(answer.calls()) {
            assert!(call.2.is_object());
            assert!(came.args == call.2 || call.2["unreadable_arguments"] == came.args, "{name}");
        }
    }
}

fn call_of(kind: &PartKind) -> Option<(String, String, Json)> {
    if let PartKind::Call(call) = kind { Some((call.id.clone(), call.name.clone(), call.args.clone())) } else { None }
}

#[test]
fn numbers_go_back_as_they_came() {
    let body: Json = serde_json::from_str(
        r#"{"content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"n": 1.8446744073709551616e38}}]}"#,
    )
    .unwrap();
    let answer = MESSAGES.read_answer(&body);
    let again: Json = serde_json::from_str(&MESSAGES.echo(&answer).to_string()).unwrap();
    assert_eq!(again["content"], body["content"]);
}

#[test]
fn an_echo_keeps_what_was_signed_and_leaves_out_what_is_refused() {
    let echo = MESSAGES.echo(&stream("thinking_then_call"));
    let kinds: Vec<&Json> = echo["content"].as_array().unwrap().iter().map(|block| &block["type"]).collect();
    assert_eq!(kinds, ["thinking", "redacted_thinking", "text", "tool_use"]);
    assert_eq!(echo["content"][0]["signature"], "EqQBCkgIARABGAIiQL8=");
    let cut = MESSAGES.echo(&stream("cut_call"));
    let text = "{\"key\": \"approve\", \"value\": \"The rep";
    assert_eq!(cut["content"][0]["input"], json!({"unreadable_arguments": text}));
    let paused = MESSAGES.echo(&stream("paused"));
    assert_eq!(paused["content"][0]["type"], "server_tool_use");
    let unanswered = MESSAGES.read_answer(&json!({"content": [
        {"type": "text", "text": " \n"},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {"type": "text", "text": "text"},
        {"type": "thinking", "thinking": "cut", "signature": ""},
    ], "stop_reason": "max_tokens"}));
    assert_eq!(MESSAGES.echo(&unanswered)["content"], json!([{"type": "text", "text": "text"}]));
}

#[test]
fn a_servers_tool_that_waits_for_calls_goes_back() {
    let body = json!({"content": [
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "code_execution", "input": {"code": "f()"}},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}, "caller": {"type": "code_execution_20260120", "tool_id": "srvtoolu_1"}},
    ], "stop_reason": "tool_use"});
    assert_eq!(MESSAGES.echo(&MESSAGES.read_answer(&body))["content"], body["content"]);
}

#[test]
fn answers_are_written_as_they_came() {
    for (name, body) in recorded_json("answers") {
        let written = MESSAGES.write_answer(&MESSAGES.read_answer(&body));
        assert_eq!(canonical(&written), canonical(&body), "{name}");
    }
}

#[test]
fn a_changed_answer_keeps_its_unknown_fields() {
    let (_, body) = recorded_json("answers").into_iter().find(|(name, _)| name == "server_tool").unwrap();
    let mut answer = MESSAGES.read_answer(&body);
    answer.parts[3].kind = PartKind::Text("Changed.".into());
    let mut wanted = body.clone();
    wanted["content"][3] = json!({"type": "text", "text": "Changed."});
    let written = MESSAGES.write_answer(&answer);
    assert_eq!(canonical(&written), canonical(&wanted));
}

#[test]
fn streams_are_written_so_that_they_say_the_same() {
    let answers = recorded("streams", "sse").into_iter().map(|(name, bytes)| (name, decode(MESSAGES, &bytes)));
    let bodies = recorded_json("answers").into_iter().map(|(name, body)| (name, MESSAGES.read_answer(&body)));
    for (name, answer) in answers.chain(bodies) {
        let again = decode(MESSAGES, &MESSAGES.write_stream(&answer));
        assert_eq!(kinds(&again.parts), kinds(&answer.parts), "{name}");
        assert_eq!(again.usage, answer.usage, "{name}");
        assert_eq!(again.stop_message, answer.stop_message, "{name}");
        assert_eq!(again.stop.map(|stop| stop.kind), answer.stop.map(|stop| stop.kind), "{name}");
        assert_eq!((again.whole, again.fault.is_some()), (answer.whole, answer.fault.is_some()), "{name}");
    }
}

#[test]
fn a_written_stream_keeps_the_sources() {
    for name in ["thinking_then_call", "server_tool", "unknown_things"] {
        let answer = stream(name);
        assert_eq!(decode(MESSAGES, &MESSAGES.write_stream(&answer)).parts, answer.parts, "{name}");
    }
}

#[test]
fn requests_are_written_as_they_came() {
    for (name, body) in recorded_json("requests") {
        let request = MESSAGES.read_request(&body).unwrap();
        assert_eq!(canonical(&MESSAGES.write_request(&request)), canonical(&body), "{name}");
    }
}
