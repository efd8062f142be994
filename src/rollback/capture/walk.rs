//! Walks the workspace: lists every path with its stat, reads no bytes.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use nix::dir::Dir;

use super::entry::{Entry, Kind, Stat};
use super::error::{CaptureError, workspace_error};
use super::left_out::LeftOut;
use super::rules::Rules;
use super::tree::{Opener, ROOT, Tree, is_fatal, is_gone, open_folder, stat_at, target_at};

/// A folder's path, and what is in it, ordered by name; `None`: it can't be read.
type Listing = (Vec<u8>, Option<Vec<Entry>>);

/// Lists every path of a tree, in order ([`super::entry::compare_paths`]).
pub(super) fn walk(tree: &Tree, rules: &Rules) -> Result<Vec<Entry>, CaptureError> {
    let queue = Queue::starting_with(Vec::new());
    let found: Vec<Result<Vec<Listing>, CaptureError>> = thread::scope(|scope| {
        let walkers: Vec<_> =
            (0..thread_count()).map(|_| scope.spawn(|| Walker::new(tree, rules).run(&queue))).collect();
        walkers.into_iter().map(|walker| walker.join().unwrap_or_else(|_| Err(thread_error()))).collect()
    });
    let mut listings = HashMap::new();
    for some in found {
        listings.extend(some?);
    }
    let mut top = listings.remove(b"".as_slice()).flatten().unwrap_or_default();
    let root = root(tree)?;
    let at = top.partition_point(|entry| entry.path.as_slice() < ROOT);
    top.splice(at..at, root);
    Ok(assemble(top, listings))
}

/// Puts what is in each folder behind the folder's own entry.
fn assemble(top: Vec<Entry>, mut listings: HashMap<Vec<u8>, Option<Vec<Entry>>>) -> Vec<Entry> {
    let below: usize = listings.values().flatten().map(Vec::len).sum();
    let mut entries = Vec::with_capacity(top.len() + below);
    let mut open = vec![top.into_iter()];
    while let Some(folder) = open.last_mut() {
        let Some(mut entry) = folder.next() else {
            open.pop();
            continue;
        };
        let listed = if entry.kind == Kind::Folder { listings.remove(&entry.path) } else { None };
        if let Some(None) = listed {
            entry.left_out = Some(LeftOut::Unreadable);
        }
        entries.push(entry);
        open.extend(listed.flatten().map(Vec::into_iter));
    }
    entries
}

/// The workspace itself: its permission bits alone, since its times change with what is left out too.
fn root(tree: &Tree) -> Result<Option<Entry>, CaptureError> {
    let found = tree.opener().look(ROOT).map_err(workspace_error("look at", b""))?;
    Ok(found.as_ref().map(Stat::of).map(|(kind, stat)| Entry {
        path: ROOT.to_vec(),
        kind,
        stat: Stat { mode: stat.mode, ..Stat::default() },
        left_out: None,
        target: Vec::new(),
        bytes: None,
    }))
}

/// Returns the number of threads that read files.
pub(super) fn thread_count() -> usize {
    thread::available_parallelism().map_or(2, usize::from).clamp(2, 8)
}

/// Builds the error for a thread that panicked.
pub(super) fn thread_error() -> CaptureError {
    workspace_error("look at", b"")(io::Error::other("a thread panicked"))
}

struct Walker<'a> {
    rules: &'a Rules,
    device: u64,
    opener: Opener,
}

impl<'a> Walker<'a> {
    fn new(tree: &Tree, rules: &'a Rules) -> Self {
        Self { rules, device: tree.device, opener: tree.opener() }
    }

    fn run(mut self, queue: &Queue) -> Result<Vec<Listing>, CaptureError> {
        let mut done = Vec::new();
        while let Some(folder) = queue.next() {
            let listed = self.list(&folder);
            let below = listed.iter().flatten().filter(|entry| entry.kind == Kind::Folder && entry.left_out.is_none());
            queue.done(below.map(|entry| entry.path.clone()));
            match listed {
                Ok(entries) => done.push((folder, Some(entries))),
                Err(error) if folder.is_empty() || is_fatal(&error) => {
                    queue.stop();
                    return Err(workspace_error("list the folder", &folder)(error));
                }
                Err(error) if is_gone(&error) => {}
                Err(_) => done.push((folder, None)),
            }
        }
        Ok(done)
    }

    /// Lists a folder, ordered by name.
    fn list(&mut self, folder: &[u8]) -> io::Result<Vec<Entry>> {
        let handle = self.opener.folder(folder)?;
        let mut listing = Dir::from_fd(open_folder(handle, b".")?)?;
        let above = if folder.is_empty() { 0 } else { folder.len() + 1 };
        let mut paths = Vec::new();
        for name in listing.iter() {
            let name = name?;
            let name = name.file_name().to_bytes();
            if name != b"." && name != b".." {
                let mut path = Vec::with_capacity(above + name.len());
                if above > 0 {
                    path.extend_from_slice(folder);
                    path.push(b'/');
                }
                path.extend_from_slice(name);
                paths.push(path);
            }
        }
        paths.sort_unstable_by(|a, b| a[above..].cmp(&b[above..]));
        let mut entries = Vec::with_capacity(paths.len());
        for path in paths {
            match self.look(listing.as_fd(), path, above) {
                Ok(entry) => entries.extend(entry),
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    /// Reads the entry at a path, whose name begins at `name` and is in an open folder; `None` when it is no part of
    /// the workspace.
    fn look(&self, folder: BorrowedFd<'_>, path: Vec<u8>, name: usize) -> io::Result<Option<Entry>> {
        let found = stat_at(folder, &path[name..])?;
        let (kind, stat) = Stat::of(&found);
        if self.rules.skips(stat.dev, stat.ino) {
            return Ok(None);
        }
        let excluded = self.rules.excludes(&path).then_some(LeftOut::Excluded);
        let left_out = excluded.or_else(|| self.rules.left_out(kind, &stat, found.st_uid, self.device));
        let points = kind == Kind::Link && left_out.is_none();
        let target = if points { target_at(folder, &path[name..])? } else { Vec::new() };
        Ok(Some(Entry { path, kind, stat, left_out, target, bytes: None }))
    }
}

/// Folders still to be listed.
struct Queue {
    todo: Mutex<Todo>,
    more: Condvar,
}

struct Todo {
    folders: Vec<Vec<u8>>,
    busy: usize,
}

impl Queue {
    fn starting_with(folder: Vec<u8>) -> Self {
        Self { todo: Mutex::new(Todo { folders: vec![folder], busy: 0 }), more: Condvar::new() }
    }

    /// Returns the next folder; `None` when all are done.
    fn next(&self) -> Option<Vec<u8>> {
        let mut todo = self.lock();
        loop {
            if let Some(folder) = todo.folders.pop() {
                todo.busy += 1;
                return Some(folder);
            }
            if todo.busy == 0 {
                return None;
            }
            todo = self.more.wait(todo).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self, below: impl Iterator<Item = Vec<u8>>) {
        let mut todo = self.lock();
        todo.folders.extend(below);
        todo.busy -= 1;
        self.more.notify_all();
    }

    fn stop(&self) {
        self.lock().folders.clear();
        self.more.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Todo> {
        self.todo.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
