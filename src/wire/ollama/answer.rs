//! Answers, whole and as lines.

use serde_json::{Map, Value as Json, json};

use super::stream::Stream;
use super::{message, stop};
use crate::wire::error_body;
use crate::wire::excerpt::excerpt;
use crate::wire::keep::keep;
use crate::wire::{Answer, Fault, Part};

/// Reads an answer; a list is the lines of a stream.
pub(in crate::wire) fn read_answer(body: &Json) -> Answer {
    let mut stream = Stream::default();
    let lines = if let Json::Array(lines) = body { lines.as_slice() } else { std::slice::from_ref(body) };
    for line in lines {
        stream.take(line, &mut |_| {});
    }
    let mut answer = stream.finish();
    let known = ["message", "response", "done"];
    if answer.fault.is_none() && !lines.iter().any(|line| known.iter().any(|name| line.get(name).is_some())) {
        answer.fault =
            error_body::read_bare(body).or_else(|| Some(Fault::NotAnAnswer(excerpt(body.to_string().as_bytes()))));
    }
    answer.source = Some(body.clone());
    answer
}

/// Writes an answer that is not streamed.
pub(in crate::wire) fn write_answer(answer: &Answer) -> Json {
    let source = answer.source.as_ref();
    keep(
        source,
        |source| read_answer(source) == *answer,
        || {
            let before = source.and_then(|source| source.get("message"));
            let mut known = head(answer);
            if let Some(fault) = &answer.fault {
                known.insert("error".into(), fault.to_string().into());
            } else {
                let parts: Vec<&Part> = answer.parts.iter().collect();
                known.insert("message".into(), message::write("assistant", &parts, "", before));
                known.extend(end(answer));
            }
            known
        },
    )
}

/// Writes an answer as lines.
pub(in crate::wire) fn write_stream(answer: &Answer) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines(answer) {
        bytes.extend_from_slice(format!("{line}\n").as_bytes());
    }
    bytes
}

fn lines(answer: &Answer) -> Vec<Json> {
    if let Some(source) = answer.source.as_ref().filter(|source| read_answer(source) == *answer) {
        return if let Json::Array(lines) = source { lines.clone() } else { vec![source.clone()] };
    }
    let line = |parts: &[&Part], end: Map<String, Json>| {
        let mut line = head(answer);
        line.insert("message".into(), message::write("assistant", parts, "", None));
        line.extend(end);
        Json::Object(line)
    };
    let going_on = || Map::from_iter([("done".to_owned(), Json::Bool(false))]);
    let mut lines: Vec<Json> = answer.parts.iter().map(|part| line(&[part], going_on())).collect();
    lines.push(line(&[], end(answer)));
    lines.extend(answer.fault.as_ref().map(|fault| json!({"error": fault.to_string()})));
    lines
}

fn head(answer: &Answer) -> Map<String, Json> {
    answer.model.iter().map(|model| ("model".to_owned(), model.as_str().into())).collect()
}

/// The fields that end an answer.
fn end(answer: &Answer) -> Map<String, Json> {
    let mut end = Map::new();
    end.insert("done".into(), (answer.whole || (answer.fault.is_some() && answer.stop.is_some())).into());
    if let Some(stop) = &answer.stop {
        end.insert("done_reason".into(), stop::word(stop, answer.calls().next().is_some()).into());
    }
    if let Some(usage) = answer.usage {
        end.insert("prompt_eval_count".into(), usage.input.into());
        end.insert("eval_count".into(), usage.output.into());
    }
    end
}
