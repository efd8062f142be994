//! Schemas of arguments. `parameters` takes a part of `OpenAPI`'s words and refuses all others, `parametersJsonSchema`
//! takes JSON Schema. So a schema is written as the first where that says all of it, else as the second.

use serde_json::{Map, Value as Json, json};

/// Words without meaning for a model, or which say what the service takes for granted.
const IDLE: [&str; 4] = ["$schema", "$id", "$comment", "additionalProperties"];
/// Words of `parameters` whose value is not a schema.
const PLAIN: [&str; 16] = [
    "type",
    "nullable",
    "title",
    "description",
    "required",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "default",
    "propertyOrdering",
];
/// Schemas in schemas that are looked at; JSON itself is not deeper.
const DEEPEST: u8 = 100;

/// Reads `parameters` as JSON Schema: names of types are small there.
pub(super) fn read(parameters: &Json) -> Json {
    lower(parameters, DEEPEST)
}

fn lower(schema: &Json, depth: u8) -> Json {
    let Some(fields) = schema.as_object().filter(|_| depth > 0) else { return schema.clone() };
    let mut read = Map::new();
    for (name, value) in fields {
        let value = match (name.as_str(), value) {
            ("type", Json::String(kind)) => kind.to_ascii_lowercase().into(),
            ("properties", Json::Object(properties)) => {
                let lowered = properties.iter().map(|(name, schema)| (name.clone(), lower(schema, depth - 1)));
                Json::Object(lowered.collect())
            }
            ("items", schema) => lower(schema, depth - 1),
            ("anyOf" | "any_of", Json::Array(schemas)) => {
                schemas.iter().map(|schema| lower(schema, depth - 1)).collect()
            }
            _ => value.clone(),
        };
        read.insert(name.clone(), value);
    }
    Json::Object(read)
}

/// Writes a schema: the field, and its value; `None`: the function takes nothing.
pub(super) fn write(schema: &Json) -> Option<(&'static str, Json)> {
    let fields = schema.as_object()?;
    let says_nothing = |(name, value): (&String, &Json)| match name.as_str() {
        "properties" => value.as_object().is_none_or(Map::is_empty),
        "additionalProperties" => value.is_boolean(),
        name => IDLE.contains(&name) || matches!(name, "type" | "required" | "title" | "description"),
    };
    if fields.iter().all(says_nothing) {
        return None;
    }
    if let Some(parameters) = subset(schema, DEEPEST) {
        return Some(("parameters", parameters));
    }
    let mut whole = fields.clone();
    whole.shift_remove("$schema");
    if whole.get("type") != Some(&json!("object")) && !whole.contains_key("$ref") {
        whole.insert("type".into(), "object".into());
    }
    Some(("parametersJsonSchema", Json::Object(whole)))
}

/// The schema in the words of `parameters`; `None`: they can't say it.
fn subset(schema: &Json, depth: u8) -> Option<Json> {
    let fields = schema.as_object().filter(|_| depth > 0)?;
    let kind = match fields.get("type") {
        Some(kind) => Some(kind.as_str()?),
        None => None,
    };
    let mut written = Map::new();
    for (name, value) in fields {
        let value = match (name.as_str(), value) {
            ("additionalProperties", value) if *value != Json::Bool(false) => return None,
            (name, _) if IDLE.contains(&name) => continue,
            ("properties", Json::Object(properties)) if !properties.is_empty() && kind == Some("object") => {
                let each = properties.iter().map(|(name, schema)| Some((name.clone(), subset(schema, depth - 1)?)));
                Json::Object(each.collect::<Option<_>>()?)
            }
            ("items", items) if kind == Some("array") => subset(items, depth - 1)?,
            ("anyOf", Json::Array(schemas)) => {
                schemas.iter().map(|schema| subset(schema, depth - 1)).collect::<Option<_>>()?
            }
            ("enum", Json::Array(values)) if kind == Some("string") && values.iter().all(Json::is_string) => {
                value.clone()
            }
            ("format", Json::String(format)) if knows_format(kind, format) => value.clone(),
            (name, value) if PLAIN.contains(&name) => value.clone(),
            _ => return None,
        };
        written.insert(name.clone(), value);
    }
    let whole = match kind {
        Some("object") => {
            let properties = written.get("properties")?.as_object()?;
            let required = written.get("required").and_then(Json::as_array).into_iter().flatten();
            required.into_iter().all(|name| name.as_str().is_some_and(|name| properties.contains_key(name)))
        }
        Some("array") => written.contains_key("items"),
        Some("string" | "number" | "integer" | "boolean") => true,
        Some(_) => false,
        None => written.contains_key("anyOf"),
    };
    whole.then_some(Json::Object(written))
}

fn knows_format(kind: Option<&str>, format: &str) -> bool {
    match kind {
        Some("string") => matches!(format, "enum" | "date-time"),
        Some("integer") => matches!(format, "int32" | "int64"),
        Some("number") => matches!(format, "float" | "double"),
        _ => false,
    }
}
