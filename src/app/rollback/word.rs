//! The state of an action in a word: ready, blocked, held, no undo, undone.

use crate::model::Seq;

/// The state of an action, in a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// The one that `u` undoes.
    Next,
    /// It can be undone now.
    Free,
    /// Another action must be undone first.
    Blocked(Seq),
    /// An undo found that somebody changed it since.
    Conflict,
    /// It can't be undone, and why.
    NoUndo(String),
    /// Its undo is under way.
    Undoing,
    /// Its redo is under way.
    Redoing,
    /// It is undone.
    Undone,
    /// The user skips it.
    Skipped,
    /// It never changed the world.
    NotApplied,
    /// Its change was held and discarded.
    Discarded,
    /// Its change is held beside the workspace.
    Held,
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Next | Self::Free => f.write_str("ready"),
            Self::Blocked(by) => write!(f, "blocked by {by}"),
            Self::Conflict => f.write_str("conflict"),
            Self::NoUndo(why) if why.is_empty() => f.write_str("no undo"),
            Self::NoUndo(why) => write!(f, "no undo ({why})"),
            Self::Undoing => f.write_str("undoing…"),
            Self::Redoing => f.write_str("redoing…"),
            Self::Undone => f.write_str("undone"),
            Self::Skipped => f.write_str("skipped"),
            Self::NotApplied => f.write_str("not done"),
            Self::Discarded => f.write_str("discarded"),
            Self::Held => f.write_str("held"),
        }
    }
}
