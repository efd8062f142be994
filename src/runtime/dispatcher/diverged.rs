//! The stop at a divergence: pattern code that is executed again does something else than is recorded.

use super::super::compare::ReadText;
use super::super::failure::{Divergence, Halt};
use super::calls::{PendingCall, Stage};
use super::{Dispatcher, Incoming};
use crate::model::{Gate, PauseReason, SpanId, TextHash, TraceBody};

/// The way on from a divergence.
pub(super) const REMEDY: &str = "Retry the agent, and it runs by what is asked now";

impl Dispatcher {
    /// Reads the two sides of a divergence beside the loop; the call waits meanwhile.
    pub(super) fn compare_beside(
        &mut self,
        at: PendingCall,
        compare: impl FnOnce(ReadText<'_>) -> Result<(), Box<Divergence>> + Send + 'static,
    ) {
        let (path, span) = (at.position().path.clone(), at.span());
        self.calls.insert(at);
        let (recorder, inbox) = (self.log.recorder().clone(), self.inbox.clone());
        tokio::task::spawn_blocking(move || {
            if let Err(divergence) = compare(&|hash: TextHash| recorder.text(hash).ok()) {
                drop(inbox.send(Incoming::Diverged { path, span, divergence }));
            }
        });
    }

    /// Takes the two sides of a divergence.
    pub(super) fn compared(&mut self, path: &str, span: SpanId, divergence: Divergence) {
        let is_comparing = |call: &PendingCall| call.span() == span && matches!(call.stage(), Stage::Comparing);
        // Cancelled or retried meanwhile.
        if !self.calls.get(path).is_some_and(is_comparing) {
            return;
        }
        self.halt_diverged(path, span, divergence);
    }

    /// Stops at a divergence. Nothing may continue from here: when it is released, the whole execution halts.
    pub(super) fn stop_diverged(&mut self, at: PendingCall, divergence: Divergence) {
        let (path, span) = (at.position().path.clone(), at.span());
        self.calls.insert(at);
        self.halt_diverged(&path, span, divergence);
    }

    fn halt_diverged(&mut self, path: &str, span: SpanId, mut divergence: Divergence) {
        divergence.asked = format!("{}. {REMEDY}", divergence.asked);
        let error = divergence.to_string();
        self.log.append(vec![TraceBody::Note { span: Some(span), error: true, text: error.clone() }]);
        self.calls.record_outcome(path, Err(Halt::from(Box::new(divergence)).into()));
        let at = self.arrival(path, Gate::Error);
        let action = self.gatekeeper.stop(&at, Some(PauseReason::Error { error }));
        self.carry_out(vec![action]);
    }

    /// Says that the code asks something else than the recorded call of a span.
    pub(super) fn other_request(&self, span: SpanId, path: &str) -> Divergence {
        let kind = self.log.with(|state| state.trace.get(span).map_or("call", |found| found.kind.name()));
        Divergence { path: path.to_owned(), recorded: format!("the {kind} {span}"), asked: "something else".into() }
    }
}
