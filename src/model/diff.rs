//! The change of an action, side by side: the state of its key before and after, and the lines that differ.

use super::{BlobHash, KeyState, Seq};

/// Which two states are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiffSides {
    /// The state before the action, and the state that it left.
    #[default]
    Action,
    /// The state that the action left, and the present state.
    Present,
    /// Nothing, and the state that the action left: its whole content.
    Content,
}

/// Two states of an action's key, compared. All texts are masked; control characters are as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionDiff {
    /// The action.
    pub action: Seq,
    /// The states that are compared.
    pub sides: DiffSides,
    /// From the earlier to the later state, as text: `812 B → 1.9 kB · rw-r--r--`.
    pub change: String,
    /// Remarks, line by line (a rename, bytes that are not kept).
    pub notes: Vec<String>,
    /// The content.
    pub body: DiffBody,
    /// True if the key is not as the action left it, and no later action of this run changed it.
    pub outside: bool,
}

/// The content of two states, compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiffBody {
    /// Line by line (of a memory list: element by element).
    Lines {
        /// Lines that differ, with lines around them.
        hunks: Vec<Hunk>,
        /// Lines that only the later state has.
        added: usize,
        /// Lines that only the earlier state has.
        removed: usize,
    },
    /// Content that can't be shown line by line.
    Opaque {
        /// Why: `binary`, `larger than 1 MB`, …
        why: String,
        /// The earlier bytes, if there were any.
        old: Option<Bytes>,
        /// The later bytes, if there are any.
        new: Option<Bytes>,
    },
    /// There is no content that differs.
    Same,
}

/// Bytes known by their hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes {
    /// How many.
    pub size: u64,
    /// The first 128 bits of their BLAKE3 hash.
    pub hash: BlobHash,
}

/// Lines that differ, with what stands around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// First line and number of lines of the earlier state, from 1.
    pub old: (usize, usize),
    /// First line and number of lines of the later state, from 1.
    pub new: (usize, usize),
    /// The lines.
    pub lines: Vec<HunkLine>,
}

/// Which state a line is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineIn {
    /// In both.
    Both,
    /// In the earlier one only.
    Old,
    /// In the later one only.
    New,
}

/// One line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HunkLine {
    /// Which state it is in.
    pub side: LineIn,
    /// Its number there (in both: in the later one), from 1.
    pub number: usize,
    /// The line, without its end.
    pub text: String,
    /// It is the last of a text that does not end with a line end.
    pub unended: bool,
}

impl KeyState {
    /// Its permission bits, if it has any.
    #[must_use]
    pub fn mode(&self) -> Option<u32> {
        match self {
            Self::File { mode, .. } | Self::Directory { mode } => Some(*mode),
            _ => None,
        }
    }

    /// The state in full words: `file · 812 B · rw-r--r--`.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Absent => "absent".into(),
            Self::Text { text } => format!("text of {} characters", text.chars().count()),
            Self::List { elements } if elements.len() == 1 => "list of 1 element".into(),
            Self::List { elements } => format!("list of {} elements", elements.len()),
            Self::File { mode, .. } => format!("file · {} · {}", self.summary(), permissions(*mode)),
            Self::Directory { mode } => format!("folder · {}", permissions(*mode)),
            Self::Symlink { target } => format!("link to {}", super::readable_name(target)),
            Self::Unknown => "not captured".into(),
        }
    }

    /// The change from this state to another, in full words: `812 B → 1.9 kB · rw-r--r--`.
    #[must_use]
    pub fn describe_change(&self, other: &Self) -> String {
        let change = |old: String, new: String| if old == new { old } else { format!("{old} → {new}") };
        match (self, other) {
            (Self::File { blob: old, mode: was, .. }, Self::File { blob: new, mode: is, .. }) => {
                let size = match (self.summary(), other.summary()) {
                    (size, _) if old == new => format!("{size}, the same content"),
                    (before, after) if before == after => format!("{before}, other content"),
                    (before, after) => change(before, after),
                };
                format!("{size} · {}", change(permissions(*was), permissions(*is)))
            }
            (Self::Directory { mode: was }, Self::Directory { mode: is }) => {
                format!("folder · {}", change(permissions(*was), permissions(*is)))
            }
            (Self::Absent, added) if *added != Self::Absent => format!("added {}", added.describe()),
            (deleted, Self::Absent) if *deleted != Self::Absent => format!("deleted {}", deleted.describe()),
            _ => change(self.describe(), other.describe()),
        }
    }

    /// Git's letter for the change from this state to another: A, M or D; a space where git knows none.
    #[must_use]
    pub fn letter_to(&self, other: &Self) -> char {
        match (self, other) {
            (Self::Absent, Self::Absent) | (Self::Unknown, _) | (_, Self::Unknown) => ' ',
            (Self::Absent, _) => 'A',
            (_, Self::Absent) => 'D',
            _ => 'M',
        }
    }

    /// The change from this state to another, short enough for a list: `812 B → 1.9 kB`, `rw-r--r-- → rwxr-xr-x`. Of
    /// something added or deleted, its summary; [`Self::letter_to`] says which.
    #[must_use]
    pub fn change_to(&self, other: &Self) -> String {
        let (old, new) = (self.summary(), other.summary());
        let modes = match (self.mode(), other.mode()) {
            (Some(old), Some(new)) if old != new => Some((old, new)),
            _ => None,
        };
        let same = match (self, other) {
            (Self::File { blob: old, .. }, Self::File { blob: new, .. }) => old == new,
            (Self::Directory { .. }, Self::Directory { .. }) => true,
            _ => false,
        };
        match modes {
            Some((old, new)) if same => format!("{} → {}", permissions(old), permissions(new)),
            Some((was, is)) => format!("{old} → {new}, {was:03o} → {is:03o}"),
            None if *self == Self::Absent => new,
            None if *other == Self::Absent => old,
            None => format!("{old} → {new}"),
        }
    }
}

/// Permission bits as people read them: `rw-r--r--`; with others than those nine as a number: `4755`.
#[must_use]
pub fn permissions(mode: u32) -> String {
    if mode & !0o777 != 0 {
        return format!("{mode:o}");
    }
    let bit = |at: u32| if mode & (1 << at) == 0 { '-' } else { ['x', 'w', 'r'][(at % 3) as usize] };
    (0..9).rev().map(bit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_read_as_everywhere() {
        assert_eq!([permissions(0o644), permissions(0o755), permissions(0)], ["rw-r--r--", "rwxr-xr-x", "---------"]);
        assert_eq!(permissions(0o4755), "4755");
    }

    #[test]
    fn a_change_of_the_mode_alone_is_told() {
        let file = |blob: u8, size, mode| KeyState::File { blob: BlobHash([blob; 16]), size, mode };
        let old = file(1, 812, 0o644);
        assert_eq!(old.change_to(&file(1, 812, 0o755)), "rw-r--r-- → rwxr-xr-x");
        assert_eq!(old.change_to(&file(2, 1_900, 0o755)), "812 B → 1.9 kB, 644 → 755");
        assert_eq!(old.change_to(&file(2, 1_900, 0o644)), "812 B → 1.9 kB");
        assert_eq!((old.change_to(&KeyState::Absent), old.letter_to(&KeyState::Absent)), ("812 B".into(), 'D'));
        assert_eq!((KeyState::Absent.change_to(&old), KeyState::Absent.letter_to(&old)), ("812 B".into(), 'A'));
        assert_eq!(old.letter_to(&file(2, 1_900, 0o644)), 'M');
        assert_eq!(old.describe_change(&file(1, 812, 0o755)), "812 B, the same content · rw-r--r-- → rwxr-xr-x");
        assert_eq!(old.describe_change(&file(2, 812, 0o644)), "812 B, other content · rw-r--r--");
        assert_eq!(KeyState::Absent.describe_change(&old), "added file · 812 B · rw-r--r--");
        let folder = |mode| KeyState::Directory { mode };
        assert_eq!(folder(0o755).change_to(&folder(0o700)), "rwxr-xr-x → rwx------");
    }
}
