//! The stop at a divergence: pattern code that is executed again does something else than is recorded.

use super::super::compare::ReadText;
use super::super::failure::{Divergence, Halt};
use super::Dispatcher;
use super::pending_call::{PendingCall, Stage};
use crate::model::{Gate, PauseReason, SpanId, TextHash};

/// The way on from a divergence.
pub(super) const REMEDY: &str = "Retry the agent, and it runs by what is asked now";

impl Dispatcher {
    /// Stops at a divergence. Nothing may continue from here: when it is released, the whole execution halts.
    pub(super) fn stop_diverged(&mut self, at: PendingCall, mut divergence: Divergence) {
        divergence.asked = format!("{}. {REMEDY}", divergence.asked);
        let text = divergence.to_string();
        self.note(Some(at.span), true, text.clone());
        let path = at.position.path.clone();
        let outcome = Err(Halt::from(Box::new(divergence)).into());
        self.pending.insert(path.clone(), PendingCall { stage: Stage::After { outcome }, ..at });
        self.stop_or_reply(&path, Gate::Error, Some(PauseReason::Error { error: text }));
    }

    /// Says that the code asks something else than the recorded call of a span.
    pub(super) fn other_request(&self, span: SpanId, path: &str) -> Divergence {
        let kind = self.log.with(|state| state.trace.get(span).map_or("call", |found| found.kind.name()));
        Divergence { path: path.to_owned(), recorded: format!("the {kind} {span}"), asked: "something else".into() }
    }

    /// Reads a stored text, to show a difference.
    pub(super) fn with_texts<T>(&self, compare: impl FnOnce(ReadText<'_>) -> T) -> T {
        compare(&|hash: TextHash| self.log.recorder().text(hash).ok())
    }
}
