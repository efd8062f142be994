//! Waits that end: each has a deadline, far beyond what it needs, so that a loaded machine passes.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::stat::Mode;

/// The longest that anything is waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something holds; `what` names it.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        sleep(Duration::from_millis(5));
    }
}

/// Waits for the end of a process; one that does not end is killed.
pub fn exit_status(child: &mut Child, what: &str) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() >= PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{what} did not end in {PATIENCE:?}");
        }
        sleep(Duration::from_millis(2));
    }
}

/// A named pipe, at which a test meets a process that reads it.
pub struct Meeting(PathBuf);

impl Meeting {
    pub fn at(path: PathBuf) -> Self {
        nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        Self(path)
    }

    /// Waits until a process has opened the pipe; it reads until the result is dropped.
    pub fn reader(&self) -> Reader {
        let mut opened = None;
        until("a reader of the pipe", || {
            let file = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&self.0);
            match file {
                Ok(file) => opened = Some(Reader(file)),
                Err(error) => assert_eq!(error.raw_os_error(), Some(libc::ENXIO), "{error}"),
            }
            opened.is_some()
        });
        opened.unwrap()
    }
}

/// The processes that have a pipe open for reading.
pub struct Reader(File);

impl Reader {
    /// True when no process has the pipe open any more.
    pub fn is_gone(&self) -> bool {
        let written = (&self.0).write(b".");
        written.is_err_and(|error| error.raw_os_error() == Some(libc::EPIPE))
    }
}
