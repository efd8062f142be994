//! Arguments of a call that come value by value, each with the path where it belongs.

use serde_json::{Map, Value as Json};

use super::field::{field, text};
use crate::wire::{Part, PartKind, parse_arguments};

/// A place in arguments.
#[derive(Debug, PartialEq)]
enum Step {
    Name(String),
    At(usize),
}

/// A call whose arguments still come.
#[derive(Debug)]
pub(super) struct Partial {
    at: usize,
    args: Json,
}

impl Partial {
    /// The call that a part begins, which will be the part at this place; `None`: it is whole already.
    pub(super) fn begins(json: &Json, at: usize) -> Option<Self> {
        let call = field(json, "functionCall")?;
        let goes_on = field(call, "willContinue") == Some(&Json::Bool(true)) || field(call, "partialArgs").is_some();
        if !goes_on {
            return None;
        }
        let mut partial = Self { at, args: field(call, "args").cloned().unwrap_or_else(|| Json::Object(Map::new())) };
        partial.take(call);
        Some(partial)
    }

    /// Takes more values; returns true while more will come.
    pub(super) fn take(&mut self, call: &Json) -> bool {
        for value in field(call, "partialArgs").and_then(Json::as_array).into_iter().flatten() {
            let given = ["stringValue", "numberValue", "boolValue"].into_iter().find_map(|name| field(value, name));
            set(&mut self.args, &steps(text(value, "jsonPath")), given.cloned().unwrap_or_default());
        }
        field(call, "willContinue") == Some(&Json::Bool(true))
    }

    /// Puts the arguments, as far as they came, into the call's part.
    pub(super) fn put(self, parts: &mut [Part]) {
        let Some(part) = parts.get_mut(self.at) else { return };
        if let PartKind::Call(call) = &mut part.kind {
            call.args = parse_arguments(&self.args);
        }
        let source = part.source.as_mut().and_then(Json::as_object_mut);
        let call = source.and_then(|source| {
            let name = if source.contains_key("functionCall") { "functionCall" } else { "function_call" };
            source.get_mut(name)?.as_object_mut()
        });
        if let Some(call) = call {
            call.insert("args".into(), self.args);
            call.retain(|name, _| {
                !matches!(name.as_str(), "willContinue" | "will_continue" | "partialArgs" | "partial_args")
            });
        }
    }
}

/// Puts a value at a path; a text is added to the text that is there.
fn set(mut place: &mut Json, path: &[Step], value: Json) {
    for step in path {
        place = match step {
            Step::Name(name) => {
                if !place.is_object() {
                    *place = Json::Object(Map::new());
                }
                let Json::Object(fields) = place else { return };
                fields.entry(name.clone()).or_insert(Json::Null)
            }
            Step::At(at) => {
                if !place.is_array() {
                    *place = Json::Array(Vec::new());
                }
                let Json::Array(values) = place else { return };
                // A value far behind the end is the next one: an index makes no room.
                let at = (*at).min(values.len());
                if at == values.len() {
                    values.push(Json::Null);
                }
                &mut values[at]
            }
        };
    }
    match (place, value) {
        (Json::String(text), Json::String(more)) => text.push_str(&more),
        (place, value) => *place = value,
    }
}

/// The steps of a path such as `$.files[0]['a name']`; not deeper than JSON may be.
fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    while !rest.is_empty() && steps.len() < 100 {
        if let Some(inside) = rest.strip_prefix('[') {
            let quote = inside.chars().next().filter(|first| matches!(first, '\'' | '"'));
            let close = quote.map_or_else(|| "]".to_owned(), |quote| format!("{quote}]"));
            let inside = if quote.is_some() { &inside[1..] } else { inside };
            let (name, after) = inside.split_once(&close).unwrap_or((inside, ""));
            steps.push(match name.trim().parse() {
                Ok(at) if quote.is_none() => Step::At(at),
                _ => Step::Name(name.to_owned()),
            });
            rest = after;
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end > 0 {
                steps.push(Step::Name(rest[..end].to_owned()));
            }
            rest = &rest[end..];
        }
    }
    steps
}
