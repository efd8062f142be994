//! The stop between a command's end and the application of its changes: the user may look at them, and discard them.

use tokio::sync::oneshot;

use super::super::super::ask::Work;
use super::super::calls::PendingCall;
use super::super::exec::ToolRun;
use super::super::{Dispatcher, Incoming};
use crate::model::{Gate, PauseReason, Seq, SpanId};

/// A question of a command's task to the dispatcher.
pub(in super::super::super) enum CaptureGate {
    /// It has changes: may they be applied?
    Arrived { facts: ChangesFacts, reply: oneshot::Sender<ChangesDecision> },
    /// The changes are recorded as held, and the span stops. `printed`: the command's output.
    Held { reason: PauseReason, printed: String, reply: oneshot::Sender<ChangesDecision> },
}

/// The facts that decide about a command's changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super::super) struct ChangesFacts {
    /// Another program or person changed the same since it began.
    pub conflict: Option<String>,
    /// The file among them that the pipeline is made of.
    pub own_file: Option<String>,
}

/// What becomes of a command's changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super::super) enum ChangesDecision {
    /// They are applied. `only`: these of them; empty: all.
    Apply { only: Vec<Seq> },
    /// The user looks at them first.
    Hold(PauseReason),
    /// They are discarded, and why. `only`: these of them; empty: all.
    Discard { only: Vec<Seq>, why: String, by_user: bool },
}

impl ChangesDecision {
    /// Discards all of them.
    pub(in super::super) fn discard_all(why: impl Into<String>) -> Self {
        Self::Discard { only: Vec::new(), why: why.into(), by_user: false }
    }
}

impl Dispatcher {
    /// Answers a command's task.
    pub(in super::super) fn captured(&mut self, path: &str, span: SpanId, asked: CaptureGate) {
        if !self.calls.get(path).is_some_and(|pending| pending.span() == span && pending.has_task()) {
            // Halted meanwhile; dropping the reply discards the changes.
            return;
        }
        match asked {
            CaptureGate::Arrived { facts, reply } => {
                let wants_hold = self.calls.get(path).is_some_and(PendingCall::wants_hold);
                let at = self.arrival(path, Gate::AfterTool);
                let call = match self.calls.get(path).and_then(PendingCall::work) {
                    Some(Work::Tool { call, .. }) => Some(call),
                    _ => None,
                };
                let root = self.services.world.root();
                let is_allowed = call.is_some_and(|call| self.gatekeeper.is_allowed_by_flag(call, root));
                let decision = self.gatekeeper.decide_on_changes(&at, facts, wants_hold, is_allowed);
                self.calls.mark_looked_after(path);
                // A task that was stopped meanwhile asks no more.
                drop(reply.send(decision));
            }
            CaptureGate::Held { reason, printed, reply } => {
                let printed = self.services.masker.mask(&printed).into_owned();
                self.calls.hold_changes(path, printed, reply);
                self.pause_at(path, Gate::AfterTool, reason);
            }
        }
    }
}

impl ToolRun {
    /// Asks the dispatcher; a call that is stopped meanwhile discards its changes.
    pub(super) async fn ask_gate(
        &self,
        ask: impl FnOnce(oneshot::Sender<ChangesDecision>) -> CaptureGate,
    ) -> ChangesDecision {
        let (reply, answer) = oneshot::channel();
        let asked = Incoming::Captured { path: self.path.clone(), span: self.origin.tool_span, asked: ask(reply) };
        // Without a dispatcher nobody applies them.
        drop(self.inbox.send(asked));
        match self.unless_stopped(answer).await {
            Some(Ok(decision)) => decision,
            _ => ChangesDecision::discard_all("the call was stopped"),
        }
    }
}
