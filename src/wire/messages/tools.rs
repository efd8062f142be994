//! Tools, read and written.

use std::collections::HashSet;

use serde_json::{Map, Value as Json, json};

use super::fields::{fields, given, text};
use super::ids::clean;
use crate::wire::Tool;
use crate::wire::keep::keep;

/// Words for a choice between schemas, which the dialect refuses at the top of one.
const CHOICES: [&str; 3] = ["oneOf", "anyOf", "allOf"];

/// Reads a tool. One with a type is the provider's own.
pub(super) fn read_tool(tool: &Json) -> Tool {
    let own = text(tool, "type").is_some_and(|kind| kind != "custom");
    let field = |name: &str| text(tool, name).filter(|_| !own).unwrap_or_default().to_owned();
    Tool {
        name: field("name"),
        description: field("description"),
        schema: given(tool, "input_schema").filter(|_| !own).cloned().unwrap_or(Json::Null),
        source: Some(tool.clone()),
    }
}

/// Writes tools; of those with the same name the first.
pub(super) fn write_tools(tools: &[Tool]) -> Vec<Json> {
    let mut names = HashSet::new();
    tools
        .iter()
        .filter_map(write_tool)
        .filter(|tool| text(tool, "name").is_none_or(|name| names.insert(name.to_owned())))
        .collect()
}

fn write_tool(tool: &Tool) -> Option<Json> {
    if tool.name.trim().is_empty() {
        return tool.source.clone().filter(Json::is_object);
    }
    let source = tool.source.as_ref().filter(|source| given(source, "input_schema").is_some());
    let same = |source: &Json| {
        let read = read_tool(source);
        read.name == tool.name && read.description == tool.description && read.schema == tool.schema
    };
    let known = || {
        let (schema, choices) = write_schema(&tool.schema);
        let description = [tool.description.as_str(), choices.as_str()];
        let description: Vec<&str> = description.into_iter().filter(|text| !text.is_empty()).collect();
        let mut known = fields(json!({"name": clean(&tool.name)}));
        if !description.is_empty() {
            known.insert("description".into(), description.join("\n\n").into());
        } else if source.is_some() {
            known.insert("description".into(), Json::Null);
        }
        known.insert("input_schema".into(), schema);
        known
    };
    Some(keep(source, same, known))
}

/// A schema as the dialect takes it, and words for what it can't say.
fn write_schema(schema: &Json) -> (Json, String) {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    let mut told = Map::new();
    for choice in CHOICES {
        if let Some(choices) = schema.shift_remove(choice) {
            for one in choices.as_array().into_iter().flatten() {
                take_properties(&mut schema, one, choice == "allOf");
            }
            told.insert(choice.to_owned(), choices);
        }
    }
    if schema.get("type") != Some(&json!("object")) {
        schema.insert("type".into(), "object".into());
    }
    let words = if told.is_empty() {
        String::new()
    } else {
        format!("The input must also match this JSON Schema: {}", Json::Object(told))
    };
    (Json::Object(schema), words)
}

/// Takes the properties of one schema of a choice; only those of `allOf` are demanded.
fn take_properties(schema: &mut Map<String, Json>, one: &Json, demanded: bool) {
    let properties = schema.entry("properties").or_insert_with(|| json!({}));
    if let (Some(properties), Some(more)) =
        (properties.as_object_mut(), one.get("properties").and_then(Json::as_object))
    {
        for (name, property) in more {
            properties.entry(name.clone()).or_insert_with(|| property.clone());
        }
    }
    let more = one.get("required").and_then(Json::as_array).filter(|_| demanded);
    let required = schema.entry("required").or_insert_with(|| json!([])).as_array_mut();
    if let (Some(required), Some(more)) = (required, more) {
        required.extend(more.iter().cloned());
    }
}
