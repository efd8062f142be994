//! Stops of a span: the words that name a stop and its reason.

use crate::model::{Gate, PauseReason};

/// The word for a stop, in capitals: it waits for the user.
#[must_use]
pub fn pause_word(reason: &PauseReason) -> &'static str {
    match reason {
        PauseReason::Step | PauseReason::Asked | PauseReason::Breakpoint { .. } | PauseReason::Limit { .. } => "PAUSED",
        PauseReason::Policy { .. } => "NEEDS APPROVAL",
        PauseReason::Error { .. } => "FAILED",
        PauseReason::Conflict { .. } => "CONFLICT",
    }
}

/// A stop without its details: `PAUSED (before tool, breakpoint)`, `NEEDS APPROVAL`.
#[must_use]
pub fn pause_title(gate: Gate, reason: &PauseReason) -> String {
    let word = pause_word(reason);
    let kind = match reason {
        PauseReason::Step => "step",
        PauseReason::Asked => "by you",
        PauseReason::Breakpoint { .. } => "breakpoint",
        PauseReason::Limit { .. } => "limit",
        PauseReason::Policy { .. } | PauseReason::Error { .. } | PauseReason::Conflict { .. } => {
            return word.to_owned();
        }
    };
    format!("{word} ({}, {kind})", gate.words())
}

/// A stop with its details: `PAUSED (before tool, breakpoint): tama_bash in writer`, `FAILED: HTTP 529`.
#[must_use]
pub fn pause_text(gate: Gate, reason: &PauseReason) -> String {
    let title = pause_title(gate, reason);
    if let PauseReason::Error { error } = reason
        && let Some(what) = error.strip_prefix("failed ")
    {
        return format!("{title} {what}");
    }
    let detail = match reason {
        PauseReason::Step | PauseReason::Asked => "",
        // The title names the place already.
        PauseReason::Breakpoint { breakpoint } => breakpoint.strip_prefix(gate.name()).unwrap_or(breakpoint).trim(),
        PauseReason::Policy { rule } => rule,
        PauseReason::Error { error } => error,
        PauseReason::Conflict { conflict } => conflict,
        PauseReason::Limit { limit, .. } => limit,
    };
    if detail.is_empty() { title } else { format!("{title}: {detail}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_named_by_what_it_waits_for() {
        let breakpoint = PauseReason::Breakpoint { breakpoint: "before-tool tama_bash in writer".into() };
        let policy = PauseReason::Policy { rule: "ask rule \"tama_bash\"".into() };
        let error = PauseReason::Error { error: "HTTP 529".into() };
        let call = PauseReason::Error { error: "failed to call the model: HTTP 529".into() };
        assert_eq!(pause_text(Gate::Error, &call), "FAILED to call the model: HTTP 529");
        assert_eq!(pause_title(Gate::BeforeTool, &breakpoint), "PAUSED (before tool, breakpoint)");
        assert_eq!(pause_text(Gate::BeforeTool, &breakpoint), "PAUSED (before tool, breakpoint): tama_bash in writer");
        assert_eq!(pause_text(Gate::BeforeLlm, &PauseReason::Step), "PAUSED (before llm, step)");
        assert_eq!(pause_text(Gate::AfterTool, &PauseReason::Asked), "PAUSED (after tool, by you)");
        assert_eq!(pause_text(Gate::BeforeTool, &policy), "NEEDS APPROVAL: ask rule \"tama_bash\"");
        assert_eq!(pause_text(Gate::Error, &error), "FAILED: HTTP 529");
    }
}
