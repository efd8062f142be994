//! The reasons why a decision on a call came to nothing.

use crate::wire::EditError;

/// The reason why a decision on a call came to nothing; it follows "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The client has gone before any of the answer came; the provider was not asked, or no longer.
    #[error("reach the agent: it has given up this call; wait for its next try")]
    Left,
    /// The provider was not reached. The client still waits: the call can be sent again, answered, or refused.
    #[error("reach {upstream}: {why}; send it again, answer it, or refuse it")]
    Unreached {
        /// Its address.
        upstream: String,
        /// The reason.
        why: String,
    },
    /// The edit can't be sent. The client still waits.
    #[error("edit the request: {0}")]
    Unedited(#[from] EditError),
    /// The answer is too large to be held. The client was sent an error.
    #[error("hold the answer: it is larger than {0} bytes; let answers of this size through unheld")]
    TooLarge(usize),
    /// No answer of it is held.
    #[error("release the answer: none is held")]
    NotHeld,
    /// It was decided on before.
    #[error("decide on this call: it was decided on before")]
    Over,
}
