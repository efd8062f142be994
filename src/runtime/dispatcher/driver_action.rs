//! The instructions of the parts to the driver.

use crate::model::TraceBody;

/// An instruction of a part. A part decides, and returns these; the driver carries them out in their order.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum DriverAction {
    /// Stores a text that an event after it names.
    Text(String),
    /// Appends events.
    Append(Vec<TraceBody>),
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
