//! Why an opened run is only looked at: nothing in its folder and nothing in its workspace is changed.

use std::path::Path;

use crate::model::{Abilities, Command, MadeElsewhere};
use crate::store::{Foreign, StoreError};

/// The reason why an opened run takes no changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookOnly {
    /// It was made elsewhere, and its user has not confirmed its workspace.
    Foreign(Foreign),
    /// Another process has it open to write to it.
    InUse {
        /// Its process id, where known.
        pid: String,
    },
    /// Its folder can't be written.
    NotWritable,
    /// Another program recorded it, and it is read from that program's database.
    Imported,
}

impl LookOnly {
    /// The reason for which a run can only be looked at, where an error of opening it has one.
    pub(super) fn of(error: &StoreError) -> Option<Self> {
        match error {
            StoreError::Locked { pid } => Some(Self::InUse { pid: pid.clone() }),
            StoreError::NotWritable { .. } => Some(Self::NotWritable),
            _ => None,
        }
    }

    /// The refusal of a command that would change something.
    pub(super) fn refusal(&self) -> String {
        match self {
            Self::Foreign(why) => format!("the run was made elsewhere ({why}): its workspace must be confirmed first"),
            Self::InUse { pid } => format!("another process (pid {pid}) is using the run: it can only be looked at"),
            Self::NotWritable => "the run's folder can't be written: it can only be looked at".to_owned(),
            Self::Imported => "tama recorded this run: it is only shown, and nothing of it can be undone, retried or \
                               changed here"
                .to_owned(),
        }
    }

    /// The line that is said at the start.
    #[must_use]
    pub fn notice(&self) -> String {
        match self {
            Self::Foreign(why) => format!(
                "made elsewhere: {why}. It is only looked at: what was left half-done stays so, until the first undo or \
                 retry asks for its workspace"
            ),
            Self::InUse { .. } => format!("{}, as it was when it was opened", self.refusal()),
            Self::NotWritable | Self::Imported => self.refusal(),
        }
    }

    /// Takes from a run's abilities. A run that was made elsewhere asks before its first undo or retry.
    pub(super) fn limit(&self, able: Abilities) -> Abilities {
        let why = || Err(self.refusal());
        match self {
            Self::Foreign(_) => Abilities { pause: why(), ..able },
            Self::InUse { .. } | Self::NotWritable | Self::Imported => {
                Abilities { pause: why(), undo: why(), retry: why() }
            }
        }
    }

    /// The question that the screen asks before the first change.
    pub(super) fn question(&self, workspace: &Path) -> Option<MadeElsewhere> {
        match self {
            Self::Foreign(why) => {
                Some(MadeElsewhere { workspace: workspace.display().to_string(), why: why.to_string() })
            }
            _ => None,
        }
    }
}

/// True for a command that reads and changes nothing.
pub(super) fn only_looks(command: &Command) -> bool {
    use Command as C;
    matches!(
        command,
        C::Inspect { .. }
            | C::Plan { .. }
            | C::Diff { .. }
            | C::Moment(_)
            | C::Compare { .. }
            | C::Edit { .. }
            | C::EditPart { .. }
            | C::SetBreakpoints(_)
            | C::Quit
    )
}
