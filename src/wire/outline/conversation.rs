//! Reads the conversation of a request, with the place of each part.

use serde_json::Value as Json;

use super::places::{Entry, Spot, SpotKind, list_of};
use crate::model::{Message, ToolCall};
use crate::wire::{Dialect, parse_arguments};

/// Reads one body.
pub(super) struct Reader<'a> {
    dialect: Dialect,
    mask: &'a dyn Fn(&str) -> String,
    system: Vec<Spot>,
    entries: Vec<Entry>,
    /// The calls of the last turn that made any: id, name, and true once the result was met.
    calls: Vec<(String, String, bool)>,
    /// The turn of the model that is being read.
    turn: Turn,
}

#[derive(Default)]
struct Turn {
    texts: Vec<String>,
    calls: Vec<ToolCall>,
    spots: Vec<Spot>,
    others: Vec<String>,
}

/// The speaker of an element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaker {
    System,
    User,
    Model,
}

impl<'a> Reader<'a> {
    pub(super) fn new(dialect: Dialect, mask: &'a dyn Fn(&str) -> String) -> Self {
        let (system, entries, calls) = (Vec::new(), Vec::new(), Vec::new());
        Self { dialect, mask, system, entries, calls, turn: Turn::default() }
    }

    /// The instructions and the messages.
    pub(super) fn finish(mut self) -> (Vec<Spot>, Vec<Entry>) {
        self.end_turn();
        (self.system, self.entries)
    }

    pub(super) fn read(&mut self, body: &Json) {
        for name in ["system", "instructions", "systemInstruction", "system_instruction"] {
            let Some(content) = body.get(name).filter(|_| self.has_field(name)) else { continue };
            self.content(Speaker::System, content, &format!("/{name}"), &format!("/{name}"));
        }
        let name = list_of(self.dialect);
        match body.get(name) {
            Some(Json::Array(list)) => {
                for (at, element) in list.iter().enumerate() {
                    self.element(element, &format!("/{name}/{at}"));
                }
            }
            Some(text @ Json::String(_)) => self.content(Speaker::User, text, &format!("/{name}"), &format!("/{name}")),
            _ => {}
        }
    }

    /// True if the dialect has its instructions in this field.
    fn has_field(&self, name: &str) -> bool {
        match self.dialect {
            Dialect::Messages => name == "system",
            Dialect::Responses => name == "instructions",
            Dialect::Gemini => name.starts_with("system") && name != "system",
            Dialect::Chat | Dialect::Ollama => false,
        }
    }

    /// One element of the conversation's list.
    fn element(&mut self, element: &Json, at: &str) {
        let role = element.get("role").and_then(Json::as_str).unwrap_or_default();
        let kind = element.get("type").and_then(Json::as_str).unwrap_or_default();
        let is_item = self.dialect == Dialect::Responses && !matches!(kind, "" | "message");
        if is_item {
            return self.item(element, kind, at);
        }
        let speaker = match role {
            "assistant" | "model" => Speaker::Model,
            // Instructions at the beginning; later ones are shown where they stand.
            "system" | "developer" if self.entries.is_empty() && self.dialect != Dialect::Messages => Speaker::System,
            _ => Speaker::User,
        };
        if speaker != Speaker::Model || self.dialect != Dialect::Responses {
            self.end_turn();
        }
        if matches!(role, "tool" | "function") {
            return self.chat_result(element, at);
        }
        let content = if self.dialect == Dialect::Gemini { "parts" } else { "content" };
        if let Some(content_json) = element.get(content) {
            self.content(speaker, content_json, at, &format!("{at}/{content}"));
        }
        if speaker == Speaker::Model {
            self.chat_calls(element, at);
        }
        if self.dialect != Dialect::Responses {
            self.end_turn();
        }
    }

    /// An item of Responses that is no message.
    fn item(&mut self, item: &Json, kind: &str, at: &str) {
        if let Some(value) = item.get("output").filter(|_| kind.ends_with("_output")) {
            self.end_turn();
            let id = string(item, "call_id");
            return self.result(&id, &string(item, "name"), value, at, &format!("{at}/output"));
        }
        match kind {
            "function_call" => {
                self.call(&string(item, "call_id"), &string(item, "name"), item.get("arguments"), at, "arguments")
            }
            "custom_tool_call" => {
                self.call(&string(item, "call_id"), &string(item, "name"), item.get("input"), at, "input")
            }
            "additional_tools" => {}
            _ => self.turn.others.push(at.to_owned()),
        }
    }

    /// A content: a text, or a list of parts. `item` is the element that goes when a text is removed.
    fn content(&mut self, speaker: Speaker, content: &Json, item: &str, at: &str) {
        match content {
            Json::String(text) if text.is_empty() => {}
            Json::String(text) => self.text(speaker, text, item, at),
            Json::Array(parts) => {
                for (number, part) in parts.iter().enumerate() {
                    self.part(speaker, part, &format!("{at}/{number}"));
                }
            }
            Json::Object(fields) if fields.contains_key("parts") => {
                if let Some(parts) = fields.get("parts") {
                    self.content(speaker, parts, item, &format!("{at}/parts"));
                }
            }
            part @ Json::Object(_) => self.part(speaker, part, at),
            _ => {}
        }
    }

    fn part(&mut self, speaker: Speaker, part: &Json, at: &str) {
        if let Json::String(text) = part {
            return self.text(speaker, text, at, at);
        }
        let kind = part.get("type").and_then(Json::as_str).unwrap_or_default();
        if let Some(call) = part.get("functionCall") {
            let at_call = format!("{at}/functionCall");
            return self.call_at(
                &string(call, "id"),
                &string(call, "name"),
                call.get("args"),
                at,
                &format!("{at_call}/args"),
            );
        }
        if let Some(response) = part.get("functionResponse") {
            let value = response.get("response").unwrap_or(&Json::Null);
            let place = format!("{at}/functionResponse/response");
            return self.result(&string(response, "id"), &string(response, "name"), value, at, &place);
        }
        match kind {
            "tool_use" => self.call(&string(part, "id"), &string(part, "name"), part.get("input"), at, "input"),
            "tool_result" => {
                let value = part.get("content").unwrap_or(&Json::Null);
                self.result(&string(part, "tool_use_id"), "", value, at, &format!("{at}/content"));
            }
            _ => match part.get("text").and_then(Json::as_str) {
                _ if part.get("thought") == Some(&Json::Bool(true)) => self.turn.others.push(at.to_owned()),
                Some(text) => self.text(speaker, text, at, &format!("{at}/text")),
                None if speaker == Speaker::Model => self.turn.others.push(at.to_owned()),
                None => self.fixed(kind, part, at),
            },
        }
    }

    fn text(&mut self, speaker: Speaker, text: &str, item: &str, value: &str) {
        let shown = (self.mask)(text);
        let spot = Spot {
            kind: SpotKind::Text,
            item: item.to_owned(),
            value: value.to_owned(),
            shown: shown.clone(),
            id: String::new(),
        };
        match speaker {
            Speaker::System => self.system.push(spot),
            Speaker::Model => {
                self.turn.texts.push(shown);
                self.turn.spots.push(spot);
            }
            Speaker::User => self.message(Message::User { text: shown }, spot),
        }
    }

    /// Something of the user that is no text: an image, a document.
    fn fixed(&mut self, kind: &str, part: &Json, at: &str) {
        let first = || part.as_object().and_then(|fields| fields.keys().next()).map_or("part", String::as_str);
        let shown = format!("[{}]", if kind.is_empty() { first() } else { kind });
        let (item, value) = (at.to_owned(), at.to_owned());
        let spot = Spot { kind: SpotKind::Fixed, item, value, shown: shown.clone(), id: String::new() };
        self.message(Message::User { text: shown }, spot);
    }

    fn message(&mut self, message: Message, spot: Spot) {
        self.end_turn();
        self.entries.push(Entry { message, spots: vec![spot], others: Vec::new() });
    }

    fn call(&mut self, id: &str, name: &str, args: Option<&Json>, at: &str, field: &str) {
        self.call_at(id, name, args, at, &format!("{at}/{field}"));
    }

    fn call_at(&mut self, id: &str, name: &str, args: Option<&Json>, item: &str, value: &str) {
        let args = self.mask_json(&parse_arguments(args.unwrap_or(&Json::Null)));
        self.turn.calls.push(ToolCall { name: name.to_owned(), args });
        self.turn.spots.push(Spot {
            kind: SpotKind::Call,
            item: item.to_owned(),
            value: value.to_owned(),
            shown: name.to_owned(),
            id: id.to_owned(),
        });
    }

    fn chat_calls(&mut self, message: &Json, at: &str) {
        for (number, call) in message.get("tool_calls").and_then(Json::as_array).into_iter().flatten().enumerate() {
            let item = format!("{at}/tool_calls/{number}");
            let function = call.get("function").unwrap_or(call);
            let value = if call.get("function").is_some() { "function/arguments" } else { "arguments" };
            self.call(&string(call, "id"), &string(function, "name"), function.get("arguments"), &item, value);
        }
        if let Some(call) = message.get("function_call").filter(|call| call.is_object()) {
            let item = format!("{at}/function_call");
            self.call("", &string(call, "name"), call.get("arguments"), &item, "arguments");
        }
    }

    fn chat_result(&mut self, message: &Json, at: &str) {
        let value = message.get("content").unwrap_or(&Json::Null);
        let (id, name) = (string(message, "tool_call_id"), string(message, "name"));
        self.result(&id, &name, value, at, &format!("{at}/content"));
    }

    fn result(&mut self, id: &str, name: &str, value: &Json, item: &str, place: &str) {
        self.end_turn();
        let call = self.answered(id, name);
        let name = self.calls.get(call).map_or_else(|| name.to_owned(), |call| call.1.clone());
        let shown = (self.mask)(&result_text(value));
        let spot = Spot {
            kind: SpotKind::Result,
            item: item.to_owned(),
            value: place.to_owned(),
            shown: shown.clone(),
            id: id.to_owned(),
        };
        self.message(Message::Tool { call, name, text: shown }, spot);
    }

    /// The position of the call that a result answers: by id, else by name, else the first that waits.
    fn answered(&mut self, id: &str, name: &str) -> usize {
        let waits = |call: &&(String, String, bool)| !call.2;
        let find = |fits: &dyn Fn(&(String, String, bool)) -> bool| self.calls.iter().position(fits);
        let found = find(&|call| !id.is_empty() && call.0 == id)
            .or_else(|| find(&|call| waits(&call) && id.is_empty() && call.1 == name))
            .or_else(|| find(&|call| waits(&call) && (id.is_empty() || call.0.is_empty())));
        let position = found.unwrap_or(self.calls.len());
        if let Some(call) = self.calls.get_mut(position) {
            call.2 = true;
        }
        position
    }

    fn end_turn(&mut self) {
        let Turn { texts, calls, spots, others } = std::mem::take(&mut self.turn);
        if spots.is_empty() {
            // Reasoning alone says nothing that could be shown; it belongs to what follows.
            self.turn.others = others;
            return;
        }
        if !calls.is_empty() {
            let ids = spots.iter().filter(|spot| spot.kind == SpotKind::Call).map(|spot| spot.id.clone());
            self.calls = ids.zip(&calls).map(|(id, call)| (id, call.name.clone(), false)).collect();
        }
        let text = super::distribute::joined(texts.iter().map(String::as_str));
        self.entries.push(Entry { message: Message::Assistant { text, calls, state: None }, spots, others });
    }

    fn mask_json(&self, value: &Json) -> Json {
        match value {
            Json::String(text) => Json::String((self.mask)(text)),
            Json::Array(items) => items.iter().map(|item| self.mask_json(item)).collect(),
            Json::Object(fields) => {
                Json::Object(fields.iter().map(|(name, value)| (name.clone(), self.mask_json(value))).collect())
            }
            other => other.clone(),
        }
    }
}

/// The text of a result.
pub(super) fn result_text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(parts) => {
            let texts = parts.iter().map(|part| {
                let text = part.as_str().or_else(|| part.get("text").and_then(Json::as_str));
                let kind = || part.get("type").and_then(Json::as_str).unwrap_or("part");
                text.map_or_else(|| format!("[{}]", kind()), str::to_owned)
            });
            texts.collect::<Vec<_>>().join("\n")
        }
        Json::Object(fields) => match fields.iter().next() {
            Some((name, Json::String(text))) if fields.len() == 1 && is_result_field(name) => text.clone(),
            _ => value.to_string(),
        },
        other => other.to_string(),
    }
}

/// True for a field that alone holds the text of a result.
pub(super) fn is_result_field(name: &str) -> bool {
    matches!(name, "result" | "output" | "content" | "error" | "text")
}

fn string(json: &Json, name: &str) -> String {
    json.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
}
