//! The fence: what stands of a try that was taken back is not done again by a retry without the user's word.

use super::super::Dispatcher;
use crate::effects::tools::Prepared;
use crate::model::{Generation, KeyKind, SpanId, SpanStatus, ToolCall};

impl Dispatcher {
    /// That a call would do again what a try that was replaced did outside and nobody took back, if it would. The
    /// ledger tells: it may have reached outside, or its compensation failed, or nobody knows how it ended.
    pub(in super::super) fn done_before(&self, agent: SpanId, call: &ToolCall) -> Option<String> {
        // Before the first retry nothing is replaced.
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
                let stands = entry.can_be_taken_back().err().unwrap_or_else(|| "it was not undone".into());
                let done = || format!("already done in try {}, as {}; {stands}", span.attempt.0, entry.seq);
                (span.status == SpanStatus::Undone).then(done)
            })
        })
    }
}
