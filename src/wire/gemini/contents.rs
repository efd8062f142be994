//! The conversation as the service takes it: user and model by turns, the user first.

use serde_json::{Map, Value as Json, json};

use super::field::{field, lay};
use super::part;
use super::results::{self, Open};
use crate::wire::{Part, Role, Turn};

/// Said where a conversation would begin with the model, or be empty.
const BEGIN: &str = "Continue.";

/// The service's word in place of a signature, for calls that no model of it made.
const UNSIGNED: &str = "skip_thought_signature_validator";

/// True for a model that refuses a turn whose first call has no signature: Gemini 3 and later.
pub(super) fn wants_signatures(model: &str) -> bool {
    let version = model.to_ascii_lowercase();
    let version =
        version.split("gemini-").nth(1).and_then(|rest| rest.split(|letter: char| !letter.is_ascii_digit()).next());
    version.and_then(|digits| digits.parse::<u32>().ok()).is_some_and(|version| version >= 3)
}

/// Writes the turns that are not instructions; `signed`: the first call of each turn needs a signature.
pub(super) fn write(turns: &[Turn], signed: bool) -> Vec<Json> {
    let turns: Vec<&Turn> = turns.iter().filter(|turn| turn.role != Role::System).collect();
    let mut contents: Vec<Content> = Vec::new();
    let mut open = Vec::new();
    for side in turns.chunk_by(|one, other| is_model(one) == is_model(other)) {
        let content = if side.first().is_some_and(|turn| is_model(turn)) {
            if contents.is_empty() {
                contents.push(Content { role: "user", parts: vec![json!({"text": BEGIN})], source: None });
            }
            model(side, &mut open)
        } else {
            user(side, &std::mem::take(&mut open))
        };
        match contents.last_mut() {
            _ if content.parts.is_empty() => {}
            Some(last) if last.role == content.role => last.join(content),
            _ => contents.push(content),
        }
    }
    if contents.is_empty() {
        contents.push(Content { role: "user", parts: vec![json!({"text": BEGIN})], source: None });
    }
    if signed {
        contents.iter_mut().for_each(Content::sign);
    }
    contents.into_iter().map(Content::json).collect()
}

/// Writes the instructions; `None`: there are none.
pub(super) fn write_system(turns: &[Turn]) -> Option<Json> {
    let system: Vec<&Turn> = turns.iter().filter(|turn| turn.role == Role::System).collect();
    let parts: Vec<Json> = system.iter().flat_map(|turn| &turn.parts).filter_map(part::write).collect();
    let mut known = Map::new();
    known.insert("parts".into(), Json::Array(parts.clone()));
    (!parts.is_empty()).then(|| Json::Object(lay(only_source(&system), known)))
}

struct Content {
    role: &'static str,
    parts: Vec<Json>,
    source: Option<Json>,
}

impl Content {
    fn join(&mut self, other: Self) {
        self.parts.extend(other.parts);
        self.source = None;
    }

    fn sign(&mut self) {
        let first = self.parts.iter_mut().find(|part| field(part, "functionCall").is_some());
        if let Some(Json::Object(part)) = first
            && !["thoughtSignature", "thought_signature"]
                .iter()
                .any(|name| part.get(*name).is_some_and(Json::is_string))
        {
            part.insert("thoughtSignature".into(), UNSIGNED.into());
        }
    }

    fn json(self) -> Json {
        let mut known = Map::new();
        known.insert("role".into(), self.role.into());
        known.insert("parts".into(), Json::Array(self.parts));
        Json::Object(lay(self.source.as_ref(), known))
    }
}

fn is_model(turn: &Turn) -> bool {
    turn.role == Role::Assistant
}

fn model(turns: &[&Turn], open: &mut Vec<Open>) -> Content {
    let mut parts = Vec::new();
    for part in turns.iter().flat_map(|turn| &turn.parts) {
        if let Some(written) = part::write(part) {
            open.extend(Open::new(part, &written));
            parts.push(written);
        }
    }
    Content { role: "model", parts, source: only_source(turns).cloned() }
}

fn user(turns: &[&Turn], open: &[Open]) -> Content {
    let parts: Vec<&Part> = turns.iter().flat_map(|turn| &turn.parts).collect();
    Content { role: "user", parts: results::write(open, &parts), source: only_source(turns).cloned() }
}

/// The source of turns that are one.
fn only_source<'a>(turns: &[&'a Turn]) -> Option<&'a Json> {
    if let [turn] = turns { turn.source.as_ref() } else { None }
}
