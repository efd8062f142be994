//! Anthropic Messages with random bytes, events and requests.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tama_tui::wire::{Answer, Decoder, Dialect, PartKind, Request, Role, Tool, Turn};

use super::messages::recorded;
use super::messages_requests::{assert_valid, call, request, result, text};

const MESSAGES: Dialect = Dialect::Messages;

static STREAMS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| recorded("streams", "sse"));

fn decode_at(bytes: &[u8], cuts: &[usize]) -> Answer {
    let mut decoder = Decoder::new(MESSAGES);
    let mut from = 0;
    for cut in cuts {
        decoder.push(&bytes[from..*cut], |_| {});
        from = *cut;
    }
    decoder.push(&bytes[from..], |_| {});
    decoder.finish(|_| {})
}

fn in_stream(event: &Json) -> String {
    format!("data: {event}\n\n")
}

/// How a server sends calls: what it does with indexes, ids, inputs and stops.
#[derive(Debug, Clone)]
struct Manner {
    start: Option<i64>,
    delta: Option<i64>,
    all_the_same: bool,
    ids: usize,
    input: usize,
    stops: bool,
    text_between: bool,
    piece: usize,
}

fn any_manner() -> impl Strategy<Value = Manner> {
    let offset = || prop_oneof![Just(None), Just(Some(-1)), Just(Some(0)), Just(Some(1)), Just(Some(4_294_967_295))];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (offset(), offset(), flags, 0..3usize, 0..3usize, 1..9usize).prop_map(
        |(start, delta, (all_the_same, stops, text_between), ids, input, piece)| Manner {
            start,
            delta,
            all_the_same,
            ids,
            input,
            stops,
            text_between,
            piece,
        },
    )
}

/// The events of calls with these numbers as arguments.
fn send(manner: &Manner, numbers: &[u32]) -> String {
    let mut events = Vec::new();
    for (at, number) in numbers.iter().enumerate() {
        let place = if manner.all_the_same { 0 } else { i64::try_from(at).unwrap() };
        let (start, delta) = (manner.start.map(|offset| offset + place), manner.delta.map(|offset| offset + place));
        let id = [format!("t{at}"), "same".to_owned(), String::new()][manner.ids].clone();
        let args = json!({"number": number, "text": "}{\"\\"});
        let input = if manner.input == 0 { json!({}) } else { args.clone() };
        if manner.text_between {
            events.push(
                json!({"type": "content_block_delta", "index": start, "delta": {"type": "text_delta", "text": "a"}}),
            );
        }
        let block = json!({"type": "tool_use", "id": id, "name": "f", "input": input});
        events.push(json!({"type": "content_block_start", "index": start, "content_block": block}));
        let letters: Vec<char> = if manner.input == 1 { Vec::new() } else { args.to_string().chars().collect() };
        for piece in letters.chunks(manner.piece) {
            let piece = json!({"type": "input_json_delta", "partial_json": piece.iter().collect::<String>()});
            events.push(json!({"type": "content_block_delta", "index": delta, "delta": piece}));
        }
        if manner.stops {
            events.push(json!({"type": "content_block_stop", "index": delta}));
        }
    }
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}));
    events.iter().map(in_stream).collect()
}

/// All that can be done with an answer.
fn use_answer(answer: &Answer) {
    let echo = MESSAGES.echo(answer);
    let turn = MESSAGES.read_turn(&echo);
    let calls = turn.parts.iter().filter(|part| matches!(part.kind, PartKind::Call(_))).count();
    assert_eq!(calls, answer.calls().count());
    assert_valid(&MESSAGES.write_request(&request(vec![Turn::new(Role::User, vec![text("go")]), turn])));
    let again = decode_at(&MESSAGES.write_stream(answer), &[]);
    let kinds = |answer: &Answer| answer.parts.iter().map(|part| part.kind.clone()).collect::<Vec<_>>();
    assert_eq!(again.calls().collect::<Vec<_>>(), answer.calls().collect::<Vec<_>>());
    assert_eq!((again.text(), again.reasoning()), (answer.text(), answer.reasoning()));
    assert_eq!(again.usage, answer.usage);
    assert!(kinds(&again).len() <= kinds(answer).len());
    let _ = MESSAGES.read_answer(&MESSAGES.write_answer(answer));
}

fn any_json() -> impl Strategy<Value = Json> {
    let word = prop_oneof![
        Just("text"),
        Just("thinking"),
        Just("redacted_thinking"),
        Just("tool_use"),
        Just("tool_result"),
        Just("server_tool_use"),
        Just("message"),
        Just("error"),
        Just("signature"),
        Just("name"),
        Just("id"),
        Just("x"),
        Just("{\"a\":1}"),
        Just(""),
        Just("content"),
        Just("end_turn"),
        Just("tool_use_id"),
        Just("message_start"),
        Just("type"),
        Just("input"),
        Just("messages"),
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        word.clone().prop_map(Json::from),
        ".*".prop_map(Json::from),
    ];
    let name = prop_oneof![word.prop_map(str::to_owned), "[a-z_]{0,9}"];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|fields| Json::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_index() -> impl Strategy<Value = Json> {
    prop_oneof![
        4 => (0..4i64).prop_map(Json::from),
        1 => Just(Json::Null),
        1 => Just(json!(4_294_967_295_u64)),
        1 => Just(json!(-1)),
        1 => Just(json!("1")),
        1 => any_json(),
    ]
}

fn any_event() -> impl Strategy<Value = Json> {
    let piece =
        prop_oneof![Just(""), Just("{"), Just("{\"a\": "), Just("1}"), Just("{}"), Just("\"x"), Just("\n"), Just("a ")];
    let id = prop_oneof![Just(""), Just("t"), Just("u"), Just("call_0"), Just("a b")];
    let block = (id, piece.clone(), 0..6usize).prop_map(|(id, piece, kind)| match kind {
        0 => json!({"type": "text", "text": piece}),
        1 => json!({"type": "thinking", "thinking": piece, "signature": ""}),
        2 => json!({"type": "server_tool_use", "id": id, "name": "s", "input": {}}),
        3 => json!({"type": "hologram", "id": id}),
        4 => json!({"type": "tool_use", "id": id, "name": "f", "input": piece}),
        _ => json!({"type": "tool_use", "id": id, "name": "f", "input": {}}),
    });
    let delta = (piece, 0..7usize).prop_map(|(piece, kind)| match kind {
        0 | 1 => json!({"type": "text_delta", "text": piece}),
        2 => json!({"type": "thinking_delta", "thinking": piece}),
        3 => json!({"type": "signature_delta", "signature": piece}),
        4 => json!({"type": "citations_delta", "citation": {"a": piece}}),
        _ => json!({"type": "input_json_delta", "partial_json": piece}),
    });
    let start = |(index, block)| json!({"type": "content_block_start", "index": index, "content_block": block});
    let goes_on = |(index, delta)| json!({"type": "content_block_delta", "index": index, "delta": delta});
    prop_oneof![
        3 => (any_index(), prop_oneof![5 => block, 1 => any_json()]).prop_map(start),
        6 => (any_index(), prop_oneof![9 => delta, 1 => any_json()]).prop_map(goes_on),
        2 => any_index().prop_map(|index| json!({"type": "content_block_stop", "index": index})),
        1 => any_json().prop_map(|json| json!({"type": "message_delta", "delta": json, "usage": {"output_tokens": 3}})),
        1 => any_json().prop_map(|json| json!({"type": "message_start", "message": json})),
        1 => any_json(),
    ]
}

fn any_turn() -> impl Strategy<Value = Turn> {
    let id = || prop_oneof![Just(""), Just("t"), Just("u"), Just("a b"), Just("call_0"), Just("call")];
    let words = || prop_oneof![Just(""), Just(" \n"), Just("one"), Just("two \n"), Just("{\"a")];
    let args = prop_oneof![Just(json!({})), Just(json!({"a": [1]})), Just(json!("{\"cut")), any_json()];
    let part = prop_oneof![
        words().prop_map(text),
        (id(), words(), args).prop_map(|(id, name, args)| call(id, name, args)),
        (id(), words(), any::<bool>()).prop_map(|(id, words, error)| result(id, words, error)),
    ];
    let role = prop_oneof![Just(Role::System), Just(Role::User), Just(Role::Assistant), Just(Role::Tool)];
    (role, prop::collection::vec(part, 0..5)).prop_map(|(role, parts)| Turn::new(role, parts))
}

fn any_request() -> impl Strategy<Value = Request> {
    let tool = ("[a-z. ]{0,8}", "[a-z ]{0,8}", any_json()).prop_map(|(name, description, schema)| Tool {
        name,
        description,
        schema,
        source: None,
    });
    let tools = prop::collection::vec(tool, 0..3);
    let turns = prop::collection::vec(any_turn(), 0..8);
    (turns, tools, prop::option::of(0.0..3.0), prop::option::of(0..9u64), any::<bool>()).prop_map(
        |(turns, tools, temperature, max_tokens, stream)| Request {
            tools,
            temperature,
            max_tokens,
            stream,
            ..request(turns)
        },
    )
}

/// A request without the JSON that it was read from.
fn neutral(mut request: Request) -> Request {
    request.source = None;
    for turn in &mut request.turns {
        turn.source = None;
        turn.parts.iter_mut().for_each(|part| part.source = None);
    }
    request.tools.iter_mut().for_each(|tool| tool.source = None);
    request
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_split_decodes_alike(at in any::<prop::sample::Index>(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
        let (name, bytes) = at.get(&STREAMS[..]);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(decode_at(bytes, &cuts), decode_at(bytes, &[]), "{}", name);
    }

    #[test]
    fn random_bytes_are_no_answer_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let answer = decode_at(&bytes, &[]);
        prop_assert!(!answer.whole);
    }

    #[test]
    fn random_events_make_an_answer_that_can_be_used(events in prop::collection::vec(any_event(), 0..25)) {
        let bytes: String = events.iter().map(in_stream).collect();
        use_answer(&decode_at(bytes.as_bytes(), &[]));
    }

    #[test]
    fn each_call_comes_once_whatever_the_server_does(manner in any_manner(), numbers in prop::collection::vec(any::<u32>(), 1..6)) {
        let answer = decode_at(send(&manner, &numbers).as_bytes(), &[]);
        let came: Vec<&Json> = answer.calls().map(|call| &call.args["number"]).collect();
        prop_assert_eq!(came, numbers.iter().collect::<Vec<_>>());
        let text = if manner.text_between { numbers.len() } else { 0 };
        prop_assert_eq!(answer.text().len(), text);
        prop_assert!(answer.whole);
    }

    #[test]
    fn random_json_is_read(json in any_json()) {
        use_answer(&MESSAGES.read_answer(&json));
        let _ = MESSAGES.read_turn(&json);
        let _ = MESSAGES.read_request(&json);
        if let Ok(mut request) = MESSAGES.read_request(&json!({"messages": [json, {"role": "user", "content": json}], "system": json, "tools": [json]})) {
            request.max_tokens = Some(3);
            let _ = MESSAGES.write_request(&request);
        }
    }

    #[test]
    fn random_requests_are_written_valid_and_read_again(request in any_request()) {
        let body = MESSAGES.write_request(&request);
        assert_valid(&body);
        let read = MESSAGES.read_request(&body).unwrap();
        prop_assert_eq!(&MESSAGES.write_request(&read), &body, "as it came");
        let once = neutral(read);
        let again = MESSAGES.read_request(&MESSAGES.write_request(&once)).unwrap();
        prop_assert_eq!(neutral(again), once);
    }

    #[test]
    fn conversations_are_read_as_they_were_written(said in prop::collection::vec(("[a-z]{1,9}", 0..4usize), 1..6)) {
        let mut turns = vec![Turn::new(Role::System, vec![text("Be brief.")]), Turn::new(Role::User, vec![text("go")])];
        for (at, (word, calls)) in said.iter().enumerate() {
            let id = |number: usize| format!("t{at}_{number}");
            let mut parts = vec![text(word)];
            parts.extend((0..*calls).map(|number| call(&id(number), word, json!({"number": number}))));
            turns.push(Turn::new(Role::Assistant, parts));
            let results: Vec<_> = (0..*calls).map(|number| result(&id(number), word, number % 2 == 1)).collect();
            turns.push(if results.is_empty() { Turn::new(Role::User, vec![text(word)]) } else { Turn::new(Role::Tool, results) });
        }
        let request = request(turns);
        let body = MESSAGES.write_request(&request);
        assert_valid(&body);
        prop_assert_eq!(neutral(MESSAGES.read_request(&body).unwrap()), request);
    }
}

#[test]
fn many_calls_and_pieces_take_no_time() {
    let begun = Instant::now();
    let mut bytes = String::new();
    for number in 0..5000 {
        let block = json!({"type": "tool_use", "id": "t", "name": "f", "input": {}});
        let events = [
            json!({"type": "content_block_start", "index": 4_294_967_295_u64, "content_block": block}),
            json!({"type": "content_block_delta", "index": 7, "delta": {"partial_json": "{\"n\":"}}),
            json!({"type": "content_block_delta", "index": -1, "delta": {"partial_json": format!("{number}}}")}}),
        ];
        bytes.extend(events.iter().map(in_stream));
    }
    let piece = json!({"type": "content_block_delta", "index": 1, "delta": {"text": "a"}});
    bytes.push_str(&in_stream(&piece).repeat(20_000));
    let answer = decode_at(bytes.as_bytes(), &[]);
    assert!(answer.calls().enumerate().all(|(number, call)| call.args == json!({"n": number})));
    assert_eq!((answer.calls().count(), answer.text().len()), (5000, 20_000));
    use_answer(&answer);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

/// Cuts, doubles and changes bytes of a recorded stream.
fn mutate(bytes: &mut Vec<u8>, random: &mut impl FnMut(usize) -> usize) {
    const NUMBERS: [&str; 5] = ["4294967295", "-1", "1e999", "18446744073709551616", "null"];
    for _ in 0..=random(6) {
        let at = random(bytes.len().max(1)).min(bytes.len());
        let to = (at + random(200)).min(bytes.len());
        match random(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random(8),
            1 => drop(bytes.drain(at..to)),
            2 => {
                let again = bytes[at..to].to_vec();
                bytes.splice(at..at, again);
            }
            3 => bytes.truncate(at),
            4 => {
                if let Some(digit) = bytes[at..].iter().position(u8::is_ascii_digit) {
                    let number = NUMBERS[random(NUMBERS.len())].bytes();
                    bytes.splice(at + digit..=at + digit, number);
                }
            }
            _ => bytes.insert(at, b"{}[]\",:\n\r\\\xff"[random(11)]),
        }
    }
}

#[test]
#[ignore = "takes as many seconds as TAMA_TUI_FUZZ_SECONDS says"]
fn mutated_streams_do_no_harm() {
    let seconds = std::env::var("TAMA_TUI_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut seeds = recorded("streams", "sse");
    seeds.extend(recorded("answers", "json"));
    seeds.extend(recorded("requests", "json"));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ u64::from(std::process::id());
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below.max(1) as u64).unwrap()
    };
    let mut rounds = 0_u64;
    while Instant::now() < end {
        let mut bytes = seeds[random(seeds.len())].1.clone();
        mutate(&mut bytes, &mut random);
        let cut = random(bytes.len() + 1);
        let begun = Instant::now();
        let answer = decode_at(&bytes, &[cut]);
        assert_eq!(answer, decode_at(&bytes, &[]));
        use_answer(&answer);
        if let Ok(mut request) =
            tama_tui::wire::parse(&bytes).map_err(drop).and_then(|json| MESSAGES.read_request(&json).map_err(drop))
        {
            let _ = MESSAGES.write_request(&request);
            request.source = None;
            let _ = MESSAGES.write_request(&request);
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{}", String::from_utf8_lossy(&bytes));
        rounds += 1;
    }
    println!("{rounds} mutations in {seconds} s");
}
