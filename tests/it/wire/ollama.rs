//! Ollama: answers, streamed and whole, and what goes back of them.

use serde_json::{Value as Json, json};
use tama_tui::wire::{Answer, Dialect, Fault, PartKind, Stop, StopKind, Usage};

use super::gemini::parts;
use super::support::{canonical, decode};

pub const ANSWERS: [&str; 2] = ["answer.json", "answer_error.json"];
pub const STREAMS: [&str; 9] = [
    "stream.ndjson",
    "ids.ndjson",
    "imitator.ndjson",
    "length.ndjson",
    "load.ndjson",
    "cut.ndjson",
    "error_in_the_middle.ndjson",
    "no_reason.ndjson",
    "answer.json",
];

pub fn bytes(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/wire/ollama/{name}", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(&path).unwrap_or_default();
    assert!(!bytes.is_empty(), "{path}");
    bytes
}

pub fn json(name: &str) -> Json {
    tama_tui::wire::parse(&bytes(name)).unwrap_or_default()
}

fn streamed(name: &str) -> Answer {
    decode(Dialect::Ollama, &bytes(name))
}

fn stop(word: &str, kind: StopKind) -> Stop {
    Stop { word: word.into(), kind }
}

fn ids(answer: &Answer) -> Vec<&str> {
    answer.calls().map(|call| call.id.as_str()).collect()
}

/// The answer as it is read again from what goes back of it.
fn again(answer: &Answer) -> Answer {
    let turn = Dialect::Ollama.read_turn(&Dialect::Ollama.echo(answer));
    Answer { parts: turn.parts, ..Answer::default() }
}

#[test]
fn a_stream_is_put_together() {
    let answer = streamed("stream.ndjson");
    let a = r#"read({"path":"a"})"#;
    assert_eq!(parts(&answer), ["~I need both.", "Reading “a” 😀", a, r#"read({"path":"b"})"#, a]);
    assert_eq!(answer.stop, Some(stop("stop", StopKind::Calls)));
    assert_eq!(answer.usage, Some(Usage { input: 26, output: 298, cached: 0, reasoning: 0 }));
    assert_eq!(answer.model.as_deref(), Some("qwen3:8b"));
    assert!(answer.whole && answer.fault.is_none());
    let expected = json!({
        "role": "assistant",
        "content": "Reading “a” 😀",
        "thinking": "I need both.",
        "tool_calls": [
            {"function": {"name": "read", "arguments": {"path": "a"}}},
            {"function": {"name": "read", "arguments": {"path": "b"}}},
            {"function": {"name": "read", "arguments": {"path": "a"}}},
        ],
    });
    assert_eq!(canonical(&Dialect::Ollama.echo(&answer)), canonical(&expected));
    assert_eq!(ids(&again(&answer)), ["call_0", "call_1", "call_2"]);
}

#[test]
fn each_call_comes_once() {
    let answer = streamed("ids.ndjson");
    assert_eq!(parts(&answer), [r#"a({"n":1})"#, r#"a({"n":2})"#, "a({})", "b({})"]);
    assert_eq!(ids(&answer), ["call_x", "call_x", "call_y", ""]);
    assert_eq!(ids(&again(&answer)), ["call_x", "call_0", "call_y", "call_1"]);
    assert_eq!(parts(&again(&answer)), parts(&answer));
}

#[test]
fn imitators_are_read() {
    let answer = streamed("imitator.ndjson");
    let expected = ["Hi", r#"w({"path":"x"})"#, r#"w({"path":"y"})"#, r#"w("{\"path\": ")"#, r#"flat({"a":1})"#];
    assert_eq!(parts(&answer), expected);
    assert_eq!(answer.stop, Some(stop("tool_calls", StopKind::Calls)));
    assert_eq!(answer.usage, Some(Usage { input: 26, output: 2, cached: 0, reasoning: 0 }));
    assert_eq!(ids(&answer), ["c1", "", "", ""]);
    let echo = Dialect::Ollama.echo(&answer);
    let arguments: Vec<&Json> =
        echo["tool_calls"].as_array().into_iter().flatten().map(|call| &call["function"]["arguments"]).collect();
    assert_eq!(arguments[2], &json!({"unreadable_arguments": "{\"path\": "}));
    assert!(arguments.iter().all(|arguments| arguments.is_object()));
    assert_eq!(parts(&again(&answer)), parts(&answer));
}

#[test]
fn why_it_stopped_is_kept() {
    let answer = streamed("length.ndjson");
    assert_eq!((answer.stop, answer.whole), (Some(stop("length", StopKind::Length)), true));
    let answer = streamed("load.ndjson");
    assert_eq!((answer.stop, answer.whole), (Some(stop("load", StopKind::Other)), true));
    let answer = streamed("no_reason.ndjson");
    assert_eq!((answer.stop, answer.whole), (None, true));
    let answer = streamed("cut.ndjson");
    assert_eq!((parts(&answer).len(), answer.stop, answer.whole, answer.fault), (2, None, false, None));
}

#[test]
fn errors_are_told() {
    let answer = streamed("error_in_the_middle.ndjson");
    assert_eq!(parts(&answer), ["So far"]);
    let message = "an error was encountered while running the model: unexpected EOF";
    let fault = |message: &str| Some(Fault::Server { message: message.into(), kind: String::new(), status: None });
    assert_eq!((answer.fault, answer.whole), (fault(message), false));
    let answer = streamed("answer_error.json");
    assert_eq!(answer.fault, fault("model \"x\" not found, try pulling it first"));
    let cloud = json!({"StatusCode": 401, "error": {"message": "unauthorized", "code": 401}});
    let told = Dialect::Ollama.read_answer(&cloud).fault;
    assert!(matches!(told, Some(Fault::Server { status: Some(401), message, .. }) if message == "unauthorized"));
    let told = Dialect::Ollama.read_answer(&json!({"hello": 1})).fault;
    assert!(matches!(told, Some(Fault::NotAnAnswer(_))));
}

#[test]
fn answers_are_written_as_they_came() {
    for name in ANSWERS {
        let body = json(name);
        let answer = Dialect::Ollama.read_answer(&body);
        assert_eq!(canonical(&Dialect::Ollama.write_answer(&answer)), canonical(&body), "{name}");
    }
    for name in STREAMS {
        let answer = streamed(name);
        let again = decode(Dialect::Ollama, &Dialect::Ollama.write_stream(&answer));
        assert_eq!(parts(&again), parts(&answer), "{name}");
        assert_eq!((again.usage, again.stop, again.whole), (answer.usage, answer.stop, answer.whole), "{name}");
        assert_eq!(again.fault, answer.fault, "{name}");
    }
}

#[test]
fn what_was_changed_is_laid_over() {
    let mut answer = Dialect::Ollama.read_answer(&json("answer.json"));
    for part in &mut answer.parts {
        match &mut part.kind {
            PartKind::Call(call) => call.args = json!({"path": "other"}),
            PartKind::Text(text) => "Other.".clone_into(text),
            _ => {}
        }
    }
    let mut expected = json("answer.json");
    expected["message"]["tool_calls"][0]["function"]["arguments"] = json!({"path": "other"});
    expected["message"]["content"] = json!("Other.");
    expected["message"].as_object_mut().into_iter().for_each(|message| {
        message.shift_remove("annotations");
    });
    assert_eq!(canonical(&Dialect::Ollama.write_answer(&answer)), canonical(&expected));
}
