//! The line at the end of a run: its status, its net changes, what failed, and how to undo and open it.

use serde_json::{Value as Json, json};

use super::held_list::held_parts;
use super::run_name::RunName;
use super::text::cost;
use crate::app::text::plural;
use crate::model::{EndCause, NetCounts, RunState, Span, SpanId, SpanKind, SpanState};

/// The tool that runs a command of the shell.
const BASH: &str = "tama_bash";
/// The beginning of the program's own tools; the user's own run commands too.
const OWN: &str = "tama_";

/// Describes the end of a run: `run k7qd ok · 12 files changed, 2 deleted · $0.033 · undo: tama-tui undo k7qd · open:
/// tama-tui replay k7qd`. `run`: its name; `None` when it is not recorded.
pub(super) fn end_line(state: &RunState, run: Option<&RunName>) -> String {
    let status = state.status.name();
    let summary = Summary::of(state);
    let mut parts = vec![run.map_or_else(|| format!("run {status}"), |run| format!("run {} {status}", run.id()))];
    parts.extend(summary.change_parts());
    if run.is_none() && has_run_commands(state) {
        parts.push("the changes of commands are not counted".into());
    }
    parts.extend(summary.failures.parts());
    let spent = state.trace.get(SpanId::RUN).map_or(0, |run| run.counts.cost);
    parts.extend((spent > 0).then(|| cost(spent)));
    match run {
        None => parts.push("nothing can be undone".into()),
        Some(run) => parts.extend(command_parts(state, run)),
    }
    parts.join(" · ")
}

/// Describes a run after an undo: `run k7qd undone · left: 1 file changed · open: tama-tui replay k7qd`. `how`: how
/// far it was undone; `more`: the run has changes that this undo was not asked for.
pub(super) fn undo_line(state: &RunState, run: &RunName, how: &str, more: bool) -> String {
    let mut parts = vec![format!("run {} {how}", run.id())];
    let left = Summary::of(state).change_parts().join(", ");
    parts.extend((!left.is_empty()).then(|| format!("left: {left}")));
    // The same undo again would meet what this one met.
    parts.extend(more.then(|| format!("undo: {}", run.command("undo"))));
    parts.extend(held_parts(state, run));
    parts.push(format!("open: {}", run.command("replay")));
    parts.join(" · ")
}

/// True when a model call failed, and no retry has replaced it.
pub(super) fn has_failed_model_call(state: &RunState) -> bool {
    Failures::count(state).model_calls > 0
}

fn command_parts(state: &RunState, run: &RunName) -> Vec<String> {
    let undoable = state.trace.get(SpanId::RUN).is_some_and(|run| run.counts.undoable > 0);
    let undo = undoable.then(|| format!("undo: {}", run.command("undo")));
    held_parts(state, run).into_iter().chain(undo).chain([format!("open: {}", run.command("replay"))]).collect()
}

/// The net changes of a run, the calls that have no undo, and the failures, as numbers.
pub(super) struct Summary {
    net: NetCounts,
    without_undo: usize,
    failures: Failures,
}

impl Summary {
    /// Counts all of it.
    pub fn of(state: &RunState) -> Self {
        let without_undo = state.trace.get(SpanId::RUN).map_or(0, |run| run.counts.permanent as usize);
        Self { net: NetCounts::of(&state.ledger.net_changes()), without_undo, failures: Failures::count(state) }
    }

    /// Formats it as JSON, with the same numbers as the line.
    pub fn to_json(&self) -> Json {
        let Self { net, without_undo, failures } = self;
        json!({
            "files_added": net.files_added,
            "files_changed": net.files_changed,
            "files_deleted": net.files_deleted,
            "folders_changed": net.folders,
            "keys_changed": net.keys,
            "calls_without_undo": without_undo,
            "commands_failed": failures.commands,
            "tool_calls_failed": failures.tool_calls,
            "model_calls_failed": failures.model_calls,
            "denied": failures.denied,
            "limited": failures.limited,
        })
    }

    /// The net changes, and the calls that have no undo: `12 files changed, 3 added, 2 deleted`, `1 key changed`.
    fn change_parts(&self) -> Vec<String> {
        let net = &self.net;
        let counts = [(net.files_changed, "changed"), (net.files_added, "added"), (net.files_deleted, "deleted")];
        let found = counts.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = found
            .enumerate()
            .map(|(at, (count, how))| match at {
                0 => format!("{} {how}", plural(count, "file")),
                _ => format!("{count} {how}"),
            })
            .collect();
        let files = parts.join(", ");
        let folders = (files.is_empty() && net.folders > 0).then(|| {
            let how = match net.folders {
                all if all == net.folders_added => "added",
                all if all == net.folders_deleted => "deleted",
                _ => "changed",
            };
            format!("{} {how}", plural(net.folders, "folder"))
        });
        let files = (!files.is_empty()).then_some(files);
        let keys = (net.keys > 0).then(|| plural(net.keys, "key") + " changed");
        let without_undo = (self.without_undo > 0).then(|| plural(self.without_undo, "call") + " without undo");
        files.into_iter().chain(folders).chain(keys).chain(without_undo).collect()
    }
}

/// True when a command ran: of a run that is not recorded, its changes are not known.
fn has_run_commands(state: &RunState) -> bool {
    (0..).map(SpanId).zip(state.trace.spans().iter()).any(|(at, span)| {
        let name = state.trace.name(at);
        span.kind == SpanKind::Tool && (name == BASH || !name.starts_with(OWN))
    })
}

/// The number of failures in a run, replaced tries left out.
#[derive(Debug, Default, PartialEq, Eq)]
struct Failures {
    commands: usize,
    tool_calls: usize,
    model_calls: usize,
    denied: usize,
    limited: usize,
}

impl Failures {
    fn count(state: &RunState) -> Self {
        let mut found = Self::default();
        for (at, span) in (0..).map(SpanId).zip(state.trace.spans().iter()) {
            match (state.span_state(at), span.kind) {
                (SpanState::Denied, _) => found.denied += 1,
                (SpanState::Failed, SpanKind::Llm) if span.cause == Some(EndCause::Limit) => found.limited += 1,
                (SpanState::Failed, SpanKind::Llm) => found.model_calls += 1,
                (SpanState::Failed, SpanKind::Tool) if is_command(&span, state.trace.name(at)) => found.commands += 1,
                (SpanState::Failed, SpanKind::Tool) => found.tool_calls += 1,
                _ => {}
            }
        }
        found
    }

    fn parts(&self) -> Vec<String> {
        let counts = [(self.commands, "command"), (self.tool_calls, "tool call"), (self.model_calls, "model call")];
        let failed = counts.into_iter().filter(|(n, _)| *n > 0).map(|(n, of)| format!("{} failed", plural(n, of)));
        let denied = (self.denied > 0).then(|| format!("{} denied", self.denied));
        let limited =
            (self.limited > 0).then(|| format!("limit reached, {} not sent", plural(self.limited, "model call")));
        failed.chain(denied).chain(limited).collect()
    }
}

fn is_command(span: &Span, name: &str) -> bool {
    matches!(span.cause, Some(EndCause::Exit { .. })) || name == BASH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_zero_are_left_out() {
        assert!(Failures::default().parts().is_empty());
        let some = Failures { commands: 1, tool_calls: 0, model_calls: 2, denied: 3, limited: 1 };
        let parts = ["1 command failed", "2 model calls failed", "3 denied", "limit reached, 1 model call not sent"];
        assert_eq!(some.parts(), parts);
    }
}
