//! The fence: what can't be taken back is not done again by a retry without the user's word.

use super::super::Dispatcher;
use crate::effects::tools::Prepared;
use crate::model::{EffectClass, KeyKind, SpanId, SpanStatus, ToolCall, Undoability};

impl Dispatcher {
    /// That a call would do again what a try that was taken back has done for good, if it would.
    pub(in super::super) fn done_before(&self, agent: SpanId, call: &ToolCall) -> Option<String> {
        if self.effect_of(agent, call) != EffectClass::Irreversible {
            return None;
        }
        let Ok(Prepared::Shell(prepared)) = self.tools_of(agent).get(&call.name)?.prepare(&call.args) else {
            return None;
        };
        let command = self.means.masker.mask(&prepared.program.to_string()).into_owned();
        self.log.with(|state| {
            let mut done = state.ledger.entries().iter().rev().filter(|entry| {
                let record = &entry.record;
                record.key.kind == KeyKind::External
                    && record.key.name == command
                    && entry.is_applied()
                    && matches!(record.undo, Undoability::Permanent { .. })
            });
            let replaced = done.find_map(|entry| {
                let span = state.trace.get(entry.record.tool_span)?;
                (span.status == SpanStatus::Undone).then_some((entry.seq, span.attempt.0))
            });
            replaced
                .map(|(action, attempt)| format!("already done in try {attempt}, as {action}; it can't be taken back"))
        })
    }
}
