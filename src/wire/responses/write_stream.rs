//! An answer as a stream of events.

use serde_json::{Map, Value as Json, json};

use super::answer::{defaults, refusal, write_error, write_response};
use super::item::{arguments_field, item_type, text};
use super::part::{Use, write_items};
use super::stop;
use crate::wire::Answer;

/// Writes an answer as the stream that a server sends.
pub(in crate::wire) fn write_stream(answer: &Answer) -> Vec<u8> {
    let mut out = Out::default();
    let (status, _) = stop::write(answer, !refusal(&answer.parts).is_empty());
    let whole: Map<String, Json> = defaults().into_iter().chain(response(answer)).collect();
    let mut begun = whole.clone();
    begun.insert("status".into(), "in_progress".into());
    for name in ["error", "incomplete_details"] {
        begun.insert(name.into(), Json::Null);
    }
    begun.insert("output".into(), Json::Array(Vec::new()));
    if answer.stop.is_some() {
        begun.insert("usage".into(), Json::Null);
    }
    for word in ["response.created", "response.in_progress"] {
        out.event(word, json!({ "response": begun }));
    }
    for (index, item) in write_items(&answer.parts, Use::Answer).iter().enumerate() {
        out.item(index, item);
    }
    if answer.fault.is_some() && answer.stop.is_none() {
        out.event("error", write_error(answer));
    } else if stop::is_whole(status) {
        out.event(&format!("response.{status}"), json!({ "response": whole }));
    }
    out.bytes
}

/// The response, also of an answer that is nothing but an error.
fn response(answer: &Answer) -> Map<String, Json> {
    let mut response = write_response(answer);
    if !response.contains_key("output") {
        let empty = Answer { fault: None, ..answer.clone() };
        response = write_response(&empty).into_iter().chain(response).collect();
        response.insert("status".into(), "failed".into());
    }
    response
}

#[derive(Default)]
struct Out {
    bytes: Vec<u8>,
    sequence: u64,
}

impl Out {
    fn event(&mut self, word: &str, fields: Json) {
        let mut event = Map::from_iter([("type".to_owned(), Json::from(word))]);
        event.extend(super::part::fields(fields));
        event.insert("sequence_number".into(), self.sequence.into());
        self.sequence += 1;
        self.bytes.extend_from_slice(format!("event: {word}\ndata: {}\n\n", Json::Object(event)).as_bytes());
    }

    /// An item: its begin, its pieces, its end.
    fn item(&mut self, index: usize, item: &Json) {
        let mut begun = super::part::fields(item.clone());
        begun.insert("status".into(), "in_progress".into());
        for name in ["content", "summary"] {
            if begun.contains_key(name) {
                begun.insert(name.into(), Json::Array(Vec::new()));
            }
        }
        let arguments = arguments_field(item_type(item));
        if let Some(name) = arguments {
            begun.insert(name.into(), "".into());
        }
        self.event("response.output_item.added", json!({ "output_index": index, "item": begun }));
        let at = json!({ "item_id": text(item, "id"), "output_index": index });
        if let Some(name) = arguments {
            let word = if name == "input" { "custom_tool_call_input" } else { "function_call_arguments" };
            let whole = item.get(name).cloned().unwrap_or_default();
            if whole.is_string() {
                self.event(&format!("response.{word}.delta"), with(&at, "delta", &whole));
            }
            self.event(&format!("response.{word}.done"), with(&at, name, &whole));
        }
        for (name, list, part) in [
            ("summary_index", "summary", "response.reasoning_summary_part"),
            ("content_index", "content", "response.content_part"),
        ] {
            for (index, one) in item.get(list).and_then(Json::as_array).into_iter().flatten().enumerate() {
                self.part(&with(&at, name, &index.into()), one, part);
            }
        }
        self.event("response.output_item.done", json!({ "output_index": index, "item": item }));
    }

    /// A part of an item's content or summary.
    fn part(&mut self, at: &Json, part: &Json, word: &str) {
        let (texts, name) = match text(part, "type") {
            "output_text" => ("response.output_text", "text"),
            "refusal" => ("response.refusal", "refusal"),
            "summary_text" => ("response.reasoning_summary_text", "text"),
            "reasoning_text" => ("response.reasoning_text", "text"),
            _ => return,
        };
        let whole = part.get(name).cloned().unwrap_or_default();
        let mut begun = super::part::fields(part.clone());
        begun.insert(name.into(), "".into());
        self.event(&format!("{word}.added"), with(at, "part", &Json::Object(begun)));
        self.event(&format!("{texts}.delta"), with(at, "delta", &whole));
        self.event(&format!("{texts}.done"), with(at, name, &whole));
        self.event(&format!("{word}.done"), with(at, "part", part));
    }
}

fn with(fields: &Json, name: &str, value: &Json) -> Json {
    let mut fields = super::part::fields(fields.clone());
    fields.insert(name.to_owned(), value.clone());
    Json::Object(fields)
}
