//! A second, independent reading of a folder, and a plain way to put things into states.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::super::*;
use crate::model::{BlobHash, KeyState, name_from_bytes, name_to_bytes};
use crate::store::hash_blob;

/// The state of a path.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Thing {
    File {
        bytes: Vec<u8>,
        mode: u32,
    },
    Folder {
        mode: u32,
    },
    Link {
        target: Vec<u8>,
    },
    Special,
    /// Not to be read.
    Closed,
}

impl std::fmt::Debug for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { bytes, mode } => {
                let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
                write!(f, "file {mode:o} {} {shown:?}", bytes.len())
            }
            Self::Folder { mode } => write!(f, "folder {mode:o}"),
            Self::Link { target } => write!(f, "-> {}", String::from_utf8_lossy(target)),
            Self::Special => f.write_str("special"),
            Self::Closed => f.write_str("closed"),
        }
    }
}

impl Thing {
    pub(super) fn state(&self) -> KeyState {
        match self {
            Self::File { bytes, mode } => {
                KeyState::File { blob: hash_blob(bytes), size: bytes.len() as u64, mode: *mode }
            }
            Self::Folder { mode } => KeyState::Directory { mode: *mode },
            Self::Link { target } => KeyState::Symlink { target: name_from_bytes(target) },
            Self::Special | Self::Closed => KeyState::Unknown,
        }
    }
}

pub(super) type Manifest = BTreeMap<String, Thing>;

/// Everything in a folder.
pub(super) fn manifest(root: &Path) -> Manifest {
    let mut all = Manifest::new();
    read_folder(root, root, &mut all);
    all
}

fn read_folder(root: &Path, folder: &Path, all: &mut Manifest) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let thing = read_thing(&path).unwrap();
        let below = matches!(thing, Thing::Folder { .. }) && fs::read_dir(&path).is_ok();
        all.insert(name_from_bytes(path.strip_prefix(root).unwrap().as_os_str().as_bytes()), thing);
        if below {
            read_folder(root, &path, all);
        }
    }
}

pub(super) fn read_thing(path: &Path) -> Option<Thing> {
    let found = fs::symlink_metadata(path).ok()?;
    let (kind, mode) = (found.file_type(), found.mode() & 0o7777);
    Some(if kind.is_dir() {
        Thing::Folder { mode }
    } else if kind.is_symlink() {
        Thing::Link { target: fs::read_link(path).unwrap().into_os_string().into_vec() }
    } else if kind.is_file() {
        fs::read(path).map_or(Thing::Closed, |bytes| Thing::File { bytes, mode })
    } else {
        assert!(kind.is_fifo() || kind.is_socket() || kind.is_char_device());
        Thing::Special
    })
}

/// Puts a path into a state as the world does: one thing at a time, only empty folders go.
pub(super) fn put(root: &Path, name: &str, state: &KeyState, content: &dyn Fn(BlobHash) -> Vec<u8>) {
    let path = place(root, name);
    let found = fs::symlink_metadata(&path).ok();
    let folder = found.as_ref().is_some_and(fs::Metadata::is_dir);
    let clear = || {
        if folder {
            fs::remove_dir(&path).unwrap_or_else(|why| panic!("{name:?}: {why}"));
        }
    };
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let temporary = path.with_file_name(".temporary");
    match state {
        KeyState::Absent if folder => clear(),
        KeyState::Absent => fs::remove_file(&path).unwrap_or_else(|why| panic!("{name:?}: {why}")),
        KeyState::File { blob, mode: bits, .. } => {
            clear();
            fs::write(&temporary, content(*blob)).unwrap_or_else(|why| panic!("{name:?}: {why}"));
            mode(&temporary, *bits);
            fs::rename(&temporary, &path).unwrap();
        }
        KeyState::Directory { mode: bits } => {
            if !folder {
                if found.is_some() {
                    fs::remove_file(&path).unwrap();
                }
                fs::create_dir(&path).unwrap_or_else(|why| panic!("{name:?}: {why}"));
            }
            mode(&path, *bits);
        }
        KeyState::Symlink { target } => {
            clear();
            symlink(OsString::from_vec(name_to_bytes(target)), &temporary).unwrap();
            fs::rename(&temporary, &path).unwrap();
        }
        KeyState::Unknown => {
            clear();
            fs::remove_file(&path).or_else(|why| if path.exists() { Err(why) } else { Ok(()) }).unwrap();
            nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        }
        other => panic!("{name:?} can't be put into {other:?}"),
    }
}

pub(super) fn place(root: &Path, name: &str) -> PathBuf {
    root.join(OsString::from_vec(name_to_bytes(name)))
}

/// Applies changes from the first to the last, each from its before-image.
pub(super) fn carry_out(root: &Path, changes: &[Changed], content: &dyn Fn(BlobHash) -> Vec<u8>) {
    for change in changes.iter().filter(|change| change.left_out.is_none()) {
        step(root, &change.path, &change.old, &change.new, content);
    }
}

/// Undoes changes from the last to the first.
pub(super) fn undo_changes(root: &Path, changes: &[Changed], content: &dyn Fn(BlobHash) -> Vec<u8>) {
    for change in changes.iter().rev().filter(|change| change.left_out.is_none()) {
        step(root, &change.path, &change.new, &change.old, content);
    }
}

fn step(root: &Path, name: &str, from: &KeyState, to: &KeyState, content: &dyn Fn(BlobHash) -> Vec<u8>) {
    let present = read_thing(&place(root, name)).map_or(KeyState::Absent, |thing| thing.state());
    assert_eq!(&present, from, "before {name:?} goes to {to:?}");
    put(root, name, to, content);
}

/// Bytes by hash, from a manifest.
pub(super) fn bytes_of(all: &Manifest) -> impl Fn(BlobHash) -> Vec<u8> {
    let files = all.values().filter_map(|thing| match thing {
        Thing::File { bytes, .. } => Some((hash_blob(bytes), bytes.clone())),
        _ => None,
    });
    let files: std::collections::HashMap<BlobHash, Vec<u8>> = files.collect();
    move |hash| files.get(&hash).unwrap_or_else(|| panic!("no bytes of {hash}")).clone()
}

/// The difference of two manifests by path, left out things not in it.
pub(super) fn difference(old: &Manifest, new: &Manifest) -> BTreeMap<String, (KeyState, KeyState)> {
    let state = |all: &Manifest, path: &String| all.get(path).map_or(KeyState::Absent, Thing::state);
    let paths = old.keys().chain(new.keys());
    let changed = paths.filter(|path| old.get(*path) != new.get(*path));
    changed.map(|path| (path.clone(), (state(old, path), state(new, path)))).collect()
}

/// Returns the net changes by path: the first state and the last.
pub(super) fn net(changes: &[Changed]) -> BTreeMap<String, (KeyState, KeyState)> {
    let mut net = BTreeMap::new();
    for change in changes {
        net.entry(change.path.clone()).or_insert_with(|| (change.old.clone(), change.new.clone())).1 =
            change.new.clone();
    }
    net.retain(|_, (old, new)| old != new || *old == KeyState::Unknown);
    net
}

/// A workspace with its store and run folder.
pub(super) struct TestFolders {
    _home: TempDir,
    pub(super) root: PathBuf,
    pub(super) store: PathBuf,
    pub(super) run: PathBuf,
}

impl TestFolders {
    pub(super) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            fs::create_dir(home.path().join(name)).unwrap();
            home.path().join(name)
        };
        Self { root: folder("work"), run: folder("run"), store: home.path().join("data/store"), _home: home }
    }

    pub(super) fn snapshots(&self) -> Snapshots {
        self.with(Rules::default())
    }

    pub(super) fn with(&self, rules: Rules) -> Snapshots {
        Snapshots::open(&self.store, &self.run, &self.root, rules).unwrap()
    }

    pub(super) fn recovered(&self) -> Option<Snapshots> {
        Snapshots::recover(&self.run, &self.root, Rules::default()).unwrap()
    }

    pub(super) fn sh(&self, script: &str) {
        sh(&self.root, script);
    }
}

impl Drop for TestFolders {
    fn drop(&mut self) {
        // Closed folders would keep the temporary folder from being removed.
        let _ = Command::new("chmod").args(["-R", "u+rwx"]).arg(&self.root).output();
    }
}

pub(super) fn sh(root: &Path, script: &str) {
    let mut command = Command::new("sh");
    command.args(["-ec", script]).current_dir(root).env("GIT_CONFIG_GLOBAL", "/dev/null");
    for (name, value) in [("GIT_AUTHOR", "a"), ("GIT_COMMITTER", "a")] {
        command.env(format!("{name}_NAME"), value).env(format!("{name}_EMAIL"), value);
    }
    let done = command.output().unwrap();
    assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
}

pub(super) fn is_root() -> bool {
    let own = tempfile::tempdir().unwrap();
    fs::metadata(own.path()).unwrap().uid() == 0
}
