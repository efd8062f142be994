//! The instructions of the parts to the driver.

use super::exec::Done;
use crate::model::{Gate, PauseReason, SpanId, TraceBody};

/// An instruction of a part. A part decides, and returns these; the driver carries them out in their order.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum DriverAction {
    /// Stores a text that an event after it names.
    Text(String),
    /// Appends events.
    Append(Vec<TraceBody>),
    /// Stops a call at a gate.
    Pause { path: String, gate: Gate, reason: PauseReason },
    /// Carries a call out, unless the policy or a limit forbids it.
    Launch { path: String },
    /// Starts the task of a call.
    Start { path: String },
    /// Records the outcome of a call.
    End { path: String, span: SpanId, done: Done },
    /// Sends the recorded outcome of a call to its callers.
    Reply { path: String },
}

impl DriverAction {
    /// Appends one event.
    pub fn append(body: TraceBody) -> Self {
        Self::Append(vec![body])
    }

    /// Appends a note about the run.
    pub fn note(text: impl Into<String>) -> Self {
        Self::append(TraceBody::Note { span: None, error: false, text: text.into() })
    }
}
