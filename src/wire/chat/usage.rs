//! Tokens, as `OpenAI` and its imitators count them.

use serde_json::{Value as Json, json};

use super::value::count;
use crate::wire::Usage;

/// The usage that a chunk or a body tells, wherever it does.
pub(super) fn read(body: &Json) -> Option<Usage> {
    let at = |pointer: &str| body.pointer(pointer).and_then(of);
    at("/usage").or_else(|| at("/x_groq/usage")).or_else(|| at("/choices/0/usage"))
}

fn of(usage: &Json) -> Option<Usage> {
    let any = |names: &[&str]| names.iter().find_map(|name| count(usage, name));
    let within = |objects: &[&str], name: &str| objects.iter().find_map(|object| count(usage.get(object)?, name));
    let input = any(&["prompt_tokens", "input_tokens"]);
    let output = any(&["completion_tokens", "output_tokens"]);
    let (input, mut output) = match (input, output) {
        (None, None) => return None,
        (input, output) => (input.unwrap_or(0), output.unwrap_or(0)),
    };
    let cached = within(&["prompt_tokens_details", "input_tokens_details"], "cached_tokens")
        .or_else(|| any(&["cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"]))
        .unwrap_or(0);
    let reasoning = within(&["completion_tokens_details", "output_tokens_details"], "reasoning_tokens")
        .or_else(|| any(&["reasoning_tokens"]))
        .unwrap_or(0);
    // Some count reasoning (xAI, Gemini) in the total only.
    let beside = any(&["total_tokens"]).unwrap_or(0).saturating_sub(input.saturating_add(output));
    if beside > 0 && (reasoning == 0 || reasoning == beside) {
        output = output.saturating_add(beside);
    }
    Some(Usage { input, output, cached, reasoning })
}

/// Takes a later count: the last that says something.
pub(super) fn take(known: &mut Option<Usage>, later: Option<Usage>) {
    match later {
        Some(later) if known.is_none() || later != Usage::default() => *known = Some(later),
        _ => {}
    }
}

/// Usage as `OpenAI` writes it.
pub(super) fn write(usage: &Usage) -> Json {
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input.saturating_add(usage.output),
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    })
}
