//! The fence: a retry asks the user before it repeats a command that a replaced try ran and that was not undone.

use super::super::Dispatcher;
use crate::effects::tools::Prepared;
use crate::model::{Generation, KeyKind, SpanId, SpanStatus, ToolCall};

impl Dispatcher {
    /// Names the earlier try that ran this command, if that try was replaced and the command was not undone: it may
    /// have reached outside, its undo command failed, or its outcome is not known. `None`: the call repeats nothing.
    pub(in super::super) fn done_before(&self, agent: SpanId, call: &ToolCall) -> Option<String> {
        // Before the first retry no try was replaced.
        if self.generation() <= Generation(1) {
            return None;
        }
        let Ok(Prepared::Shell(prepared)) = self.tools_of(agent).get(&call.name)?.prepare(&call.args) else {
            return None;
        };
        let command = self.services.masker.mask(&prepared.program.to_string()).into_owned();
        self.log.with(|state| {
            let mut standing = state.ledger.entries().iter().rev().filter(|entry| {
                let key = &entry.record.key;
                matches!(key.kind, KeyKind::External | KeyKind::Compensation)
                    && key.name == command
                    && entry.is_applied()
            });
            standing.find_map(|entry| {
                let span = state.trace.get(entry.record.tool_span)?;
                let stands = entry.check_undoable().err().unwrap_or_else(|| "it was not undone".into());
                let done = || format!("already done in try {}, as {}; {stands}", span.attempt.0, entry.seq);
                (span.status == SpanStatus::Undone).then(done)
            })
        })
    }
}
