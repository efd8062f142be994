//! Memory tools: texts and lists by key, shared by the agents of a run.

use serde_json::Value as Json;

use super::args::{Args, Param, ParamType};
use super::builtin::Builtin;
use super::tool::{Decision, Prepared, ToolError, WorldCall};
use crate::model::{ActionOp, EffectClass, Key};
use crate::world::{Change, Value};

const KEY: Param<'static> = Param::required("key", ParamType::Text, "the key's name");
const VALUE: Param<'static> = Param::required("value", ParamType::Text, "the text to store");

/// Tama's name for the value to append: JSON as text.
const ITEM: &str = "item";

/// The memory tools.
pub(super) static TOOLS: [Builtin; 4] = [
    Builtin {
        name: "tama_mem_set",
        about: "Stores a text in the shared memory under a key, in place of what was there.",
        effect: EffectClass::Reversible,
        params: &[KEY, VALUE],
        prepare: set,
    },
    Builtin {
        name: "tama_mem_get",
        about: "Reads a key of the shared memory: a text, or a JSON array when it was appended to.",
        effect: EffectClass::Read,
        params: &[KEY],
        prepare: get,
    },
    Builtin {
        name: "tama_mem_append",
        about: "Appends a text to the list under a key of the shared memory; makes the list if there is none.",
        effect: EffectClass::Reversible,
        params: &[KEY, VALUE.or(ITEM)],
        prepare: append,
    },
    Builtin {
        name: "tama_mem_delete",
        about: "Removes a key from the shared memory.",
        effect: EffectClass::Reversible,
        params: &[KEY],
        prepare: delete,
    },
];

fn set(args: &Args<'_>) -> Result<Prepared, ToolError> {
    let (key, text) = (key(args)?, args.text("value"));
    Ok(change(&key, ActionOp::Set, Value::Text(text), format!("stored {:?}", key.name)))
}

fn append(args: &Args<'_>) -> Result<Prepared, ToolError> {
    let key = key(args)?;
    let text = args.given(ITEM).map_or_else(|| args.text("value"), text_of_item);
    Ok(change(&key, ActionOp::Append, Value::Text(text), format!("appended to {:?}", key.name)))
}

/// The text of an item: of a JSON string the string, of any other JSON the JSON itself.
fn text_of_item(item: &Json) -> String {
    let Json::String(text) = item else { return item.to_string() };
    match serde_json::from_str(text) {
        Ok(Json::String(inner)) => inner,
        _ => text.clone(),
    }
}

fn get(args: &Args<'_>) -> Result<Prepared, ToolError> {
    let key = key(args)?;
    Ok(WorldCall::prepare(vec![key.clone()], move |values| {
        let result = match values {
            [Value::Text(text)] => text.clone(),
            [Value::List(elements)] => {
                let texts: Vec<&str> = elements.iter().map(|element| element.text.as_str()).collect();
                serde_json::Value::from(texts).to_string()
            }
            _ => format!("the key {:?} is not set", key.name),
        };
        Ok(Decision { reads: vec![key], changes: Vec::new(), result })
    }))
}

fn delete(args: &Args<'_>) -> Result<Prepared, ToolError> {
    let key = key(args)?;
    Ok(WorldCall::prepare(vec![key.clone()], move |values| {
        if matches!(values, [Value::Absent]) {
            let result = format!("the key {:?} is not set; nothing was deleted", key.name);
            return Ok(Decision { reads: vec![key], changes: Vec::new(), result });
        }
        let result = format!("deleted {:?}", key.name);
        let change = Change { key, op: ActionOp::Delete, new: Value::Absent };
        Ok(Decision { reads: Vec::new(), changes: vec![change], result })
    }))
}

fn key(args: &Args<'_>) -> Result<Key, ToolError> {
    match args.text("key") {
        name if name.is_empty() => Err(ToolError("\"key\" must not be empty".into())),
        name => Ok(Key::memory(name)),
    }
}

/// Prepares a call that changes one key, whatever it held.
fn change(key: &Key, op: ActionOp, new: Value, result: String) -> Prepared {
    let change = Change { key: key.clone(), op, new };
    WorldCall::prepare(vec![key.clone()], move |_| Ok(Decision { reads: Vec::new(), changes: vec![change], result }))
}
