//! Requests.

use serde_json::{Map, Value as Json};

use super::{tool, turn};
use crate::wire::fields::{count, field, text};
use crate::wire::keep::lay_over;
use crate::wire::{Request, Unreadable};

/// Reads a request.
pub(in crate::wire) fn read_request(body: &Json) -> Result<Request, Unreadable> {
    let messages = field(body, "messages").and_then(Json::as_array);
    let messages =
        messages.ok_or_else(|| Unreadable("failed to read the request: it has no list of messages".into()))?;
    let options = field(body, "options").unwrap_or(&Json::Null);
    let tools = field(body, "tools").and_then(Json::as_array);
    Ok(Request {
        model: text(body, "model").to_owned(),
        turns: messages.iter().map(turn::read).collect(),
        tools: tools.into_iter().flatten().map(tool::read).collect(),
        temperature: field(options, "temperature").and_then(Json::as_f64),
        // -1 and -2 are no bounds.
        max_tokens: field(options, "num_predict").and_then(count),
        stream: field(body, "stream") != Some(&Json::Bool(false)),
        source: Some(body.clone()),
    })
}

/// Writes a request.
pub(in crate::wire) fn write_request(request: &Request) -> Json {
    let source = request.source.as_ref();
    let mut known = known(request);
    if let Some(before) = source.and_then(|source| read_request(source).ok()) {
        let same = [
            ("model", before.model == request.model),
            ("messages", before.turns == request.turns),
            ("tools", before.tools == request.tools),
            ("options", before.temperature == request.temperature && before.max_tokens == request.max_tokens),
            ("stream", before.stream == request.stream),
        ];
        for (name, _) in same.into_iter().filter(|(_, same)| *same) {
            known.shift_remove(name);
        }
    }
    Json::Object(lay_over(source.and_then(Json::as_object).cloned().unwrap_or_default(), known))
}

fn known(request: &Request) -> Map<String, Json> {
    let mut known = Map::new();
    known.insert("model".into(), request.model.as_str().into());
    known.insert("messages".into(), turn::write(&request.turns).into());
    let tools: Vec<Json> = request.tools.iter().filter_map(tool::write).collect();
    known.insert("tools".into(), if tools.is_empty() { Json::Null } else { tools.into() });
    let below = request.source.as_ref().and_then(|source| source.get("options")).and_then(Json::as_object);
    let mut options = Map::new();
    options.insert("temperature".into(), request.temperature.map(Json::from).unwrap_or_default());
    options.insert("num_predict".into(), request.max_tokens.map(Json::from).unwrap_or_default());
    let options = lay_over(below.cloned().unwrap_or_default(), options);
    known.insert("options".into(), if options.is_empty() { Json::Null } else { options.into() });
    known.insert("stream".into(), request.stream.into());
    known
}
