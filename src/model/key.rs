//! Keys: the things in the world that can be changed, and their states.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{BlobHash, Seq};

/// The kind of a key, as the column `key_kind` of `action_log` has it (lower case).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// A key of the pipeline's memory.
    Memory,
    /// A regular file in the workspace.
    File,
    /// A directory in the workspace.
    Directory,
    /// A symbolic link in the workspace.
    Symlink,
    /// Undone by running an undo command.
    Compensation,
    /// A call whose changes can't be read back: a shell command, a request.
    External,
}

impl KeyKind {
    /// The name used in SQL and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Compensation => "compensation",
            Self::External => "external",
        }
    }

    /// True if the key names a path in the workspace.
    #[must_use]
    pub fn is_path(self) -> bool {
        matches!(self, Self::File | Self::Directory | Self::Symlink)
    }
}

/// One thing that an action can change: a memory key, or a path relative to the workspace with `/` between parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Its kind.
    pub kind: KeyKind,
    /// The memory key, the path, or (external) the command that was run.
    pub name: String,
}

impl Key {
    /// A key of the pipeline's memory.
    #[must_use]
    pub fn memory(name: impl Into<String>) -> Self {
        Self { kind: KeyKind::Memory, name: name.into() }
    }

    /// A file in the workspace.
    #[must_use]
    pub fn file(path: impl Into<String>) -> Self {
        Self { kind: KeyKind::File, name: path.into() }
    }

    /// A directory in the workspace.
    #[must_use]
    pub fn directory(path: impl Into<String>) -> Self {
        Self { kind: KeyKind::Directory, name: path.into() }
    }

    /// True if two keys name the same place: kinds of paths share one name space.
    #[must_use]
    pub fn same_place(&self, other: &Self) -> bool {
        self.name == other.name && (self.kind == other.kind || (self.kind.is_path() && other.kind.is_path()))
    }

    /// True if this path lies (strictly) inside the path `above`.
    #[must_use]
    pub fn is_inside(&self, above: &Self) -> bool {
        self.kind.is_path()
            && above.kind.is_path()
            && self.name.strip_prefix(&above.name).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::readable_name(&self.name))?;
        if self.kind == KeyKind::Directory { f.write_str("/") } else { Ok(()) }
    }
}

/// One element of a memory list, with the action that appended it (so that appends commute).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// The append that added it.
    pub by: Seq,
    /// The element.
    pub text: String,
}

/// The state of a key: what was there before an action, or what it left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum KeyState {
    /// The key does not exist.
    Absent,
    /// A memory value.
    Text {
        /// The value.
        text: String,
    },
    /// A memory list, made by appends.
    List {
        /// Its elements, oldest first.
        elements: Vec<Element>,
    },
    /// A regular file; its bytes are known by hash.
    File {
        /// Hash of its bytes; a before-image has them in `blobs/`.
        blob: BlobHash,
        /// Length in bytes.
        size: u64,
        /// Unix permission bits.
        mode: u32,
    },
    /// A directory.
    Directory {
        /// Unix permission bits.
        mode: u32,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, as stored in the link.
        target: String,
    },
    /// Not known: the action's key can't be read back.
    Unknown,
}

impl KeyState {
    /// The state in a few words for lists: `absent`, `"intro, fix…"`, `812 B`, `3 items`.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::Absent => "absent".into(),
            Self::Text { text } => quote(text),
            Self::List { elements } => match elements.as_slice() {
                [one] => format!("[{}]", quote(&one.text)),
                many => format!("{} items", many.len()),
            },
            Self::File { size, .. } => file_size(*size),
            Self::Directory { .. } => "folder".into(),
            Self::Symlink { target } => format!("link to {}", super::readable_name(target)),
            Self::Unknown => "not captured".into(),
        }
    }
}

fn quote(text: &str) -> String {
    const SHOWN: usize = 24;
    let line = text.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(SHOWN).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("\"{cut}{more}\"")
}

/// A size for people: `812 B`, `1.9 kB`.
#[must_use]
pub fn file_size(size: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let value = size as f64;
    match size {
        0..1000 => format!("{size} B"),
        1000..1_000_000 => format!("{:.1} kB", value / 1e3),
        _ => format!("{:.1} MB", value / 1e6),
    }
}
