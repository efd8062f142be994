//! Chat Completions: answers of servers of all kinds, as bytes under `tests/wire/chat/`.

use std::path::PathBuf;

use serde_json::{Value as Json, json};
use tama_tui::wire::{Answer, Call, Dialect, Fault, PartKind, StopKind, Usage, parse};

use super::support::{canonical, decode};

pub fn bytes(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/wire/chat").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn files(begin: &str, end: &str) -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/wire/chat");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(begin) && name.ends_with(end)).collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

pub fn body(name: &str) -> Json {
    parse(&bytes(name)).unwrap()
}

fn answer(name: &str) -> Answer {
    decode(Dialect::Chat, &bytes(name))
}

fn calls(answer: &Answer) -> Vec<(String, String, Json)> {
    answer.calls().map(|call| (call.id.clone(), call.name.clone(), call.args.clone())).collect()
}

fn call(id: &str, name: &str, args: Json) -> (String, String, Json) {
    (id.to_owned(), name.to_owned(), args)
}

fn stop(answer: &Answer) -> (&str, StopKind) {
    let stop = answer.stop.as_ref().unwrap();
    (&stop.word, stop.kind)
}

fn server(answer: &Answer) -> (&str, &str, Option<u16>) {
    match answer.fault.as_ref().unwrap() {
        Fault::Server { message, kind, status } => (message, kind, *status),
        other => panic!("{other:?}"),
    }
}

#[test]
fn text_and_usage() {
    let answer = answer("openai-text.sse");
    assert_eq!(answer.text(), "Grüße 👩‍🚀 ✅");
    assert_eq!(answer.id.as_deref(), Some("chatcmpl-B1"));
    assert_eq!(answer.model.as_deref(), Some("gpt-4.1-mini-2025-04-14"));
    assert_eq!(answer.usage, Some(Usage { input: 57, output: 17, cached: 32, reasoning: 4 }));
    assert_eq!(stop(&answer), ("stop", StopKind::End));
    assert!(answer.whole);
}

#[test]
fn calls_in_pieces() {
    let answer = answer("openai-tools.sse");
    let expected = vec![call("call_a", "read_file", json!({"path": "a.txt"})), call("call_b", "list", json!({}))];
    assert_eq!(calls(&answer), expected);
    assert_eq!(stop(&answer), ("tool_calls", StopKind::Calls));
    let echo = Dialect::Chat.echo(&answer);
    assert_eq!(echo["content"], json!(null));
    assert_eq!(echo["tool_calls"][0]["function"]["arguments"], json!("{\"path\":\"a.txt\"}"));
}

#[test]
fn calls_without_index_run_each() {
    let answer = answer("gemini-no-index.sse");
    let expected = vec![
        call("function-call-1", "write_file", json!({"path": "a.txt", "content": "hi"})),
        call("function-call-2", "read_file", json!({"path": "b.txt"})),
    ];
    assert_eq!(calls(&answer), expected);
    assert_eq!(answer.usage, Some(Usage { input: 10, output: 35, cached: 0, reasoning: 0 }), "thoughts are output");
    let echo = Dialect::Chat.echo(&answer);
    let signature = "/tool_calls/0/extra_content/google/thought_signature";
    assert_eq!(echo.pointer(signature), Some(&json!("c2lnbmF0dXJl")), "a signature goes back");
}

#[test]
fn an_index_is_only_a_name() {
    let from_1 = answer("bedrock-index-from-1.sse");
    assert_eq!(calls(&from_1), vec![call("toolu_1", "bash", json!({"command": "echo"}))]);
    assert_eq!(from_1.text(), "I append.");
    let object = answer("llamacpp-arguments-object.sse");
    assert_eq!(calls(&object), vec![call("c1", "write_file", json!({"path": "a.txt", "content": "hi"}))]);
    let echo = Dialect::Chat.echo(&object);
    let arguments = echo["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
    assert_eq!(parse(arguments.as_bytes()).unwrap(), json!({"path": "a.txt", "content": "hi"}));
}

#[test]
fn a_finish_reason_makes_an_answer_whole() {
    let answer = answer("no-done.sse");
    assert_eq!((answer.text().as_str(), answer.whole, answer.fault), ("The answer.", true, None));
    let half = decode(Dialect::Chat, b"data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n");
    assert_eq!((half.text().as_str(), half.whole, half.stop), ("half", false, None));
    let done = decode(Dialect::Chat, b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n");
    assert!(done.whole && done.stop.is_none());
}

#[test]
fn cut_arguments_are_a_text_and_go_back_as_an_object() {
    let answer = answer("cut-arguments.sse");
    let given = json!("{\"key\": \"approve\", \"value\": \"The report: 1. rows are lo");
    assert_eq!(calls(&answer), vec![call("call_1", "finish", given.clone())]);
    assert_eq!(stop(&answer), ("length", StopKind::Length));
    let echo = Dialect::Chat.echo(&answer);
    let arguments = parse(echo["tool_calls"][0]["function"]["arguments"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(arguments, json!({ "unreadable_arguments": given }));
}

#[test]
fn reasoning_goes_back_with_its_turn() {
    let answer = answer("deepseek-reasoning.sse");
    assert_eq!(answer.reasoning(), "I should write the file.");
    assert_eq!(answer.usage, Some(Usage { input: 9, output: 30, cached: 4, reasoning: 20 }));
    assert_eq!(Dialect::Chat.echo(&answer)["reasoning_content"], json!("I should write the file."));
    let only = self::answer("reasoning-only.sse");
    assert_eq!((only.text().as_str(), only.reasoning().as_str()), ("", "Let me think about the files first. "));
    assert_eq!(stop(&only), ("length", StopKind::Length));
}

#[test]
fn details_of_reasoning_go_back_unmodified() {
    let answer = answer("openrouter-details.sse");
    assert_eq!(answer.reasoning(), "Let me see.");
    let echo = Dialect::Chat.echo(&answer);
    let text = json!({"type": "reasoning.text", "text": "Let me see.", "signature": "c2ln",
        "format": "anthropic-claude-v1", "index": 0});
    let sealed = json!({"type": "reasoning.encrypted", "data": "ZW5j", "id": "rs_1", "index": 1});
    let details = json!([text, sealed]);
    assert_eq!(canonical(&echo["reasoning_details"]), canonical(&details));
    assert_eq!(echo["reasoning"], json!("Let me see."));
    assert_eq!(echo["content"], json!("Done."));
}

#[test]
fn thinking_within_the_content() {
    let answer = answer("mistral-thinking.sse");
    assert_eq!((answer.reasoning().as_str(), answer.text().as_str()), ("The user asks.", "It is four."));
    let expected = json!([
        {"type": "thinking", "thinking": [{"type": "text", "text": "The user asks."}], "closed": true},
        {"type": "text", "text": "It is four."},
        {"type": "reference", "reference_ids": [1]},
    ]);
    assert_eq!(canonical(&Dialect::Chat.echo(&answer)["content"]), canonical(&expected));
}

#[test]
fn a_refusal_is_told() {
    let answer = answer("refusal.sse");
    assert_eq!(stop(&answer), ("stop", StopKind::Refused));
    assert_eq!(answer.stop_message.as_deref(), Some("I can't help with that."));
    assert_eq!(Dialect::Chat.echo(&answer)["refusal"], json!("I can't help with that."));
    let filtered = self::answer("azure-filter.sse");
    assert_eq!(stop(&filtered), ("content_filter", StopKind::Filtered));
    assert_eq!(filtered.stop_message.as_deref(), Some("filtered: violence (severity high)"));
    assert_eq!(filtered.text(), "half");
}

#[test]
fn usage_of_groq_and_the_older_function_call() {
    assert_eq!(answer("groq-usage.sse").usage, Some(Usage { input: 5, output: 2, cached: 0, reasoning: 0 }));
    let older = answer("function-call.sse");
    assert_eq!(calls(&older), vec![call("", "get_weather", json!({"city": "Rom"}))]);
    assert_eq!(stop(&older), ("function_call", StopKind::Calls));
    let older = decode(Dialect::Chat, &bytes("answer-function-call.json"));
    assert_eq!(calls(&older), vec![call("", "get_weather", json!({"city": "Rom"}))]);
    assert_eq!(Dialect::Chat.echo(&older)["tool_calls"][0]["id"], json!("call00000"));
}

#[test]
fn oddities_of_streams_make_no_difference() {
    let answer = answer("oddities.sse");
    assert_eq!(answer.text(), "Grüße 👩‍🚀 – 完了 ✅");
    assert_eq!(answer.usage, Some(Usage { input: 3, output: 4, cached: 0, reasoning: 0 }));
    assert!(answer.whole && answer.fault.is_none());
    assert_eq!(self::answer("broken-byte.sse").text(), "before \u{fffd} after");
}

#[test]
fn errors_in_a_stream_keep_what_came() {
    let vllm = answer("vllm-error.sse");
    assert_eq!(server(&vllm), ("maximum context length is 8192 tokens", "BadRequestError", Some(400)));
    assert_eq!((vllm.text().as_str(), vllm.whole), ("half ", false));
    let router = answer("openrouter-error.sse");
    assert_eq!(server(&router), ("Provider returned error: upstream overloaded", "", Some(502)));
    assert_eq!((router.text().as_str(), router.whole), ("half ", false));
}

#[test]
fn errors_of_all_forms_are_in_the_servers_words() {
    let forms = [
        (
            r#"{"error":{"message":"no","type":"invalid_request_error","code":"bad"}}"#,
            "no",
            "invalid_request_error",
            None,
        ),
        (r#"{"error":"model not found"}"#, "model not found", "", None),
        (
            r#"{"error":"Bad Request","message":"no such model","statusCode":400}"#,
            "no such model",
            "Bad Request",
            Some(400),
        ),
        (r#"{"detail":"Not authenticated"}"#, "Not authenticated", "", None),
        (
            r#"{"detail":[{"loc":["body","messages",0],"msg":"field required","type":"missing"}]}"#,
            "body.messages.0: field required",
            "",
            None,
        ),
        (r#"{"message":"overloaded","type":"error"}"#, "overloaded", "error", None),
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            "Overloaded",
            "overloaded_error",
            None,
        ),
        (
            r#"{"choices":[{"index":0,"error":{"code":429,"message":"slow down"},"delta":{}}]}"#,
            "slow down",
            "",
            Some(429),
        ),
        (
            r#"{"code":"InvalidParameter","message":"url error","request_id":"r"}"#,
            "url error",
            "InvalidParameter",
            None,
        ),
        (
            r#"{"choices":null,"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}"#,
            "insufficient balance",
            "",
            None,
        ),
        (r#"{"errors":[{"code":7000,"message":"No route"}],"success":false}"#, "No route", "", None),
        (r#"{"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT"}}"#, "Bad", "INVALID_ARGUMENT", Some(400)),
    ];
    for (event, message, kind, status) in forms {
        let stream =
            format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"a\"}}}}]}}\n\ndata: {event}\n\ndata: [DONE]\n\n");
        let streamed = decode(Dialect::Chat, stream.as_bytes());
        assert_eq!(server(&streamed), (message, kind, status), "{event}");
        assert_eq!((streamed.text().as_str(), streamed.whole), ("a", false), "{event}");
        let whole = decode(Dialect::Chat, event.as_bytes());
        assert_eq!(server(&whole), (message, kind, status), "{event}");
    }
    let listed = decode(Dialect::Chat, br#"[{"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT"}}]"#);
    assert_eq!(server(&listed), ("Bad", "INVALID_ARGUMENT", Some(400)));
    let named = decode(Dialect::Chat, b"event: error\ndata: {\"message\":\"gone\"}\n\n");
    assert_eq!(server(&named).0, "gone");
    for word in ["error", "insufficient_system_resource", "abort"] {
        let end = format!("data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"{word}\"}}]}}\n\n");
        let answer = decode(Dialect::Chat, end.as_bytes());
        assert!(server(&answer).0.contains(word) && !answer.whole);
        assert_eq!(stop(&answer).0, word);
    }
}

#[test]
fn what_is_no_error() {
    for event in [
        r#"{"type":"ping"}"#,
        r#"{"choices":[],"error":null}"#,
        r#"{"choices":[{"delta":{},"error":null}],"error":{}}"#,
        r#"{"status":"queued","message":"position 3"}"#,
        r#"{"choices":[],"error":{"code":0,"message":""},"base_resp":{"status_code":0,"status_msg":"success"}}"#,
        r#"{"object":"chat.completion.chunk","prompt_filter_results":[]}"#,
        "[1,2]",
        "3",
        r#""text""#,
    ] {
        let stream = format!("data: {event}\n\ndata: [DONE]\n\n");
        let answer = decode(Dialect::Chat, stream.as_bytes());
        assert_eq!((answer.fault, answer.whole), (None, true), "{event}");
    }
}

#[test]
fn stop_words_of_imitators() {
    let words = [
        ("eos", StopKind::End),
        ("eos_token", StopKind::End),
        ("stop_sequence", StopKind::End),
        ("end_turn", StopKind::End),
        ("STOP", StopKind::End),
        ("tool_use", StopKind::Calls),
        ("max_tokens", StopKind::Length),
        ("MAX_TOKENS", StopKind::Length),
        ("model_length", StopKind::Length),
        ("SAFETY", StopKind::Filtered),
        ("sensitive", StopKind::Filtered),
        ("refusal", StopKind::Refused),
        ("function_call_filter: MALFORMED_FUNCTION_CALL", StopKind::Malformed),
        ("something", StopKind::Other),
    ];
    for (word, kind) in words {
        let body = json!({"choices": [{"message": {"content": "a"}, "finish_reason": word}]}).to_string();
        let answer = decode(Dialect::Chat, body.as_bytes());
        assert_eq!(stop(&answer), (word, kind));
        assert!(answer.whole);
    }
    let body = json!({"choices": [{"delta": {"content": "a"}, "finish_reason": ""}]});
    assert!(!decode(Dialect::Chat, body.to_string().as_bytes()).whole);
    let calls =
        json!({"choices": [{"message": {"tool_calls": [{"function": {"name": "a"}}]}, "finish_reason": "stop"}]});
    assert_eq!(stop(&Dialect::Chat.read_answer(&calls)), ("stop", StopKind::Calls));
}

#[test]
fn odd_calls_of_a_whole_body() {
    let answer = decode(Dialect::Chat, &bytes("answer-odd-calls.json"));
    let expected = vec![
        call("x", "a", json!({"n": 1})),
        call("x", "b", json!({"n": 2})),
        call("", "c", json!({})),
        call("", "d", json!("{\"n\": ")),
    ];
    assert_eq!(calls(&answer), expected);
    let echo = Dialect::Chat.echo(&answer);
    let turn = Dialect::Chat.read_turn(&echo);
    let read: Vec<&Call> = turn
        .parts
        .iter()
        .filter_map(|part| if let PartKind::Call(call) = &part.kind { Some(call) } else { None })
        .collect();
    assert_eq!(
        read.iter().map(|call| call.id.as_str()).collect::<Vec<_>>(),
        ["x", "call00000", "call00001", "call00002"]
    );
    let same: Vec<_> = read.iter().map(|call| (&call.name, &call.args)).collect();
    assert_eq!(same, answer.calls().map(|call| (&call.name, &call.args)).collect::<Vec<_>>());
}

#[test]
fn whole_answers_are_written_as_they_came() {
    for name in files("answer-", ".json") {
        let body = body(&name);
        let answer = Dialect::Chat.read_answer(&body);
        assert!(answer.whole && answer.fault.is_none(), "{name}");
        assert_eq!(canonical(&Dialect::Chat.write_answer(&answer)), canonical(&body), "{name}");
        assert_eq!(decode(Dialect::Chat, &bytes(&name)), answer, "{name}");
    }
}

#[test]
fn several_choices_count_as_the_first() {
    let event = |index: u8, text: &str| {
        format!("data: {}\n\n", json!({"choices": [{"index": index, "delta": {"content": text}}]}))
    };
    let stream = [event(0, "a"), event(1, "x"), event(0, "b"), event(1, "y")].concat();
    assert_eq!(decode(Dialect::Chat, stream.as_bytes()).text(), "ab");
    let body =
        json!({"choices": [{"index": 1, "message": {"content": "x"}}, {"index": 0, "message": {"content": "a"}}]});
    assert_eq!(Dialect::Chat.read_answer(&body).text(), "a");
}

#[test]
fn whole_messages_in_place_of_deltas() {
    let stream = |contents: &[&str]| {
        let chunk = |content: &&str| format!("data: {}\n\n", json!({"choices": [{"message": {"content": content}}]}));
        decode(Dialect::Chat, contents.iter().map(chunk).collect::<Vec<_>>().concat().as_bytes()).text()
    };
    assert_eq!(stream(&["He said", " ha", " ha"]), "He said ha ha");
    assert_eq!(stream(&["He", "He said", "He said ha", "He said ha"]), "He said ha");
}

#[test]
fn a_custom_tool_takes_a_text() {
    let first = json!({"index": 0, "id": "c", "type": "custom", "custom": {"name": "patch", "input": ""}});
    let chunks =
        [first, json!({"index": 0, "custom": {"input": "{\"a\""}}), json!({"index": 0, "custom": {"input": ":1}"}})];
    let chunk = |call: &Json| format!("data: {}\n\n", json!({"choices": [{"delta": {"tool_calls": [call]}}]}));
    let answer = decode(Dialect::Chat, chunks.iter().map(chunk).collect::<Vec<_>>().concat().as_bytes());
    assert_eq!(calls(&answer), vec![call("c", "patch", json!("{\"a\":1}"))]);
    let expected = json!([{"id": "c", "type": "custom", "custom": {"name": "patch", "input": "{\"a\":1}"}}]);
    assert_eq!(canonical(&Dialect::Chat.echo(&answer)["tool_calls"]), canonical(&expected));
}

#[test]
fn thinking_of_another_shape_takes_nothing_away() {
    let piece = |thinking: Json| {
        let block = json!({"type": "thinking", "thinking": thinking});
        format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": [block]}}]}))
    };
    let pieces = [
        json!([{"type": "text", "text": "The user "}]),
        json!([{"type": "text", "text": "asks"}]),
        json!(true),
        json!("."),
    ];
    let answer = decode(Dialect::Chat, pieces.map(piece).concat().as_bytes());
    assert_eq!(answer.reasoning(), "The user asks.");
}
