//! The tools of a request.

use serde_json::{Map, Value as Json, json};

use crate::wire::Tool;
use crate::wire::fields::{field, text};
use crate::wire::keep::{keep, lay_over};

/// Reads a tool.
pub(super) fn read(tool: &Json) -> Tool {
    let function = field(tool, "function").unwrap_or(&Json::Null);
    let schema = field(function, "parameters").cloned();
    Tool {
        name: text(function, "name").to_owned(),
        description: text(function, "description").to_owned(),
        schema: schema.unwrap_or_else(|| json!({"type": "object", "properties": {}})),
        source: Some(tool.clone()),
    }
}

/// Writes a tool; `None`: there is nothing to write.
pub(super) fn write(tool: &Tool) -> Option<Json> {
    if tool.name.is_empty() {
        return tool.source.clone();
    }
    let below = tool.source.as_ref().and_then(|source| source.get("function")).and_then(Json::as_object);
    Some(keep(
        tool.source.as_ref(),
        |source| read(source) == *tool,
        || {
            let mut function = Map::new();
            function.insert("name".into(), tool.name.as_str().into());
            function.insert("description".into(), tool.description.as_str().into());
            function.insert("parameters".into(), parameters(&tool.schema));
            let function = lay_over(below.cloned().unwrap_or_default(), function);
            Map::from_iter([("type".to_owned(), "function".into()), ("function".to_owned(), function.into())])
        },
    ))
}

/// The schema, in the form that the server's types take: an object of properties, each an object.
fn parameters(schema: &Json) -> Json {
    let mut fields = schema.as_object().cloned().unwrap_or_default();
    fields.insert("type".into(), "object".into());
    let properties = fields.entry("properties").or_insert(Json::Null);
    if !properties.is_object() {
        *properties = json!({});
    }
    for property in properties.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if !property.is_object() {
            *property = json!({});
        }
    }
    Json::Object(fields)
}
