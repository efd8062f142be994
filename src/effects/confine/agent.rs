//! Agents of other programs: they run as long as they want to, with a terminal of their own, or with two pipes for what
//! they print and no input.
//!
//! A terminal is a pair of devices: the agent has one side as its standard streams and as the terminal of its session,
//! this program has the other one.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::openpty;
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::confinement::Confinement;
use super::job::Job;
use super::lasting::{Ends, Lasting, LastingEnd};

/// Bytes that are read at once.
const PART: usize = 16 * 1024;
/// Parts that wait to be shown; then the agent waits too.
const PARTS: usize = 64;

/// The size of a terminal, in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Its rows.
    pub rows: u16,
    /// Its columns.
    pub columns: u16,
}

/// A part of what an agent printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPart {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// True when they went to its standard error.
    pub is_error: bool,
}

/// An agent that runs; dropping it ends every process of it.
pub struct AgentProgram {
    outlets: Option<Outlets>,
    /// The process in whose view of the file system it runs, where it has one of its own.
    viewer: Option<u32>,
    ended: watch::Receiver<Option<LastingEnd>>,
    stop: CancellationToken,
}

/// The output of an agent, and the place where it listens.
pub struct Outlets {
    /// Parts of its output; at their end everything was printed.
    pub output: mpsc::Receiver<OutputPart>,
    /// The side of its terminal to type into, if it has one.
    pub terminal: Option<TerminalInput>,
}

/// The side of an agent's terminal that a person types into.
pub struct TerminalInput {
    keys: mpsc::Sender<Vec<u8>>,
    device: File,
}

impl AgentProgram {
    /// Starts an agent, with a terminal of that size, or without one. The error says why it could not be started.
    pub(super) async fn start(
        confinement: &Confinement,
        job: &Job,
        size: Option<TerminalSize>,
    ) -> Result<Self, String> {
        let failed = |error: io::Error| format!("failed to start: {error}");
        let (parts, output) = mpsc::channel(PARTS);
        let (ends, device) = match size {
            Some(size) => {
                let (own, other) = open_terminal(size).map_err(failed)?;
                (Ends::Terminal(other), Some(own))
            }
            None => (Ends::Pipes, None),
        };
        let mut program = Lasting::start(confinement, job, ends).await.map_err(failed)?;
        let viewer = program.viewer();
        let (out, errors) = program.take_output();
        if let Some(out) = out {
            tokio::spawn(pass_on(out, parts.clone(), false));
        }
        if let Some(errors) = errors {
            tokio::spawn(pass_on(errors, parts.clone(), true));
        }
        let terminal = device.map(|device| TerminalInput::open(device, parts)).transpose().map_err(failed)?;
        let (told, ended) = watch::channel(None);
        let stop = CancellationToken::new();
        let (stopped, confinement) = (stop.clone(), confinement.clone());
        // A task of its own, so that it can end everything and clean up.
        tokio::spawn(async move {
            let end = program.wait_or_end(&confinement, &stopped).await;
            told.send_replace(Some(end));
        });
        Ok(Self { outlets: Some(Outlets { output, terminal }), viewer, ended, stop })
    }

    /// Takes what it prints, and where it listens; the first time only.
    pub fn take_outlets(&mut self) -> Option<Outlets> {
        self.outlets.take()
    }

    /// A path by which a folder is seen as the agent sees it, for as long as it runs.
    pub fn path_in_view(&self, folder: &Path) -> Option<PathBuf> {
        let inside = folder.strip_prefix("/").ok()?;
        Some(PathBuf::from(format!("/proc/{}/root", self.viewer?)).join(inside))
    }

    /// Ends it.
    pub fn end(&self) {
        self.stop.cancel();
    }

    /// Waits until every process of it is gone.
    pub async fn wait(&mut self) -> LastingEnd {
        let end = self.ended.wait_for(Option::is_some).await;
        end.ok().and_then(|end| end.clone()).unwrap_or_else(LastingEnd::unknown)
    }
}

impl Drop for AgentProgram {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl TerminalInput {
    /// Reads and writes a terminal on threads of its own: a terminal can be slow, and can't be waited for otherwise.
    fn open(device: OwnedFd, parts: mpsc::Sender<OutputPart>) -> io::Result<Self> {
        let device = File::from(device);
        let (mut from, mut to) = (device.try_clone()?, device.try_clone()?);
        std::thread::Builder::new().name("agent-output".into()).spawn(move || {
            let mut bytes = vec![0; PART];
            // When its last process is gone, the system says so with an error.
            while let Ok(read @ 1..) = from.read(&mut bytes) {
                if parts.blocking_send(OutputPart { bytes: bytes[..read].to_vec(), is_error: false }).is_err() {
                    break;
                }
            }
        })?;
        let (keys, mut typed) = mpsc::channel::<Vec<u8>>(PARTS);
        std::thread::Builder::new().name("agent-keys".into()).spawn(move || {
            while let Some(bytes) = typed.blocking_recv() {
                if to.write_all(&bytes).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { keys, device })
    }

    /// Types bytes.
    pub async fn write(&self, bytes: Vec<u8>) {
        // Nobody reads them once the agent is gone.
        let _ = self.keys.send(bytes).await;
    }

    /// Gives the terminal another size; the system tells the agent.
    pub fn resize(&self, size: TerminalSize) {
        // It stays as it was; the agent draws for another size until the next change.
        let _ = tcsetwinsize(&self.device, winsize(size));
    }
}

/// Opens both sides of a terminal: this program's, and the agent's.
fn open_terminal(size: TerminalSize) -> io::Result<(OwnedFd, OwnedFd)> {
    let pair = openpty(None, None)?;
    for side in [&pair.master, &pair.slave] {
        fcntl(side, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    }
    tcsetwinsize(&pair.master, winsize(size))?;
    Ok((pair.master, pair.slave))
}

fn winsize(size: TerminalSize) -> Winsize {
    Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 }
}

async fn pass_on(mut from: impl AsyncRead + Unpin, to: mpsc::Sender<OutputPart>, is_error: bool) {
    let mut bytes = vec![0; PART];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if to.send(OutputPart { bytes: bytes[..read].to_vec(), is_error }).await.is_err() {
            break;
        }
    }
}
