//! Which result belongs to which call, where ids may be absent.

use std::collections::{HashMap, VecDeque};

use super::answer::{Call, ToolResult};

type Fits = fn(&Call, &ToolResult) -> bool;

/// Where one of them has no id: by name, else by order.
const WAYS: [Fits; 2] = [
    |call, result| (result.id.is_empty() || call.id.is_empty()) && result.name == call.name,
    |call, result| (result.id.is_empty() || call.id.is_empty()) && (result.name.is_empty() || call.name.is_empty()),
];

/// For each call the place of its result; for each result, whether it is left over.
pub(super) fn pair(calls: &[&Call], results: &[&ToolResult]) -> (Vec<Option<usize>>, Vec<bool>) {
    let mut answered = vec![None; calls.len()];
    let mut left = vec![true; results.len()];
    let mut by_id: HashMap<&str, VecDeque<usize>> = HashMap::new();
    for (at, result) in results.iter().enumerate().filter(|(_, result)| !result.id.is_empty()) {
        by_id.entry(&result.id).or_default().push_back(at);
    }
    for (call, answered) in calls.iter().zip(&mut answered) {
        *answered = by_id.get_mut(call.id.as_str()).and_then(VecDeque::pop_front);
        if let Some(at) = answered {
            left[*at] = false;
        }
    }
    for fits in WAYS {
        for (call, answered) in calls.iter().zip(&mut answered).filter(|(_, answered)| answered.is_none()) {
            let found = results.iter().zip(&left).position(|(result, left)| *left && fits(call, result));
            if let Some(at) = found {
                *answered = Some(at);
                left[at] = false;
            }
        }
    }
    (answered, left)
}
