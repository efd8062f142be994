//! An index over a ledger: which actions are at which place.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

use super::packed_pages::{Pack, PackedPages};
use super::{Key, KeyKind};

/// An entry of a ledger, as far as the index knows it.
pub(super) trait Keyed {
    /// The key of its action.
    fn key(&self) -> &Key;
}

/// The actions at each place, as places in the ledger. It is made when it is first asked for, and then kept up; a copy
/// of a ledger makes its own, so that copying costs nothing, or shares that of a later state of the same run.
#[derive(Debug, Default)]
pub(super) struct Places(OnceLock<Arc<Known>>);

/// Places are known by their hashes: two that share one are kept apart when they are looked up.
#[derive(Debug, Clone, Default)]
struct Known {
    /// The newest action at each place, counted from 1.
    newest: HashMap<u64, u32>,
    /// The action before each at the same place, counted from 1; 0: there is none.
    before: Vec<u32>,
    /// All paths.
    paths: BTreeSet<Box<str>>,
}

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
    /// The actions at the place of a key, newest first.
    pub(super) fn newest_at<'a, E: Keyed + Pack>(
        &'a self,
        entries: &'a PackedPages<E>,
        key: &Key,
    ) -> impl Iterator<Item = &'a E> + use<'a, E> {
        let place = place(key).map(|(is_path, name)| (is_path, name.to_owned()));
        self.indices(entries, key).filter_map(|at| entries.get(at)).filter(move |entry| {
            self::place(entry.key()) == place.as_ref().map(|(is_path, name)| (*is_path, &name[..]))
        })
    }

    /// Where in the ledger the actions at the place of a key are, newest first, and those of a place with the same hash.
    pub(super) fn indices<'a, E: Keyed + Pack>(
        &'a self,
        entries: &PackedPages<E>,
        key: &Key,
    ) -> impl Iterator<Item = usize> + use<'a, E> {
        let newest = place(key).and_then(|(is_path, name)| self.known(entries).newest.get(&hash(is_path, name)));
        let (known, len) = (self.0.get(), entries.len());
        let earlier = move |at: &u32| known?.before.get(*at as usize - 1).copied().filter(|at| *at > 0);
        // What a later state has besides is passed over.
        std::iter::successors(newest.copied(), earlier).map(|at| at as usize - 1).skip_while(move |at| *at >= len)
    }

    /// The actions at paths inside a folder, by path.
    pub(super) fn inside<'a, E: Keyed + Pack>(
        &'a self,
        entries: &'a PackedPages<E>,
        folder: &str,
    ) -> impl Iterator<Item = &'a E> + use<'a, E> {
        // `0` follows `/`.
        let inside = Box::from(format!("{folder}/"))..Box::from(format!("{folder}0"));
        let paths = self.known(entries).paths.range::<Box<str>, _>(inside);
        paths.flat_map(move |path| {
            let mut found: Vec<&E> = self.newest_at(entries, &Key::file(&**path)).collect();
            found.reverse();
            found
        })
    }

    /// Adds an action that is about to be the ledger's entry at a place.
    pub(super) fn add(&mut self, at: usize, key: &Key) {
        match self.0.get_mut() {
            Some(known) if known.before.len() == at => Arc::make_mut(known).add(key),
            // It is a later state's, which went on in another way.
            Some(_) => self.0 = OnceLock::new(),
            None => {}
        }
    }

    /// Makes the index, if it is not made yet.
    pub(super) fn make<E: Keyed + Pack>(&self, entries: &PackedPages<E>) {
        self.known(entries);
    }

    /// Takes the index of a later state of the same run, if there is one: it has every action of this state where this
    /// state has it.
    pub(super) fn share(&mut self, later: &Self) {
        if let Some(known) = later.0.get() {
            self.0 = OnceLock::from(known.clone());
        }
    }

    fn known<E: Keyed + Pack>(&self, entries: &PackedPages<E>) -> &Known {
        self.0.get_or_init(|| {
            let mut known = Known::default();
            entries.iter().for_each(|entry| known.add(entry.key()));
            Arc::new(known)
        })
    }
}

impl Known {
    fn add(&mut self, key: &Key) {
        let at = u32::try_from(self.before.len() + 1).unwrap_or(0);
        let before = place(key).and_then(|(is_path, name)| {
            if is_path && !self.paths.contains(name) {
                self.paths.insert(name.into());
            }
            self.newest.insert(hash(is_path, name), at)
        });
        self.before.push(before.unwrap_or(0));
    }
}

fn hash(is_path: bool, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (is_path, name).hash(&mut hasher);
    hasher.finish()
}

/// The place of a key: whether it is a path, and its name. A key that can't be read back has none that another action
/// could touch.
fn place(key: &Key) -> Option<(bool, &str)> {
    let has_place = !matches!(key.kind, KeyKind::External | KeyKind::Compensation);
    has_place.then(|| (key.kind.is_path(), &key.name[..]))
}
