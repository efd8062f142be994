//! An index over a ledger: which actions are at which place.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::{Key, KeyKind, Pages};

/// An entry of a ledger, as far as the index knows it.
pub(super) trait Keyed {
    /// The key of its action.
    fn key(&self) -> &Key;
}

/// A path, or the name of a memory key.
type Place = (bool, String);

/// The actions at each place, as places in the ledger. It is made when it is first asked for, and then kept up; a copy
/// of a ledger makes its own, so that copying costs nothing.
#[derive(Debug, Default)]
pub(super) struct Places(OnceLock<BTreeMap<Place, Vec<u32>>>);

impl Clone for Places {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Places {
    /// It follows from the entries.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Places {
    /// The actions at the place of a key, oldest first.
    pub(super) fn at(&self, entries: &Pages<impl Keyed>, key: &Key) -> &[u32] {
        let found = place(key).and_then(|place| self.known(entries).get(&place));
        found.map_or(&[], Vec::as_slice)
    }

    /// The actions at a path, oldest first.
    pub(super) fn at_path(&self, entries: &Pages<impl Keyed>, path: &str) -> &[u32] {
        self.known(entries).get(&(true, path.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// The actions at paths inside a folder, by path.
    pub(super) fn inside<E: Keyed>(&self, entries: &Pages<E>, folder: &str) -> impl Iterator<Item = u32> {
        // `0` follows `/`.
        let inside = (true, format!("{folder}/"))..(true, format!("{folder}0"));
        self.known(entries).range(inside).flat_map(|(_, found)| found).copied()
    }

    /// The names of all memory keys.
    pub(super) fn memory_names<E: Keyed>(&self, entries: &Pages<E>) -> impl Iterator<Item = &str> {
        self.known(entries).keys().filter(|(is_path, _)| !is_path).map(|(_, name)| &name[..])
    }

    /// Adds an action that is about to be the ledger's next entry.
    pub(super) fn add(&mut self, key: &Key, at: usize) {
        if let Some(known) = self.0.get_mut() {
            insert(known, key, at);
        }
    }

    fn known(&self, entries: &Pages<impl Keyed>) -> &BTreeMap<Place, Vec<u32>> {
        self.0.get_or_init(|| {
            let mut known = BTreeMap::new();
            entries.iter().enumerate().for_each(|(at, entry)| insert(&mut known, entry.key(), at));
            known
        })
    }
}

fn insert(known: &mut BTreeMap<Place, Vec<u32>>, key: &Key, at: usize) {
    if let (Some(place), Ok(at)) = (place(key), u32::try_from(at)) {
        known.entry(place).or_default().push(at);
    }
}

/// The place of a key; a key that can't be read back has none that another action could touch.
fn place(key: &Key) -> Option<Place> {
    let has_place = !matches!(key.kind, KeyKind::External | KeyKind::Compensation);
    has_place.then(|| (key.kind.is_path(), key.name.clone()))
}
