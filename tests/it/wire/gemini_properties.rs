//! Gemini and Ollama: what holds for all bytes, answers and requests.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tama_tui::wire::{
    Answer, Call, Decoder, Dialect, Part, PartKind, Request, Role, Stop, StopKind, Tool, ToolResult, Turn, Usage,
};

use super::{gemini, gemini_write, ollama, ollama_write};

const DIALECTS: [Dialect; 2] = [Dialect::Gemini, Dialect::Ollama];

/// All recorded answers.
fn recorded() -> Vec<(Dialect, Vec<u8>)> {
    let gemini = gemini::STREAMS.iter().chain(&gemini::ANSWERS).map(|name| (Dialect::Gemini, gemini::bytes(name)));
    let ollama = ollama::STREAMS.iter().chain(&ollama::ANSWERS).map(|name| (Dialect::Ollama, ollama::bytes(name)));
    gemini.chain(ollama).collect()
}

fn decode_at(dialect: Dialect, bytes: &[u8], cuts: &[usize]) -> Answer {
    let mut decoder = Decoder::new(dialect);
    let mut from = 0;
    for cut in cuts {
        let to = (*cut).clamp(from, bytes.len());
        decoder.push(&bytes[from..to], |_| {});
        from = to;
    }
    decoder.push(&bytes[from..], |_| {});
    decoder.finish(|_| {})
}

fn calls(turn: &Turn) -> Vec<&Call> {
    turn.parts.iter().filter_map(|part| if let PartKind::Call(call) = &part.kind { Some(call) } else { None }).collect()
}

/// Looks at all that holds for each answer.
fn check(dialect: Dialect, answer: &Answer) {
    let echo = dialect.echo(answer);
    let turn = dialect.read_turn(&echo);
    let read = calls(&turn);
    let given: Vec<&Call> = answer.calls().collect();
    assert_eq!(read.len(), given.len(), "{echo}");
    for (read, given) in read.iter().zip(&given) {
        assert_eq!(read.args, given.args);
    }
    let ids: HashSet<&str> = read.iter().map(|call| call.id.as_str()).collect();
    assert!(ids.len() == read.len() && !ids.contains(""), "{echo}");
    assert!(arguments(&echo).iter().all(Json::is_object), "{echo}");
    let again = decode_at(dialect, &dialect.write_stream(answer), &[]);
    assert_eq!(
        again.calls().map(|call| &call.args).collect::<Vec<_>>(),
        given.iter().map(|call| &call.args).collect::<Vec<_>>()
    );
    let _ = dialect.write_answer(answer);
    let results = read.iter().map(|call| {
        Part::new(PartKind::Result(ToolResult {
            id: call.id.clone(),
            name: String::new(),
            text: "r".into(),
            error: false,
        }))
    });
    let results = Turn::new(Role::Tool, results.collect());
    let body = dialect.write_request(&Request { turns: vec![turn.clone(), results], ..Request::default() });
    assert!(dialect.read_request(&body).is_ok());
}

fn arguments(echo: &Json) -> Vec<Json> {
    let list = |name: &str| echo.get(name).and_then(Json::as_array).cloned().unwrap_or_default();
    let call = |part: Json| part.get("functionCall").or_else(|| part.get("function_call")).cloned();
    let gemini = list("parts").into_iter().filter_map(call).map(|call| call.get("args").cloned().unwrap_or(json!({})));
    gemini.chain(list("tool_calls").into_iter().map(|call| call["function"]["arguments"].clone())).collect()
}

/// Words of the dialects, so that random JSON comes near to them.
const WORDS: [&str; 34] = [
    "candidates",
    "content",
    "parts",
    "text",
    "thought",
    "functionCall",
    "function_call",
    "name",
    "args",
    "id",
    "index",
    "finishReason",
    "usageMetadata",
    "promptTokenCount",
    "promptFeedback",
    "blockReason",
    "error",
    "message",
    "code",
    "thoughtSignature",
    "functionResponse",
    "response",
    "willContinue",
    "partialArgs",
    "jsonPath",
    "stringValue",
    "role",
    "tool_calls",
    "function",
    "arguments",
    "done",
    "done_reason",
    "thinking",
    "images",
];

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        Just(json!(4_294_967_295_u64)),
        Just(json!(1e300)),
        Just(json!("$.a[4294967295].b")),
        Just(json!("{\"a\": ")),
        ".{0,6}".prop_map(Json::from),
        proptest::sample::select(WORDS.to_vec()).prop_map(Json::from),
    ];
    leaf.prop_recursive(7, 60, 5, |inner| {
        let name = proptest::sample::select(WORDS.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::vec((name, inner), 0..6)
                .prop_map(|fields| Json::Object(fields.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Json> {
    let value =
        prop_oneof![any::<i32>().prop_map(Json::from), ".{0,12}".prop_map(Json::from), Just(json!({"x": [null]}))];
    proptest::collection::vec(("[a-z]{1,6}", value), 0..4).prop_map(|fields| Json::Object(fields.into_iter().collect()))
}

fn call() -> impl Strategy<Value = PartKind> {
    let args = prop_oneof![4 => object(), 1 => "\\{[a-z]{0,5}".prop_map(Json::from)];
    ("[a-z_]{1,8}", args).prop_map(|(name, args)| PartKind::Call(Call { id: String::new(), name, args }))
}

/// The parts of a turn of the model: at most one reasoning, one text, then calls.
fn said() -> impl Strategy<Value = Vec<PartKind>> {
    let text = || proptest::option::of(".{1,20}");
    (text(), text(), proptest::collection::vec(call(), 0..4)).prop_map(|(reasoning, text, calls)| {
        let before = reasoning.map(PartKind::Reasoning).into_iter().chain(text.map(PartKind::Text));
        before.chain(calls).collect()
    })
}

fn answer() -> impl Strategy<Value = Answer> {
    let usage = (0..1_000_000_u64, 0..1_000_000_u64).prop_map(|(input, output)| Usage {
        input,
        output,
        cached: 0,
        reasoning: 0,
    });
    (said(), usage, any::<bool>()).prop_map(|(kinds, usage, cut)| {
        let has_calls = kinds.iter().any(|kind| matches!(kind, PartKind::Call(_)));
        let kind = if cut {
            StopKind::Length
        } else if has_calls {
            StopKind::Calls
        } else {
            StopKind::End
        };
        let parts = kinds.into_iter().map(Part::new).collect();
        let stop = Some(Stop { word: String::new(), kind });
        Answer { parts, stop, usage: Some(usage), whole: true, ..Answer::default() }
    })
}

fn request() -> impl Strategy<Value = Request> {
    let rounds = proptest::collection::vec((said(), any::<bool>(), ".{1,20}"), 0..4);
    let tool = ("[a-z]{1,8}", ".{0,12}", object()).prop_map(|(name, description, _)| {
        let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
        Tool { name, description, schema, source: None }
    });
    let tools = proptest::collection::vec(tool, 0..3);
    let settings = (proptest::option::of(0.0..2.0), proptest::option::of(1..100_000_u64));
    (proptest::option::of(".{1,20}"), ".{1,20}", rounds, tools, settings).prop_map(
        |(system, first, rounds, tools, settings)| {
            let text = |role, text: String| Turn::new(role, vec![Part::new(PartKind::Text(text))]);
            let mut turns: Vec<Turn> = system.map(|system| text(Role::System, system)).into_iter().collect();
            turns.push(text(Role::User, first));
            for (mut kinds, _, user) in rounds {
                let mut results = Vec::new();
                for (at, kind) in kinds.iter_mut().enumerate() {
                    if let PartKind::Call(call) = kind {
                        call.id = format!("id{}_{at}", turns.len());
                        results.push(ToolResult {
                            id: call.id.clone(),
                            name: call.name.clone(),
                            text: user.clone(),
                            error: false,
                        });
                    }
                }
                if kinds.is_empty() {
                    kinds.push(PartKind::Text("nothing".into()));
                }
                turns.push(Turn::new(Role::Assistant, kinds.into_iter().map(Part::new).collect()));
                if results.is_empty() {
                    turns.push(text(Role::User, user));
                } else {
                    turns.push(Turn::new(
                        Role::Tool,
                        results.into_iter().map(PartKind::Result).map(Part::new).collect(),
                    ));
                }
            }
            Request { turns, tools, temperature: settings.0, max_tokens: settings.1, ..Request::default() }
        },
    )
}

fn kinds(turns: &[Turn]) -> Vec<(Role, PartKind)> {
    turns.iter().flat_map(|turn| turn.parts.iter().map(|part| (turn.role, part.kind.clone()))).collect()
}

fn declared(tools: &[Tool]) -> Vec<(String, String, Json)> {
    tools.iter().map(|tool| (tool.name.clone(), tool.description.clone(), tool.schema.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_split_decodes_alike(cuts in proptest::collection::vec(0..2000_usize, 0..12)) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        for (dialect, bytes) in recorded() {
            prop_assert_eq!(decode_at(dialect, &bytes, &cuts), decode_at(dialect, &bytes, &[]));
        }
    }

    #[test]
    fn random_events_are_survived(events in proptest::collection::vec(any_json(), 1..5)) {
        for dialect in DIALECTS {
            let lines: Vec<u8> = events.iter().flat_map(|event| format!("data: {event}\n\n").into_bytes()).collect();
            check(dialect, &decode_at(dialect, &lines, &[]));
            check(dialect, &dialect.read_answer(&events[0]));
            let turn = dialect.read_turn(&events[0]);
            let _ = dialect.write_request(&Request { turns: vec![turn], ..Request::default() });
            let body = json!({"contents": events, "messages": events, "tools": events, "systemInstruction": events[0]});
            if let Ok(mut request) = dialect.read_request(&body) {
                prop_assert_eq!(dialect.write_request(&request), body);
                request.source = None;
                prop_assert!(dialect.read_request(&dialect.write_request(&request)).is_ok());
            }
        }
    }

    #[test]
    fn random_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for dialect in DIALECTS {
            check(dialect, &decode_at(dialect, &bytes, &[bytes.len() / 2]));
        }
    }

    #[test]
    fn an_answer_is_read_as_it_was_written(answer in answer()) {
        for dialect in DIALECTS {
            check(dialect, &answer);
            let streamed = decode_at(dialect, &dialect.write_stream(&answer), &[]);
            let whole = dialect.read_answer(&dialect.write_answer(&answer));
            for read in [streamed, whole] {
                let kinds = |answer: &Answer| answer.parts.iter().map(|part| part.kind.clone()).collect::<Vec<_>>();
                prop_assert_eq!(kinds(&read), kinds(&answer));
                prop_assert_eq!((read.usage, read.whole, read.fault), (answer.usage, true, None));
                prop_assert_eq!(read.stop.map(|stop| stop.kind), answer.stop.clone().map(|stop| stop.kind));
            }
        }
    }

    #[test]
    fn a_request_is_read_as_it_was_written(request in request()) {
        for dialect in DIALECTS {
            let body = dialect.write_request(&request);
            let read = dialect.read_request(&body).unwrap();
            prop_assert_eq!(kinds(&read.turns), kinds(&request.turns));
            prop_assert_eq!(declared(&read.tools), declared(&request.tools));
            prop_assert_eq!((read.temperature, read.max_tokens), (request.temperature, request.max_tokens));
            prop_assert_eq!(dialect.write_request(&read), body);
        }
    }
}

#[test]
fn recorded_requests_survive_without_their_body() {
    let gemini = gemini_write::REQUESTS.iter().map(|name| (Dialect::Gemini, gemini::json(name)));
    let ollama = ollama_write::REQUESTS.iter().map(|name| (Dialect::Ollama, ollama::json(name)));
    for (dialect, body) in gemini.chain(ollama) {
        let mut request = dialect.read_request(&body).unwrap();
        request.source = None;
        let again = dialect.read_request(&dialect.write_request(&request)).unwrap();
        let texts = |request: &Request| kinds(&request.turns).into_iter().map(|(_, kind)| kind).collect::<Vec<_>>();
        assert_eq!(texts(&again).len(), texts(&request).len());
        assert_eq!(declared(&again.tools), declared(&request.tools));
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or_default() % bound.max(1)
    }
}

fn mutate(bytes: &mut Vec<u8>, all: &[(Dialect, Vec<u8>)], random: &mut Random) {
    const PIECES: [&[u8]; 14] = [
        b"4294967295",
        b"-1",
        b"1e999",
        b"null",
        b"\"\"",
        b"{",
        b"}",
        b"[",
        b"]",
        b"\\ud83d",
        b"\n\n",
        b"\r\n",
        b"data: ",
        b"\xff",
    ];
    let from = random.below(bytes.len());
    let to = (from + random.below(60)).min(bytes.len());
    match random.below(7) {
        0 if !bytes.is_empty() => bytes[from] ^= 1 << random.below(8),
        1 => bytes.truncate(from),
        2 => bytes.extend_from_within(from..to),
        3 => drop(bytes.drain(from..to)),
        4 => drop(bytes.splice(from..from, PIECES[random.below(PIECES.len())].iter().copied())),
        5 => drop(bytes.splice(from..to, PIECES[random.below(PIECES.len())].iter().copied())),
        _ => {
            let other = &all[random.below(all.len())].1;
            let at = random.below(other.len());
            let piece = &other[at..(at + random.below(200)).min(other.len())];
            drop(bytes.splice(from..from, piece.iter().copied()));
        }
    }
}

/// Tells the bytes when a test fails on them.
struct Told<'a>(&'a [u8]);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed on: {}", String::from_utf8_lossy(self.0));
        }
    }
}

/// `TAMA_TUI_FUZZ_SECONDS=600 cargo test --release --test it gemini_properties -- --ignored --nocapture`
#[test]
#[ignore = "runs as long as it is told to"]
fn mutations_are_survived() {
    let seconds = std::env::var("TAMA_TUI_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let until = Instant::now() + Duration::from_secs(seconds);
    let all = recorded();
    let seed =
        std::env::var("TAMA_TUI_FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(88_172_645_463_325_252);
    let mut random = Random(seed);
    let mut rounds = 0_u64;
    while Instant::now() < until {
        let (mut dialect, mut bytes) = all[random.below(all.len())].clone();
        if random.below(10) == 0 {
            dialect = DIALECTS[random.below(2)];
        }
        for _ in 0..=random.below(6) {
            mutate(&mut bytes, &all, &mut random);
        }
        let begun = Instant::now();
        let told = Told(&bytes);
        let cuts = [random.below(bytes.len()), bytes.len() / 2, bytes.len()];
        let answer = decode_at(dialect, &bytes, &cuts);
        assert_eq!(answer, decode_at(dialect, &bytes, &[]));
        check(dialect, &answer);
        assert!(begun.elapsed() < Duration::from_secs(5));
        drop(told);
        rounds += 1;
    }
    println!("{rounds} mutations in {seconds} s");
}
