//! A program that has a file open, and how.

use std::fmt;
use std::fs;

/// How a program has a file open, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// It can only read it.
    Reading,
    /// It can write to it.
    Writing,
    /// It has it mapped, shared and writable.
    Mapped,
    /// It holds a lock on it.
    Locked,
}

/// A program that has a file open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pid: u32,
    program: String,
    hold: Hold,
}

/// A file of the workspace that programs can write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFile {
    /// Its path, relative to the workspace.
    pub path: String,
    /// The programs.
    pub holders: Vec<Holder>,
}

/// The files of the workspace that other programs have open for writing, mapped, or locked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenFiles {
    /// Ordered by path.
    pub files: Vec<OpenFile>,
    /// False when the time did not suffice to look at everything.
    pub is_whole: bool,
}

impl Holder {
    /// Names the program of a process.
    pub(super) fn new(pid: u32, hold: Hold) -> Self {
        let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
        let name = String::from_utf8_lossy(&name);
        // A program chooses its own name.
        let plain: String = name.trim_end_matches('\n').chars().filter(|c| !c.is_control()).collect();
        Self { pid, program: if plain.is_empty() { "a program".into() } else { plain }, hold }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How it has the file open.
    #[must_use]
    pub fn hold(&self) -> Hold {
        self.hold
    }

    /// True when it can change the file, or relies on nobody else doing so.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.hold > Hold::Reading
    }

    /// Takes a stronger hold of the same process.
    pub(super) fn strengthen(&mut self, hold: Hold) {
        self.hold = self.hold.max(hold);
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.program, self.pid)
    }
}

impl fmt::Display for OpenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMED: usize = 2;
        let names: Vec<String> = self.holders.iter().map(ToString::to_string).collect();
        let path = crate::model::readable_name(&self.path);
        write!(f, "{path} is open in {}", crate::model::first_names(&names, NAMED))
    }
}
