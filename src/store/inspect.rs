//! A run that may be damaged, or was made elsewhere, is first read by another process.
//!
//! The database is read by code that a damaged file can make crash, hang or ask for all memory. The process that has
//! the user's terminal must not be the one to find out: it starts the program again, with limits on memory and time,
//! and reads the database itself only when the other one came to an end and says that it could.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, setrlimit};
use serde::{Deserialize, Serialize};

use super::load::Loaded;
use super::{RunFolder, StoreError, database, log_file, mark::Marked};
use crate::model::{RunId, Seq};

/// The hidden subcommand that inspects a run's folder.
pub const INSPECT: &str = "__inspect";

/// Lines of damage that an inspection has at most.
const LINES: usize = 100;

/// Bytes of an answer that are read at most.
const ANSWER: u64 = 512 << 20;

/// The limits for a database of no size: address space in bytes, processor time and time in seconds.
const MEMORY: u64 = 4 << 30;
const SECONDS: u64 = 60;

static INSPECTOR: OnceLock<PathBuf> = OnceLock::new();

/// Names the program that inspects runs: it is started with [`INSPECT`] and a run's folder, and must call
/// [`inspect`]. Without one, every run is read by this process. Only the first call counts.
pub fn set_inspector(program: PathBuf) {
    // A second one is the same program.
    drop(INSPECTOR.set(program));
}

/// The result of an inspection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// Rows that can be read.
    pub rows: u64,
    /// The last of them.
    pub last: Seq,
    /// The hash chain up to it.
    pub chain: String,
    /// The damage, a line each (the first hundred).
    pub damage: Vec<String>,
    /// Why the database can't be read at all.
    pub error: Option<String>,
    /// The process that uses it.
    pub locked: Option<String>,
}

/// Reads and checks the whole run in a folder, within limits on this process's memory and time. For a process of its
/// own, which then prints the inspection as JSON and ends.
#[must_use]
pub fn inspect(folder: &Path) -> Inspection {
    limit_process(folder);
    read(folder)
}

/// Reads and checks the run in a folder.
pub(super) fn read(folder: &Path) -> Inspection {
    let run = RunFolder::at(folder.to_owned(), RunId(String::new()));
    let none = Inspection { rows: 0, last: Seq(0), chain: String::new(), damage: vec![], error: None, locked: None };
    let loaded = database::open(&run.database(), true).and_then(|(connection, layout)| {
        let logged = log_file::read(run.path(), &layout)?;
        Loaded::load(&connection, &layout, logged.rows, Marked::read(run.path()).newest())
    });
    match loaded {
        Ok(mut loaded) => {
            loaded.damage.truncate(LINES);
            let (rows, last) = (loaded.rows, loaded.last);
            Inspection { rows, last, chain: loaded.chain.to_string(), damage: loaded.damage, ..none }
        }
        Err(StoreError::Locked { pid }) => Inspection { locked: Some(pid), ..none },
        Err(error) => Inspection { error: Some(error.to_string()), ..none },
    }
}

/// Megabytes of database, which more memory and time are given for.
fn megabytes(folder: &Path) -> u64 {
    // As much as it takes on the disk: a length alone costs nothing to make up.
    let blocks = ["run.duckdb", "run.duckdb.wal", log_file::NAME]
        .map(|name| std::fs::symlink_metadata(folder.join(name)).map_or(0, |found| found.blocks()));
    blocks.into_iter().fold(0, u64::saturating_add) >> 11
}

/// Bounds what this process may take to read a folder's database, and leaves no core dump.
pub(super) fn limit_process(folder: &Path) {
    limit_to(megabytes(folder));
}

/// Bounds what this process may take to read a database of so many megabytes, and leaves no core dump.
pub(super) fn limit_to(size: u64) {
    let memory = MEMORY.saturating_add(size.saturating_mul(32 << 20));
    let limits = [
        (Resource::RLIMIT_AS, memory),
        (Resource::RLIMIT_CPU, SECONDS.saturating_add(size)),
        (Resource::RLIMIT_CORE, 0),
    ];
    for (resource, most) in limits {
        // A system that has no such limit, or a lower one already: the time-out of the one who waits remains.
        setrlimit(resource, most, most).ok();
    }
}

/// Has a run's folder read by another process; an error says why this one must not read it.
pub(super) fn ask(folder: &Path) -> Result<Option<Inspection>, StoreError> {
    let args: [&OsStr; 2] = [INSPECT.as_ref(), folder.as_ref()];
    let Some(output) = ask_process(&args, megabytes(folder))? else { return Ok(None) };
    match serde_json::from_slice::<Inspection>(&output).ok() {
        None => Err(unreadable("the process that reads its database ended without a word".to_owned())),
        Some(Inspection { locked: Some(pid), .. }) => Err(StoreError::Locked { pid }),
        Some(Inspection { error: Some(why), .. }) => Err(unreadable(format!("failed to {why}"))),
        Some(inspection) => Ok(Some(inspection)),
    }
}

/// Starts the program again to read a database of so many megabytes, and returns its output; `None`: no program was
/// named for it. An error says why this process must not read the database.
pub(super) fn ask_process(args: &[&OsStr], size: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(program) = INSPECTOR.get() else { return Ok(None) };
    let started =
        Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let child = started.map_err(|error| unreadable(format!("failed to start the process that reads it: {error}")))?;
    let (ended, output) = wait(child, Duration::from_secs(2 * (SECONDS + size)))
        .map_err(|error| unreadable(format!("failed to wait for the process that reads it: {error}")))?;
    match ended {
        None => Err(unreadable("reading its database takes too long".to_owned())),
        Some(ended) if !ended.success() => {
            Err(unreadable(format!("reading its database crashes the process: {ended}")))
        }
        Some(_) => Ok(Some(output)),
    }
}

fn unreadable(why: String) -> StoreError {
    StoreError::Unreadable(why)
}

/// Waits for a process and what it says; `None` for the end: it was ended, because it took too long.
fn wait(mut child: Child, longest: Duration) -> std::io::Result<(Option<ExitStatus>, Vec<u8>)> {
    let out = child.stdout.take();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        // A text that an error cuts short is no JSON, so it is refused below.
        out.map(|out| out.take(ANSWER).read_to_end(&mut text).ok());
        text
    });
    let until = Instant::now() + longest;
    let ended = loop {
        match child.try_wait()? {
            Some(ended) => break Some(ended),
            None if Instant::now() >= until => {
                child.kill()?;
                child.wait()?;
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    Ok((ended, reader.join().unwrap_or_default()))
}
