//! `OpenAI` Responses: recorded streams and answers, read.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value as Json, json};
use tama_tui::wire::{Answer, Dialect, Fault, PartKind, Request, Role, StopKind, Turn, Usage};

use super::support::{canonical, decode, decode_in};

pub const DIALECT: Dialect = Dialect::Responses;
const SUMMARY: &str = "**Looking**\n\nI look at it.\n\n**Writing**\n\nI write.";
const TEXT: &str = "Grüße 👩‍🚀 – 完了 ✅";

pub fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/wire/responses").join(name)
}

pub fn files(name: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

fn stream(name: &str) -> Answer {
    decode(DIALECT, &fs::read(folder("streams").join(name)).unwrap())
}

fn answer(name: &str) -> (Json, Answer) {
    let body: Json = serde_json::from_slice(&fs::read(folder("answers").join(name)).unwrap()).unwrap();
    let read = DIALECT.read_answer(&body);
    (body, read)
}

fn calls(answer: &Answer) -> Vec<(String, String, Json)> {
    answer.calls().map(|call| (call.id.clone(), call.name.clone(), call.args.clone())).collect()
}

fn stop(answer: &Answer) -> Option<(&str, StopKind)> {
    answer.stop.as_ref().map(|stop| (stop.word.as_str(), stop.kind))
}

/// The plain answer: reasoning, a text and two calls.
fn assert_plain(name: &str, ids: bool) {
    let answer = stream(name);
    assert_eq!(answer.text(), TEXT, "{name}");
    let calls: Vec<_> = calls(&answer)
        .into_iter()
        .map(|(id, name, args)| if ids { format!("{id} {name} {args}") } else { format!("{name} {args}") })
        .collect();
    let (one, two) = if ids { ("call_1 ", "call_2 ") } else { ("", "") };
    assert_eq!(
        calls,
        [
            format!(r#"{one}write_file {{"path":"a.txt","content":"hi"}}"#),
            format!(r#"{two}read_file {{"path":"b.txt"}}"#)
        ],
        "{name}"
    );
    assert_eq!(stop(&answer), Some(("completed", StopKind::Calls)), "{name}");
    assert_eq!(answer.usage, Some(Usage { input: 120, output: 46, cached: 64, reasoning: 20 }), "{name}");
    assert!(answer.whole && answer.fault.is_none(), "{name}: {answer:?}");
    assert_eq!((answer.id.as_deref(), answer.model.as_deref()), (Some("resp_1"), Some("gpt-5-codex")), "{name}");
    if answer.parts.len() == 3 {
        return; // It was recorded without the reasoning.
    }
    assert_eq!(answer.reasoning(), SUMMARY, "{name}");
    let reasoning = answer.parts[0].source.clone().unwrap();
    assert_eq!(reasoning["encrypted_content"], "gAAAAABo-opaque-1==", "{name}: that of its end, not of its begin");
}

#[test]
fn one_answer_however_it_is_sent() {
    for name in [
        "plain.sse",
        "crlf-bom-comments.sse",
        "no-names.sse",
        "names-only.sse",
        "empty-output.sse",
        "no-deltas.sse",
        "only-completed.sse",
        "rotating-ids.sse",
        "no-indexes.sse",
        "no-ids.sse",
        "no-ids-no-indexes.sse",
        "index-minus.sse",
        "index-huge.sse",
        "index-zero.sse",
        "index-from-1.sse",
        "same-item-id.sse",
        "no-ids-wrong-indexes.sse",
        "lines.json",
        "list.json",
    ] {
        assert_plain(name, true);
    }
}

#[test]
fn a_call_is_put_together_from_whatever_comes() {
    let one = json!({"a": 1});
    for name in [
        "late-name-and-id.sse",
        "arguments-in-done.sse",
        "arguments-object.sse",
        "arguments-twice.sse",
        "only-in-completed.sse",
        "only-in-item-done.sse",
        "whole-in-added.sse",
    ] {
        let answer = stream(name);
        assert_eq!(calls(&answer), [("call_1".into(), "f".into(), one.clone())], "{name}");
        assert_eq!(stop(&answer), Some(("completed", StopKind::Calls)), "{name}");
        let echo = DIALECT.echo(&answer);
        let call = echo.as_array().unwrap().iter().find(|item| item["type"] == "function_call").unwrap();
        assert_eq!(serde_json::from_str::<Json>(call["arguments"].as_str().unwrap()).unwrap(), one, "{name}");
    }
    assert_eq!(calls(&stream("arguments-empty.sse")), [("call_1".into(), "f".into(), json!({}))]);
    for name in ["interleaved-calls.sse", "ended-by-call-id.sse"] {
        let two = [("call_1".into(), "f".into(), json!({"a": 1})), ("call_2".into(), "f".into(), json!({"a": 2}))];
        assert_eq!(calls(&stream(name)), two, "{name}");
    }
    let unnamed = |number: u8| (String::new(), "f".to_owned(), json!({ "a": number }));
    assert_eq!(calls(&stream("only-arguments.sse")), [unnamed(1), unnamed(2), unnamed(3)]);
}

#[test]
fn calls_with_one_id_stay_apart() {
    let answer = stream("same-call-id.sse");
    let args: Vec<Json> = answer.calls().map(|call| call.args.clone()).collect();
    assert_eq!(args, [json!({"a": 1}), json!({"a": 1}), json!({"a": 2})]);
    let turn = DIALECT.read_turn(&DIALECT.echo(&answer));
    let ids: Vec<&str> = turn_calls(&turn).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["call_x", "call_0", "call_1"]);
}

fn turn_calls(turn: &Turn) -> Vec<(&str, &Json)> {
    turn.parts
        .iter()
        .filter_map(
            |part| if let PartKind::Call(call) = &part.kind { Some((call.id.as_str(), &call.args)) } else { None },
        )
        .collect()
}

#[test]
fn the_content_may_be_only_in_the_end() {
    let answer = stream("only-in-completed.sse");
    assert_eq!((answer.text().as_str(), answer.reasoning().as_str()), ("I write.", SUMMARY));
    assert!(matches!(answer.parts[0].kind, PartKind::Reasoning(_)), "in the order of the response");
}

#[test]
fn a_cut_call_is_told_and_goes_back_well_formed() {
    let answer = stream("arguments-cut.sse");
    let cut = r#"{"key": "approve", "value": "The rep"#;
    assert_eq!(calls(&answer), [("call_1".into(), "finish".into(), json!(cut))]);
    assert_eq!(stop(&answer), Some(("max_output_tokens", StopKind::Length)));
    let echo = DIALECT.echo(&answer);
    let arguments: Json = serde_json::from_str(echo[0]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments, json!({ "unreadable_arguments": cut }));
}

#[test]
fn reasoning_goes_back_unmodified() {
    let answer = stream("plain.sse");
    let echo = DIALECT.echo(&answer);
    let last = fs::read_to_string(folder("answers").join("plain.json")).unwrap();
    let whole: Json = serde_json::from_str(&last).unwrap();
    assert_eq!(canonical(&echo), canonical(&whole["output"]), "the stream holds the same items as the whole answer");
    let mut turn = DIALECT.read_turn(&echo);
    assert_eq!(turn.source.as_ref(), Some(&echo));
    if let PartKind::Reasoning(text) = &mut turn.parts[0].kind {
        text.push_str("changed");
    }
    let request = Request { turns: vec![turn], ..Request::default() };
    assert_eq!(DIALECT.write_request(&request)["input"][0], echo[0], "also when somebody changed what is shown");
    let raw = stream("reasoning-text.sse");
    assert_eq!((raw.reasoning().as_str(), raw.text().as_str()), ("Hm, think.", "Yes."));
    assert_eq!(DIALECT.echo(&raw)[0]["content"][0]["text"], "Hm, think.");
}

#[test]
fn reasoning_alone_is_no_text() {
    let answer = stream("reasoning-only.sse");
    assert_eq!((answer.text().as_str(), answer.reasoning().as_str()), ("", SUMMARY));
    assert_eq!(stop(&answer), Some(("max_output_tokens", StopKind::Length)));
    assert!(answer.whole);
}

#[test]
fn custom_tools_are_calls() {
    let answer = stream("custom-tool.sse");
    let patch = "*** Begin Patch\n*** End Patch";
    assert_eq!(calls(&answer), [("call_9".into(), "apply_patch".into(), json!(patch))]);
    let echo = DIALECT.echo(&answer);
    assert_eq!((&echo[0]["type"], &echo[0]["input"]), (&json!("custom_tool_call"), &json!(patch)), "free text stays");
}

#[test]
fn what_is_not_known_is_kept() {
    let answer = stream("web-search.sse");
    assert_eq!(answer.text(), "It is so.");
    assert_eq!(answer.parts[0].kind, PartKind::Other);
    let echo = DIALECT.echo(&answer);
    assert_eq!(echo[0]["action"]["query"], "tama");
    assert_eq!(echo[1]["content"][0]["annotations"][0]["url"], "https://example.org");
}

#[test]
fn stops_say_why() {
    let refusal = stream("refusal.sse");
    assert_eq!(stop(&refusal), Some(("completed", StopKind::Refused)));
    assert_eq!(refusal.stop_message.as_deref(), Some("I can’t help with that."));
    assert_eq!(refusal.text(), "I can’t help with that.");
    let filtered = stream("filtered.sse");
    assert_eq!((stop(&filtered), filtered.whole), (Some(("content_filter", StopKind::Filtered)), true));
    let cut = stream("cut.sse");
    assert_eq!((cut.text().as_str(), stop(&cut), cut.whole, &cut.fault), ("half an ans", None, false, &None));
    let broken = stream("bad-utf8.sse");
    assert_eq!((broken.text().as_str(), broken.whole), ("before \u{fffd} after", true));
    assert_eq!(stream("usage-everywhere.sse").usage.map(|usage| (usage.input, usage.output)), Some((120, 46)));
}

#[test]
fn errors_are_the_servers_words() {
    let server =
        |message: &str, kind: &str, status| Some(Fault::Server { message: message.into(), kind: kind.into(), status });
    for (name, fault) in [
        ("failed.sse", server("The model failed to answer.", "server_error", None)),
        ("error.sse", server("Rate limit reached.", "rate_limit_exceeded", None)),
        ("error-nested.sse", server("Overloaded", "server_error", Some(503))),
        ("error-nameless.sse", server("upstream went away", "", Some(502))),
    ] {
        let answer = stream(name);
        assert_eq!((answer.text().as_str(), &answer.fault, answer.whole), ("I wr", &fault, false), "{name}");
    }
    for (body, message, kind) in [
        (
            json!({"error": {"message": "No key.", "type": "invalid_request_error", "code": null}}),
            "No key.",
            "invalid_request_error",
        ),
        (
            json!({"error": {"message": "Quota.", "type": "requests", "code": "rate_limit_exceeded"}}),
            "Quota.",
            "rate_limit_exceeded",
        ),
        (json!({"error": "model not found"}), "model not found", ""),
        (
            json!({"object": "error", "message": "too long", "type": "BadRequestError", "code": 400}),
            "too long",
            "BadRequestError",
        ),
        (json!({"detail": [{"loc": ["body"], "msg": "field required"}]}), "field required", ""),
        (json!({"detail": "Not Found"}), "Not Found", ""),
        (json!({"message": "no Route matched"}), "no Route matched", ""),
        (json!({"type": "error", "code": "x", "message": "bad"}), "bad", "x"),
        (json!({"error": {"code": "insufficient_quota"}}), "insufficient_quota", "insufficient_quota"),
        (json!({"errors": [{"message": "one"}, {"message": "two"}]}), "one; two", ""),
    ] {
        let read = DIALECT.read_answer(&body);
        let Some(Fault::Server { message: told, kind: word, .. }) = &read.fault else { panic!("{body}: {read:?}") };
        assert_eq!((told.as_str(), word.as_str(), read.whole), (message, kind, false), "{body}");
        assert_eq!(decode(DIALECT, body.to_string().as_bytes()).fault, read.fault, "{body}");
    }
    assert!(matches!(DIALECT.read_answer(&json!({"a": 1})).fault, Some(Fault::NotAnAnswer(_))));
}

#[test]
fn a_whole_answer_where_a_stream_was_wanted() {
    let (body, read) = answer("plain.json");
    let decoded = decode(DIALECT, body.to_string().as_bytes());
    assert_eq!(decoded, read);
    let streamed = stream("plain.sse");
    assert_eq!((decoded.parts, decoded.stop, decoded.usage), (streamed.parts, streamed.stop, streamed.usage));
    let (_, imitated) = answer("imitator.json");
    assert_eq!(imitated.text(), "Hello");
    let unnamed = |args: Json| (String::new(), "f".to_owned(), args);
    assert_eq!(calls(&imitated), [unnamed(json!({"a": 1})), unnamed(json!({}))]);
    assert!(imitated.whole);
    assert_eq!(imitated.usage.map(|usage| (usage.input, usage.output)), Some((3, 4)));
    let turn = DIALECT.read_turn(&DIALECT.echo(&imitated));
    assert_eq!(turn_calls(&turn), [("call_0", &json!({"a": 1})), ("call_1", &json!({}))]);
}

#[test]
fn nothing_is_doubled_by_repeated_events() {
    let bytes = fs::read_to_string(folder("streams").join("plain.sse")).unwrap();
    let doubled: String = bytes
        .split_inclusive("\n\n")
        .flat_map(|event| if event.contains(".delta") { vec![event] } else { vec![event, event] })
        .collect();
    let (once, twice) = (stream("plain.sse"), decode_in(DIALECT, doubled.as_bytes(), 99).0);
    assert_eq!(twice, once);
}

#[test]
fn the_turn_of_an_answer_reads_as_its_calls() {
    for (name, bytes) in files("streams") {
        let answer = decode_in(DIALECT, &bytes, 512).0;
        let echo = DIALECT.echo(&answer);
        let turn = DIALECT.read_turn(&echo);
        assert_eq!(turn.role, Role::Assistant);
        assert_eq!(turn_calls(&turn).len(), answer.calls().count(), "{name}");
        for (item, part) in echo.as_array().unwrap().iter().zip(&turn.parts) {
            assert_eq!(part.source.as_ref(), Some(item), "{name}");
        }
    }
}
