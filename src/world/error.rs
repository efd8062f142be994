//! Why the world could not be read or changed.

use std::io;

/// Why the world could not be read or changed; phrased to follow "failed to …". The text is shown to models too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// The folder can't be a workspace.
    #[error("use {path} as the workspace: {why}")]
    Workspace {
        /// The folder.
        path: String,
        /// Why not.
        why: String,
    },
    /// The path leads out of the workspace.
    #[error("use {path:?}: it leads out of the workspace; paths are relative to the workspace")]
    Outside {
        /// As it was written.
        path: String,
    },
    /// An absolute path, where the workspace's own place is not known.
    #[error("use {path:?}: it is absolute; give it relative to the workspace")]
    Absolute {
        /// As it was written.
        path: String,
    },
    /// No path, or one that the system can't have.
    #[error("use {path:?} as a path: {why}")]
    Invalid {
        /// As it was written.
        path: String,
        /// The reason.
        why: &'static str,
    },
    /// The path lies in the data folder.
    #[error("use {path:?}: it is the debugger's own data folder, which is not part of the workspace")]
    DataFolder {
        /// The path.
        path: String,
    },
    /// A folder on the way is a link; following it could leave the workspace, and would give one file two names.
    #[error(
        "use {path:?}: {link:?} on the way is a symbolic link to {target:?}; use the path it stands for, if that is in the workspace"
    )]
    ThroughLink {
        /// The path.
        path: String,
        /// The part of it that is a link.
        link: String,
        /// Where it points.
        target: String,
    },
    /// Something that is not a file, folder or link.
    #[error("use {path:?}: it is a {what}, not a regular file")]
    NotRegular {
        /// The path.
        path: String,
        /// Its kind.
        what: &'static str,
    },
    /// A file larger than the reader wants.
    #[error("read {path:?}: it is larger than {most} bytes")]
    TooLarge {
        /// The path.
        path: String,
        /// The largest size that would have been read.
        most: u64,
    },
    /// A folder with something in it.
    #[error("remove the folder {path:?}: it is not empty")]
    NotEmpty {
        /// The path.
        path: String,
    },
    /// A state that this kind of key can't have.
    #[error("change {key:?}: {why}")]
    WrongState {
        /// The key.
        key: String,
        /// Why not.
        why: &'static str,
    },
    /// Another program would lose what it writes.
    #[error("change {path:?}: it is open in {by}, which would lose what it writes; close it there and try again")]
    Open {
        /// The path.
        path: String,
        /// The program and its process id.
        by: String,
    },
    /// The workspace is no longer the folder that was opened.
    #[error(
        "use the workspace {path}: {what} since the run was opened. Nothing was written. Put it back there, or open the run again"
    )]
    Moved {
        /// The workspace, as it was opened.
        path: String,
        /// The event, and where the folder is now.
        what: String,
    },
    /// The system refused.
    #[error("{what} {path:?}: {why}")]
    Io {
        /// The work that failed.
        what: &'static str,
        /// The path.
        path: String,
        /// The system's words.
        why: String,
    },
}

impl WorldError {
    /// There is no folder to put a path in.
    #[must_use]
    pub fn no_folder(path: &str) -> Self {
        let why = "the folder it is in does not exist, or is not a folder".to_owned();
        Self::Io { what: "write", path: path.to_owned(), why }
    }

    /// Wraps the system's answer to what was tried on a path.
    pub(super) fn io<'a>(what: &'static str, path: &'a str) -> impl Fn(io::Error) -> Self + 'a {
        move |error| Self::Io { what, path: path.to_owned(), why: error.to_string() }
    }
}
