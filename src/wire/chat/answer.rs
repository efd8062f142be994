//! An answer that is not streamed.

use serde_json::{Map, Value as Json, json};

use super::value::{items, text, word};
use super::{error, stop, tool_call, turn, usage, write};
use crate::wire::{Answer, Fault, Part, PartKind, Stop, StopKind, excerpt::excerpt};

/// Reads an answer, or the error that came in its place.
pub(in crate::wire) fn read_answer(body: &Json) -> Answer {
    // Gemini's endpoint puts an error into a list.
    let body_within = if let Json::Array(values) = body { values.first().unwrap_or(body) } else { body };
    let mut answer = Answer {
        id: word(body_within, "id"),
        model: word(body_within, "model"),
        usage: usage::read(body_within),
        fault: error::fault(body_within, false),
        source: Some(body.clone()),
        ..Answer::default()
    };
    match first(body_within) {
        Some(choice) => read_choice(choice, &mut answer),
        None if answer.fault.is_none() && !body_within.get("choices").is_some_and(Json::is_array) => {
            answer.fault = Some(not_an_answer(body_within));
        }
        None => {}
    }
    answer
}

/// The choice that counts: the one of index 0, or the first.
pub(super) fn first(body: &Json) -> Option<&Json> {
    let choices = items(body.get("choices"));
    let zero = |choice: &&Json| choice.get("index").and_then(Json::as_u64) == Some(0);
    choices.iter().find(zero).or_else(|| choices.first()).filter(|choice| choice.is_object())
}

fn not_an_answer(body: &Json) -> Fault {
    match text(body, "message").or_else(|| text(body, "msg")) {
        Some(message) => Fault::Server { message: message.to_owned(), kind: String::new(), status: None },
        None => Fault::NotAnAnswer(excerpt(body.to_string().as_bytes())),
    }
}

fn read_choice(choice: &Json, answer: &mut Answer) {
    let message = ["message", "delta"].iter().find_map(|name| choice.get(*name).filter(|message| message.is_object()));
    if let Some(message) = message {
        answer.parts = turn::read_parts(message, tool_call::read);
    } else if let Some(said) = text(choice, "text") {
        answer.parts.push(Part::read(PartKind::Text(said.to_owned()), Json::from(said)));
    }
    let refusal = message.and_then(|message| text(message, "refusal"));
    finish(answer, finish_word(choice), refusal, choice);
    answer.fault = answer.fault.take().or_else(|| error::of_choice(choice));
}

/// The word for why the model stopped.
pub(super) fn finish_word(choice: &Json) -> Option<String> {
    let reason = choice.get("finish_reason")?;
    let word = reason.as_str().or_else(|| text(reason, "type")).or_else(|| reason.as_i64().map(|_| "stop"))?;
    (!word.is_empty() && word != "null").then(|| word.to_owned())
}

/// Notes how the answer ended.
pub(super) fn finish(answer: &mut Answer, word: Option<String>, refusal: Option<&str>, choice: &Json) {
    answer.whole |= word.is_some();
    let interrupted = word.as_deref().and_then(stop::interruption);
    let has_calls = answer.calls().next().is_some();
    answer.stop = word.map(|word| stop::stop(&word, has_calls));
    if let Some(refusal) = refusal {
        answer.stop_message = Some(refusal.to_owned());
        let ended = answer.stop.take().map(|stop| stop.word).or_else(|| answer.whole.then(|| "refusal".to_owned()));
        answer.stop = ended.map(|word| Stop { word, kind: StopKind::Refused });
    } else if answer.stop.as_ref().is_some_and(|stop| stop.kind == StopKind::Filtered) {
        answer.stop_message = filters(choice);
    }
    answer.fault = answer.fault.take().or_else(|| error::of_choice(choice)).or(interrupted);
}

/// The filters of Azure that cut the answer.
fn filters(choice: &Json) -> Option<String> {
    let results = choice.get("content_filter_results")?.as_object()?;
    let cut = results.iter().filter(|(_, result)| result.get("filtered") == Some(&Json::Bool(true)));
    let names: Vec<String> = cut
        .map(|(name, result)| match text(result, "severity") {
            Some(severity) => format!("{name} (severity {severity})"),
            None => name.clone(),
        })
        .collect();
    (!names.is_empty()).then(|| format!("filtered: {}", names.join(", ")))
}

/// Writes an answer.
pub(in crate::wire) fn write_answer(answer: &Answer) -> Json {
    let source = answer.source.as_ref();
    if let Some(source) = source.filter(|source| read_answer(source) == *answer) {
        return source.clone();
    }
    if let Some(fault) = answer.fault.as_ref().filter(|_| answer.parts.is_empty()) {
        return write_fault(fault);
    }
    let mut body = source.and_then(Json::as_object).cloned().unwrap_or_else(|| head(answer, "chat.completion"));
    body.shift_remove("error");
    let mut choice = source.and_then(first).and_then(Json::as_object).cloned().unwrap_or_default();
    choice.entry("index").or_insert(0.into());
    choice.shift_remove("delta");
    choice.shift_remove("text");
    choice.insert("message".into(), Json::Object(message(answer)));
    let word = answer.stop.as_ref().map(|stop| stop::finish_reason(stop, answer.fault.is_some()));
    choice.insert("finish_reason".into(), word.map_or(Json::Null, Json::from));
    body.insert("choices".into(), json!([choice]));
    for (name, value) in [("id", &answer.id), ("model", &answer.model)] {
        if let Some(value) = value {
            body.insert(name.into(), value.as_str().into());
        }
    }
    match &answer.usage {
        Some(known) if source.and_then(usage::read) != Some(*known) => {
            body.insert("usage".into(), usage::write(known));
        }
        _ => {}
    }
    if let Some(fault) = &answer.fault {
        body.extend(write_fault(fault).as_object().cloned().unwrap_or_default());
    }
    Json::Object(body)
}

/// The message of an answer, with its refusal.
pub(super) fn message(answer: &Answer) -> Map<String, Json> {
    let mut message = write::answer_message(&answer.parts);
    let refused = answer.stop.as_ref().is_some_and(|stop| stop.kind == StopKind::Refused);
    if let (true, Some(refusal)) = (refused, &answer.stop_message) {
        message.insert("refusal".into(), refusal.as_str().into());
    }
    message
}

/// The fields at the head of a body and of each chunk.
pub(super) fn head(answer: &Answer, object: &str) -> Map<String, Json> {
    let id = answer.id.as_deref().unwrap_or("chatcmpl-0");
    let model = answer.model.as_deref().unwrap_or_default();
    let head = json!({"id": id, "object": object, "created": 0, "model": model});
    head.as_object().cloned().unwrap_or_default()
}

/// An error as `OpenAI` writes it.
pub(super) fn write_fault(fault: &Fault) -> Json {
    let (kind, status) = match fault {
        Fault::Server { kind, status, .. } if !kind.is_empty() => (kind.as_str(), *status),
        Fault::Server { status, .. } => ("server_error", *status),
        _ => ("server_error", None),
    };
    json!({"error": {"message": fault.to_string(), "type": kind, "param": null, "code": status}})
}
