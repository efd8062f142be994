//! Calls without results and results without calls, which providers refuse.

use serde_json::Value as Json;

use super::conversation::Reader;
use super::places::SpotKind;
use crate::wire::Dialect;

/// Counts the calls that have no result, and the results that have no call. Calls of the last turn wait for theirs.
pub(super) fn unpaired(dialect: Dialect, body: &Json) -> (usize, usize) {
    let mut reader = Reader::new(dialect, &|_: &str| String::new());
    reader.read(body);
    let (_, entries) = reader.finish();
    let (mut wrong_calls, mut wrong_results) = (0, 0);
    let mut open: Vec<String> = Vec::new();
    for entry in &entries {
        let calls: Vec<String> =
            entry.spots.iter().filter(|spot| spot.kind == SpotKind::Call).map(|spot| spot.id.clone()).collect();
        if !calls.is_empty() {
            wrong_calls += open.len();
            open = calls;
        }
        for spot in entry.spots.iter().filter(|spot| spot.kind == SpotKind::Result) {
            match open.iter().position(|id| *id == spot.id || id.is_empty() || spot.id.is_empty()) {
                Some(at) => drop(open.remove(at)),
                None => wrong_results += 1,
            }
        }
    }
    let last_calls = entries.last().is_some_and(|entry| entry.spots.iter().any(|spot| spot.kind == SpotKind::Call));
    if !last_calls {
        wrong_calls += open.len();
    }
    (wrong_calls, wrong_results)
}
