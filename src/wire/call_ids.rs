//! Ids of calls that are made here, where a server gave none or the same one twice.

use std::collections::HashSet;

use super::answer::{Part, PartKind};

/// Gives calls without an id one that no other has.
pub(super) fn fill(parts: &mut [Part]) {
    change(parts, |id, _| id.is_empty());
}

/// Gives the second and later calls of an id one that no other has.
pub(super) fn make_distinct(parts: &mut [Part]) {
    change(parts, |id, met| !id.is_empty() && !met.insert(id.to_owned()));
}

fn change(parts: &mut [Part], wrong: impl Fn(&str, &mut HashSet<String>) -> bool) {
    let mut ids = parts.iter_mut().filter_map(id).map(|id| id.clone()).collect::<HashSet<_>>();
    let mut met = HashSet::new();
    let mut next = 0_usize;
    for id in parts.iter_mut().filter_map(id) {
        if !wrong(id, &mut met) {
            continue;
        }
        while !ids.insert(format!("call_{next}")) {
            next += 1;
        }
        *id = format!("call_{next}");
        met.insert(id.clone());
    }
}

fn id(part: &mut Part) -> Option<&mut String> {
    if let PartKind::Call(call) = &mut part.kind { Some(&mut call.id) } else { None }
}
