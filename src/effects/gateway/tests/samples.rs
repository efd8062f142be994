//! One exchange of each dialect, as recorded.

use serde_json::{Value as Json, json};

use crate::wire::{Answer, Decoder, Dialect};

/// A request, and its answer in both forms.
pub(super) struct Sample {
    pub(super) dialect: Dialect,
    /// Method and path for a streamed and for a whole answer.
    pub(super) lines: [&'static str; 2],
    pub(super) stream: Vec<u8>,
    pub(super) whole: Vec<u8>,
}

impl Sample {
    /// The body of a request for a streamed or for a whole answer, with fields that nobody knows.
    pub(super) fn request(&self, streamed: bool) -> Json {
        let (user, tools) = ("tidy the repo", json!([]));
        let mut body = match self.dialect {
            Dialect::Messages => {
                json!({"model": "m-1", "max_tokens": 99, "system": "Be good.", "messages": [{"role": "user", "content": user}]})
            }
            Dialect::Responses => json!({"model": "m-1", "instructions": "Be good.", "input": user, "store": false}),
            Dialect::Chat => {
                json!({"model": "m-1", "messages": [{"role": "system", "content": "Be good."}, {"role": "user", "content": user}]})
            }
            _ => {
                json!({"systemInstruction": {"parts": [{"text": "Be good."}]}, "contents": [{"role": "user", "parts": [{"text": user}]}]})
            }
        };
        body["x_unknown"] = json!({"kept": [1, 2.50, tools]});
        if self.dialect != Dialect::Gemini && streamed {
            body["stream"] = true.into();
        }
        body
    }

    pub(super) fn line(&self, streamed: bool) -> &'static str {
        self.lines[usize::from(!streamed)]
    }

    pub(super) fn answer(&self, streamed: bool) -> &[u8] {
        if streamed { &self.stream } else { &self.whole }
    }

    pub(super) fn read(&self, bytes: &[u8]) -> Answer {
        let mut decoder = Decoder::new(self.dialect);
        decoder.push(bytes, |_| {});
        decoder.finish(|_| {})
    }
}

macro_rules! recorded {
    ($path:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/", $path)).to_vec()
    };
}

pub(super) fn samples() -> Vec<Sample> {
    let gemini = recorded!("gemini/stream.sse");
    let messages = recorded!("messages/streams/thinking_then_call.sse");
    vec![
        Sample {
            dialect: Dialect::Messages,
            lines: ["POST /v1/messages?beta=true"; 2],
            stream: messages,
            whole: recorded!("messages/answers/call.json"),
        },
        Sample {
            dialect: Dialect::Responses,
            lines: ["POST /v1/responses"; 2],
            stream: recorded!("responses/streams/interleaved-calls.sse"),
            whole: recorded!("responses/answers/custom-tool.json"),
        },
        Sample {
            dialect: Dialect::Chat,
            lines: ["POST /v1/chat/completions"; 2],
            stream: recorded!("chat/openai-tools.sse"),
            whole: recorded!("chat/answer-openai-tools.json"),
        },
        Sample {
            dialect: Dialect::Gemini,
            lines: [
                "POST /v1beta/models/m-1:streamGenerateContent?alt=sse&key=s3cret-key",
                "POST /v1beta/models/m-1:generateContent?key=s3cret-key",
            ],
            stream: gemini,
            whole: recorded!("gemini/answer.json"),
        },
    ]
}
