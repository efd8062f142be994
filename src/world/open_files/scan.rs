//! One look at all processes: which files of a device they have open.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::FileId;
use super::holder::{Hold, Holder};
use super::locks::Locks;
use super::process::{Opened, handles, is_child, is_same_program, mappings};

/// The longest time that a look takes. On a machine with nothing else to do it is through in a fifth of that; a busy
/// one shall not overlook a file.
pub(super) const LONGEST: Duration = Duration::from_millis(250);
/// Threads that look.
const THREADS: usize = 4;

/// The files of a device that other processes have open.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Scan {
    files: HashMap<FileId, Seen>,
    is_whole: bool,
    took: Duration,
}

/// A file that processes have open.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub holders: Vec<Holder>,
    /// A path of it, as one of the processes sees it.
    pub path: Option<PathBuf>,
    /// How many names it has; 0: not known.
    pub names: u64,
}

impl Scan {
    /// Looks at all processes but this one, for [`LONGEST`] at most: a file system that doesn't answer is left behind.
    pub(in super::super) fn of(device: u64) -> Self {
        let begun = Instant::now();
        let work = Arc::new(Work::new(device, begun + LONGEST));
        let (done, all_done) = channel();
        for _ in 0..THREADS {
            let (work, done) = (work.clone(), done.clone());
            // Where no thread can be had, the others do its part; without any, nothing was looked at.
            let _ = thread::Builder::new().name("open-files".into()).spawn(move || work.run(&done));
        }
        drop(done);
        let mut ended = 0;
        while ended < THREADS {
            let left = LONGEST.saturating_sub(begun.elapsed());
            if all_done.recv_timeout(left).is_err() {
                break;
            }
            ended += 1;
        }
        let files = work.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self { files, is_whole: work.is_through(), took: begun.elapsed() }
    }

    /// The programs that have a file open.
    pub(super) fn holders(&self, id: FileId) -> &[Holder] {
        self.files.get(&id).map_or(&[], |seen| &seen.holders)
    }

    /// The files that programs can write to.
    pub(super) fn written(&self) -> impl Iterator<Item = (FileId, &Seen)> {
        let written = |seen: &&Seen| seen.holders.iter().any(Holder::writes);
        self.files.iter().map(|(id, seen)| (*id, seen)).filter(move |(_, seen)| written(seen))
    }

    /// False when the time did not suffice for the handles of all processes.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// How long it took.
    pub(super) fn took(&self) -> Duration {
        self.took
    }
}

/// The look, as its threads share it.
struct Work {
    device: u64,
    until: Instant,
    locks: Locks,
    processes: Vec<u32>,
    /// The next part: first the handles of each process, then its mappings.
    next: AtomicUsize,
    /// Processes whose handles were looked at.
    looked_at: AtomicUsize,
    found: Mutex<HashMap<FileId, Seen>>,
}

impl Work {
    fn new(device: u64, until: Instant) -> Self {
        let own = std::process::id();
        let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
        let mut processes: Vec<u32> = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
        processes.retain(|pid| *pid != own);
        // The newest first: should the time not suffice, those of the system are the ones left out.
        processes.sort_unstable_by_key(|pid| std::cmp::Reverse(*pid));
        Self {
            device,
            until,
            locks: Locks::read(),
            processes,
            next: AtomicUsize::new(0),
            looked_at: AtomicUsize::new(0),
            found: Mutex::default(),
        }
    }

    fn run(&self, done: &Sender<()>) {
        loop {
            let part = self.next.fetch_add(1, Ordering::Relaxed);
            let count = self.processes.len();
            let Some(pid) = self.processes.get(part % count.max(1)).filter(|_| part < 2 * count) else { break };
            if Instant::now() >= self.until {
                break;
            }
            if part < count {
                self.look_at_handles(*pid);
                self.looked_at.fetch_add(1, Ordering::Relaxed);
            } else {
                self.add(*pid, mappings(*pid, self.device));
            }
        }
        // Nobody may wait any more.
        let _ = done.send(());
    }

    fn look_at_handles(&self, pid: u32) {
        match handles(pid, self.device, &self.locks) {
            Ok(opened) if !opened.is_empty() && is_child(pid) => {
                // Between fork and exec it has this program's own handles. After it, they are closed.
                if !is_same_program(pid) {
                    self.add(pid, handles(pid, self.device, &self.locks).unwrap_or_default());
                }
            }
            Ok(opened) => self.add(pid, opened),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let locked = self.locks.of(pid).iter().filter(|(device, _)| *device == self.device);
                let opened = |id: &FileId| Opened { id: *id, hold: Hold::Locked, path: PathBuf::new(), names: 0 };
                self.add(pid, locked.map(opened).collect());
            }
            // It has ended.
            Err(_) => {}
        }
    }

    fn add(&self, pid: u32, opened: Vec<Opened>) {
        if opened.is_empty() {
            return;
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        for Opened { id, hold, path, names } in opened {
            let seen = found.entry(id).or_default();
            match seen.holders.iter_mut().find(|holder| holder.pid() == pid) {
                Some(holder) => holder.strengthen(hold),
                None => seen.holders.push(Holder::new(pid, hold)),
            }
            if names > 0 || seen.path.is_none() {
                seen.path = Some(path).filter(|path| !path.as_os_str().is_empty()).or(seen.path.take());
                seen.names = seen.names.max(names);
            }
        }
    }

    /// A mapping whose handle is closed is rare, and a busy process keeps its table of them: these may be left out.
    fn is_through(&self) -> bool {
        self.looked_at.load(Ordering::Relaxed) == self.processes.len()
    }
}
