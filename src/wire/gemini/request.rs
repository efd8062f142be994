//! A request. The model and the wish for a stream are in its address.

use serde_json::{Map, Value as Json};

use super::field::{count, field, lay};
use super::{contents, part, tool, turn};
use crate::wire::{Request, Role, Turn, Unreadable};

/// Reads a request.
pub(in crate::wire) fn read_request(body: &Json) -> Result<Request, Unreadable> {
    if !body.is_object() {
        return Err(Unreadable("failed to read the request: it is no JSON object".into()));
    }
    let contents = field(body, "contents").and_then(Json::as_array);
    let contents =
        contents.ok_or_else(|| Unreadable("failed to read the request: it has no list of contents".into()))?;
    let system = field(body, "systemInstruction").map(read_system);
    let config = field(body, "generationConfig").unwrap_or(&Json::Null);
    Ok(Request {
        turns: system.into_iter().chain(contents.iter().map(turn::read)).collect(),
        tools: tool::read(field(body, "tools").unwrap_or(&Json::Null)),
        temperature: field(config, "temperature").and_then(Json::as_f64),
        max_tokens: count(config, "maxOutputTokens"),
        source: Some(body.clone()),
        ..Request::default()
    })
}

/// Writes a request.
pub(in crate::wire) fn write_request(request: &Request) -> Json {
    let source = request.source.as_ref();
    let known = match source.and_then(|source| read_request(source).ok()) {
        Some(before) => changed(&before, request),
        None => known(request),
    };
    Json::Object(if known.is_empty() {
        source.and_then(Json::as_object).cloned().unwrap_or_default()
    } else {
        lay(source, known)
    })
}

fn read_system(content: &Json) -> Turn {
    let parts = part::list(content).into_iter().filter_map(part::read).collect();
    Turn { role: Role::System, parts, source: Some(content.clone()) }
}

/// The fields that say something else than the source.
fn changed(before: &Request, request: &Request) -> Map<String, Json> {
    let mut fields = known(request);
    let spoken = |request: &Request, system: bool| -> Vec<Turn> {
        request.turns.iter().filter(|turn| (turn.role == Role::System) == system).cloned().collect()
    };
    if spoken(before, true) == spoken(request, true) {
        fields.shift_remove("systemInstruction");
    }
    if spoken(before, false) == spoken(request, false) {
        fields.shift_remove("contents");
    }
    if before.tools == request.tools {
        fields.shift_remove("tools");
    }
    if before.temperature == request.temperature && before.max_tokens == request.max_tokens {
        fields.shift_remove("generationConfig");
    }
    fields
}

fn known(request: &Request) -> Map<String, Json> {
    let mut known = Map::new();
    known.insert("systemInstruction".into(), contents::write_system(&request.turns).unwrap_or_default());
    known.insert("contents".into(), contents::write(&request.turns, contents::wants_signatures(&request.model)).into());
    known.insert("tools".into(), tool::write(&request.tools).unwrap_or_default());
    let below = request.source.as_ref().and_then(|source| field(source, "generationConfig"));
    let mut config = Map::new();
    config.insert("temperature".into(), request.temperature.map(Json::from).unwrap_or_default());
    config.insert("maxOutputTokens".into(), request.max_tokens.map(Json::from).unwrap_or_default());
    let config = lay(below, config);
    known.insert("generationConfig".into(), if config.is_empty() { Json::Null } else { Json::Object(config) });
    known
}
