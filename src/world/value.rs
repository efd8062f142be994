//! The content of a key, bytes included.

use crate::model::{ActionOp, Element, Key, KeyState};
use crate::store::hash_blob;

/// The content of a key; [`KeyState`] is the same with a file's bytes by hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// The key does not exist.
    Absent,
    /// A memory value.
    Text(String),
    /// A memory list.
    List(Vec<Element>),
    /// A regular file.
    File {
        /// Its bytes.
        bytes: Vec<u8>,
        /// Unix permission bits; `None` when putting: the usual ones, or those of the file that is there.
        mode: Option<u32>,
    },
    /// A directory.
    Directory {
        /// Unix permission bits; `None` when putting: the usual ones.
        mode: Option<u32>,
        /// Names in it, sorted (folders end with `/`); ignored when putting.
        entries: Vec<String>,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points.
        target: String,
    },
}

/// A change that a tool wants made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Of what.
    pub key: Key,
    /// How.
    pub op: ActionOp,
    /// Into what (for an append: [`Value::Text`] with the element).
    pub new: Value,
}

impl Value {
    /// The state as recorded, a file's bytes by hash.
    #[must_use]
    pub fn state(&self) -> KeyState {
        match self {
            Self::Absent => KeyState::Absent,
            Self::Text(text) => KeyState::Text { text: text.clone() },
            Self::List(elements) => KeyState::List { elements: elements.clone() },
            Self::File { bytes, mode } => {
                KeyState::File { blob: hash_blob(bytes), size: bytes.len() as u64, mode: mode.unwrap_or(0o644) }
            }
            Self::Directory { mode, .. } => KeyState::Directory { mode: mode.unwrap_or(0o755) },
            Self::Symlink { target } => KeyState::Symlink { target: target.clone() },
        }
    }

    /// The content of a memory key in that state; `None` when it is absent, or no state of memory.
    #[must_use]
    pub fn of_memory(state: KeyState) -> Option<Self> {
        match state {
            KeyState::Text { text } => Some(Self::Text(text)),
            KeyState::List { elements } => Some(Self::List(elements)),
            _ => None,
        }
    }
}
