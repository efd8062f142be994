//! Tool calls of a stream, put together by id, then index, then position.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

use super::slot::{Piece, Slot, is_blank};

/// So many calls are searched for one that a piece may belong to.
const LOOKED_BACK: usize = 64;

/// The calls so far.
#[derive(Debug, Default)]
pub(super) struct Calls {
    slots: Vec<Slot>,
    by_id: HashMap<String, usize>,
    /// Ids that more than one call has.
    doubled: HashSet<String>,
    by_index: HashMap<String, usize>,
    /// Indices that more than one call has.
    shared: HashSet<String>,
    /// The calls of the last list of several.
    row: Vec<usize>,
}

impl Calls {
    /// Takes the pieces of one delta.
    pub(super) fn push(&mut self, items: &[Json]) {
        let mut touched = Vec::new();
        for (at, item) in items.iter().filter(|item| item.is_object()).enumerate() {
            let piece = Piece::of(item);
            if let Some(slot) = self.slot(&piece, at, items.len(), &touched) {
                touched.push(slot);
                self.take(slot, &piece);
            }
        }
        if items.len() > 1 {
            self.row = touched;
        }
    }

    /// Takes a call of a message that is sent whole after its pieces: only what did not come before.
    pub(super) fn push_whole(&mut self, items: &[Json]) {
        let came = |item: &&Json| {
            let piece = Piece::of(item);
            match &piece.id {
                Some(id) => self.by_id.contains_key(id),
                None => self.slots.iter().rev().take(LOOKED_BACK).any(|slot| slot.repeats(&piece)),
            }
        };
        let new: Vec<Json> = items.iter().filter(|item| !came(item)).cloned().collect();
        self.push(&new);
    }

    /// How many began.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Each call as an item of `tool_calls`; none for one that has neither name nor arguments.
    pub(super) fn finish(self) -> Vec<Option<Json>> {
        self.slots.into_iter().map(Slot::finish).collect()
    }

    /// The call that a piece belongs to, a new one if need be; none for a piece that says nothing.
    fn slot(&mut self, piece: &Piece<'_>, at: usize, among: usize, touched: &[usize]) -> Option<usize> {
        if let Some(found) = self.candidate(piece, at, among, touched) {
            let known_index = piece.index.as_ref().is_none_or(|index| self.by_index.get(index) == Some(&found));
            let again = touched.contains(&found) && piece.name.is_some();
            if !again && !self.slots[found].is_over(piece, known_index) {
                return Some(found);
            }
        } else if piece.id.is_none() && piece.name.is_none() && is_blank(piece.arguments) {
            return None;
        }
        self.slots.push(Slot::default());
        let new = self.slots.len() - 1;
        if let Some(index) = &piece.index
            && self.by_index.insert(index.clone(), new).is_some()
        {
            self.shared.insert(index.clone());
        }
        Some(new)
    }

    fn candidate(&self, piece: &Piece<'_>, at: usize, among: usize, touched: &[usize]) -> Option<usize> {
        let by_index = piece.index.as_ref().and_then(|index| self.by_index.get(index).copied());
        let in_row = (among > 1).then(|| self.row.get(at).copied()).flatten();
        let last = self.slots.len().checked_sub(1);
        let open = (0..self.slots.len()).rev().take(LOOKED_BACK).find(|slot| !self.slots[*slot].is_whole());
        if let Some(id) = &piece.id {
            let has_id = |slot: &usize| self.slots[*slot].id == *id;
            return match self.by_id.get(id).copied() {
                Some(known) if !self.doubled.contains(id) => Some(known),
                Some(known) => by_index.filter(has_id).or(in_row.filter(has_id)).or(Some(known)),
                None if by_index.is_some() => by_index,
                None if piece.index.is_some() && piece.name.is_some() => None,
                None => last.filter(|slot| self.slots[*slot].id.is_empty() && !touched.contains(slot)),
            };
        }
        let is_shared = piece.index.as_ref().is_some_and(|index| self.shared.contains(index));
        match (by_index, &piece.name) {
            (Some(known), _) if is_shared || touched.contains(&known) => in_row.or(Some(known)),
            (Some(known), _) => Some(known),
            (None, None) => in_row.or(open).or(last),
            (None, Some(_)) if piece.index.is_some() => None,
            (None, Some(_)) => in_row.or(last),
        }
    }

    fn take(&mut self, at: usize, piece: &Piece<'_>) {
        if let Some(index) = &piece.index {
            self.by_index.entry(index.clone()).or_insert(at);
        }
        let slot = &mut self.slots[at];
        if let (Some(id), true) = (&piece.id, slot.id.is_empty())
            && self.by_id.insert(id.clone(), at).is_some()
        {
            self.doubled.insert(id.clone());
        }
        slot.take(piece);
    }
}
