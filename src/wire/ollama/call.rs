//! Tool calls, read and written.

use serde_json::{Map, Value as Json};

use crate::wire::fields::{field, text};
use crate::wire::json::{read_written_arguments, written_arguments};
use crate::wire::keep::lay_over;
use crate::wire::{Call, Part, PartKind};

/// Reads a call.
pub(super) fn read(json: &Json) -> Part {
    let function = function(json);
    let args = read_written_arguments(field(function, "arguments").unwrap_or(&Json::Null));
    let call = Call { id: text(json, "id").to_owned(), name: text(function, "name").to_owned(), args };
    Part::read(PartKind::Call(call), json.clone())
}

/// Where the name and the arguments of a call are.
pub(super) fn function(json: &Json) -> &Json {
    field(json, "function").filter(|function| function.is_object()).unwrap_or(json)
}

/// Writes a call.
pub(super) fn write(call: &Call, source: Option<&Json>) -> Json {
    let source = source.filter(|source| source.is_object());
    if let Some(source) = source
        && says(source, call)
    {
        return source.clone();
    }
    let mut known = Map::new();
    known.insert("name".into(), if call.name.is_empty() { "unnamed".into() } else { call.name.as_str().into() });
    known.insert("arguments".into(), written_arguments(&call.args));
    let below = source.and_then(|source| field(source, "function")).and_then(Json::as_object);
    let mut whole = Map::new();
    // An id that the server did not give is not written: see `turn`.
    let server_gave_none = source.is_some_and(|source| text(source, "id").is_empty());
    if !call.id.is_empty() && !server_gave_none {
        whole.insert("id".into(), call.id.as_str().into());
    }
    whole.insert("function".into(), lay_over(below.cloned().unwrap_or_default(), known).into());
    let flat = ["name", "arguments"].into_iter().map(|name| (name.to_owned(), Json::Null));
    let source = lay_over(source.and_then(Json::as_object).cloned().unwrap_or_default(), flat.collect());
    Json::Object(lay_over(source, whole))
}

/// True when a source says the same, and is well-formed.
fn says(source: &Json, said: &Call) -> bool {
    let PartKind::Call(mut call) = read(source).kind else { return false };
    if call.id.is_empty() {
        call.id.clone_from(&said.id);
    }
    let arguments = field(source, "function").and_then(|function| field(function, "arguments"));
    call == *said && !call.name.is_empty() && arguments.is_some_and(Json::is_object)
}
