//! An answer put together from the events of its stream.

use serde_json::Value as Json;

use super::answer::{read_answer_of, read_end, read_head, read_part};
use super::fault;
use super::find::{Slots, index};
use super::item::{item_type, part_text, text};
use super::merge::merge;
use super::slot::{OTHER, Place, Slot};
use super::stop::take_usage;
use crate::wire::decoder::Assemble;
use crate::wire::{Answer, Fault, Piece};

/// Puts an answer together.
pub(in crate::wire) fn assemble() -> Box<dyn Assemble> {
    Box::new(Stream::default())
}

#[derive(Default)]
struct Stream {
    slots: Slots,
    /// The response's id, model and tokens.
    head: Answer,
    fault: Option<Fault>,
    /// The status at its end, and the response then.
    end: Option<(String, Json)>,
}

/// The texts that events bring: the event, the item's type, the place of the text and its type, the field of its index.
type TextEvent = (&'static str, &'static str, Place, &'static str, &'static str);

const TEXTS: [TextEvent; 6] = [
    ("output_text", "message", Place::Content, "output_text", "content_index"),
    ("refusal", "message", Place::Content, "refusal", "content_index"),
    ("reasoning_summary_text", "reasoning", Place::Summary, "summary_text", "summary_index"),
    ("reasoning_summary", "reasoning", Place::Summary, "summary_text", "summary_index"),
    ("reasoning_text", "reasoning", Place::Content, "reasoning_text", "content_index"),
    ("reasoning", "reasoning", Place::Content, "reasoning_text", "content_index"),
];

impl Assemble for Stream {
    fn event(&mut self, name: &str, json: Json, heard: &mut dyn FnMut(Piece<'_>)) {
        let given = text(&json, "type");
        let word = if given.is_empty() { name } else { given }.to_owned();
        let response = json.get("response").filter(|response| response.is_object());
        take_usage(&mut self.head.usage, &json);
        if let Some(response) = response {
            read_head(response, &mut self.head);
        }
        if name == "error" || word == "error" || word == "response.error" {
            self.fail(fault::read_event(&json));
            return;
        }
        match word.strip_prefix("response.").unwrap_or(&word) {
            status @ ("completed" | "incomplete" | "failed" | "cancelled" | "done") => {
                self.finish(status, response.unwrap_or(&json), heard);
            }
            "output_item.added" => self.begin(&json),
            "output_item.done" => self.end_item(&json, heard),
            "content_part.added" => self.part(&json, Place::Content, false, heard),
            "content_part.done" => self.part(&json, Place::Content, true, heard),
            "reasoning_summary_part.added" => self.part(&json, Place::Summary, false, heard),
            "reasoning_summary_part.done" => self.part(&json, Place::Summary, true, heard),
            "output_text.annotation.added" => self.annotation(&json),
            "" | "message" => self.nameless(&json, heard),
            other => self.piece(other, &json, heard),
        }
    }

    fn answer(self: Box<Self>) -> Answer {
        let mut answer = self.head;
        let (status, response) = self.end.unwrap_or_default();
        if self.slots.all().is_empty() && !response.is_null() {
            answer.parts = read_answer_of(&response).parts;
        } else {
            let merged = merge(self.slots.all(), output(&response));
            answer.parts = merged.iter().filter_map(|merged| read_part(&merged.item)).collect();
        }
        answer.fault = self.fault;
        read_end(&status, &response, &mut answer);
        answer
    }
}

impl Stream {
    fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    fn finish(&mut self, event: &str, response: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        let status = match (text(response, "status"), event) {
            ("" | "in_progress" | "queued", "done") => "completed",
            ("" | "in_progress" | "queued", event) => event,
            (status, _) => status,
        };
        let first = self.end.is_none();
        if first && !output(response).is_empty() {
            for merged in merge(self.slots.all(), output(response)) {
                match merged.slot.and_then(|at| self.slots.get_mut(at)) {
                    Some(slot) => slot.hear(&merged.item, heard),
                    None => Slot::default().hear(&merged.item, heard),
                }
            }
        } else if first && self.slots.all().is_empty() {
            let said = read_answer_of(response).text();
            if !said.is_empty() {
                heard(Piece::Text(&said));
            }
        }
        // A second end that says less than the first does not count.
        if first || !output(response).is_empty() {
            self.end = Some((status.to_owned(), response.clone()));
        }
    }

    fn begin(&mut self, event: &Json) {
        if let Some(item) = event.get("item").filter(|item| item.is_object()) {
            self.slots.begin(item, event);
        }
    }

    fn end_item(&mut self, event: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        let Some(item) = event.get("item").filter(|item| item.is_object()) else { return };
        if let Some(slot) = self.slots.end(item, event) {
            let item = slot.item(None);
            slot.hear(&item, heard);
        }
    }

    fn part(&mut self, event: &Json, place: Place, done: bool, heard: &mut dyn FnMut(Piece<'_>)) {
        let Some(part) = event.get("part").filter(|part| part.is_object()) else { return };
        let (item, kind, at) = match (place, text(part, "type")) {
            (Place::Summary, _) => ("reasoning", "summary_text", "summary_index"),
            (_, "reasoning_text") => ("reasoning", "reasoning_text", "content_index"),
            (_, "refusal") => ("message", "refusal", "content_index"),
            (_, "output_text" | "text" | "") => ("message", "output_text", "content_index"),
            _ => ("message", OTHER, "content_index"),
        };
        let Some(slot) = self.slots.of_piece(item, event, |_| true) else { return };
        let place = (place, index(event, at), kind);
        slot.add_part(place, part);
        if done && let Some(whole) = part_text(part) {
            slot.whole_text(place, whole, heard);
        }
    }

    fn annotation(&mut self, event: &Json) {
        let Some(annotation) = event.get("annotation").filter(|one| !one.is_null()) else { return };
        if let Some(slot) = self.slots.of_piece("message", event, |_| true) {
            slot.annotate((Place::Content, index(event, "content_index"), "output_text"), annotation);
        }
    }

    /// A piece of a text or of arguments, or an event that means nothing here.
    fn piece(&mut self, word: &str, event: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        let Some((word, step)) = word.rsplit_once('.') else { return };
        if let Some((_, item, place, kind, at)) = TEXTS.into_iter().find(|known| known.0 == word) {
            let whole = [if kind == "refusal" { "refusal" } else { "text" }, "delta"];
            let names = if step == "delta" { ["delta", "text"] } else { whole };
            let Some(said) = names.iter().find_map(|name| event.get(name).and_then(piece_text)) else { return };
            let Some(slot) = self.slots.of_piece(item, event, |_| true) else { return };
            let place = (place, index(event, at), kind);
            match step {
                "delta" => slot.add_text(place, said, heard),
                "done" => slot.whole_text(place, said, heard),
                _ => {}
            }
            return;
        }
        let (item, whole) = match word {
            "function_call_arguments" => ("function_call", "arguments"),
            "custom_tool_call_input" => ("custom_tool_call", "input"),
            _ => return,
        };
        let given = event.get(if step == "done" { whole } else { "delta" }).unwrap_or(&Json::Null);
        let is_whole = Some(given).filter(|given| step == "done" || given.is_object());
        if step != "delta" && step != "done" {
            return;
        }
        let Some(slot) = self.slots.of_piece(item, event, |slot| slot.takes_arguments(is_whole)) else { return };
        if step == "done" { slot.whole_arguments(given) } else { slot.add_arguments(given) }
    }

    /// An event without a type: a whole response, an error, or nothing known.
    fn nameless(&mut self, json: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        let response = json.get("response").filter(|response| response.is_object()).unwrap_or(json);
        if text(response, "object") == "response" || response.get("output").is_some_and(Json::is_array) {
            read_head(response, &mut self.head);
            let status = text(response, "status");
            if !matches!(status, "in_progress" | "queued") {
                self.finish(if status.is_empty() { "completed" } else { status }, response, heard);
            }
        } else if let Some(fault) = fault::read(json) {
            self.fail(fault);
        }
    }
}

/// The text in a piece.
fn piece_text(piece: &Json) -> Option<&str> {
    if piece.is_object() { part_text(piece) } else { piece.as_str() }
}

/// The output of a response.
fn output(response: &Json) -> &[Json] {
    let output = response.get("output").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    if output.iter().any(|item| item.is_object() && !item_type(item).is_empty()) { output } else { &[] }
}
