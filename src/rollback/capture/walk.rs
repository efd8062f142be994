//! Walking the workspace: everything in it with its stat, no bytes read.

use std::os::fd::AsFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use nix::dir::Dir;

use super::CaptureError;
use super::entry::{Entry, Kind, Stat};
use super::error::workspace_error;
use super::rules::{LeftOut, Rules};
use super::tree::{Opener, ROOT, Tree, is_fatal, is_gone, open_folder, stat_at, target_at};

/// Everything in a tree, ordered by path.
pub(super) fn walk(tree: &Tree, rules: &Rules) -> Result<Vec<Entry>, CaptureError> {
    let queue = Queue::starting_with(Vec::new());
    let found: Vec<Result<Vec<Entry>, CaptureError>> = thread::scope(|scope| {
        let walkers: Vec<_> = (0..threads()).map(|_| scope.spawn(|| Walker::new(tree, rules).run(&queue))).collect();
        walkers.into_iter().map(|walker| walker.join().unwrap_or_else(|_| Err(died()))).collect()
    });
    let mut entries = Vec::new();
    for some in found {
        entries.append(&mut some?);
    }
    entries.extend(root(tree)?);
    // Merges what each walker has in order.
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    close_unreadable(&mut entries);
    Ok(entries)
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

/// How many threads look at files.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(2, usize::from).clamp(2, 8)
}

/// The error of a thread that is gone, which none should be.
pub(super) fn died() -> CaptureError {
    workspace_error("look at", b"")(io::Error::other("a thread died"))
}

/// A folder that could not be listed is told by an entry of its own name, made after the folder's own entry.
fn close_unreadable(entries: &mut Vec<Entry>) {
    entries.dedup_by(|later, first| {
        let same = later.path == first.path;
        if same {
            first.left_out = first.left_out.or(later.left_out);
        }
        same
    });
}

struct Walker<'a> {
    rules: &'a Rules,
    device: u64,
    opener: Opener,
    entries: Vec<Entry>,
}

impl<'a> Walker<'a> {
    fn new(tree: &Tree, rules: &'a Rules) -> Self {
        Self { rules, device: tree.device, opener: tree.opener(), entries: Vec::new() }
    }

    fn run(mut self, queue: &Queue) -> Result<Vec<Entry>, CaptureError> {
        while let Some(folder) = queue.next() {
            let mut below = Vec::new();
            let listed = self.list(&folder, &mut below);
            queue.done(if listed.is_ok() { below } else { Vec::new() });
            match listed {
                Ok(()) => {}
                Err(error) if folder.is_empty() || is_fatal(&error) => {
                    queue.stop();
                    return Err(workspace_error("list the folder", &folder)(error));
                }
                Err(error) if is_gone(&error) => {}
                Err(_) => self.unreadable(folder),
            }
        }
        self.entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(self.entries)
    }

    fn list(&mut self, folder: &[u8], below: &mut Vec<Vec<u8>>) -> io::Result<()> {
        let handle = self.opener.folder(folder)?;
        let mut listing = Dir::from_fd(open_folder(handle, b".")?)?;
        let mut names = Vec::new();
        for name in listing.iter() {
            let name = name?;
            let name = name.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        names.sort_unstable();
        for name in names {
            let found = match stat_at(listing.as_fd(), &name) {
                Ok(found) => found,
                Err(error) if is_gone(&error) => continue,
                Err(error) => return Err(error),
            };
            let (kind, stat) = Stat::of(&found);
            if self.rules.skips(stat.dev, stat.ino) {
                continue;
            }
            let path = if folder.is_empty() { name.clone() } else { [folder, b"/", &name].concat() };
            let left_out = self.left_out(&path, kind, &stat);
            let mut target = Vec::new();
            if kind == Kind::Link && left_out.is_none() {
                match target_at(listing.as_fd(), &name) {
                    Ok(text) => target = text,
                    Err(error) if is_gone(&error) => continue,
                    Err(error) => return Err(error),
                }
            }
            if kind == Kind::Folder && left_out.is_none() {
                below.push(path.clone());
            }
            self.entries.push(Entry { path, kind, stat, left_out, target, bytes: None });
        }
        Ok(())
    }

    fn left_out(&self, path: &[u8], kind: Kind, stat: &Stat) -> Option<LeftOut> {
        let excluded = self.rules.excludes(path).then_some(LeftOut::Excluded);
        excluded.or_else(|| self.rules.left_out(kind, stat, self.device))
    }

    /// Tells that a folder could not be listed; what was seen of it so far is not used.
    fn unreadable(&mut self, folder: Vec<u8>) {
        self.entries
            .retain(|entry| !entry.path.strip_prefix(folder.as_slice()).is_some_and(|rest| rest.starts_with(b"/")));
        let Ok(Some(found)) = self.opener.look(&folder) else { return };
        let (kind, stat) = Stat::of(&found);
        let left_out = Some(LeftOut::Unreadable);
        self.entries.push(Entry { path: folder, kind, stat, left_out, target: Vec::new(), bytes: None });
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

    /// The next folder; `None` when all are done.
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

    fn done(&self, below: Vec<Vec<u8>>) {
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
