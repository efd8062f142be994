//! `OpenAI` Responses: properties, and bytes changed at random.

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tama_tui::wire::{Answer, Decoder, PartKind, Piece, Request, Role, Stop, StopKind, Tool, Turn, Usage};

use super::responses::{DIALECT, files};
use super::responses_write::{assert_paired, call, result, text};
use super::support::decode_in;

/// Decodes bytes cut at places; tells what was heard.
fn decode_at(bytes: &[u8], cuts: &[usize]) -> (Answer, String) {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut heard = String::new();
    let mut hear = |piece: Piece<'_>| match piece {
        Piece::Text(piece) | Piece::Reasoning(piece) => heard.push_str(piece),
    };
    let mut decoder = Decoder::new(DIALECT);
    let mut from = 0;
    for cut in cuts.into_iter().chain([bytes.len()]) {
        decoder.push(&bytes[from..cut], &mut hear);
        from = cut;
    }
    let answer = decoder.finish(&mut hear);
    (answer, heard)
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,8}", "[ -~\n\u{e4}\u{1f600}]{1,12}"]
}

fn args() -> impl Strategy<Value = Json> {
    prop_oneof![
        prop::collection::btree_map("[a-z]{1,4}", word(), 0..3).prop_map(|map| json!(map)),
        word().prop_map(|word| json!(format!("cut {{{word}"))),
    ]
}

/// JSON with the names and the types that the dialect knows, put together wrongly.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        Just(json!(4_294_967_295_u64)),
        Just(json!(-1)),
        "[a-z{}\"]{0,6}".prop_map(Json::from),
        prop::sample::select(KINDS).prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::from),
            vec((prop::sample::select(NAMES), inner), 0..6).prop_map(|fields| Json::Object(
                fields.into_iter().map(|(name, json)| (name.to_owned(), json)).collect()
            )),
        ]
    })
}

const NAMES: &[&str] = &[
    "type",
    "id",
    "item_id",
    "call_id",
    "name",
    "arguments",
    "input",
    "output",
    "output_index",
    "content_index",
    "summary_index",
    "delta",
    "text",
    "refusal",
    "part",
    "item",
    "response",
    "status",
    "error",
    "code",
    "message",
    "usage",
    "input_tokens",
    "content",
    "summary",
    "role",
    "incomplete_details",
    "reason",
    "tools",
    "instructions",
    "annotation",
    "encrypted_content",
    "object",
    "model",
];
const KINDS: &[&str] = &[
    "message",
    "reasoning",
    "function_call",
    "custom_tool_call",
    "function_call_output",
    "additional_tools",
    "namespace",
    "function",
    "response",
    "error",
    "output_text",
    "refusal",
    "summary_text",
    "user",
    "assistant",
    "developer",
    "completed",
    "incomplete",
    "failed",
    "in_progress",
    "response.completed",
    "response.incomplete",
    "response.failed",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.custom_tool_call_input.delta",
    "response.reasoning_summary_text.delta",
    "response.refusal.delta",
    "response.output_text.annotation.added",
    "response.reasoning_summary_part.added",
];

/// A request made here, as reading gives it back: neighbours of one role are one turn.
fn any_request() -> impl Strategy<Value = Request> {
    let round = (vec(word(), 0..2), vec(("[a-z]{1,5}", args()), 0..4), word(), word(), prop::bool::ANY);
    let tools = vec(("[a-z_]{1,8}", word()), 0..3);
    (vec(round, 1..5), tools, prop::option::of(0..40_u32), prop::option::of(1..9999_u64), any::<bool>()).prop_map(
        |(rounds, tools, temperature, max_tokens, stream)| {
            let mut turns = vec![Turn::new(Role::System, vec![text("Help.")])];
            let mut count = 0;
            for (said, calls, asked, found, told) in rounds {
                turns.push(Turn::new(if told { Role::System } else { Role::User }, vec![text(&asked)]));
                turns.push(Turn::new(Role::User, vec![text(&asked), text(&found)]));
                let mut parts: Vec<_> = said.iter().map(|said| text(said)).collect();
                let mut results = Vec::new();
                for (name, args) in calls {
                    count += 1;
                    parts.push(call(&format!("call_{count}x"), &name, args));
                    results.push(result(&format!("call_{count}x"), &found));
                }
                for turn in [Turn::new(Role::Assistant, parts), Turn::new(Role::Tool, results)] {
                    if !turn.parts.is_empty() {
                        turns.push(turn);
                    }
                }
            }
            if let Some(turn) = turns.get_mut(1).filter(|turn| turn.role == Role::System) {
                turn.role = Role::User;
            }
            let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
            let tool = |(name, description)| Tool { name, description, schema: schema.clone(), source: None };
            let tools = tools.into_iter().map(tool).collect();
            let temperature = temperature.map(|t| f64::from(t) / 20.0);
            Request { model: "m".into(), turns, tools, temperature, max_tokens, stream, source: None }
        },
    )
}

/// What a request says, without sources; arguments as they are written.
fn says(request: &Request) -> Json {
    let part = |kind: &PartKind| match kind {
        PartKind::Call(call) if call.args.is_string() => {
            format!("{:?} {} {}", call.id, call.name, json!({ "unreadable_arguments": call.args }))
        }
        PartKind::Call(call) => format!("{:?} {} {}", call.id, call.name, call.args),
        other => format!("{other:?}"),
    };
    let turns: Vec<Json> = request
        .turns
        .iter()
        .map(|turn| {
            let parts: Vec<String> = turn.parts.iter().map(|one| part(&one.kind)).collect();
            json!([format!("{:?}", turn.role), parts])
        })
        .collect();
    let tools: Vec<Json> = request.tools.iter().map(|tool| json!([tool.name, tool.description, tool.schema])).collect();
    json!([request.model, turns, tools, request.temperature, request.max_tokens, request.stream])
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let part = prop_oneof![
        word().prop_map(|word| text(&word)),
        word().prop_map(|word| tama_tui::wire::Part::new(PartKind::Reasoning(word))),
        ("[a-z]{1,5}", args()).prop_map(|(name, args)| call("", &name, args)),
    ];
    let usage =
        (0..99_u64, 0..99_u64).prop_map(|(input, output)| Usage { input, output, cached: input / 2, reasoning: 1 });
    let stop = prop_oneof![
        Just(None),
        Just(Some(("max_output_tokens", StopKind::Length))),
        Just(Some(("content_filter", StopKind::Filtered)))
    ];
    (vec(part, 0..6), prop::option::of(usage), stop).prop_map(|(mut parts, usage, stop)| {
        let mut calls = 0;
        for part in &mut parts {
            if let PartKind::Call(call) = &mut part.kind {
                calls += 1;
                call.id = format!("c{calls}");
            }
        }
        let end = ("completed", if calls > 0 { StopKind::Calls } else { StopKind::End });
        let (word, kind) = stop.unwrap_or(end);
        let stop = Some(Stop { word: word.into(), kind });
        Answer { id: Some("r".into()), model: Some("m".into()), parts, stop, usage, whole: true, ..Answer::default() }
    })
}

fn neutral(answer: &Answer) -> String {
    let kinds: Vec<&PartKind> = answer.parts.iter().map(|part| &part.kind).collect();
    format!("{kinds:?} {:?} {:?} {:?} {:?} {}", answer.id, answer.stop, answer.usage, answer.fault, answer.whole)
}

fn as_stream(events: &[Json]) -> Vec<u8> {
    events.iter().flat_map(|event| format!("data: {event}\n\n").into_bytes()).collect()
}

/// Everything that can be done with an answer, whatever it is.
fn use_all(answer: &Answer) {
    let echo = DIALECT.echo(answer);
    let turn = DIALECT.read_turn(&echo);
    let calls = turn.parts.iter().filter(|part| matches!(part.kind, PartKind::Call(_))).count();
    assert_eq!(calls, answer.calls().count(), "{answer:?}");
    let turns = vec![turn, Turn::new(Role::User, vec![text("x")])];
    assert_paired(&DIALECT.write_request(&Request { turns, ..Request::default() }));
    let _ = decode_in(DIALECT, &DIALECT.write_stream(answer), 4096);
    let _ = DIALECT.read_answer(&DIALECT.write_answer(answer));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_split_decodes_alike(file in any::<prop::sample::Index>(), cuts in vec(any::<usize>(), 0..12)) {
        let files = files("streams");
        let (name, bytes) = file.get(&files);
        prop_assert_eq!(decode_at(bytes, &cuts), decode_at(bytes, &[]), "{}", name);
    }

    #[test]
    fn a_request_reads_as_it_was_written(request in any_request()) {
        let body = DIALECT.write_request(&request);
        let read = DIALECT.read_request(&body).unwrap();
        prop_assert_eq!(says(&read), says(&request));
        assert_paired(&body);
        prop_assert_eq!(DIALECT.write_request(&read), body);
    }

    #[test]
    fn an_answer_reads_as_it_was_written(answer in any_answer()) {
        let (streamed, heard) = decode_at(&DIALECT.write_stream(&answer), &[]);
        prop_assert_eq!(neutral(&streamed), neutral(&answer));
        let all: String = answer.parts.iter().filter_map(|part| match &part.kind {
            PartKind::Text(text) | PartKind::Reasoning(text) => Some(text.as_str()),
            _ => None,
        }).collect();
        prop_assert_eq!(heard, all);
        prop_assert_eq!(neutral(&DIALECT.read_answer(&DIALECT.write_answer(&answer))), neutral(&answer));
        use_all(&streamed);
    }

    #[test]
    fn any_json_is_read(events in vec(any_json(), 0..12)) {
        use_all(&decode_at(&as_stream(&events), &[]).0);
        for json in &events {
            use_all(&DIALECT.read_answer(json));
            let _ = DIALECT.read_turn(json);
            if let Ok(request) = DIALECT.read_request(json) {
                prop_assert_eq!(&DIALECT.write_request(&request), json);
            }
        }
        if let Ok(request) = DIALECT.read_request(&json!({ "model": "m", "input": events, "tools": events })) {
            let changed = Request { source: None, ..request };
            let _ = DIALECT.write_request(&changed);
        }
    }

    #[test]
    fn any_bytes_are_read(bytes in vec(any::<u8>(), 0..300)) {
        use_all(&decode_at(&bytes, &[3, 99]).0);
    }
}

/// Numbers at random, from a seed (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % below.max(1)
    }
}

/// Bytes with something changed.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let len = bytes.len();
    let (at, to) = (random.next(len), random.next(len));
    let (from, to) = (at.min(to), at.max(to));
    match random.next(8) {
        0 if len > 0 => bytes[at] ^= 1 << random.next(8),
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(from..to.min(from + 200))),
        3 => {
            let copy = bytes[from..to.min(from + 4000)].to_vec();
            bytes.splice(from..from, copy);
        }
        4 => {
            let number = [&b"4294967295"[..], b"-1", b"1e400", b"18446744073709551616", b"null", b"\"\"", b"{}", b"[]"];
            let number = number[random.next(number.len())];
            let digits = bytes.iter().skip(at).position(u8::is_ascii_digit).map(|found| at + found);
            if let Some(found) = digits {
                bytes.splice(found..=found, number.iter().copied());
            }
        }
        5 | 6 => {
            // An event is moved, or told again.
            let text = bytes.clone();
            let mut events: Vec<&[u8]> = Vec::new();
            let mut begun = 0;
            for end in 0..text.len().saturating_sub(1) {
                if &text[end..end + 2] == b"\n\n" {
                    events.push(&text[begun..end + 2]);
                    begun = end + 2;
                }
            }
            if events.is_empty() {
                return;
            }
            let event = events[random.next(events.len())];
            events.insert(random.next(events.len()), event);
            *bytes = events.concat();
        }
        _ => {
            let other = [&b"\r"[..], b"\n\n", b"data: ", b"\xff", b"\"", b"\\ud800", b"[DONE]", b"\0"];
            bytes.splice(at..at, other[random.next(other.len())].iter().copied());
        }
    }
}

fn fuzz(time: Duration, mut seed: u64) -> usize {
    let recorded: Vec<Vec<u8>> =
        ["streams", "answers"].iter().flat_map(|name| files(name)).map(|(_, bytes)| bytes).collect();
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < time {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut random = Random(seed | 1);
        let mut bytes = recorded[random.next(recorded.len())].clone();
        for _ in 0..=random.next(6) {
            mutate(&mut bytes, &mut random);
        }
        let cuts = [random.next(bytes.len()), random.next(bytes.len())];
        let begun = Instant::now();
        let told = std::panic::catch_unwind(|| {
            let (one, other) = (decode_at(&bytes, &cuts), decode_at(&bytes, &[]));
            assert_eq!(one, other, "any split decodes alike");
            use_all(&one.0);
        });
        assert!(told.is_ok(), "seed {seed}: {}", String::from_utf8_lossy(&bytes));
        assert!(begun.elapsed() < Duration::from_secs(120), "seed {seed} takes long");
        count += 1;
    }
    count
}

#[test]
fn many_items_are_read() {
    let many = 1000;
    let item = |n: usize| json!({"type": "function_call", "id": "x", "call_id": "y", "name": "f", "arguments": format!("{{\"n\":{n}}}")});
    let end = |output: Vec<Json>| json!({"type": "response.completed", "response": {"status": "completed", "output": output}});
    let ended =
        |n: usize| json!({"type": "response.output_item.done", "output_index": 4_294_967_295_u64, "item": item(n)});
    let begun = |n: usize| json!({"type": "response.output_item.added", "output_index": -1, "item": item(n)});
    let piece = |n: usize| json!({"type": "response.refusal.delta", "content_index": n * 4_000_000, "delta": "r"});
    let other = |_| json!({"type": "response.output_text.delta", "delta": "t"});
    let last = end((0..many).map(item).collect());
    for (events, calls) in [
        ((0..many).map(ended).chain([last.clone()]).collect::<Vec<_>>(), many),
        ((0..many).map(begun).chain((0..many).map(ended)).collect(), many),
        ((0..many).map(piece).chain((0..many).map(other)).collect(), 0),
        (vec![last; 20], many),
    ] {
        let answer = decode_at(&as_stream(&events), &[]).0;
        assert_eq!(answer.calls().count(), calls);
        let ids: std::collections::HashSet<String> =
            DIALECT.echo(&answer).as_array().unwrap().iter().map(|item| item["call_id"].to_string()).collect();
        assert_eq!(ids.len(), calls.max(1));
    }
}

#[test]
fn changed_bytes_are_read() {
    assert!(fuzz(Duration::from_secs(1), 7) > 0);
}

#[test]
#[ignore = "runs for TAMA_TUI_FUZZ_SECONDS"]
fn changed_bytes_are_read_for_long() {
    let seconds = std::env::var("TAMA_TUI_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let seed = std::env::var("TAMA_TUI_FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    println!("{} changed streams in {seconds} s", fuzz(Duration::from_secs(seconds), seed));
}
