//! Promises of the confinement that a system can't enforce.

use serde::{Deserialize, Serialize};

/// A promise that the system can't enforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// It can use the network.
    Network,
    /// It can talk to some service of this machine through its socket.
    LocalServices,
    /// It can change files outside of the workspace.
    WritesOutside,
    /// It can cut files outside of the workspace short.
    TruncatesOutside,
    /// It can change modes, times, owners and attributes of files outside of the workspace.
    MetadataOutside,
    /// It can read the data folder.
    DataRead,
    /// It can change or remove the data folder.
    DataChanged,
    /// It can read the credentials that package managers keep in files.
    Credentials,
    /// It can use `io_uring` and the kernel's keyrings.
    SystemCalls,
    /// It can leave processes behind.
    Background,
    /// It sees the other processes of this machine.
    Processes,
    /// It can send signals to other processes.
    Signals,
    /// It can open the terminal of the program.
    Terminal,
    /// It runs as root, as the program does, with all rights of root.
    Root,
    /// It runs as root, as the program does, without root's capabilities.
    RootId,
    /// It can change the files that the pipeline is made of.
    OwnFiles,
    /// Other file systems are mounted in the workspace: its changes there are not captured.
    Mounts,
}

impl Gap {
    /// Returns a few words for the gap.
    pub fn label(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::LocalServices => "services of this machine",
            Self::WritesOutside => "writes outside of the workspace",
            Self::TruncatesOutside => "truncating files outside of the workspace",
            Self::MetadataOutside => "modes and times of files outside of the workspace",
            Self::DataRead => "reading the data folder",
            Self::DataChanged => "changing the data folder",
            Self::Credentials => "reading credentials of package managers",
            Self::SystemCalls => "io_uring and keyrings",
            Self::Background => "background processes",
            Self::Processes => "seeing other processes",
            Self::Signals => "signals to other processes",
            Self::Terminal => "the terminal",
            Self::Root => "all rights of root",
            Self::RootId => "running as root",
            Self::OwnFiles => "changing the pipeline's own files",
            Self::Mounts => "other file systems in the workspace",
        }
    }

    /// True when it lets a command change something outside of the workspace.
    pub fn reaches_outside(self) -> bool {
        match self {
            Self::Network
            | Self::LocalServices
            | Self::WritesOutside
            | Self::TruncatesOutside
            | Self::MetadataOutside
            | Self::SystemCalls
            | Self::Terminal
            | Self::Root
            | Self::RootId
            | Self::Mounts => true,
            Self::DataRead
            | Self::OwnFiles
            | Self::DataChanged
            | Self::Credentials
            | Self::Background
            | Self::Processes
            | Self::Signals => false,
        }
    }
}
