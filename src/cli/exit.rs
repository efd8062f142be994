//! Exit codes.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Success.
    Done,
    /// It failed.
    Failed,
    /// Wrong usage, or the pipeline has faults.
    Usage,
    /// A tool was denied, a question has no answer, or a run that was made elsewhere needs its workspace named.
    Denied,
    /// A limit was reached.
    Limit,
    /// An execution differs from its record.
    Diverged,
    /// Some of the actions were undone.
    SomeUndone,
    /// None of the actions was undone.
    NoneUndone,
    /// The user cancelled it.
    Cancelled,
    /// The screen's own exit code.
    Code(u8),
}

impl Exit {
    /// The number that the shell gets.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Denied => 3,
            Self::Limit => 4,
            Self::Diverged => 5,
            Self::SomeUndone => 6,
            Self::NoneUndone => 7,
            Self::Cancelled => 130,
            Self::Code(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
