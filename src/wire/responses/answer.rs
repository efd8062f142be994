//! An answer that is not streamed: the response as one body.

use serde_json::{Map, Value as Json, json};

use super::item::{self, text};
use super::part::{Use, fields, say_the_same, write_items};
use super::{fault, stop};
use crate::wire::excerpt::excerpt;
use crate::wire::{Answer, Fault, Part, PartKind};

pub(super) fn read_answer_of(response: &Json) -> Answer {
    let mut answer = Answer::default();
    read_head(response, &mut answer);
    answer.parts = read_output(response);
    let status = match text(response, "status") {
        // The body is all there is.
        "" if !answer.parts.is_empty() || response.get("output").is_some_and(Json::is_array) => "completed",
        status => status,
    };
    read_end(status, response, &mut answer);
    answer
}

/// Reads an answer that was not streamed.
pub(in crate::wire) fn read_answer(body: &Json) -> Answer {
    let response = body.get("response").filter(|response| response.is_object()).unwrap_or(body);
    let is_response = response.get("output").is_some_and(|output| !output.is_null())
        || text(response, "object") == "response"
        || !text(response, "output_text").is_empty();
    let mut answer = if is_response { read_answer_of(response) } else { Answer::default() };
    answer.fault = answer.fault.or_else(|| fault::read(body));
    if !is_response && answer.fault.is_none() {
        answer.fault = Some(Fault::NotAnAnswer(excerpt(body.to_string().as_bytes())));
    }
    answer.whole &= answer.fault.is_none();
    answer.source = Some(body.clone());
    answer
}

/// Takes what a response says about itself, also before it ends.
pub(super) fn read_head(response: &Json, answer: &mut Answer) {
    let named = |name: &str| Some(item::name_of(response, name)).filter(|name| !name.is_empty());
    answer.id = named("id").or(answer.id.take());
    answer.model = named("model").or(answer.model.take());
    stop::take_usage(&mut answer.usage, response);
}

/// The output items as parts.
pub(super) fn read_output(response: &Json) -> Vec<Part> {
    match response.get("output") {
        Some(Json::Array(items)) if !items.is_empty() => items.iter().filter_map(read_part).collect(),
        Some(Json::String(text)) if !text.is_empty() => vec![Part::new(PartKind::Text(text.clone()))],
        _ => match text(response, "output_text") {
            "" => Vec::new(),
            text => vec![Part::new(PartKind::Text(text.to_owned()))],
        },
    }
}

/// An item as a part; `None` for what is no item at all.
pub(super) fn read_part(item: &Json) -> Option<Part> {
    match item {
        Json::Object(_) => Some(Part::read(item::read_item(item), item.clone())),
        Json::String(text) => Some(Part::new(PartKind::Text(text.clone()))),
        _ => None,
    }
}

/// Takes how a response ended.
pub(super) fn read_end(status: &str, response: &Json, answer: &mut Answer) {
    let refusal = refusal(&answer.parts);
    let calls = answer.calls().next().is_some();
    answer.stop = stop::read(status, response, calls, !refusal.is_empty());
    answer.stop_message = Some(refusal).filter(|text| !text.is_empty());
    if status == "failed" || response.get("error").is_some_and(|error| !error.is_null()) {
        let read = if status == "failed" { Some(fault::read_failed(response)) } else { fault::read(response) };
        answer.fault = answer.fault.take().or(read);
    }
    answer.whole = stop::is_whole(status) && answer.fault.is_none();
}

/// The refusals in an answer.
pub(super) fn refusal(parts: &[Part]) -> String {
    parts.iter().filter_map(|part| part.source.as_ref()).map(item::refusal).collect()
}

/// Writes an answer that is not streamed.
pub(in crate::wire) fn write_answer(answer: &Answer) -> Json {
    match &answer.source {
        Some(source) if says_the_same(&read_answer(source), answer) => source.clone(),
        // A null is a part of a response: it is laid over too.
        Some(Json::Object(source)) => {
            let known = write_response(answer);
            Json::Object(source.clone().into_iter().chain(known).collect())
        }
        _ => {
            let known = write_response(answer);
            let defaults = if known.contains_key("output") { defaults() } else { Map::new() };
            Json::Object(defaults.into_iter().chain(known).collect())
        }
    }
}

fn says_the_same(read: &Answer, answer: &Answer) -> bool {
    say_the_same(&read.parts, &answer.parts)
        && (&read.id, &read.model, &read.stop, &read.stop_message, read.usage, &read.fault)
            == (&answer.id, &answer.model, &answer.stop, &answer.stop_message, answer.usage, &answer.fault)
}

/// The response that an answer is.
pub(super) fn write_response(answer: &Answer) -> Map<String, Json> {
    let error = write_error(answer);
    let items = write_items(&answer.parts, Use::Answer);
    if items.is_empty() && answer.stop.is_none() && !error.is_null() {
        return Map::from_iter([("error".to_owned(), error)]);
    }
    let (status, details) = stop::write(answer, !refusal(&answer.parts).is_empty());
    Map::from_iter([
        ("id".to_owned(), answer.id.clone().unwrap_or_else(|| "resp_0".into()).into()),
        ("object".to_owned(), "response".into()),
        ("status".to_owned(), status.into()),
        ("error".to_owned(), error),
        ("incomplete_details".to_owned(), details),
        ("model".to_owned(), answer.model.clone().unwrap_or_default().into()),
        ("output".to_owned(), Json::Array(items)),
        ("usage".to_owned(), answer.usage.map_or(Json::Null, stop::write_usage)),
    ])
}

/// Fields that clients want to be there.
pub(super) fn defaults() -> Map<String, Json> {
    fields(json!({ "created_at": 0, "parallel_tool_calls": true, "tool_choice": "auto", "tools": [] }))
}

/// The `error` of a response; null without a fault.
pub(super) fn write_error(answer: &Answer) -> Json {
    let Some(fault) = &answer.fault else { return Json::Null };
    let (kind, status) = match fault {
        Fault::Server { kind, status, .. } => (kind.as_str(), *status),
        _ => ("server_error", None),
    };
    let mut error = fields(json!({ "code": kind, "message": fault.to_string(), "status": status }));
    error.retain(|_, value| !value.is_null() && value != "");
    Json::Object(error)
}
