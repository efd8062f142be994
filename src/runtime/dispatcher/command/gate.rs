//! The gate between a command's end and the landing of its changes: the user may look at them, and drop them.

use tokio::sync::oneshot;

use super::super::exec::ToolRun;
use super::super::flight::Stage;
use super::super::{Dispatcher, Incoming};
use crate::model::{Gate, PauseReason, SpanId};

/// What a command's task asks the dispatcher.
pub(in super::super::super) enum CaptureGate {
    /// It has changes: may they land? `conflict`: someone else changed the same since it began.
    Arrived { conflict: Option<String>, reply: oneshot::Sender<Verdict> },
    /// The changes are on record as held, and the span stops. `said`: what the command printed.
    Held { reason: PauseReason, said: String, reply: oneshot::Sender<Verdict> },
}

/// What becomes of a command's changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super::super) enum Verdict {
    /// They land.
    Land,
    /// The user looks at them first.
    Hold(PauseReason),
    /// They are dropped, and why.
    Drop(String),
}

impl Dispatcher {
    /// A command's task is at the gate.
    pub(in super::super) fn captured(&mut self, path: &str, span: SpanId, asked: CaptureGate) {
        if !self.flights.get(path).is_some_and(|flight| flight.span == span && flight.task.is_some()) {
            // Halted meanwhile; dropping the reply drops the changes.
            return;
        }
        match asked {
            CaptureGate::Arrived { conflict, reply } => {
                let verdict = self.may_land(path, conflict);
                if let Some(flight) = self.flights.get_mut(path) {
                    flight.looked_after = true;
                }
                // A task that was stopped meanwhile asks no more.
                drop(reply.send(verdict));
            }
            CaptureGate::Held { reason, said, reply } => {
                let said = self.means.masker.mask(&said).into_owned();
                if let Some(flight) = self.flights.get_mut(path) {
                    flight.stage = Stage::Landing { said, reply };
                }
                self.pause_at(path, Gate::AfterTool, reason);
            }
        }
    }

    fn may_land(&mut self, path: &str, conflict: Option<String>) -> Verdict {
        let stop = self.arrive(path, Gate::AfterTool);
        match (conflict, stop) {
            (Some(conflict), _) if self.is_headless() => Verdict::Drop(format!("{conflict}; run it again")),
            (Some(conflict), _) => Verdict::Hold(PauseReason::Conflict { conflict }),
            (None, Some(reason)) => Verdict::Hold(reason),
            (None, None) => Verdict::Land,
        }
    }

    /// Lets a command's held changes land, or drops them.
    pub(in super::super) fn release_landing(&mut self, path: &str, verdict: Verdict) {
        let Some(flight) = self.flights.get_mut(path) else { return };
        if let Stage::Landing { reply, .. } = std::mem::replace(&mut flight.stage, Stage::Running) {
            drop(reply.send(verdict));
        }
    }
}

impl ToolRun {
    /// Asks the dispatcher; a call that is stopped meanwhile drops its changes.
    pub(super) async fn ask_gate(&self, ask: impl FnOnce(oneshot::Sender<Verdict>) -> CaptureGate) -> Verdict {
        let (reply, answer) = oneshot::channel();
        let asked = Incoming::Captured { path: self.path.clone(), span: self.doer.tool_span, asked: ask(reply) };
        // Without a dispatcher nobody lets them land.
        drop(self.inbox.send(asked));
        match self.unless_stopped(answer).await {
            Some(Ok(verdict)) => verdict,
            _ => Verdict::Drop("the call was stopped".into()),
        }
    }
}
