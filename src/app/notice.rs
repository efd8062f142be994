//! The run's state in a few words for the terminal's title, and whether it should call a person.

use super::{AgentPane, State, safe};
use crate::model::{PauseReason, RunStatus};

/// The run's state, for a person who is not looking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notice {
    /// `◆ needs approval · release-notes`; one line without control characters.
    pub text: String,
    /// True when the run stopped and waits for a person: a bell may ring.
    pub calls: bool,
}

/// The notice of a state.
#[must_use]
pub fn notice(state: &State) -> Notice {
    let (words, calls) = standing(state);
    let name = safe::line(&state.run.name);
    let text = if name.is_empty() { format!("{words} · tama-tui") } else { format!("{words} · {name}") };
    Notice { text, calls }
}

fn standing(state: &State) -> (&'static str, bool) {
    let run = &state.run;
    let asked = run.trace.asking().map(|_| (4, "? needs an answer", true));
    let stops = run.trace.paused().filter_map(|span| run.trace.pause(span)).map(|(_, reason)| stop(reason));
    let stops = asked.chain(stops);
    match run.status {
        _ if run.trace.is_empty() => ("● starting", false),
        RunStatus::Interrupted => ("↯ interrupted", false),
        RunStatus::Running if state.closed => ("■ closed", false),
        status => match (stops.max_by_key(|(rank, ..)| *rank), status) {
            (Some((_, words, calls)), _) => (words, calls),
            (None, RunStatus::Running) if state.agent.as_ref().is_some_and(AgentPane::rings) => {
                ("♪ the agent rings", true)
            }
            (None, RunStatus::Running) => ("● running", false),
            (None, RunStatus::Ok) => ("✓ finished", true),
            (None, RunStatus::Failed) => ("✗ failed", true),
            (None, RunStatus::Interrupted) => ("↯ interrupted", false),
            (None, RunStatus::Cancelled) => ("■ cancelled", false),
        },
    }
}

/// A stop: its rank among others, its words, and whether it calls. A stop that a key asked for calls nobody.
fn stop(reason: &PauseReason) -> (u8, &'static str, bool) {
    match reason {
        PauseReason::Policy { .. } => (4, "◆ needs approval", true),
        PauseReason::Conflict { .. } => (3, "◆ conflict", true),
        PauseReason::Error { .. } => (2, "✗ failed", true),
        PauseReason::Limit { .. } => (1, "◆ limit reached", true),
        PauseReason::Breakpoint { .. } => (1, "◆ paused", true),
        PauseReason::Step | PauseReason::Asked => (0, "◆ paused", false),
    }
}
