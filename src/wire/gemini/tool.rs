//! The tools of a request: declarations of functions, and the service's own.

use serde_json::{Map, Value as Json, json};

use super::field::{field, lay, text};
use super::schema;
use crate::wire::Tool;

/// Reads the tools.
pub(super) fn read(tools: &Json) -> Vec<Tool> {
    let entries = match tools {
        Json::Array(entries) => entries.as_slice(),
        Json::Object(_) => std::slice::from_ref(tools),
        _ => &[],
    };
    entries.iter().filter_map(Json::as_object).flat_map(read_entry).collect()
}

fn read_entry(entry: &Map<String, Json>) -> Vec<Tool> {
    let mut own = entry.clone();
    let declared = ["functionDeclarations", "function_declarations"].map(|name| own.shift_remove(name));
    let declared = declared.into_iter().flatten().find(Json::is_array);
    let mut tools: Vec<Tool> =
        declared.as_ref().and_then(Json::as_array).into_iter().flatten().map(read_declaration).collect();
    own.retain(|_, value| !value.is_null());
    if !own.is_empty() || tools.is_empty() {
        let (name, description) = (String::new(), String::new());
        tools.push(Tool { name, description, schema: Json::Null, source: Some(Json::Object(own)) });
    }
    tools
}

fn read_declaration(declaration: &Json) -> Tool {
    let schema = field(declaration, "parametersJsonSchema").cloned();
    let schema = schema.or_else(|| field(declaration, "parameters").map(schema::read));
    Tool {
        name: text(declaration, "name").to_owned(),
        description: text(declaration, "description").to_owned(),
        schema: schema.unwrap_or_else(|| json!({"type": "object", "properties": {}})),
        source: Some(declaration.clone()),
    }
}

/// Writes the tools: all declarations in one entry, each other tool in its own; `None`: there are none.
pub(super) fn write(tools: &[Tool]) -> Option<Json> {
    let (own, declared): (Vec<&Tool>, Vec<&Tool>) = tools.iter().partition(|tool| tool.name.is_empty());
    let mut entries: Vec<Json> = Vec::new();
    if !declared.is_empty() {
        let declarations: Vec<Json> = declared.into_iter().map(write_declaration).collect();
        entries.push(json!({"functionDeclarations": declarations}));
    }
    entries.extend(own.into_iter().filter_map(|tool| tool.source.clone()));
    (!entries.is_empty()).then_some(Json::Array(entries))
}

fn write_declaration(tool: &Tool) -> Json {
    if let Some(source) = &tool.source
        && read_declaration(source) == *tool
    {
        return source.clone();
    }
    let mut known = Map::new();
    known.insert("name".into(), tool.name.as_str().into());
    known.insert("description".into(), tool.description.as_str().into());
    for name in ["parameters", "parametersJsonSchema"] {
        known.insert(name.into(), Json::Null);
    }
    if let Some((name, schema)) = schema::write(&tool.schema) {
        known.insert(name.into(), schema);
    }
    Json::Object(lay(tool.source.as_ref(), known))
}
