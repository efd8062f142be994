//! Calls and their results: each call is answered once, first thing in the message that follows it.

use std::collections::HashMap;
use std::collections::VecDeque;

use serde_json::{Value as Json, json};

use super::conversation::Message;
use super::fields::{given, kind, text};
use super::ids::{Ids, clean};

/// The result of a call that has none.
const NOT_RUN: &str = "not run: there is no result of this call";

/// Calls of the last message of the model that wait for a result.
#[derive(Debug, Default)]
struct Waiting {
    /// In order: the id that is written; `None` once it has its result.
    calls: Vec<Option<String>>,
    /// Places in `calls`, by the id with which the call came.
    by_id: HashMap<String, VecDeque<usize>>,
    /// Up to here, all calls have their results.
    answered: usize,
}

/// Gives calls distinct ids, and puts results where they belong.
pub(super) fn pair(messages: Vec<Message>) -> Vec<Message> {
    let mut paired = Vec::new();
    let mut ids = Ids::default();
    let mut waiting = Waiting::default();
    let mut held = Vec::new();
    for mut message in messages {
        match message.role {
            "assistant" => {
                close(&mut waiting, &mut held, &mut paired);
                waiting = Waiting::of(&mut message.blocks, &mut ids);
                paired.push(message);
            }
            "user" => {
                message.blocks = results_first(std::mem::take(&mut message.blocks), &mut waiting);
                paired.push(message);
                paired.append(&mut held);
            }
            // Nothing may come between calls and their results.
            _ if waiting.any() => held.push(message),
            _ => paired.push(message),
        }
    }
    close(&mut waiting, &mut held, &mut paired);
    paired
}

/// Answers the calls that still wait.
fn close(waiting: &mut Waiting, held: &mut Vec<Message>, paired: &mut Vec<Message>) {
    let missing: Vec<Json> = waiting.rest().map(|id| not_run(&id)).collect();
    if !missing.is_empty() {
        paired.push(Message::new("user", missing));
    }
    paired.append(held);
}

fn not_run(id: &str) -> Json {
    json!({"type": "tool_result", "tool_use_id": id, "content": NOT_RUN, "is_error": true})
}

impl Waiting {
    /// The calls of a message. Their ids and names are made valid.
    fn of(blocks: &mut [Json], ids: &mut Ids) -> Self {
        let mut waiting = Self::default();
        for block in blocks.iter_mut().filter(|block| kind(block) == "tool_use") {
            let came = text(block, "id").unwrap_or_default().to_owned();
            let id = ids.take(&came);
            let name = clean(text(block, "name").unwrap_or_default());
            block["id"] = id.as_str().into();
            block["name"] = if name.is_empty() { "unnamed".into() } else { name.into() };
            waiting.by_id.entry(came).or_default().push_back(waiting.calls.len());
            waiting.calls.push(Some(id));
        }
        waiting
    }

    fn any(&self) -> bool {
        self.calls.iter().any(Option::is_some)
    }

    /// The call that a result with an id belongs to.
    fn take(&mut self, id: &str) -> Option<String> {
        let at = self.by_id.get_mut(id)?.pop_front()?;
        self.calls.get_mut(at)?.take()
    }

    /// The first call that waits.
    fn next(&mut self) -> Option<String> {
        while let Some(call) = self.calls.get_mut(self.answered) {
            self.answered += 1;
            if let Some(id) = call.take() {
                return Some(id);
            }
        }
        None
    }

    /// All that wait.
    fn rest(&mut self) -> impl Iterator<Item = String> + '_ {
        std::iter::from_fn(|| self.next())
    }
}

/// The results of waiting calls, then those of calls that have none, then all else.
fn results_first(blocks: Vec<Json>, waiting: &mut Waiting) -> Vec<Json> {
    let (mut results, others): (Vec<Json>, Vec<Json>) =
        blocks.into_iter().partition(|block| kind(block) == "tool_result");
    let mut taken: Vec<Option<String>> =
        results.iter().map(|block| waiting.take(text(block, "tool_use_id").unwrap_or_default())).collect();
    for (result, taken) in results.iter().zip(&mut taken) {
        if taken.is_none() && text(result, "tool_use_id").is_none() {
            *taken = waiting.next();
        }
    }
    let mut orphans = Vec::new();
    let mut first = Vec::new();
    for (mut result, id) in results.drain(..).zip(taken) {
        match id {
            Some(id) => {
                result["tool_use_id"] = id.into();
                first.push(result);
            }
            None => orphans.extend(orphan(&result)),
        }
    }
    first.extend(waiting.rest().map(|id| not_run(&id)));
    first.extend(orphans);
    first.extend(others);
    first
}

/// A result whose call is not there, or has its result already: the API refuses it, so that it is written as text.
fn orphan(result: &Json) -> Vec<Json> {
    let text = |text: &str| json!({"type": "text", "text": format!("Result of an earlier tool call:\n{text}")});
    match given(result, "content") {
        Some(Json::String(said)) if !said.trim().is_empty() => vec![text(said)],
        Some(Json::Array(blocks)) => blocks
            .iter()
            .filter(|block| matches!(kind(block), "text" | "image" | "document" | "search_result"))
            .cloned()
            .collect(),
        _ => Vec::new(),
    }
}
