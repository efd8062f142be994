//! Exit codes: what a script can tell a command's end by.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// It did what was asked.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// The pipeline has faults (a wrong command line ends with the same code).
    Faults = 2,
    /// Some of the actions were undone.
    SomeUndone = 6,
    /// None of the actions was undone.
    NoneUndone = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
