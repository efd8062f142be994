//! The world of one run: memory and a workspace.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::files::{Files, Put};
use super::locks::Locks;
use super::memory::Memory;
use super::root::Root;
use super::{Content, Guard, OpenFiles, Scope, Value, WorldError, path};
use crate::model::{Key, KeyKind, KeyState, Ledger};

/// The world of one run: everything that can be changed, by key.
///
/// Reading and putting takes no lock by itself; the caller holds a [`Guard`] meanwhile.
pub struct World {
    files: Files,
    memory: Mutex<Memory>,
    locks: Locks,
    /// The workspace as an agent sees it whose overlay lies over it.
    view: Mutex<Option<Arc<World>>>,
}

impl World {
    /// Opens a workspace. The data folder, which must exist, is never part of it, wherever it lies.
    ///
    /// # Errors
    /// When the workspace is no folder, is `/`, the home folder or a folder above it, or lies in the data folder.
    pub fn open(workspace: &Path, data_dir: Option<&Path>) -> Result<Self, WorldError> {
        let refuse = |why: String| WorldError::Workspace { path: workspace.display().to_string(), why };
        let root = workspace.canonicalize().map_err(|error| refuse(error.to_string()))?;
        if !root.is_dir() {
            return Err(refuse("it is not a folder".into()));
        }
        if root.parent().is_none() {
            return Err(refuse("it is the whole file system; give a folder of its own".into()));
        }
        let home = etcetera::home_dir().ok().and_then(|home| home.canonicalize().ok());
        if home.as_ref().is_some_and(|home| home.starts_with(&root)) {
            return Err(refuse("it holds your home folder; give a folder of its own".into()));
        }
        let data = data_dir.map(|dir| data_folder(dir, &root)).transpose().map_err(&refuse)?;
        let handle = Dir::open_ambient_dir(&root, ambient_authority()).map_err(|error| refuse(error.to_string()))?;
        let root = Root::new(handle, &root).map_err(|error| refuse(error.to_string()))?;
        Ok(Self::of(Files::new(root, data)))
    }

    /// The world of a run that is only looked at and whose workspace can't be opened: nothing is in it, and nothing can be
    /// made in it.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn gone(workspace: &Path) -> Result<Self, WorldError> {
        let refuse = |error: std::io::Error| WorldError::Workspace {
            path: workspace.display().to_string(),
            why: error.to_string(),
        };
        let folder = tempfile::tempdir().map_err(refuse)?;
        let handle = Dir::open_ambient_dir(folder.path(), ambient_authority()).map_err(refuse)?;
        folder.close().map_err(refuse)?;
        let root = Root::new(handle, workspace).map_err(refuse)?;
        Ok(Self::of(Files::new(root, None)))
    }

    fn of(files: Files) -> Self {
        Self { files, memory: Mutex::default(), locks: Locks::default(), view: Mutex::default() }
    }

    /// Opens the workspace as an agent sees it. `path`: leads to it through a process of the agent, and is used as it is.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn open_view(path: &Path) -> Result<Self, WorldError> {
        let refuse =
            |error: std::io::Error| WorldError::Workspace { path: path.display().to_string(), why: error.to_string() };
        let handle = Dir::open_ambient_dir(path, ambient_authority()).map_err(refuse)?;
        let root = Root::new(handle, path).map_err(refuse)?;
        Ok(Self::of(Files::new(root, None)))
    }

    /// True when the other one is the very same folder.
    pub fn is_same_folder(&self, other: &Self) -> bool {
        self.files.root_id() == other.files.root_id()
    }

    /// Sets the view of an agent whose overlay lies over the workspace; `None`: there is none any more. What is undone or
    /// redone meanwhile is put there too.
    pub fn set_view(&self, view: Option<World>) {
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = view.map(Arc::new);
    }

    /// The view of an agent whose overlay lies over the workspace.
    pub fn view(&self) -> Option<Arc<World>> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The workspace's absolute path, without links.
    pub fn root(&self) -> &Path {
        self.files.root()
    }

    /// Checks that the workspace is still the folder that was opened: not renamed, replaced, removed or unmounted.
    ///
    /// # Errors
    /// When it is not; it says where the folder is now, as far as that is known.
    pub fn check_root(&self) -> Result<(), WorldError> {
        self.files.check_root()
    }

    /// The files of the workspace that other programs have open for writing, mapped shared and writable, or locked, and
    /// for whose path `counts` is true. Takes some 10 ms, 500 ms at most; blocks.
    pub fn open_files(&self, counts: &dyn Fn(&str) -> bool) -> OpenFiles {
        self.files.open_files(counts)
    }

    /// Takes the lines about files that were replaced while another program had them open for reading.
    pub fn take_notes(&self) -> Vec<String> {
        self.files.take_notes()
    }

    /// Renames a file; what it holds is not touched.
    ///
    /// # Errors
    /// When the system refuses, or something is at the new path.
    pub fn rename(&self, from: &Key, to: &Key) -> Result<(), WorldError> {
        self.files.rename(&self.path_of(from)?, &self.path_of(to)?)
    }

    /// The key of a path as a model or a person wrote it: relative, or absolute inside the workspace.
    ///
    /// # Errors
    /// When it leads out of the workspace, through a link, or into the data folder.
    pub fn key(&self, written: &str) -> Result<Key, WorldError> {
        let relative = path::normalise(written, Some(self.root()))?;
        self.files.check(&relative)?;
        Ok(Key::file(relative))
    }

    /// Reads the present value; of a path, whatever the key's kind says.
    ///
    /// # Errors
    /// When it can't be read, is neither file, folder nor link, or lies outside of the workspace.
    pub fn read(&self, key: &Key) -> Result<Value, WorldError> {
        if key.kind == KeyKind::Memory {
            return Ok(self.lock_memory().get(&key.name));
        }
        self.files.read(&self.path_of(key)?, true, u64::MAX)
    }

    /// [`World::read`] of a file that has at most `most` bytes.
    ///
    /// # Errors
    /// As [`World::read`], and when the file is larger.
    pub fn read_at_most(&self, key: &Key, most: u64) -> Result<Value, WorldError> {
        if key.kind == KeyKind::Memory { self.read(key) } else { self.files.read(&self.path_of(key)?, true, most) }
    }

    /// [`World::read`], but of a folder only that it is one: its entries are not listed, which it may not allow.
    ///
    /// # Errors
    /// As [`World::read`].
    pub fn peek(&self, key: &Key) -> Result<Value, WorldError> {
        if key.kind == KeyKind::Memory { self.read(key) } else { self.files.read(&self.path_of(key)?, false, u64::MAX) }
    }

    /// Returns the present state; a file is hashed without being held in memory.
    ///
    /// # Errors
    /// As [`World::read`].
    pub fn state(&self, key: &Key) -> Result<KeyState, WorldError> {
        if key.kind == KeyKind::Memory { Ok(self.read(key)?.state()) } else { self.files.state(&self.path_of(key)?) }
    }

    /// Puts the key into this state, exactly. A folder is only made or removed by itself, never with what is in it.
    ///
    /// # Errors
    /// When the system refuses, a folder to remove is not empty, or this kind of key can't have that state.
    pub fn put(&self, key: &Key, value: &Value) -> Result<(), WorldError> {
        self.put_as(key, value, Put::default())
    }

    /// [`World::put`], in another way.
    ///
    /// # Errors
    /// As [`World::put`].
    pub fn put_as(&self, key: &Key, value: &Value, how: Put) -> Result<(), WorldError> {
        if key.kind != KeyKind::Memory {
            return self.files.put(&self.path_of(key)?, value, how);
        }
        let mut memory = self.lock_memory();
        match value {
            Value::Absent | Value::Text(_) | Value::List(_) => memory.put(&key.name, value.clone()),
            Value::File { .. } | Value::Directory { .. } | Value::Symlink { .. } => {
                let why = "a memory key can only hold a text or a list";
                return Err(WorldError::WrongState { key: key.name.clone(), why });
            }
        }
        Ok(())
    }

    /// Makes a file of what is read from `from`, however much that is: its bytes are not held in memory.
    ///
    /// # Errors
    /// As [`World::put`], and when `from` can't be read.
    pub fn copy(&self, key: &Key, from: &mut dyn Content, mode: u32, how: Put) -> Result<(), WorldError> {
        self.files.copy(&self.path_of(key)?, from, mode, how)
    }

    /// Makes everything last that was put with [`Put::later`].
    ///
    /// # Errors
    /// When the system refuses.
    pub fn sync(&self) -> Result<(), WorldError> {
        self.files.sync()
    }

    /// Gives a regular file a time of last change; nothing else of it changes.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn touch(&self, key: &Key, modified: SystemTime) -> Result<(), WorldError> {
        self.files.touch(&self.path_of(key)?, modified)
    }

    /// Removes the temporary file that a crash in the middle of [`World::put`] may have left beside a path; whether
    /// there was one. Putting the key again does this too.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn tidy(&self, key: &Key) -> Result<bool, WorldError> {
        if key.kind.is_path() { self.files.tidy(&self.path_of(key)?) } else { Ok(false) }
    }

    /// Replaces the whole memory, by that of a run's log.
    pub fn load_memory(&self, ledger: Ledger) {
        *self.lock_memory() = Memory::of(ledger);
    }

    /// The whole memory as it is now.
    pub fn memory(&self) -> BTreeMap<String, KeyState> {
        self.lock_memory().states()
    }

    /// Waits until the scope is free, and holds it; `holder` is what others see they wait for.
    pub async fn lock(&self, scope: &Scope, holder: &str) -> Guard {
        self.locks.lock(scope, holder).await
    }

    /// Holds the scope if it is free.
    pub fn try_lock(&self, scope: &Scope, holder: &str) -> Option<Guard> {
        self.locks.try_lock(scope, holder)
    }

    /// Returns as soon as somebody waits for the workspace.
    pub async fn wanted(&self) {
        self.locks.wanted().await;
    }

    /// Returns the holder of (a part of) the scope.
    pub fn holder(&self, scope: &Scope) -> Option<String> {
        self.locks.holder(scope)
    }

    fn path_of(&self, key: &Key) -> Result<String, WorldError> {
        if key.kind.is_path() {
            return path::normalise(&key.name, Some(self.root()));
        }
        Err(WorldError::WrongState { key: key.name.clone(), why: "keys of this kind can't be read" })
    }

    fn lock_memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The identity of the data folder, whatever its name.
fn data_folder(dir: &Path, root: &Path) -> Result<super::files::FileId, String> {
    let at = dir.canonicalize().map_err(|error| format!("its data folder {}: {error}", dir.display()))?;
    if root.starts_with(&at) {
        return Err(format!("it lies in the data folder {}", dir.display()));
    }
    let found = fs::metadata(&at).map_err(|error| format!("its data folder {}: {error}", dir.display()))?;
    Ok((found.dev(), found.ino()))
}
