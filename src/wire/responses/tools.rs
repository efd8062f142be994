//! Tools: read from wherever a client puts them, and written.

use serde_json::{Map, Value as Json, json};

use super::item::{item_type, text};
use super::part::fields;
use crate::wire::Tool;
use crate::wire::keep::keep;

/// Groups within groups that are looked into.
const DEEPEST: u8 = 4;

/// The tools of a request: those of the body, then those that items of its input add.
pub(super) fn read_tools(body: &Json) -> Vec<Tool> {
    let mut tools = Vec::new();
    for list in [body.get("tools")].into_iter().chain(added_items(body).map(|item| item.get("tools"))) {
        read_list(list, DEEPEST, &mut tools);
    }
    tools
}

/// The items of a request's input that offer more tools.
fn added_items(body: &Json) -> impl Iterator<Item = &Json> {
    let items = body.get("input").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter(|item| item_type(item) == "additional_tools")
}

fn read_list(list: Option<&Json>, depth: u8, tools: &mut Vec<Tool>) {
    for tool in list.and_then(Json::as_array).into_iter().flatten() {
        match (text(tool, "type"), depth) {
            ("namespace", 1..) if tool.get("tools").is_some_and(Json::is_array) => {
                read_list(tool.get("tools"), depth - 1, tools);
            }
            _ => tools.push(read_tool(tool)),
        }
    }
}

fn read_tool(tool: &Json) -> Tool {
    // Some clients nest it as in chat completions.
    let inner = tool.get("function").filter(|inner| inner.is_object()).unwrap_or(tool);
    let is_known = matches!(text(tool, "type"), "function" | "custom" | "");
    let said = |name: &str| if is_known { text(inner, name).to_owned() } else { String::new() };
    let schema = if is_known { inner.get("parameters").cloned().unwrap_or(Json::Null) } else { Json::Null };
    Tool { name: said("name"), description: said("description"), schema, source: Some(tool.clone()) }
}

/// Writes tools; those without a name are a provider's own.
pub(super) fn write_tools(tools: &[Tool]) -> Vec<Json> {
    tools.iter().filter_map(write_tool).collect()
}

fn write_tool(tool: &Tool) -> Option<Json> {
    let source = tool.source.as_ref().filter(|source| source.is_object());
    if tool.name.is_empty() {
        return source.cloned();
    }
    let same = source.filter(|source| matches!(text(source, "type"), "function" | "custom"));
    Some(keep(
        same,
        |source| says_the_same(&read_tool(source), tool),
        || {
            let mut known = fields(json!({ "name": tool.name, "description": tool.description }));
            if same.is_none_or(|source| text(source, "type") == "function") {
                known.insert("type".into(), "function".into());
                known.insert("parameters".into(), clean(&tool.schema));
                known.insert("strict".into(), false.into());
            }
            known
        },
    ))
}

fn says_the_same(one: &Tool, other: &Tool) -> bool {
    (&one.name, &one.description, &one.schema) == (&other.name, &other.description, &other.schema)
}

/// Lays changed tools over a body: each stays where it was, in its group or in an item of the input; those that are
/// gone are taken out, new ones are added to the body's own.
pub(super) fn change_tools(body: &mut Map<String, Json>, tools: &[Tool]) {
    let mut left: Vec<Option<&Tool>> = tools.iter().map(Some).collect();
    let mut own = body.get("tools").and_then(Json::as_array).cloned().unwrap_or_default();
    change_list(&mut own, DEEPEST, &mut left);
    for item in body.get_mut("input").and_then(Json::as_array_mut).into_iter().flatten() {
        if item_type(item) == "additional_tools"
            && let Some(Json::Array(list)) = item.get_mut("tools")
        {
            change_list(list, DEEPEST, &mut left);
        }
    }
    own.extend(left.into_iter().flatten().filter_map(write_tool));
    if own.is_empty() {
        body.shift_remove("tools");
    } else {
        body.insert("tools".into(), Json::Array(own));
    }
}

fn change_list(list: &mut Vec<Json>, depth: u8, left: &mut [Option<&Tool>]) {
    list.retain_mut(|json| {
        if let Some(Json::Array(inner)) = json.get_mut("tools")
            && depth > 0
        {
            change_list(inner, depth - 1, left);
            return !inner.is_empty();
        }
        let was = read_tool(json);
        let same = |tool: &Tool| tool.name == was.name && (!was.name.is_empty() || tool.source == was.source);
        let Some(found) = left.iter_mut().find(|tool| tool.is_some_and(same)).and_then(Option::take) else {
            return false;
        };
        let tool = Tool { source: was.source, ..found.clone() };
        if let Some(written) = write_tool(&tool) {
            *json = written;
        }
        true
    });
}

/// A schema as the dialect takes it: that of an object, with properties, and no choice between schemas at its top.
fn clean(schema: &Json) -> Json {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    let mut properties = schema.get("properties").and_then(Json::as_object).cloned().unwrap_or_default();
    let mut choices = Vec::new();
    for name in ["allOf", "anyOf", "oneOf", "not", "enum"] {
        let Some(choice) = schema.shift_remove(name) else { continue };
        let branches = choice.as_array().into_iter().flatten();
        for branch in branches.filter_map(|branch| branch.get("properties")?.as_object()) {
            for (name, property) in branch {
                properties.entry(name).or_insert_with(|| property.clone());
            }
        }
        // The choice itself can only be described.
        choices.push(json!({ name: choice }).to_string());
    }
    if !choices.is_empty() {
        let described = schema.get("description").and_then(Json::as_str).unwrap_or_default();
        let description = format!("{described} The arguments also match: {}", choices.join(" "));
        schema.insert("description".into(), description.trim_start().into());
    }
    schema.insert("type".into(), "object".into());
    schema.insert("properties".into(), Json::Object(properties));
    Json::Object(schema)
}
