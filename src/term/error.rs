//! Errors of the terminal.

/// An error of the terminal; phrased to follow "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum TermError {
    /// Standard input or output is not a terminal.
    #[error(
        "open the screen: standard input and output must be a terminal; without one use `tama-tui run`, `tama-tui runs`, \
         `tama-tui undo`"
    )]
    NotATerminal,
    /// Another part of the program panicked; its message is on the terminal.
    #[error("continue: a part of the program panicked (its message is above)")]
    Panicked,
    /// The terminal refused something.
    #[error("{what}: {why}")]
    Io {
        /// The failed step.
        what: &'static str,
        /// The system's error.
        why: std::io::Error,
    },
}

impl TermError {
    /// Names the failed step.
    pub(super) fn io(what: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |why| Self::Io { what, why }
    }
}
