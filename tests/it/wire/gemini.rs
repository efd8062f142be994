//! Gemini: answers, streamed and whole, and what goes back of them.

use serde_json::{Value as Json, json};
use tama_tui::wire::{Answer, Decoder, Dialect, Fault, PartKind, Stop, StopKind, Usage};

use super::support::{canonical, decode};

pub const ANSWERS: [&str; 4] = ["answer.json", "answer_code.json", "answer_blocked.json", "answer_error.json"];
pub const STREAMS: [&str; 16] = [
    "stream.sse",
    "signed_text.sse",
    "array.json",
    "ids.sse",
    "imitator.sse",
    "finish_before_the_rest.sse",
    "error_in_the_middle.sse",
    "error_listed.sse",
    "malformed.sse",
    "safety.sse",
    "empty_at_the_limit.sse",
    "blocked.sse",
    "cut.sse",
    "two_candidates.sse",
    "arguments_by_value.sse",
    "answer.json",
];

pub fn bytes(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/wire/gemini/{name}", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(&path).unwrap_or_default();
    assert!(!bytes.is_empty(), "{path}");
    bytes
}

pub fn json(name: &str) -> Json {
    tama_tui::wire::parse(&bytes(name)).unwrap_or_default()
}

fn streamed(name: &str) -> Answer {
    decode(Dialect::Gemini, &bytes(name))
}

/// Parts in short: text, `~reasoning`, `name(arguments)`, `?` for others.
pub fn parts(answer: &Answer) -> Vec<String> {
    let short = |kind: &PartKind| match kind {
        PartKind::Text(text) => text.clone(),
        PartKind::Reasoning(text) => format!("~{text}"),
        PartKind::Call(call) => format!("{}({})", call.name, call.args),
        PartKind::Result(result) => format!("={}", result.text),
        PartKind::Other => "?".into(),
    };
    answer.parts.iter().map(|part| short(&part.kind)).collect()
}

fn stop(word: &str, kind: StopKind) -> Stop {
    Stop { word: word.into(), kind }
}

fn ids(answer: &Answer) -> Vec<&str> {
    answer.calls().map(|call| call.id.as_str()).collect()
}

#[test]
fn a_stream_is_put_together() {
    let answer = streamed("stream.sse");
    let expected =
        ["~**Looking**\nTwo files.", "I read “a” and b. 😀", r#"read({"path":"a"})"#, r#"read({"path":"b"})"#, ""];
    assert_eq!(parts(&answer), expected);
    assert_eq!(answer.stop, Some(stop("STOP", StopKind::Calls)));
    assert_eq!(answer.usage, Some(Usage { input: 120, output: 61, cached: 64, reasoning: 40 }));
    assert_eq!((answer.id.as_deref(), answer.model.as_deref()), (Some("r-7Qx"), Some("gemini-3-pro-preview")));
    assert!(answer.whole);
    assert_eq!(answer.fault, None);
}

#[test]
fn signatures_go_back_on_their_parts() {
    let expected = json!({"role": "model", "parts": [
        {"text": "**Looking**\nTwo files.", "thought": true},
        {"text": "I read “a” and b. 😀"},
        {"functionCall": {"name": "read", "args": {"path": "a"}}, "thoughtSignature": "c2lnbmF0dXJlIG9uZQ=="},
        {"functionCall": {"name": "read", "args": {"path": "b"}}},
        {"text": "", "thoughtSignature": "c2lnbmF0dXJlIHR3bw=="},
    ]});
    assert_eq!(Dialect::Gemini.echo(&streamed("stream.sse")), expected);
    let expected = json!({"role": "model", "parts": [
        {"text": "Hello"},
        {"text": ".", "thoughtSignature": "QUFB"},
        {"text": " More"},
        {"thought_signature": "QkJC"},
        {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}},
        {"inlineData": {"mimeType": "image/png", "data": "iVBO"}},
    ]});
    assert_eq!(Dialect::Gemini.echo(&streamed("signed_text.sse")), expected);
}

#[test]
fn a_list_is_a_stream() {
    let answer = streamed("array.json");
    assert_eq!(parts(&answer), ["Hello"]);
    assert_eq!(answer.stop, Some(stop("MAX_TOKENS", StopKind::Length)));
    assert_eq!(answer.usage, Some(Usage { input: 3, output: 2, cached: 0, reasoning: 0 }));
    assert!(answer.whole);
    let whole = Dialect::Gemini.read_answer(&json("array.json"));
    assert_eq!((whole.parts, whole.stop, whole.usage), (answer.parts, answer.stop, answer.usage));
}

#[test]
fn each_call_comes_once() {
    let answer = streamed("ids.sse");
    assert_eq!(parts(&answer), ["a({})", r#"a({"n":1})"#, r#"a({"n":2})"#, "b({})", "b({})"]);
    assert_eq!(ids(&answer), ["", "same", "same", "", ""]);
    let turn = Dialect::Gemini.read_turn(&Dialect::Gemini.echo(&answer));
    let calls: Vec<_> = turn.parts.iter().map(|part| part.kind.clone()).collect();
    let read = Answer { parts: turn.parts, ..Answer::default() };
    assert_eq!(ids(&read), ["call_1", "same", "call_0", "call_2", "call_3"]);
    assert_eq!(parts(&read), parts(&answer));
    assert_eq!(calls.len(), 5);
}

#[test]
fn imitators_are_read() {
    let answer = streamed("imitator.sse");
    assert_eq!(parts(&answer), ["a", r#"w({"path":"x"})"#, r#"w({"path":"y"})"#, r#"w("{\"path\": ")"#]);
    assert_eq!(answer.stop, Some(stop("stop", StopKind::Calls)));
    assert_eq!(answer.usage, Some(Usage { input: 7, output: 2, cached: 0, reasoning: 0 }));
    assert_eq!(answer.fault, None);
    let echo = Dialect::Gemini.echo(&answer);
    assert_eq!(echo["parts"][1], json!({"functionCall": {"name": "w", "args": {"path": "x"}}}));
    assert_eq!(echo["parts"][3]["functionCall"]["args"], json!({"unreadable_arguments": "{\"path\": "}));
    let read = Answer { parts: Dialect::Gemini.read_turn(&echo).parts, ..Answer::default() };
    assert_eq!(parts(&read), parts(&answer));
}

#[test]
fn what_follows_a_finish_reason_counts() {
    let answer = streamed("finish_before_the_rest.sse");
    assert_eq!(parts(&answer), ["ab"]);
    assert_eq!(answer.usage, Some(Usage { input: 4, output: 2, cached: 0, reasoning: 0 }));
    assert!(answer.whole);
}

#[test]
fn an_error_in_the_middle_keeps_what_came() {
    for (name, message, status, kind) in [
        ("error_in_the_middle.sse", "The model is overloaded. Please try again later.", 503, "UNAVAILABLE"),
        ("error_listed.sse", "Resource has been exhausted.", 429, "RESOURCE_EXHAUSTED"),
    ] {
        let answer = streamed(name);
        assert_eq!(parts(&answer), ["So far"]);
        let expected = Fault::Server { message: message.into(), kind: kind.into(), status: Some(status) };
        assert_eq!(answer.fault, Some(expected));
        assert!(!answer.whole);
        assert_eq!(answer.stop, None);
    }
}

#[test]
fn why_it_stopped_is_kept() {
    let malformed = streamed("malformed.sse");
    assert_eq!(malformed.stop, Some(stop("MALFORMED_FUNCTION_CALL", StopKind::Malformed)));
    assert_eq!(malformed.stop_message.as_deref(), Some("Malformed function call: write("));
    assert_eq!(streamed("safety.sse").stop, Some(stop("SAFETY", StopKind::Filtered)));
    let empty = streamed("empty_at_the_limit.sse");
    assert_eq!(empty.stop, Some(stop("MAX_TOKENS", StopKind::Length)));
    assert_eq!(empty.usage, Some(Usage { input: 9, output: 100, cached: 0, reasoning: 100 }));
    let blocked = streamed("blocked.sse");
    assert_eq!(blocked.stop, Some(stop("PROHIBITED_CONTENT", StopKind::Filtered)));
    assert_eq!(blocked.stop_message.as_deref(), Some("The prompt was blocked."));
    for answer in [malformed, empty, blocked] {
        assert!(answer.whole && answer.parts.is_empty() && answer.fault.is_none());
    }
    let cut = streamed("cut.sse");
    assert!(!cut.whole);
    assert_eq!((parts(&cut).len(), cut.stop, cut.fault), (2, None, None));
}

#[test]
fn each_word_has_its_meaning() {
    let words = [
        (StopKind::End, "STOP"),
        (StopKind::Length, "MAX_TOKENS length"),
        (
            StopKind::Filtered,
            "SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY LANGUAGE content_filter",
        ),
        (StopKind::Malformed, "MALFORMED_FUNCTION_CALL UNEXPECTED_TOOL_CALL"),
        (StopKind::Other, "OTHER TOO_MANY_TOOL_CALLS MISSING_THOUGHT_SIGNATURE NEW_WORD"),
    ];
    for (kind, words) in words {
        for word in words.split(' ') {
            let body = json!({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": word}]});
            assert_eq!(Dialect::Gemini.read_answer(&body).stop, Some(stop(word, kind)));
        }
    }
    for none in [json!(null), json!(""), json!("FINISH_REASON_UNSPECIFIED")] {
        let body = json!({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": none}]});
        let answer = Dialect::Gemini.read_answer(&body);
        assert_eq!((answer.stop, answer.whole), (None, false));
    }
}

#[test]
fn one_candidate_is_the_answer() {
    let answer = streamed("two_candidates.sse");
    assert_eq!(parts(&answer), ["ours!"]);
    assert!(answer.whole);
    let index = |index: Json| json!({"candidates": [{"content": {"parts": [{"text": "a"}]}, "index": index}]});
    for odd in [json!(1), json!(-1), json!(4_294_967_295_u64), json!("0"), json!(null)] {
        assert_eq!(Dialect::Gemini.read_answer(&index(odd)).text(), "a");
    }
}

#[test]
fn arguments_come_value_by_value() {
    let answer = streamed("arguments_by_value.sse");
    let expected = [r#"write({"path":"a","lines":["xy",{"b c":2}]})"#, r#"read({"path":"b"})"#];
    assert_eq!(parts(&answer), expected);
    let echo = Dialect::Gemini.echo(&answer);
    assert_eq!(echo["parts"][0]["thoughtSignature"], "Q0ND");
    assert_eq!(echo["parts"][0]["functionCall"]["args"]["path"], "a");
    let whole = json!({"functionCall": {"name": "read", "partialArgs": [{"jsonPath": "$", "numberValue": 2}]}});
    let answer = Dialect::Gemini.read_answer(&json!({"candidates": [{"content": {"parts": [whole]}}]}));
    assert_eq!(parts(&answer), [r#"read("2")"#]);
    let values = json!([{"jsonPath": "$.path", "stringValue": "a"}]);
    let call = json!({"functionCall": {"name": "read", "partialArgs": values}});
    let answer = Dialect::Gemini.read_answer(&json!({"candidates": [{"content": {"parts": [call]}}]}));
    let expected = json!([{"functionCall": {"name": "read", "args": {"path": "a"}}}]);
    assert_eq!(Dialect::Gemini.echo(&answer)["parts"], expected);
}

#[test]
fn errors_of_every_shape_are_told() {
    let told = |body: Json| {
        let bytes = body.to_string().into_bytes();
        let answer = decode(Dialect::Gemini, &bytes);
        assert!(!answer.whole && answer.parts.is_empty(), "{body}");
        answer.fault
    };
    let server =
        |message: &str, kind: &str, status| Some(Fault::Server { message: message.into(), kind: kind.into(), status });
    let error = json!({"code": 429, "message": "Too many.", "status": "RESOURCE_EXHAUSTED"});
    let full = server("Too many.", "RESOURCE_EXHAUSTED", Some(429));
    assert_eq!(told(json!({"error": error})), full);
    assert_eq!(told(json!([{"error": error}])), full);
    assert_eq!(told(json!({"error": {"error": error}})), full);
    assert_eq!(told(json!({"error": "no model"})), server("no model", "", None));
    assert_eq!(told(json!({"error": {"code": "401", "message": ""}})), server("401", "401", Some(401)));
    assert_eq!(told(json!({"errors": [{"message": "no"}]})), server("no", "", None));
    assert_eq!(told(json!({"message": "no route", "code": 404})), server("no route", "", Some(404)));
    assert_eq!(told(json!({"detail": [{"msg": "x"}]})), server(r#"[{"msg":"x"}]"#, "", None));
    assert!(matches!(told(json!({"hello": 1})), Some(Fault::NotAnAnswer(_))));
    assert_eq!(told(json!({"error": null, "candidates": []})), None);
}

#[test]
fn answers_are_written_as_they_came() {
    for name in ANSWERS {
        let body = json(name);
        let answer = Dialect::Gemini.read_answer(&body);
        assert_eq!(canonical(&Dialect::Gemini.write_answer(&answer)), canonical(&body), "{name}");
    }
    for name in STREAMS {
        let answer = streamed(name);
        let again = decode(Dialect::Gemini, &Dialect::Gemini.write_stream(&answer));
        assert_eq!(parts(&again), parts(&answer), "{name}");
        assert_eq!((again.usage, again.fault, again.whole), (answer.usage, answer.fault, answer.whole), "{name}");
        assert_eq!(again.stop.map(|stop| stop.kind), answer.stop.map(|stop| stop.kind), "{name}");
        assert_eq!(again.stop_message, answer.stop_message, "{name}");
    }
}

#[test]
fn what_was_changed_is_laid_over() {
    let mut answer = Dialect::Gemini.read_answer(&json("answer.json"));
    let PartKind::Call(call) = &mut answer.parts[3].kind else { panic!("{:?}", answer.parts) };
    call.args = json!({"path": "other"});
    let mut expected = json("answer.json");
    expected["candidates"][0]["content"]["parts"][3]["functionCall"]["args"] = json!({"path": "other"});
    assert_eq!(canonical(&Dialect::Gemini.write_answer(&answer)), canonical(&expected));
}

#[test]
fn text_is_heard_before_the_answer_ends() {
    let mut heard = String::new();
    let mut decoder = Decoder::new(Dialect::Gemini);
    decoder.push(b"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hel\"}]}}]}\n\n", |piece| {
        heard = format!("{piece:?}");
    });
    assert_eq!(heard, "Text(\"Hel\")");
}
