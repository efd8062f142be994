//! Tokens, as they are counted in the events of one answer.

use serde_json::{Map, Value as Json, json};

use super::fields::{count, given};
use crate::wire::Usage;

/// The counts so far. They are cumulative: the last that says something counts.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    input: u64,
    cache_read: u64,
    cache_write: u64,
    output: u64,
    reasoning: u64,
}

impl Tokens {
    /// Takes the `usage` of a message or event.
    pub(super) fn take(&mut self, usage: &Json) {
        let first = |names: &[&str]| names.iter().find_map(|name| count(usage, name));
        let details = |name: &str, field: &str| given(usage, name).and_then(|details| count(details, field));
        let written = || {
            let each = ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"];
            let each = each.iter().filter_map(|field| details("cache_creation", field));
            each.fold(0, u64::saturating_add)
        };
        set(&mut self.input, first(&["input_tokens", "prompt_tokens"]));
        set(&mut self.output, first(&["output_tokens", "completion_tokens"]));
        set(&mut self.cache_read, first(&["cache_read_input_tokens"]));
        set(&mut self.cache_write, first(&["cache_creation_input_tokens"]).or_else(|| Some(written())));
        let reasoning = ["thinking_tokens", "reasoning_tokens"];
        set(&mut self.reasoning, reasoning.iter().find_map(|field| details("output_tokens_details", field)));
    }

    /// The sums; `None` when nothing was counted.
    pub(super) fn usage(&self) -> Option<Usage> {
        let input = self.input.saturating_add(self.cache_read).saturating_add(self.cache_write);
        let usage = Usage { input, output: self.output, cached: self.cache_read, reasoning: self.reasoning };
        (usage != Usage::default()).then_some(usage)
    }
}

/// Zero says nothing: imitators send it where they don't know yet, or no longer.
fn set(count: &mut u64, given: Option<u64>) {
    if let Some(given) = given.filter(|given| *given > 0) {
        *count = given;
    }
}

/// Reads one `usage`.
pub(super) fn read_usage(usage: Option<&Json>) -> Option<Usage> {
    let mut tokens = Tokens::default();
    tokens.take(usage?);
    tokens.usage()
}

/// Writes one. The dialect demands it, so that there are zeros for what nobody counted.
pub(super) fn write_usage(usage: Option<Usage>) -> Map<String, Json> {
    let usage = usage.unwrap_or_default();
    let mut written = Map::new();
    written.insert("input_tokens".into(), usage.input.saturating_sub(usage.cached).into());
    written.insert("cache_creation_input_tokens".into(), 0.into());
    written.insert("cache_read_input_tokens".into(), usage.cached.into());
    written.insert("output_tokens".into(), usage.output.into());
    if usage.reasoning > 0 {
        written.insert("output_tokens_details".into(), json!({"thinking_tokens": usage.reasoning}));
    }
    written
}
