//! The parts of a response that came while it streams.

/// The parts of a response that came so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Streamed {
    /// Its text.
    pub text: String,
    /// The model's reasoning, as far as the provider shows it.
    pub reasoning: String,
}

impl Streamed {
    /// True when nothing came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.reasoning.is_empty()
    }
}
