//! An answer that was not streamed.

use serde_json::Value as Json;

use super::stream::Stream;
use crate::wire::error_body;
use crate::wire::excerpt::excerpt;
use crate::wire::{Answer, Fault};

/// Reads an answer; a list is the events of a stream.
pub(in crate::wire) fn read_answer(body: &Json) -> Answer {
    let mut stream = Stream::default();
    match body {
        Json::Array(events) => events.iter().for_each(|event| stream.take(event, &mut |_| {})),
        event => stream.take(event, &mut |_| {}),
    }
    let mut answer = stream.finish();
    if answer == Answer::default() && !is_answer(body) {
        answer.fault =
            error_body::read_bare(body).or_else(|| Some(Fault::NotAnAnswer(excerpt(body.to_string().as_bytes()))));
    }
    answer.source = Some(body.clone());
    answer
}

fn is_answer(body: &Json) -> bool {
    let events = if let Json::Array(events) = body { events.as_slice() } else { std::slice::from_ref(body) };
    let known = ["candidates", "promptFeedback", "prompt_feedback", "usageMetadata", "usage_metadata"];
    events.iter().any(|event| known.iter().any(|name| event.get(name).is_some()))
}
