//! Changes the body of a request so that it says what was edited, and nothing else.

use serde_json::Value as Json;

use super::conversation::is_result_field;
use super::distribute::distribute;
use super::insert::{Element, insert_system, made, sweep, take_out};
use super::paired::unpaired;
use super::places::{Entry, Outline, Spot, SpotKind, index_of, list_of};
use super::tools::change_tools;
use crate::model::{LlmRequest, Message, ToolCall};
use crate::wire::{Dialect, written_arguments};

/// A body after an edit.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    /// The body.
    pub body: Json,
    /// The model, where it was changed and the body does not name it.
    pub model: Option<String>,
}

/// The reason why a request can't be edited so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It has no text.
    #[error("{0} can't be edited: it is not text; remove it, or leave it as it is")]
    Fixed(String),
    /// A result without its call, or a call without its result.
    #[error("the provider refuses a {0} without its {1}; remove both, or neither")]
    Unpaired(&'static str, &'static str),
    /// A message of which only a part can be changed.
    #[error("{0}; change one of its parts, or replace the whole message")]
    NoPlace(&'static str),
    /// The program couldn't run it.
    #[error("the tool {0:?} is not one that the program offers; tools can be changed and removed")]
    NewTool(String),
}

impl Outline {
    /// The body that says what `after` says, when it said what [`Outline::request`] says before.
    ///
    /// # Errors
    /// When there is no place for a change, or when the provider would refuse the request.
    pub fn change(&self, body: &Json, after: &LlmRequest) -> Result<Edited, EditError> {
        let (before, mut body) = (self.request(), body.clone());
        let names_model = self.dialect() != Dialect::Gemini;
        let new_model = (before.model.model != after.model.model).then(|| after.model.model.clone());
        if let Some(model) = new_model.as_ref().filter(|_| names_model) {
            body["model"] = model.as_str().into();
        }
        self.change_options(&mut body, after);
        if before.tools != after.tools {
            change_tools(self.dialect(), &mut body, &before.tools, &after.tools)?;
        }
        let wrong = unpaired(self.dialect(), &body);
        if before.messages != after.messages {
            let messages: Vec<&Message> = after.messages.iter().collect();
            self.change_messages(&mut body, &messages)?;
        }
        // Last, as it may stand in front of all messages.
        if before.system != after.system {
            self.change_system(&mut body, &after.system);
        }
        sweep(self.dialect(), &mut body);
        match unpaired(self.dialect(), &body) {
            (calls, _) if calls > wrong.0 => Err(EditError::Unpaired("tool call", "result")),
            (_, results) if results > wrong.1 => Err(EditError::Unpaired("result", "tool call")),
            _ => Ok(Edited { body, model: new_model.filter(|_| !names_model) }),
        }
    }

    fn change_options(&self, body: &mut Json, after: &LlmRequest) {
        let before = &self.request().options;
        let has = |name: &str| body.get(name).is_some();
        let most = match self.dialect() {
            Dialect::Chat if has("max_completion_tokens") || !has("max_tokens") => "max_completion_tokens",
            Dialect::Chat | Dialect::Messages | Dialect::Ollama => "max_tokens",
            Dialect::Responses => "max_output_tokens",
            Dialect::Gemini => "maxOutputTokens",
        };
        let changes = [
            ("temperature", before.temperature != after.options.temperature, after.options.temperature.map(Json::from)),
            (most, before.max_tokens != after.options.max_tokens, after.options.max_tokens.map(Json::from)),
        ];
        for (name, _, value) in changes.into_iter().filter(|(_, changed, _)| *changed) {
            let below = if self.dialect() == Dialect::Gemini { &mut body["generationConfig"] } else { &mut *body };
            match (value, below) {
                (Some(value), below) => below[name] = value,
                (None, Json::Object(fields)) => drop(fields.shift_remove(name)),
                (None, _) => {}
            }
        }
    }

    fn change_system(&self, body: &mut Json, after: &str) {
        if self.system().is_empty() {
            return insert_system(self.dialect(), body, after);
        }
        set_texts(body, self.system(), after);
    }

    fn change_messages(&self, body: &mut Json, after: &[&Message]) -> Result<(), EditError> {
        let before = self.entries();
        let same = |(old, new): &(&Entry, &&Message)| old.message == ***new;
        let first = before.iter().zip(after).take_while(same).count();
        let rest = before.len().min(after.len()) - first;
        let last = before.iter().rev().zip(after.iter().rev()).take(rest).take_while(same).count();
        let (old, new) = (&before[first..before.len() - last], &after[first..after.len() - last]);
        let mut paired = 0;
        while paired < old.len().min(new.len()) && change_message(body, &old[paired], new[paired])? {
            paired += 1;
        }
        for item in old[paired..].iter().flat_map(Entry::items) {
            take_out(body, item);
        }
        if paired == new.len() {
            return Ok(());
        }
        let at = self.insertion(first + paired, before.len() - last, body)?;
        let made = made(self.dialect(), &new[paired..]);
        insert(self.dialect(), body, at, made);
        Ok(())
    }

    /// The index at which new elements stand, between a message that stays and the next that stays.
    fn insertion(&self, from: usize, next: usize, body: &Json) -> Result<usize, EditError> {
        let index = |entry: &Entry| entry.items().filter_map(|item| index_of(self.dialect(), item)).max();
        let least = |entry: &Entry| entry.items().filter_map(|item| index_of(self.dialect(), item)).min();
        let length = body.get(list_of(self.dialect())).and_then(Json::as_array).map_or(0, Vec::len);
        let before = from.checked_sub(1).and_then(|at| self.entries().get(at)).and_then(index);
        let after = self.entries().get(next).and_then(least);
        match (before, after) {
            (Some(before), Some(after)) if before >= after => {
                Err(EditError::NoPlace("nothing can be put between the parts of one message"))
            }
            (_, Some(after)) => Ok(after),
            (Some(before), None) => Ok(before + 1),
            (None, None) => Ok(length),
        }
    }
}

fn insert(dialect: Dialect, body: &mut Json, at: usize, made: Vec<Element>) {
    let list = &mut body[list_of(dialect)];
    if let Json::String(text) = list {
        // A text as the whole input has no list yet.
        *list = Json::Array(made_list(dialect, text));
    }
    if let Json::Array(list) = list {
        let at = at.min(list.len());
        list.splice(at..at, made);
    }
}

fn made_list(dialect: Dialect, text: &str) -> Vec<Json> {
    if text.is_empty() { Vec::new() } else { made(dialect, &[&Message::User { text: text.to_owned() }]) }
}

/// Changes a message in its place; returns false when it must be written anew.
fn change_message(body: &mut Json, old: &Entry, new: &Message) -> Result<bool, EditError> {
    match (&old.message, new) {
        (Message::User { text: before }, Message::User { text }) => {
            let spot = &old.spots[0];
            if before != text && spot.kind == SpotKind::Fixed {
                return Err(EditError::Fixed(before.clone()));
            }
            set_texts(body, &old.spots, text);
            Ok(true)
        }
        (Message::Tool { call, text: before, .. }, Message::Tool { call: same, text, .. }) if call == same => {
            if before != text {
                set_result(body, &old.spots[0], text);
            }
            Ok(true)
        }
        (Message::Assistant { text: before, calls: had, .. }, Message::Assistant { text, calls, .. }) => {
            let (texts, places): (Vec<Spot>, Vec<Spot>) =
                old.spots.iter().cloned().partition(|spot| spot.kind == SpotKind::Text);
            if texts.is_empty() && !text.is_empty() {
                return Err(EditError::NoPlace("the model said no text in this message"));
            }
            if before != text {
                set_texts(body, &texts, text);
            }
            change_calls(body, &places, had, calls)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Changes calls in their places. Fewer calls are those of before without some.
fn change_calls(body: &mut Json, places: &[Spot], had: &[ToolCall], calls: &[ToolCall]) -> Result<(), EditError> {
    if had.len() == calls.len() {
        for ((place, old), new) in places.iter().zip(had).zip(calls).filter(|((_, old), new)| old != new) {
            if old.name != new.name {
                set_name(body, place, &new.name);
            }
            if old.args != new.args {
                set_arguments(body, place, &new.args);
            }
        }
        return Ok(());
    }
    let mut left = calls.iter().peekable();
    for (place, old) in places.iter().zip(had) {
        if left.peek() == Some(&old) {
            left.next();
        } else {
            take_out(body, &place.item);
        }
    }
    match left.next() {
        None => Ok(()),
        Some(_) => Err(EditError::NoPlace("a call can't be added to a message of the model")),
    }
}

/// Writes an edited text to the places of the old ones.
fn set_texts(body: &mut Json, spots: &[Spot], edited: &str) {
    let shown: Vec<&str> = spots.iter().map(|spot| spot.shown.as_str()).collect();
    for (spot, text) in spots.iter().zip(distribute(&shown, edited)) {
        match text {
            // As it came: what is shown may be masked.
            Some(text) if text == spot.shown => {}
            Some(text) => set(body, &spot.value, text.into()),
            None => take_out(body, &spot.item),
        }
    }
}

fn set(body: &mut Json, pointer: &str, value: Json) {
    if let Some(place) = body.pointer_mut(pointer) {
        *place = value;
    }
}

fn set_name(body: &mut Json, place: &Spot, name: &str) {
    if let Some((call, _)) = place.value.rsplit_once('/') {
        set(body, &format!("{call}/name"), name.into());
    }
}

/// Arguments stay an object, or the text of one, as the dialect has them.
fn set_arguments(body: &mut Json, place: &Spot, args: &Json) {
    let free = place.value.ends_with("/input") && body.pointer(&place.value).is_some_and(Json::is_string);
    let Some(value) = body.pointer_mut(&place.value) else { return };
    *value = match value {
        Json::String(_) if free => args.as_str().map_or_else(|| args.to_string(), str::to_owned).into(),
        Json::String(_) => written_arguments(args).to_string().into(),
        _ => written_arguments(args),
    };
}

/// A result keeps its form: a text, a list with one text, an object with one field.
fn set_result(body: &mut Json, spot: &Spot, text: &str) {
    let Some(value) = body.pointer_mut(&spot.value) else {
        // A result that was empty may have no field.
        let place = spot.value.rsplit_once('/').and_then(|(at, name)| Some((body.pointer_mut(at)?, name)));
        if let Some((place, name)) = place {
            place[name] = text.into();
        }
        return;
    };
    match value {
        Json::Array(parts) if parts.len() == 1 && parts[0].get("text").is_some() => parts[0]["text"] = text.into(),
        Json::Object(fields) => {
            let known = fields.keys().find(|name| is_result_field(name)).filter(|_| fields.len() == 1).cloned();
            *fields = serde_json::Map::from_iter([(known.unwrap_or_else(|| "result".to_owned()), text.into())]);
        }
        value => *value = text.into(),
    }
}
