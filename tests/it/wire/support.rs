//! Helpers: bytes into a decoder, in pieces.

use serde_json::Value as Json;
use tama_tui::wire::{Answer, Decoder, Dialect, Piece};

/// Decodes bytes that arrive in pieces of a length; returns the answer, and the text and reasoning that were heard.
pub fn decode_in(dialect: Dialect, bytes: &[u8], length: usize) -> (Answer, String, String) {
    let (mut text, mut reasoning) = (String::new(), String::new());
    let mut heard = |piece: Piece<'_>| match piece {
        Piece::Text(piece) => text.push_str(piece),
        Piece::Reasoning(piece) => reasoning.push_str(piece),
    };
    let mut decoder = Decoder::new(dialect);
    for piece in bytes.chunks(length.max(1)) {
        decoder.push(piece, &mut heard);
    }
    let answer = decoder.finish(&mut heard);
    (answer, text, reasoning)
}

/// Decodes bytes that arrive in one piece. Any split decodes alike.
pub fn decode(dialect: Dialect, bytes: &[u8]) -> Answer {
    let (answer, text, reasoning) = decode_in(dialect, bytes, usize::MAX);
    assert_eq!((text, reasoning), (answer.text(), answer.reasoning()), "what was heard is what came");
    for length in [1, 2, 3, 7, 64] {
        assert_eq!(decode_in(dialect, bytes, length).0, answer, "in pieces of {length}");
    }
    answer
}

/// JSON with sorted names, to compare.
pub fn canonical(json: &Json) -> String {
    match json {
        Json::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            let fields: Vec<String> = names
                .into_iter()
                .map(|name| format!("{}:{}", Json::from(name.as_str()), canonical(&fields[name])))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Json::Array(values) => format!("[{}]", values.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
