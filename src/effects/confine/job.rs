//! A command to run, and the result of one.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::layer::LayerFolder;
use super::output::ShellOutcome;
use super::scratch::Scratch;
use super::script;

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Programs with their arguments; the first that is found is run, in the workspace.
    pub programs: Vec<Vec<OsString>>,
    /// Variables of its environment beside those of every command.
    pub variables: Vec<(OsString, OsString)>,
    /// True when it may use the network.
    pub network: bool,
    /// True when it may use Unix sockets, also without the network.
    pub local_sockets: bool,
    /// The time after which it is killed.
    pub timeout: Duration,
    /// True when its writes to the workspace go to an overlay, where the shell has one.
    pub overlay: bool,
    /// The layer that takes these writes, and lasts; `None`: one that is removed with the command's result.
    pub layer: Option<LayerFolder>,
    /// Files of the workspace that it can't change, without links; only where it writes to the workspace directly.
    pub read_only: Vec<PathBuf>,
    /// Folders and files outside of the workspace that it can write, without links. What it changes there is not
    /// captured.
    pub writable: Vec<PathBuf>,
    /// Programs outside of the workspace that it must be able to start: a folder for temporary files that holds one is not
    /// its own.
    pub visible: Vec<PathBuf>,
    /// A file that is written every second while the command runs, and once when its last process is gone, even if
    /// this process is gone by then; locked until then. Changes after the file's time are by other programs or
    /// people. It is not written where commands run in a process group only.
    pub end_mark: Option<PathBuf>,
}

impl Job {
    /// A command for `bash`, or `sh` where there is none: no network, the overlay where there is one.
    pub fn shell(command: impl Into<OsString>, timeout: Duration) -> Self {
        let programs = script::from_argument(&command.into());
        Self {
            programs,
            variables: Vec::new(),
            network: false,
            local_sockets: false,
            timeout,
            overlay: true,
            layer: None,
            read_only: Vec::new(),
            writable: Vec::new(),
            visible: Vec::new(),
            end_mark: None,
        }
    }
}

/// The result of a command; every process that it started is gone.
#[derive(Debug)]
#[must_use]
pub struct ShellRun {
    /// Its output and exit code.
    pub outcome: ShellOutcome,
    /// The signal that ended it, unless this program killed it.
    pub signal: Option<i32>,
    /// True when this program killed it: at its timeout, or because it was stopped.
    pub killed: bool,
    /// The gaps of its confinement, a few words each.
    pub gaps: Vec<String>,
    /// Hints for the model, where a failure comes from the confinement.
    pub hints: Vec<String>,
    /// True when it could use the network or write outside of the workspace.
    pub may_have_reached_outside: bool,
    /// Its held changes, when it ran over an overlay ([`Scratch::upper`]); removed when dropped.
    pub written: Option<Scratch>,
}
