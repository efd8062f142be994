//! A request, written.

use serde_json::{Map, Value as Json, json};

use super::conversation::messages;
use super::request::{LIMITS, read_request, read_tool};
use crate::wire::{Request, Tool, keep::lay_over};

/// Writes a request: as it came while nothing was changed.
pub(in crate::wire) fn write_request(request: &Request) -> Json {
    let source = request.source.as_ref();
    if let Some(source) = source.filter(|source| read_request(source).is_ok_and(|read| read == *request)) {
        return source.clone();
    }
    let below = source.and_then(Json::as_object).cloned().unwrap_or_default();
    let mut known = Map::from_iter([
        ("model".to_owned(), Json::from(request.model.as_str())),
        ("messages".to_owned(), messages(&request.turns).into()),
    ]);
    write_tools(request, &mut known);
    let came = source.and_then(|source| read_request(source).ok());
    if came.as_ref().is_none_or(|came| came.temperature != request.temperature) {
        known.insert("temperature".into(), request.temperature.map_or(Json::Null, Json::from));
    }
    if came.as_ref().is_none_or(|came| came.max_tokens != request.max_tokens) {
        let field = limit(request);
        known.extend(LIMITS.map(|name| (name.to_owned(), Json::Null)));
        known.insert(field.into(), request.max_tokens.map_or(Json::Null, Json::from));
    }
    write_stream_fields(request, &below, &mut known);
    Json::Object(lay_over(below, known))
}

fn write_stream_fields(request: &Request, below: &Map<String, Json>, known: &mut Map<String, Json>) {
    let came = below.get("stream") == Some(&Json::Bool(true));
    if request.stream == came {
        return;
    }
    known.insert("stream".into(), request.stream.into());
    let options = match below.get("stream_options").and_then(Json::as_object) {
        _ if !request.stream => Json::Null,
        Some(options) => options.clone().into(),
        None => json!({"include_usage": true}),
    };
    known.insert("stream_options".into(), options);
}

/// The field for the bound of the output: reasoning models of `OpenAI` refuse the older one, most imitators the newer.
fn limit(request: &Request) -> &'static str {
    let had =
        |name: &str| request.source.as_ref().and_then(|source| source.get(name)).is_some_and(|value| !value.is_null());
    let model = request.model.rsplit('/').next().unwrap_or_default();
    let newer = ["o1", "o3", "o4", "gpt-5"].iter().any(|begin| model.starts_with(begin));
    if had(LIMITS[0]) || (newer && !had(LIMITS[1])) { LIMITS[0] } else { LIMITS[1] }
}

/// Tools go where they came from: `tools`, or the older `functions`.
fn write_tools(request: &Request, known: &mut Map<String, Json>) {
    let is_older = |tool: &&Tool| {
        tool.source.as_ref().is_some_and(|source| source.get("function").is_none() && source.get("type").is_none())
    };
    let (older, newer): (Vec<&Tool>, Vec<&Tool>) = request.tools.iter().partition(is_older);
    for (name, tools) in [("tools", newer), ("functions", older)] {
        let had = request.source.as_ref().and_then(|source| source.get(name)).and_then(Json::as_array);
        // An empty list is refused, unless it came so.
        let tools: Vec<Json> = tools.into_iter().map(write_tool).collect();
        let empty = tools.is_empty() && had.is_none_or(|had| !had.is_empty());
        known.insert(name.into(), if empty { Json::Null } else { tools.into() });
    }
}

fn write_tool(tool: &Tool) -> Json {
    let source = tool.source.as_ref();
    if let Some(source) = source.filter(|source| read_tool(source) == *tool || tool.name.is_empty()) {
        return source.clone();
    }
    let known = Map::from_iter([
        ("name".to_owned(), Json::from(tool.name.as_str())),
        ("description".to_owned(), Some(tool.description.as_str()).filter(|text| !text.is_empty()).into()),
        ("parameters".to_owned(), schema(&tool.schema)),
    ]);
    match source.and_then(Json::as_object) {
        Some(older) if !older.contains_key("function") && !older.contains_key("type") => {
            Json::Object(lay_over(older.clone(), known))
        }
        source => {
            let mut item = source.cloned().unwrap_or_else(|| Map::from_iter([("type".into(), "function".into())]));
            let below = item.get("function").and_then(Json::as_object).cloned().unwrap_or_default();
            item.insert("function".into(), Json::Object(lay_over(below, known)));
            Json::Object(item)
        }
    }
}

/// A schema is an object with a type: some servers refuse one without.
fn schema(schema: &Json) -> Json {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    if schema.is_empty() {
        schema.insert("type".into(), "object".into());
        schema.insert("properties".into(), json!({}));
    }
    Json::Object(schema)
}
