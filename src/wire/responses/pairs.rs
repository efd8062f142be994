//! Calls and their results: ids that differ over the whole conversation, one result for each call, directly after it.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::{Value as Json, json};

use super::item::{arguments_field, item_type, name_of, text};
use super::part::{call_id, is_call, unused_id};

/// The result of a call that has none: without one, the request would be refused.
const NO_RESULT: &str = "No result: the call was not run.";

/// Mends the ids of calls and results, adds results that are missing, and turns results without a call into messages.
pub(super) fn pair_results(items: Vec<Json>) -> Vec<Json> {
    let mut pairs =
        Pairs { used: items.iter().filter(|item| is_call(item)).map(call_id).collect(), ..Pairs::default() };
    let mut rest = VecDeque::from(items);
    while let Some(item) = rest.pop_front() {
        if is_call(&item) {
            pairs.call(item, &mut rest);
        } else if is_result(&item) {
            pairs.result(item);
        } else {
            let is_message = !text(&item, "role").is_empty() && text(&item, "role") != "assistant";
            if is_message || pairs.has_results {
                pairs.close(&mut rest);
            }
            pairs.out.push(item);
        }
    }
    pairs.close(&mut rest);
    pairs.out
}

#[derive(Default)]
struct Pairs {
    out: Vec<Json>,
    /// Ids that calls have, now or further on.
    used: HashSet<String>,
    seen: HashSet<String>,
    next: usize,
    /// Calls without a result: the id now, and whether the tool is a custom one.
    open: VecDeque<(String, bool)>,
    /// The ids now by the ids before.
    now: HashMap<String, VecDeque<String>>,
    /// Results of the open calls came.
    has_results: bool,
}

impl Pairs {
    fn call(&mut self, mut item: Json, rest: &mut VecDeque<Json>) {
        if self.has_results {
            self.close(rest);
        }
        let before = call_id(&item);
        let new = !before.is_empty() && self.seen.insert(before.clone());
        let id = if new { before.clone() } else { unused_id(&mut self.next, &mut self.used) };
        self.seen.insert(id.clone());
        if name_of(&item, "call_id") != id
            && let Some(fields) = item.as_object_mut()
        {
            fields.insert("call_id".into(), id.as_str().into());
        }
        self.open.push_back((id.clone(), arguments_field(item_type(&item)) == Some("input")));
        self.now.entry(before).or_default().push_back(id);
        self.out.push(item);
    }

    fn result(&mut self, mut item: Json) {
        self.has_results = true;
        let before = name_of(&item, "call_id");
        let known = self.now.get_mut(&before).and_then(VecDeque::pop_front);
        let at = match &known {
            Some(id) => self.open.iter().position(|(open, _)| open == id),
            None if before.is_empty() => Some(0),
            None => None,
        };
        let Some((id, custom)) = at.and_then(|at| self.open.remove(at)) else {
            let said = format!("A tool's result: {}", output(&item));
            let content = json!([{ "type": "input_text", "text": said }]);
            self.out.push(json!({ "type": "message", "role": "user", "content": content }));
            return;
        };
        if let Some(fields) = item.as_object_mut() {
            let kind = if custom { "custom_tool_call_output" } else { "function_call_output" };
            fields.insert("type".into(), kind.into());
            fields.insert("call_id".into(), id.into());
        }
        self.out.push(item);
    }

    /// Ends a group of calls: results that come further on, before the next call, are taken from there.
    fn close(&mut self, rest: &mut VecDeque<Json>) {
        let mut at = 0;
        while !self.open.is_empty() && rest.get(at).is_some_and(|item| !is_call(item)) {
            let is_theirs = |item: &Json| is_result(item) && self.now.contains_key(&name_of(item, "call_id"));
            if !rest.get(at).is_some_and(is_theirs) {
                at += 1;
            } else if let Some(result) = rest.remove(at) {
                self.result(result);
            }
        }
        for (id, custom) in std::mem::take(&mut self.open) {
            let kind = if custom { "custom_tool_call_output" } else { "function_call_output" };
            self.out.push(json!({ "type": kind, "call_id": id, "output": NO_RESULT }));
        }
        self.now.clear();
        self.has_results = false;
    }
}

fn is_result(item: &Json) -> bool {
    matches!(item_type(item), "function_call_output" | "custom_tool_call_output")
}

fn output(item: &Json) -> String {
    match super::item::read_item(item) {
        crate::wire::PartKind::Result(result) => result.text,
        _ => String::new(),
    }
}
