//! Checks a call's arguments against the tool's declaration.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::tool::ToolError;
use crate::world::path::normalise;

/// The type of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParamType {
    /// A string.
    Text,
    /// True or false.
    Flag,
    /// A number from 1 up.
    Count,
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// Headers of a request: a list of objects with text values, or one object.
    Headers,
}

/// One argument of a tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Param<'p> {
    pub name: &'p str,
    pub holds: ParamType,
    pub about: &'p str,
    pub required: bool,
    /// Another name that stands for it, of any JSON: accepted, and not declared.
    pub or: Option<&'p str>,
}

impl Param<'static> {
    pub(super) const fn required(name: &'static str, holds: ParamType, about: &'static str) -> Self {
        Self { name, holds, about, required: true, or: None }
    }

    pub(super) const fn optional(name: &'static str, holds: ParamType, about: &'static str) -> Self {
        Self { name, holds, about, required: false, or: None }
    }

    pub(super) const fn or(self, other: &'static str) -> Self {
        Self { or: Some(other), ..self }
    }
}

/// Says why arguments are no object, and where; `None`: they are one, or there are none.
#[must_use]
pub fn arguments_fault(given: &Json) -> Option<String> {
    /// Characters of them that the error has.
    const TOLD: usize = 200;
    match given {
        Json::Object(_) | Json::Null => None,
        Json::String(text) => Some(match serde_json::from_str::<Json>(text) {
            Ok(other) => format!("the arguments must be a JSON object, not {}", type_label(&other)),
            Err(error) => {
                let end: String = text.chars().rev().take(TOLD).collect::<Vec<_>>().into_iter().rev().collect();
                format!("the arguments are not valid JSON: {error}; they end with {end:?}")
            }
        }),
        other => Some(format!("the arguments must be a JSON object, not {}", type_label(other))),
    }
}

impl ParamType {
    fn schema(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Flag => "boolean",
            Self::Count | Self::Whole => "integer",
            Self::Number => "number",
            Self::Headers => "array",
        }
    }

    fn accepts(self, value: &Json) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Flag => value.is_boolean(),
            Self::Count => value.as_u64().is_some_and(|count| count > 0),
            Self::Whole => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Headers => match value {
                Json::Array(items) => items.iter().all(has_texts),
                other => has_texts(other),
            },
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Flag => "true or false",
            Self::Count => "a whole number from 1 up",
            Self::Whole => "a whole number",
            Self::Number => "a number",
            Self::Headers => "a list of objects with text values",
        }
    }
}

fn has_texts(value: &Json) -> bool {
    value.as_object().is_some_and(|fields| fields.values().all(Json::is_string))
}

/// The JSON Schema of a tool's arguments.
pub(super) fn schema(params: &[Param<'_>]) -> Json {
    let describe = |param: &Param<'_>| match param.holds {
        ParamType::Headers => json!({
            "type": "array",
            "description": param.about,
            "items": { "type": "object", "additionalProperties": { "type": "string" } }
        }),
        holds => json!({ "type": holds.schema(), "description": param.about }),
    };
    let properties: Map<String, Json> = params.iter().map(|param| (param.name.into(), describe(param))).collect();
    let required: Vec<&str> = params.iter().filter(|param| param.required).map(|param| param.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// Checked arguments.
pub(super) struct Args<'a> {
    given: Map<String, Json>,
    root: Option<&'a Path>,
}

impl<'a> Args<'a> {
    /// Checks the given arguments; `root` is the workspace's path, for absolute paths.
    pub(super) fn check(given: &Json, params: &[Param<'_>], root: Option<&'a Path>) -> Result<Self, ToolError> {
        if let Some(fault) = arguments_fault(given) {
            return reject(fault);
        }
        let given = given.as_object().cloned().unwrap_or_default();
        let other = |name: &str| params.iter().find(|param| param.or == Some(name));
        for (name, value) in &given {
            if let Some(param) = other(name) {
                if given.contains_key(param.name) {
                    return reject(format!("give either {:?} or {name:?}, not both", param.name));
                }
                continue;
            }
            let Some(param) = params.iter().find(|param| param.name == name) else {
                return reject(unknown_argument(name, params));
            };
            // Models write null for what they leave out.
            let left_out = value.is_null() && !param.required;
            if !left_out && !param.holds.accepts(value) {
                return reject(format!("{name:?} must be {}, not {}", param.holds.label(), type_label(value)));
            }
        }
        let is_given = |param: &Param<'_>| {
            given.contains_key(param.name) || param.or.is_some_and(|other| given.contains_key(other))
        };
        match params.iter().find(|param| param.required && !is_given(param)) {
            Some(param) if param.about.is_empty() => reject(format!("missing {:?}", param.name)),
            Some(param) => reject(format!("missing {:?}: {}", param.name, param.about)),
            None => Ok(Self { given, root }),
        }
    }

    /// Returns all arguments.
    pub(super) fn into_map(self) -> Map<String, Json> {
        self.given
    }

    /// Returns a string; empty when it was left out.
    pub(super) fn text(&self, name: &str) -> String {
        self.given.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
    }

    /// Returns an argument as it was given.
    pub(super) fn given(&self, name: &str) -> Option<&Json> {
        self.given.get(name)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.given.get(name).and_then(Json::as_bool).unwrap_or_default()
    }

    pub(super) fn count(&self, name: &str) -> Option<u64> {
        self.given.get(name).and_then(Json::as_u64)
    }

    /// Returns a path relative to the workspace; the workspace itself when it was left out.
    pub(super) fn path(&self, name: &str) -> Result<String, ToolError> {
        match self.given.get(name).and_then(Json::as_str) {
            Some(path) => normalise(path, self.root).map_err(|error| ToolError(format!("failed to {error}"))),
            None => Ok(crate::world::path::ROOT.to_owned()),
        }
    }
}

/// Finds the known name most like a wrong one, if any is like it.
pub(super) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.7;
    /// Bytes of a name that is worth comparing: the comparison takes time by its length.
    const LONGEST: usize = 200;
    if wrong.len() > LONGEST {
        return None;
    }
    let alike = |name: &str| strsim::normalized_damerau_levenshtein(&wrong.to_lowercase(), name);
    let best = known.into_iter().max_by(|a, b| alike(a).total_cmp(&alike(b)))?;
    (alike(best) >= ALIKE).then_some(best)
}

fn unknown_argument(name: &str, params: &[Param<'_>]) -> String {
    if params.is_empty() {
        return format!("unknown argument {name:?}; it takes none");
    }
    if let Some(near) = nearest(name, params.iter().map(|param| param.name)) {
        return format!("unknown argument {name:?}; did you mean {near:?}?");
    }
    let known: Vec<String> = params.iter().map(|param| format!("{:?}", param.name)).collect();
    format!("unknown argument {name:?}; known are {}", known.join(", "))
}

fn type_label(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "that number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

fn reject<T>(why: String) -> Result<T, ToolError> {
    Err(ToolError(why))
}
