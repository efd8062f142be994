//! The state of a run: the fold of its trace events, the same for a live run and a past one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    ActionStatus, CommandStart, Generation, Labels, Ledger, Millis, RunId, RunStatus, Seq, SpanId, SpanKind,
    SpanStatus, Trace, TraceBody, TraceEvent, Undoability,
};

/// The pattern of an agent of another program.
const WRAPPED: &str = "wrapped";
/// The name of the call that is the program of another program's agent.
pub const PROGRAM: &str = "program";

/// A run, folded up to [`RunState::last`]. A copy shares with it what neither has changed since.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// The run's id, once it has started.
    pub run: Option<RunId>,
    /// The pipeline's name.
    pub name: String,
    /// The workspace, absolute.
    pub workspace: String,
    /// The span tree.
    pub trace: Trace,
    /// The actions.
    pub ledger: Ledger,
    /// Short texts of spans.
    pub labels: Labels,
    /// Commands that started and whose changes are not all recorded, by their seq.
    pub commands: BTreeMap<Seq, CommandStart>,
    /// Held changes of commands, by the tool's span.
    pub held: BTreeMap<SpanId, BTreeSet<Seq>>,
    /// Questions of the policy without an answer, by the tool's span.
    pub approvals: BTreeMap<SpanId, Seq>,
    /// The run's status.
    pub status: RunStatus,
    /// The newest generation.
    pub generation: Generation,
    /// The last event folded in.
    pub last: Seq,
    /// The time of the last event.
    pub last_at: Millis,
}

impl RunState {
    /// Folds one event in. Events at or before [`RunState::last`] are ignored, so a refill may overlap.
    pub fn apply(&mut self, event: &TraceEvent) {
        if event.seq <= self.last {
            return;
        }
        self.last = event.seq;
        let at = event.time();
        self.last_at = at;
        self.labels.take_in(&event.body);
        match &event.body {
            TraceBody::RunStarted { run, name, workspace, .. } => {
                self.run = Some(run.clone());
                self.name.clone_from(name);
                self.workspace.clone_from(workspace);
                self.trace.start_run(name, event.seq, at);
            }
            TraceBody::SpanStarted(start) => self.trace.start(start, event.seq, at),
            TraceBody::SpanEnded(end) => {
                self.approvals.remove(&end.span);
                self.trace.end(end, event.seq, at);
            }
            TraceBody::SpanWaiting { span, on, why } => self.trace.set_waiting(*span, on.as_ref(), *why, at),
            TraceBody::Paused { span, gate, reason } => {
                self.trace.set_paused(*span, *gate, reason.clone(), at);
            }
            TraceBody::Released { span, stale, .. } => {
                self.trace.release(*span, at);
                if *stale {
                    self.trace.acknowledge(*span);
                }
            }
            TraceBody::Invalidated { generation, spans, reopened, .. } => {
                self.generation = *generation;
                self.approvals.retain(|span, _| !spans.contains(span));
                self.trace.invalidate(spans, reopened, at);
            }
            TraceBody::Restored(restored) => {
                self.generation = restored.generation;
                self.approvals.retain(|span, _| !restored.replaced.contains(span));
                self.trace.restore(restored, at);
            }
            TraceBody::RunStatus { status, .. } => self.set_status(*status, event),
            TraceBody::Action(record) => {
                self.ledger.record(event.seq, record);
                self.count(event.seq, ActionStatus::NotApplied);
            }
            TraceBody::ActionEvent(change) => {
                if let Some(before) = self.ledger.change(event.seq, change) {
                    self.count(change.action, before);
                }
            }
            TraceBody::Read { span, key, action } => self.ledger.read(*span, key, *action),
            TraceBody::Kept { action, blob } => self.ledger.keep(*action, *blob),
            TraceBody::Renamed { from, to } => self.ledger.rename(*from, *to),
            TraceBody::CommandStarted(start) => {
                self.commands.insert(event.seq, start.clone());
            }
            TraceBody::CommandEnded { command, .. } => {
                self.commands.remove(command);
            }
            TraceBody::ApprovalAsked(asked) => {
                self.approvals.insert(asked.span, event.seq);
            }
            TraceBody::ApprovalAnswered(answered) => {
                self.approvals.remove(&answered.span);
            }
            TraceBody::PipelineChanged { .. }
            | TraceBody::TryGroup(_)
            | TraceBody::Unknown { .. }
            | TraceBody::PromptEdited { .. }
            | TraceBody::MessagesEdited { .. }
            | TraceBody::EditedByHand { .. }
            | TraceBody::Sent { .. }
            | TraceBody::Note { .. } => {}
        }
    }

    /// The actions of a span (and, `deep`, of everything below it), newest first.
    #[must_use]
    pub fn actions(&self, span: SpanId, deep: bool) -> Vec<Seq> {
        let belongs = |tool_span: SpanId, agent: SpanId| {
            if deep { self.trace.is_within(tool_span, span) } else { agent == span || tool_span == span }
        };
        let heads = self.ledger.heads().rev();
        heads.filter(|head| belongs(head.tool_span, head.span)).map(|head| head.seq).collect()
    }

    /// Packs what did not change since an earlier copy, the one at `unchanged` in a list of copies, oldest first; all of
    /// them share it as before.
    pub(super) fn settle(&mut self, earlier: &mut [Self], unchanged: usize) {
        let (mut traces, mut ledgers): (Vec<_>, Vec<_>) =
            earlier.iter_mut().map(|copy| (&mut copy.trace, &mut copy.ledger)).unzip();
        self.trace.settle(&mut traces, unchanged);
        self.ledger.settle(&mut ledgers, unchanged);
    }

    /// True for a span of an agent of another program: changes of it that are held wait for the user, however long.
    #[must_use]
    pub fn is_reviewed(&self, span: SpanId) -> bool {
        self.wrapped_agent(span).is_some()
    }

    /// The agent of another program that a span is of: the topmost one, which its program is of.
    #[must_use]
    pub fn wrapped_agent(&self, span: SpanId) -> Option<SpanId> {
        let is_wrapped = |at: &SpanId| self.trace.pattern(*at) == WRAPPED;
        std::iter::once(span).chain(self.trace.ancestors(span)).filter(is_wrapped).last()
    }

    /// True for the call that is the program of another program's agent: it lasts as long as the agent.
    #[must_use]
    pub fn is_agents_program(&self, span: SpanId) -> bool {
        let Some(found) = self.trace.get(span).filter(|found| found.kind == SpanKind::Tool) else { return false };
        self.trace.name(span) == PROGRAM && self.trace.pattern(found.parent) == WRAPPED
    }

    /// True while a branch of an agent at or below the span is under way and not stopped at a gate.
    #[must_use]
    pub fn is_busy(&self, span: SpanId) -> bool {
        self.trace.subtree(span).into_iter().any(|at| {
            self.trace.get(at).is_some_and(|found| {
                let leaf = !self
                    .trace
                    .children(at)
                    .any(|below| self.trace.get(below).is_some_and(|child| child.status.is_live()));
                leaf && matches!(found.status, SpanStatus::Running | SpanStatus::Waiting) && found.kind != SpanKind::Run
            })
        })
    }

    fn set_status(&mut self, status: RunStatus, event: &TraceEvent) {
        self.status = status;
        let span = match status {
            RunStatus::Running => SpanStatus::Running,
            RunStatus::Ok => SpanStatus::Ok,
            RunStatus::Failed => SpanStatus::Error,
            RunStatus::Cancelled | RunStatus::Interrupted => SpanStatus::Cancelled,
        };
        self.trace.end_run(span, event.seq, event.time());
    }

    /// Moves an action from the count of its status before to that of its status now.
    fn count(&mut self, action: Seq, before: ActionStatus) {
        let Some(entry) = self.ledger.get(action) else { return };
        let (now, span) = (entry.status, entry.record.tool_span);
        if now == ActionStatus::Held {
            self.held.entry(span).or_default().insert(action);
        } else if before == ActionStatus::Held
            && let Some(held) = self.held.get_mut(&span)
        {
            held.remove(&action);
            if held.is_empty() {
                self.held.remove(&span);
            }
        }
        let undoable = entry.record.undo == Undoability::Undo;
        let applied = |status| matches!(status, ActionStatus::Applied | ActionStatus::Intent);
        self.trace.add(span, |counts| {
            let count = if undoable { &mut counts.undoable } else { &mut counts.permanent };
            *count = count.saturating_sub(u32::from(applied(before))) + u32::from(applied(now));
        });
        self.trace.add_in_try(span, |counts| {
            counts.undone = counts.undone.saturating_sub(u32::from(before == ActionStatus::Undone))
                + u32::from(now == ActionStatus::Undone);
        });
    }
}
