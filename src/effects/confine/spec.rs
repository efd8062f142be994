//! The messages between the processes of the confinement: lines of JSON over the socket that is their standard input.
//! The socket is also their leash: when it closes, everything ends.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::gap::Gap;

/// A command and its confinement.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Spec {
    /// Programs with their arguments: the first that is found is run.
    pub programs: Vec<Vec<OsString>>,
    /// The workspace, absolute and without links.
    pub workspace: OsString,
    /// Folders that can't be seen or written, absolute and without links.
    pub hidden: Vec<OsString>,
    /// A folder for temporary files.
    pub temp: OsString,
    /// A folder for writes to the caches of tools, and for stand-ins of hidden files.
    pub caches: OsString,
    /// Files of the workspace that can't be written, absolute and without links.
    pub read_only: Vec<OsString>,
    /// The overlay that takes the writes to the workspace.
    pub overlay: Option<OverlayDirs>,
    /// True when namespaces are used.
    pub namespaces: bool,
    /// True when it may use the network.
    pub network: bool,
    /// True when it may use Unix sockets.
    pub local_sockets: bool,
    /// Variables to set for the command.
    pub variables: Vec<(OsString, OsString)>,
    /// Folders and files outside of the workspace that it can write, absolute and without links.
    pub writable: Vec<OsString>,
    /// Files that must not be hidden by its folder for temporary files.
    pub visible: Vec<OsString>,
    /// Its standard streams.
    pub streams: Streams,
    /// A file to write to every second, and when everything is gone.
    pub ended: Option<OsString>,
}

/// The standard streams of a command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Streams {
    /// Its output goes into two pipes; it has no input.
    #[default]
    Pipes,
    /// Its standard output is a socket that is its standard input too.
    Socket,
    /// Its standard output is a terminal of its own, which is its standard input and error output too.
    Terminal,
}

/// The folders of an overlay, both on one file system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OverlayDirs {
    /// Takes the writes.
    pub upper: OsString,
    /// The kernel's own folder.
    pub work: OsString,
}

/// The message from the outer process to the inner one.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct InnerSpec {
    /// Programs with their arguments: the first that is found is run.
    pub programs: Vec<Vec<OsString>>,
    /// The folder to run in.
    pub workspace: OsString,
    /// Folders and devices that can be written.
    pub writable: Vec<OsString>,
    /// Variables to set for the command.
    pub variables: Vec<(OsString, OsString)>,
    /// Its standard streams.
    pub streams: Streams,
    /// True when it is the first process of a pid namespace.
    pub namespaces: bool,
    /// True when it may use the network.
    pub network: bool,
    /// True when it may use Unix sockets.
    pub local_sockets: bool,
}

/// A message of the inner process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum InnerMessage {
    /// It is in a user namespace of its own and has no ids yet.
    MapMe,
    /// It is restricted, except for these gaps; the command is started as soon as it may.
    Ready(Vec<Gap>),
    /// The command ended.
    Ended(End),
}

/// The message after the specification, passed on to the inner process: the command may start now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Go;

/// The answer to [`InnerMessage::MapMe`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Mapped;

/// The end of the command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum End {
    /// With an exit code.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// It failed to start: no such program, for instance.
    NotStarted(String),
    /// The confinement failed, so the command was not started.
    NoSetUp(String),
    /// It was killed because the leash was dropped.
    Killed,
    /// It ran, and nobody knows how it ended: waiting for it failed.
    Unknown(String),
    /// There is no report: the command may have run, and was killed with the outer process.
    Lost(String),
}

/// The last message of the outer process, when every process is gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Report {
    /// The end of the command.
    pub end: End,
    /// The promises that were not enforced.
    pub gaps: Vec<Gap>,
}

/// Both directions of the socket between two processes.
pub(super) struct Channel {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Channel {
    /// Opens the channel on this process's standard input.
    pub fn from_stdin() -> io::Result<Self> {
        Self::new(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
    }

    /// Opens a channel over a socket.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        Ok(Self { reader: BufReader::new(stream.try_clone()?), writer: stream })
    }

    /// Sends a message.
    pub fn send(&mut self, what: &impl Serialize) -> io::Result<()> {
        self.writer.write_all(&line(what)?)
    }

    /// Receives the next message; `None` when the other side is gone.
    pub fn receive<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut line = Vec::new();
        if self.reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(serde_json::from_slice(&line)?))
    }

    /// Waits until there is something to receive here, or from `other`, which comes first: its message, or its end.
    /// Calls `each` every second while it waits.
    #[cfg(target_os = "linux")]
    pub fn wait_or(&self, other: &Self, mut each: impl FnMut()) -> io::Result<Ready> {
        use nix::errno::Errno;
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        const SECOND: u16 = 1000;
        loop {
            if !other.reader.buffer().is_empty() {
                return Ok(Ready::Other);
            }
            if !self.reader.buffer().is_empty() {
                return Ok(Ready::Own);
            }
            let mut both = [&self.writer, &other.writer].map(|of| PollFd::new(of.as_fd(), PollFlags::POLLIN));
            match poll(&mut both, PollTimeout::from(SECOND)) {
                Ok(0) => {
                    each();
                    continue;
                }
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if both[1].any().unwrap_or(true) {
                return Ok(Ready::Other);
            }
            if both[0].any().unwrap_or(true) {
                return Ok(Ready::Own);
            }
        }
    }

    /// Returns a handle that only waits for the other side to close.
    pub fn leash(&self) -> io::Result<Leash> {
        Ok(Leash(self.writer.try_clone()?))
    }
}

/// The channel that has something to receive, or whose other side is gone.
#[cfg(target_os = "linux")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    /// The channel that waits.
    Own,
    /// The other one.
    Other,
}

/// Waits for the other side to close.
pub(super) struct Leash(UnixStream);

impl Leash {
    /// Returns when the other side has closed its end, or is gone.
    pub fn wait(mut self) {
        let mut nothing = [0; 64];
        loop {
            match self.0.read(&mut nothing) {
                Ok(0) => return,
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return,
                _ => {}
            }
        }
    }
}

/// Encodes a message as one line.
pub(super) fn line(what: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    Ok(line)
}
