//! The items of a stream, and which of them an event is about: by id, then index, then position.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::item::{item_type, name_of, text};
use super::merge::may_be_one;
use super::slot::Slot;

/// Items that are looked at for one event, of those with the same id or the same index.
pub(super) const LOOKED_AT: usize = 16;

/// The items of a stream, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Slots {
    all: Vec<Slot>,
    /// Positions by id, call id and index.
    by_id: HashMap<String, Vec<usize>>,
    by_index: HashMap<i64, Vec<usize>>,
    /// All before it have ended.
    first_open: usize,
}

/// The marks by which an event names its item.
struct Hint {
    kind: String,
    ids: [String; 2],
    name: String,
    index: Option<i64>,
}

impl Hint {
    fn of_item(item: &Json, event: &Json) -> Self {
        let id = name_of(item, "id");
        let id = if id.is_empty() { name_of(event, "item_id") } else { id };
        let name = text(item, "name").to_owned();
        let kind = item_type(item).to_owned();
        Self { kind, ids: [id, name_of(item, "call_id")], name, index: index(event, "output_index") }
    }

    fn of_piece(kind: &str, event: &Json) -> Self {
        let name = text(event, "name").to_owned();
        let ids = [name_of(event, "item_id"), name_of(event, "call_id")];
        Self { kind: kind.to_owned(), ids, name, index: index(event, "output_index") }
    }

    /// How well an item fits; `None`: it is another one.
    fn fits(&self, slot: &Slot) -> Option<u8> {
        let differ = |one: &str, other: &str| !one.is_empty() && !other.is_empty() && one != other;
        let same = |one: &str, other: &str| !one.is_empty() && one == other;
        let (id, call) = (slot.name_of("id"), slot.name_of("call_id"));
        let by_id = same(&self.ids[0], id);
        let by_call = same(&self.ids[1], call);
        let by_index = self.index.is_some() && self.index == slot.index;
        // An index that differs counts only between items of which one was not announced.
        let may_be = self.index.is_none() || slot.index.is_none() || !slot.unannounced;
        if slot.kind != self.kind
            || (differ(&self.name, slot.name_of("name")) && !by_call)
            || (differ(&self.ids[1], call) && !(by_id && by_index))
        {
            return None;
        }
        match 8 * u8::from(by_call) + 4 * u8::from(by_id) + 2 * u8::from(by_index) {
            0 if may_be && !differ(&self.ids[0], id) => Some(0),
            0 => None,
            score => Some(score),
        }
    }
}

impl Slots {
    /// The items, in the order in which they came.
    pub(super) fn all(&self) -> &[Slot] {
        &self.all
    }

    /// An item by its position here.
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Slot> {
        self.all.get_mut(at)
    }

    /// The item that an event begins.
    pub(super) fn begin(&mut self, item: &Json, event: &Json) -> Option<&mut Slot> {
        let hint = Hint::of_item(item, event);
        // Announced late, or twice.
        let found = self.best(&hint, false, |slot, score| {
            let late = slot.unannounced && (score >= 4 || slot.name_of("id").is_empty());
            !slot.ended && (late || (score >= 4 && slot.index == hint.index && !slot.has_pieces()))
        });
        let at = found.unwrap_or_else(|| self.add(&hint));
        self.all.get_mut(at)?.begin(item);
        self.learn(at, &hint);
        self.all.get_mut(at)
    }

    /// The item that an event ends; `None` when that was said before.
    pub(super) fn end(&mut self, item: &Json, event: &Json) -> Option<&mut Slot> {
        let hint = Hint::of_item(item, event);
        let open = self.best(&hint, false, |slot, _| !slot.ended).or_else(|| self.first_open(&hint, item));
        if open.is_none() {
            let known = self.best(&hint, true, |slot, score| slot.ended && score >= 4 && slot.index == hint.index);
            let known = known.and_then(|at| self.all.get(at));
            if known.is_some_and(|slot| slot.item(Some(item)) == slot.item(None)) {
                return None;
            }
        }
        let at = open.unwrap_or_else(|| self.add(&hint));
        self.all.get_mut(at)?.end(item);
        self.learn(at, &hint);
        while self.all.get(self.first_open).is_some_and(|slot| slot.ended) {
            self.first_open += 1;
        }
        self.all.get_mut(at)
    }

    /// The item of a type to which a piece belongs, of those that can take it.
    pub(super) fn of_piece(&mut self, kind: &str, event: &Json, takes: impl Fn(&Slot) -> bool) -> Option<&mut Slot> {
        let hint = Hint::of_piece(kind, event);
        let found = self
            .best(&hint, true, |slot, _| !slot.ended && takes(slot))
            .or_else(|| self.last_open(&hint, &takes))
            .or_else(|| self.best(&hint, true, |slot, score| score >= 4 && slot.index == hint.index));
        let at = found.unwrap_or_else(|| {
            let at = self.add(&hint);
            if let Some(slot) = self.all.get_mut(at) {
                kind.clone_into(&mut slot.kind);
                slot.unannounced = true;
            }
            at
        });
        let slot = self.all.get_mut(at)?;
        slot.learn(event, "name");
        slot.learn(event, "call_id");
        self.all.get_mut(at)
    }

    fn add(&mut self, hint: &Hint) -> usize {
        self.all.push(Slot::at(hint.index));
        let at = self.all.len() - 1;
        if let Some(index) = hint.index {
            self.by_index.entry(index).or_default().push(at);
        }
        if let Some(slot) = self.all.get_mut(at) {
            slot.learn(&serde_json::json!({ "id": hint.ids[0] }), "id");
        }
        self.learn(at, hint);
        at
    }

    /// Remembers under which ids and which index an item is found.
    fn learn(&mut self, at: usize, hint: &Hint) {
        for id in hint.ids.iter().filter(|id| !id.is_empty()) {
            let known = self.by_id.entry(id.clone()).or_default();
            if known.last() != Some(&at) {
                known.push(at);
            }
        }
        if let (Some(slot), Some(index)) = (self.all.get_mut(at), hint.index)
            && slot.index.is_none()
        {
            slot.index = Some(index);
            self.by_index.entry(index).or_default().push(at);
        }
    }

    /// The item with one of the ids or the index of an event that fits best; of equals the first, or the last.
    fn best(&self, hint: &Hint, last: bool, wanted: impl Fn(&Slot, u8) -> bool) -> Option<usize> {
        let by_id = hint.ids.iter().filter_map(|id| self.by_id.get(id));
        let by_index = hint.index.iter().filter_map(|index| self.by_index.get(index));
        let mut best: Option<(u8, usize)> = None;
        for at in by_id.chain(by_index).flat_map(|known| known.iter().rev().take(LOOKED_AT)) {
            let Some(slot) = self.all.get(*at) else { continue };
            let Some(score) = hint.fits(slot).filter(|score| wanted(slot, *score)) else { continue };
            if best.is_none_or(|(most, first)| score > most || (score == most && (*at > first) == last)) {
                best = Some((score, *at));
            }
        }
        best.map(|(_, at)| at)
    }

    fn first_open(&self, hint: &Hint, item: &Json) -> Option<usize> {
        let open = self.all.iter().enumerate().skip(self.first_open).take(LOOKED_AT);
        let mut fitting = open.filter(|(_, slot)| !slot.ended && hint.fits(slot).is_some());
        let is_sure = |slot: &Slot| hint.index.is_none() || slot.index.is_none();
        fitting.find(|(_, slot)| is_sure(slot) || may_be_one(&slot.item(None), item)).map(|(at, _)| at)
    }

    fn last_open(&self, hint: &Hint, takes: impl Fn(&Slot) -> bool) -> Option<usize> {
        let open = self.all.iter().enumerate().rev().take(LOOKED_AT);
        open.filter(|(_, slot)| !slot.ended && takes(slot))
            .find(|(_, slot)| hint.fits(slot).is_some())
            .map(|(at, _)| at)
    }
}

/// An index as servers write it; `None` when it is none.
pub(super) fn index(event: &Json, name: &str) -> Option<i64> {
    match event.get(name)? {
        Json::Number(number) => {
            let large = || number.as_u64().map(|_| i64::MAX);
            #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
            number.as_i64().or_else(large).or_else(|| number.as_f64().map(|number| number as i64))
        }
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
