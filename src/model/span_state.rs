//! A span's state as people see it: its status, with what it waits for and why it ended.

use super::{EndCause, PauseReason, RunState, RunStatus, SpanId, SpanStatus};

/// A span's state. Each has a word, a glyph and a colour of its own on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpanState {
    /// It works.
    Running,
    /// It waits for something that is not the user: a lock, another command.
    Waiting,
    /// It stopped at a breakpoint, after a step, at a limit, or because the user asked.
    Paused,
    /// It stopped because the policy wants the user's answer.
    NeedsApproval,
    /// It asks a person, and waits for the answer.
    NeedsAnswer,
    /// It ended, or stopped, with an error; or its program exited with another code than 0.
    Failed,
    /// The policy, or the user, denied it.
    Denied,
    /// Its changes were discarded.
    Discarded,
    /// The user cancelled it.
    Cancelled,
    /// The run's process ended before the span did.
    Interrupted,
    /// A later try took its place.
    Undone,
    /// It ended well.
    Ok,
}

impl SpanState {
    /// Every state.
    pub const ALL: [SpanState; 12] = [
        Self::Running,
        Self::Waiting,
        Self::Paused,
        Self::NeedsApproval,
        Self::NeedsAnswer,
        Self::Failed,
        Self::Denied,
        Self::Discarded,
        Self::Cancelled,
        Self::Interrupted,
        Self::Undone,
        Self::Ok,
    ];

    /// The name used in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::NeedsApproval => "needs_approval",
            Self::NeedsAnswer => "needs_answer",
            Self::Failed => "failed",
            Self::Denied => "denied",
            Self::Discarded => "discarded",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::Undone => "undone",
            Self::Ok => "ok",
        }
    }
}

impl RunState {
    /// A span's state; a span that isn't there is cancelled.
    #[must_use]
    pub fn span_state(&self, span: SpanId) -> SpanState {
        let Some(found) = self.trace.get(span) else { return SpanState::Cancelled };
        let over = match self.status {
            RunStatus::Interrupted => Some(SpanState::Interrupted),
            RunStatus::Cancelled => Some(SpanState::Cancelled),
            _ => None,
        };
        if let Some(over) = over
            && (found.status.is_live() || span == SpanId::RUN)
        {
            return over;
        }
        match found.status {
            SpanStatus::Running => SpanState::Running,
            SpanStatus::Waiting if self.trace.is_asking(span) => SpanState::NeedsAnswer,
            SpanStatus::Waiting => SpanState::Waiting,
            SpanStatus::Paused => self.trace.pause(span).map_or(SpanState::Paused, |(_, reason)| stopped(reason)),
            SpanStatus::Error if found.is_denied() => SpanState::Denied,
            SpanStatus::Error => SpanState::Failed,
            SpanStatus::Cancelled if found.cause == Some(EndCause::Interrupted) => SpanState::Interrupted,
            SpanStatus::Cancelled => SpanState::Cancelled,
            SpanStatus::Undone => SpanState::Undone,
            SpanStatus::Ok => match found.cause {
                Some(EndCause::Exit { .. } | EndCause::Limit) => SpanState::Failed,
                Some(EndCause::Denied) => SpanState::Denied,
                Some(EndCause::Discarded) => SpanState::Discarded,
                Some(EndCause::Interrupted) | None => SpanState::Ok,
            },
        }
    }
}

/// The state of a span that stopped for this reason.
pub(super) fn stopped(reason: &PauseReason) -> SpanState {
    match reason {
        PauseReason::Policy { .. } => SpanState::NeedsApproval,
        PauseReason::Error { .. } => SpanState::Failed,
        _ => SpanState::Paused,
    }
}
