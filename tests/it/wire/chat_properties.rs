//! Properties of Chat Completions: splits, round trips, and bytes of every kind.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use tama_tui::wire::{
    Answer, Call, Decoder, Dialect, Part, PartKind, Request, Role, Stop, StopKind, Tool, ToolResult, Turn, Usage,
    parse_arguments,
};

use super::chat::{bytes, files};
use super::support::{canonical, decode, decode_in};

/// A part in neutral form.
fn neutral(parts: &[Part]) -> Vec<PartKind> {
    parts.iter().filter(|part| part.kind != PartKind::Other).map(|part| part.kind.clone()).collect()
}

fn decode_split(bytes: &[u8], cuts: &[usize]) -> Answer {
    let mut decoder = Decoder::new(Dialect::Chat);
    let mut from = 0;
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    for cut in cuts {
        decoder.push(&bytes[from..cut], |_| {});
        from = cut;
    }
    decoder.push(&bytes[from..], |_| {});
    decoder.finish(|_| {})
}

fn any_json() -> impl Strategy<Value = Json> {
    let names = prop::sample::select(vec![
        "choices",
        "delta",
        "message",
        "content",
        "tool_calls",
        "function",
        "function_call",
        "name",
        "arguments",
        "id",
        "index",
        "type",
        "text",
        "thinking",
        "reasoning",
        "reasoning_details",
        "reasoning_content",
        "refusal",
        "usage",
        "prompt_tokens",
        "finish_reason",
        "error",
        "detail",
        "role",
        "messages",
        "tools",
        "custom",
        "input",
        "signature",
    ]);
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "[a-z{}\"\\\\]{0,6}".prop_map(Json::from),
        prop::sample::select(vec!["assistant", "text", "thinking", "stop", "{}", "function", "error"])
            .prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((names.clone(), inner), 0..6).prop_map(|fields| Json::Object(
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>()
            )),
        ]
    })
}

fn chunks() -> impl Strategy<Value = Vec<Json>> {
    let field = |name: &'static str| any_json().prop_map(move |value| json!({ name: value }));
    let item = (any_json(), any_json(), any_json(), any_json())
        .prop_map(|(index, id, name, arguments)| json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}}));
    let delta = prop_oneof![
        field("content"),
        field("reasoning_details"),
        field("tool_calls"),
        prop::collection::vec(item, 0..4).prop_map(|items| json!({ "tool_calls": items })),
        any_json(),
    ];
    let chunk = prop_oneof![
        4 => delta.prop_map(|delta| json!({"choices": [{"index": 0, "delta": delta}]})),
        1 => any_json(),
    ];
    prop::collection::vec(chunk, 0..8)
}

fn arguments() -> impl Strategy<Value = Json> {
    prop_oneof![
        prop::collection::hash_map("[a-z]{1,4}", "\\PC{0,8}", 0..3).prop_map(|fields| json!(fields)),
        "\\PC{0,12}".prop_map(|text| parse_arguments(&Json::from(text))),
    ]
}

fn said() -> impl Strategy<Value = Vec<Part>> {
    let reasoning = prop::option::of("\\PC{1,9}");
    let text = prop::option::of("\\PC{1,9}");
    (reasoning, text, prop::collection::vec(("[a-z_]{1,8}", arguments()), 0..4)).prop_map(|(reasoning, text, calls)| {
        let reasoning =
            reasoning.map(|text| Part::read(PartKind::Reasoning(text.clone()), json!({ "reasoning_content": text })));
        let text = text.map(|text| Part::new(PartKind::Text(text)));
        let call =
            |(number, (name, args))| Part::new(PartKind::Call(Call { id: format!("call_{number}"), name, args }));
        reasoning.into_iter().chain(text).chain(calls.into_iter().enumerate().map(call)).collect()
    })
}

fn answers() -> impl Strategy<Value = Answer> {
    let words = prop::sample::select(vec![
        ("stop", StopKind::End),
        ("tool_calls", StopKind::Calls),
        ("length", StopKind::Length),
        ("content_filter", StopKind::Filtered),
        ("another", StopKind::Other),
    ]);
    let usage = (0..1_000_000_u64, 1..1_000_000_u64, any::<u16>(), any::<u16>());
    (said(), words, prop::option::of(usage)).prop_map(|(parts, (word, kind), usage)| {
        let has_calls = parts.iter().any(|part| matches!(part.kind, PartKind::Call(_)));
        let kind = if kind == StopKind::End && has_calls { StopKind::Calls } else { kind };
        Answer {
            id: Some("id".into()),
            model: Some("m".into()),
            parts,
            stop: Some(Stop { word: word.into(), kind }),
            usage: usage.map(|(input, output, cached, reasoning)| Usage {
                input,
                output,
                cached: cached.into(),
                reasoning: reasoning.into(),
            }),
            whole: true,
            ..Answer::default()
        }
    })
}

fn requests() -> impl Strategy<Value = Request> {
    let others = (prop::bool::ANY, prop::collection::vec("\\PC{1,9}", 1..3)).prop_map(|(system, texts)| {
        let role = if system { Role::System } else { Role::User };
        vec![Turn::new(role, texts.into_iter().map(|text| Part::new(PartKind::Text(text))).collect())]
    });
    let model = (said(), "\\PC{0,9}").prop_map(|(parts, text)| {
        let results = parts.iter().filter_map(|part| match &part.kind {
            PartKind::Call(call) => {
                let result = ToolResult { id: call.id.clone(), name: String::new(), text: text.clone(), error: false };
                Some(Turn::new(Role::Tool, vec![Part::new(PartKind::Result(result))]))
            }
            _ => None,
        });
        let results: Vec<Turn> = results.collect();
        if parts.is_empty() { Vec::new() } else { [vec![Turn::new(Role::Assistant, parts)], results].concat() }
    });
    let turns = prop::collection::vec(prop_oneof![others, model], 0..5).prop_map(|turns| turns.concat());
    let tool = ("[a-z]{1,6}", "\\PC{0,9}").prop_map(|(name, description)| Tool {
        name,
        description,
        schema: json!({"type": "object", "properties": {"a": {"type": "string"}}}),
        source: None,
    });
    let numbers = (prop::option::of(0.0..2.0_f64), prop::option::of(1..9999_u64), any::<bool>());
    let model = prop::sample::select(vec!["m", "o3", "gpt-5"]);
    (model, turns, prop::collection::vec(tool, 0..3), numbers).prop_map(|(model, turns, tools, numbers)| Request {
        model: model.to_owned(),
        turns,
        tools,
        temperature: numbers.0,
        max_tokens: numbers.1,
        stream: numbers.2,
        source: None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_decodes_alike(file in 0..100_usize, cuts in prop::collection::vec(any::<usize>(), 0..20)) {
        let names = [files("", ".sse"), files("answer-", ".json")].concat();
        let bytes = bytes(&names[file % names.len()]);
        prop_assert_eq!(decode_split(&bytes, &cuts), decode(Dialect::Chat, &bytes));
    }

    #[test]
    fn bytes_of_every_kind_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        decode(Dialect::Chat, &bytes);
    }

    #[test]
    fn json_of_every_kind_is_read(chunks in chunks(), cuts in prop::collection::vec(any::<usize>(), 0..4)) {
        let stream: Vec<u8> = chunks.iter().flat_map(|chunk| format!("data: {chunk}\n\n").into_bytes()).collect();
        let (answer, ..) = decode_in(Dialect::Chat, &stream, usize::MAX);
        prop_assert_eq!(&decode_split(&stream, &cuts), &answer);
        check(&answer);
        for json in &chunks {
            check(&Dialect::Chat.read_answer(json));
            let _ = Dialect::Chat.read_turn(json);
            if let Ok(request) = Dialect::Chat.read_request(json) {
                let written = Dialect::Chat.write_request(&request);
                prop_assert_eq!(canonical(&written), canonical(json));
                let _ = Dialect::Chat.write_request(&Request { source: None, ..request });
            }
        }
    }

    #[test]
    fn answers_are_written_and_read_alike(answer in answers()) {
        let streamed = decode(Dialect::Chat, &Dialect::Chat.write_stream(&answer));
        let whole = Dialect::Chat.read_answer(&Dialect::Chat.write_answer(&answer));
        for read in [streamed, whole] {
            prop_assert_eq!(neutral(&read.parts), neutral(&answer.parts));
            prop_assert_eq!((&read.stop, read.usage, read.whole), (&answer.stop, answer.usage, true));
            prop_assert_eq!((&read.id, &read.model, &read.fault), (&answer.id, &answer.model, &None));
        }
    }

    #[test]
    fn requests_are_written_and_read_alike(request in requests()) {
        let written = Dialect::Chat.write_request(&request);
        let read = Dialect::Chat.read_request(&written).unwrap();
        let turns = |request: &Request| request.turns.iter().map(|turn| (turn.role, neutral(&turn.parts))).collect::<Vec<_>>();
        prop_assert_eq!(turns(&read), turns(&request));
        let tools = |request: &Request| request.tools.iter().map(|tool| Tool { source: None, ..tool.clone() }).collect::<Vec<_>>();
        prop_assert_eq!(tools(&read), tools(&request));
        prop_assert_eq!((&read.model, read.max_tokens, read.stream), (&request.model, request.max_tokens, request.stream));
        prop_assert_eq!(read.temperature, request.temperature);
        prop_assert_eq!(canonical(&Dialect::Chat.write_request(&read)), canonical(&written));
    }
}

/// The rules that hold for every answer.
fn check(answer: &Answer) {
    let echo = Dialect::Chat.echo(answer);
    let turn = Dialect::Chat.read_turn(&echo);
    assert_eq!((turn.role, &echo["role"]), (Role::Assistant, &json!("assistant")));
    let read: Vec<&Call> = calls(&turn.parts);
    let came: Vec<&Call> = calls(&answer.parts);
    assert_eq!(read.len(), came.len(), "{echo}");
    let mut ids: Vec<&str> = read.iter().map(|call| call.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() == read.len() && !ids.contains(&""), "{echo}");
    for (read, came) in read.iter().zip(&came) {
        let name = if came.name.is_empty() { "unnamed" } else { &came.name };
        assert_eq!((read.name.as_str(), &read.args), (name, &came.args), "{echo}");
    }
    for call in echo["tool_calls"].as_array().into_iter().flatten().filter(|call| call["type"] == "function") {
        let arguments = call["function"]["arguments"].as_str().unwrap_or_else(|| panic!("{echo}"));
        assert!(serde_json::from_str::<Json>(arguments).unwrap().is_object(), "{echo}");
    }
    let _ = Dialect::Chat.write_answer(answer);
    let streamed = decode_in(Dialect::Chat, &Dialect::Chat.write_stream(answer), usize::MAX).0;
    assert_eq!(calls(&streamed.parts).len(), came.len(), "{echo}");
}

fn calls(parts: &[Part]) -> Vec<&Call> {
    parts.iter().filter_map(|part| if let PartKind::Call(call) = &part.kind { Some(call) } else { None }).collect()
}

#[test]
fn recorded_answers_are_written_as_streams() {
    for name in [files("", ".sse"), files("answer-", ".json")].concat() {
        let answer = decode(Dialect::Chat, &bytes(&name));
        check(&answer);
        let again = decode(Dialect::Chat, &Dialect::Chat.write_stream(&answer));
        assert_eq!(again.text(), answer.text(), "{name}");
        assert_eq!(again.reasoning(), answer.reasoning(), "{name}");
        assert_eq!((&again.stop, again.usage, again.whole), (&answer.stop, answer.usage, answer.whole), "{name}");
        assert_eq!(again.stop_message.is_some(), answer.stop_message.is_some() && !name.contains("azure"), "{name}");
        assert_eq!(again.fault.is_some(), answer.fault.is_some(), "{name}");
        assert_eq!(calls(&again.parts).len(), calls(&answer.parts).len(), "{name}");
    }
}

#[test]
fn thousands_of_calls_take_no_time() {
    let started = Instant::now();
    let item = |number: usize| {
        json!({"choices": [{"delta": {"content": "a", "tool_calls": [
        {"index": number % 7, "id": format!("c{number}"), "function": {"name": "read", "arguments": "{\"a\":"}}]}}]})
    };
    let stream: Vec<u8> = (0..10_000).flat_map(|number| format!("data: {}\n\n", item(number)).into_bytes()).collect();
    let (answer, ..) = decode_in(Dialect::Chat, &stream, 1 << 16);
    assert_eq!(answer.calls().count(), 10_000);
    assert!(started.elapsed() < Duration::from_secs(120), "{:?}", started.elapsed());
}

/// A small generator of numbers: the same ones for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0) % end.max(1)
    }
}

const SPLICES: [&[u8]; 12] = [
    b"4294967295",
    b"-1",
    b"1e999",
    b"null",
    b"{}",
    b"[]",
    b"\"\"",
    b"\n\n",
    b"data: ",
    b"\\ud83d",
    b"\xff\xfe",
    b"[DONE]",
];

fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    let at = numbers.below(bytes.len());
    let end = (at + numbers.below(80)).min(bytes.len());
    match numbers.below(6) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << numbers.below(8),
        1 => drop(bytes.drain(at..end)),
        2 => {
            let piece = bytes[at..end].to_vec();
            let to = numbers.below(bytes.len());
            bytes.splice(to..to, piece);
        }
        3 => bytes.truncate(at),
        _ => drop(bytes.splice(at..at, SPLICES[numbers.below(SPLICES.len())].iter().copied())),
    }
}

#[test]
#[ignore = "takes as many seconds as TAMA_TUI_FUZZ_SECONDS says"]
fn fuzz() {
    let seconds = std::env::var("TAMA_TUI_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(10);
    let seeds: Vec<Vec<u8>> = [files("", ".sse"), files("", ".json")].concat().iter().map(|name| bytes(name)).collect();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let (started, mut rounds) = (Instant::now(), 0_u64);
    while started.elapsed() < Duration::from_secs(seconds) {
        let mut bytes = seeds[numbers.below(seeds.len())].clone();
        for _ in 0..=numbers.below(6) {
            mutate(&mut bytes, &mut numbers);
        }
        let begun = Instant::now();
        let (answer, text, reasoning) = decode_in(Dialect::Chat, &bytes, 1 + numbers.below(bytes.len()));
        assert_eq!((text, reasoning), (answer.text(), answer.reasoning()), "{}", String::from_utf8_lossy(&bytes));
        check(&answer);
        if let Ok(json) = tama_tui::wire::parse(&bytes)
            && let Ok(request) = Dialect::Chat.read_request(&json)
        {
            assert_eq!(canonical(&Dialect::Chat.write_request(&request)), canonical(&json));
            let _ = Dialect::Chat.write_request(&Request { source: None, ..request });
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{}", String::from_utf8_lossy(&bytes));
        rounds += 1;
    }
    println!("{rounds} rounds in {:?}", started.elapsed());
}
