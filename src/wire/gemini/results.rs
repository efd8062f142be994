//! Results directly after their calls: the service wants one for each call of the turn before, and no other.

use serde_json::Value as Json;

use super::field::{field, text};
use super::part;
use crate::wire::pairs::pair;
use crate::wire::{Call, Part, PartKind, ToolResult};

/// A call that was written, and waits for its result.
#[derive(Debug)]
pub(super) struct Open {
    /// The call as the model made it.
    call: Call,
    /// Its name and id as they are written.
    written: (String, String),
}

impl Open {
    /// The call of a part, as it was written.
    pub(super) fn new(part: &Part, written: &Json) -> Option<Self> {
        let PartKind::Call(call) = &part.kind else { return None };
        let json = field(written, "functionCall")?;
        let written = (text(json, "name").to_owned(), text(json, "id").to_owned());
        Some(Self { call: call.clone(), written })
    }
}

/// Writes what follows calls: their results in their order, then everything else. A result without a call becomes text.
pub(super) fn write(calls: &[Open], parts: &[&Part]) -> Vec<Json> {
    let results: Vec<(&Part, &ToolResult)> = parts
        .iter()
        .filter_map(|part| if let PartKind::Result(result) = &part.kind { Some((*part, result)) } else { None })
        .collect();
    let calls_made: Vec<&Call> = calls.iter().map(|open| &open.call).collect();
    let given: Vec<&ToolResult> = results.iter().map(|(_, result)| *result).collect();
    let (answered, left) = pair(&calls_made, &given);
    let mut written: Vec<Json> = calls
        .iter()
        .zip(answered)
        .filter_map(|(call, at)| part::write(&answer(call, at.map(|at| results[at]))))
        .collect();
    let mut left = left.into_iter();
    for part in parts {
        match &part.kind {
            PartKind::Result(result) => {
                if left.next() == Some(true) {
                    let told = Part::new(PartKind::Text(format!("Result of {}: {}", result.name, result.text)));
                    written.extend(part::write(&told));
                }
            }
            _ => written.extend(part::write(part)),
        }
    }
    written
}

fn answer(call: &Open, given: Option<(&Part, &ToolResult)>) -> Part {
    let (text, error) = given.map_or(("There is no result.", true), |(_, result)| (&result.text, result.error));
    let (name, id) = call.written.clone();
    let result = ToolResult { id, name, text: text.to_owned(), error };
    Part { kind: PartKind::Result(result), source: given.and_then(|(part, _)| part.source.clone()) }
}
