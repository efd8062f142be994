//! The parts that the schema is built of.

use serde_json::{Map, Value as Json, json};

/// A table with fixed keys.
pub(super) struct Keys {
    description: String,
    properties: Map<String, Json>,
    required: Vec<&'static str>,
}

impl Keys {
    /// Begins a table.
    pub fn new(description: &str) -> Self {
        Self { description: description.to_owned(), properties: Map::new(), required: Vec::new() }
    }

    /// Adds a key that may be left out.
    pub fn key(mut self, name: &'static str, value: Json) -> Self {
        self.properties.insert(name.to_owned(), value);
        self
    }

    /// Adds a key that must be there.
    pub fn required(mut self, name: &'static str, value: Json) -> Self {
        self.required.push(name);
        self.key(name, value)
    }

    /// The table; it refuses every other key.
    pub fn build(self) -> Json {
        json!({
            "type": "object",
            "description": self.description,
            "properties": self.properties,
            "required": self.required,
            "additionalProperties": false,
        })
    }
}

/// A string.
pub(super) fn text(description: &str) -> Json {
    json!({ "type": "string", "description": description })
}

/// A string that is one of a few.
pub(super) fn one_of<'a>(description: &str, names: impl IntoIterator<Item = &'a str>) -> Json {
    let names: Vec<&str> = names.into_iter().collect();
    json!({ "type": "string", "description": description, "enum": names })
}

/// A lower-case name with hyphens.
pub(super) fn kebab(description: &str) -> Json {
    json!({ "type": "string", "description": description, "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$" })
}

/// True or false.
pub(super) fn flag(description: &str, usual: bool) -> Json {
    json!({ "type": "boolean", "description": description, "default": usual })
}

/// A whole number from 1 up.
pub(super) fn count(description: &str) -> Json {
    json!({ "type": "integer", "description": description, "minimum": 1 })
}

/// A whole number from 1 up, within 32 bits.
pub(super) fn count_u32(description: &str) -> Json {
    json!({ "type": "integer", "description": description, "minimum": 1, "maximum": u32::MAX })
}

/// A number from 0 up.
pub(super) fn amount(description: &str) -> Json {
    json!({ "type": "number", "description": description, "minimum": 0 })
}

/// A list.
#[allow(clippy::needless_pass_by_value, reason = "it becomes a part of the schema")]
pub(super) fn list(description: &str, item: Json) -> Json {
    json!({ "type": "array", "description": description, "items": item })
}

/// A list of strings.
pub(super) fn texts(description: &str) -> Json {
    list(description, json!({ "type": "string" }))
}

/// A list of strings with at least one.
pub(super) fn some_texts(description: &str) -> Json {
    json!({ "type": "array", "description": description, "items": { "type": "string" }, "minItems": 1 })
}

/// A table whose keys are names.
#[allow(clippy::needless_pass_by_value, reason = "it becomes a part of the schema")]
pub(super) fn map_of(description: &str, value: Json) -> Json {
    json!({ "type": "object", "description": description, "additionalProperties": value })
}
