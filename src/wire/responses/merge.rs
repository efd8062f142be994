//! The items of a stream, and the output that the response holds in the end: one list of items, each once.

use std::collections::{HashMap, VecDeque};

use serde_json::Value as Json;

use super::item::{item_type, read_item, text};
use super::slot::Slot;
use crate::wire::{Call, PartKind};

/// An item of an answer, and the position of the slot in which it grew.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) item: Json,
    pub(super) slot: Option<usize>,
}

/// Puts the items of a stream and those of the final output together. The final output is the truth where it says more;
/// what it lacks is kept.
pub(super) fn merge(slots: &[Slot], output: &[Json]) -> Vec<Merged> {
    let grown: Vec<Json> = slots.iter().map(|slot| slot.item(None)).collect();
    let output: Vec<&Json> = output.iter().filter(|item| item.is_object()).collect();
    let pairs = pair(&grown, &output);
    let mut taken = vec![false; slots.len()];
    for at in pairs.iter().flatten() {
        if let Some(taken) = taken.get_mut(*at) {
            *taken = true;
        }
    }
    let finals = output.iter().zip(&pairs).map(|(item, slot)| Merged {
        item: slot.and_then(|at| slots.get(at)).map_or_else(|| (*item).clone(), |slot| slot.item(Some(item))),
        slot: *slot,
    });
    if taken.iter().all(|taken| *taken) {
        return finals.collect();
    }
    let mut last: HashMap<usize, Merged> = HashMap::new();
    let mut new = Vec::new();
    for merged in finals {
        match merged.slot {
            Some(at) => drop(last.insert(at, merged)),
            None => new.push(merged),
        }
    }
    let kept = grown.into_iter().enumerate();
    let mut all: Vec<Merged> =
        kept.map(|(at, item)| last.remove(&at).unwrap_or(Merged { item, slot: Some(at) })).collect();
    all.extend(new);
    all
}

/// For each final item the position of the grown item that it is.
fn pair(grown: &[Json], output: &[&Json]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; output.len()];
    let mut free = vec![true; grown.len()];
    let keys: [fn(&Json) -> Option<String>; 5] =
        [by_all, by_call_id, by_id, by_content, |item| Some(item_type(item).to_owned())];
    for key in keys {
        let mut waiting: HashMap<String, VecDeque<usize>> = HashMap::new();
        for (at, item) in grown.iter().enumerate().filter(|(at, _)| free.get(*at) == Some(&true)) {
            if let Some(key) = key(item) {
                waiting.entry(key).or_default().push_back(at);
            }
        }
        for (item, pair) in output.iter().zip(&mut pairs).filter(|(_, pair)| pair.is_none()) {
            let Some(queue) = key(item).and_then(|key| waiting.get_mut(&key)) else { continue };
            let Some(at) = queue.front().copied() else { continue };
            if grown.get(at).is_some_and(|grown| may_be_one(grown, item)) {
                queue.pop_front();
                *pair = Some(at);
                if let Some(free) = free.get_mut(at) {
                    *free = false;
                }
            }
        }
    }
    pairs
}

fn by_all(item: &Json) -> Option<String> {
    Some(format!("{}\0{}\0{}", text(item, "id"), text(item, "call_id"), by_content(item)?))
}

fn by_call_id(item: &Json) -> Option<String> {
    Some(text(item, "call_id")).filter(|id| !id.is_empty()).map(|id| format!("{}\0{id}", item_type(item)))
}

fn by_id(item: &Json) -> Option<String> {
    Some(text(item, "id")).filter(|id| !id.is_empty()).map(|id| format!("{}\0{id}", item_type(item)))
}

fn by_content(item: &Json) -> Option<String> {
    let content = match read_item(item) {
        PartKind::Text(text) | PartKind::Reasoning(text) => text,
        PartKind::Call(call) => format!("{}\0{}", call.name, call.args),
        PartKind::Result(result) => result.text,
        PartKind::Other => return None,
    };
    Some(format!("{}\0{content}", item_type(item)))
}

/// False for two calls that say different things.
pub(super) fn may_be_one(grown: &Json, last: &Json) -> bool {
    let (PartKind::Call(grown), PartKind::Call(last)) = (read_item(grown), read_item(last)) else { return true };
    let nameless = grown.name.is_empty() || last.name.is_empty();
    (nameless || grown.name == last.name) && (grown.args == last.args || is_less(&grown) || is_less(&last))
}

/// True for a call whose arguments did not come whole.
fn is_less(call: &Call) -> bool {
    call.args.as_object().is_none_or(serde_json::Map::is_empty)
}
