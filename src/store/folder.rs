//! One run's folder: `manifest.json`, `run.duckdb`, `run.log`, `mark`, `blobs/`, `lock`.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use duckdb::Connection;
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};

use super::blobs::Blobs;
use super::chain::Chain;
use super::database::{self, WalWatch, failed};
use super::duck::{DuckStore, Kept};
use super::encode::Encoder;
use super::files::{file_error, private_dir, size_of};
use super::insert::Inserts;
use super::inside::{is_single, open_file};
use super::log_file::{self, LogFile};
use super::mark::{self, Mark, Marked};
use super::mover::Mover;
use super::points::crash_point;
use super::schema::Layout;
use super::seal::Sealed;
use super::snapshot::SnapshotFile;
use super::stamp::{MarkKey, Stamp};
use super::writer::Output;
use super::{FileLock, Foreign, Manifest, Publish, RunLog, StoreError, inspect};
use crate::model::{RunId, RunState, RunStatus, Seq};

/// The file that a writer locks.
const LOCK: &str = "lock";

/// A reader's lock.
pub(super) enum ReadLock {
    /// Nobody writes to the run; without a lock where there is no file for it.
    Free(Option<FileLock>),
    /// A process has it open to write to it.
    Held,
}

/// One run's folder.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
    id: RunId,
}

impl RunFolder {
    pub(super) fn at(path: PathBuf, id: RunId) -> Self {
        Self { path, id }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// The size of everything in it, in bytes.
    pub fn bytes(&self) -> u64 {
        size_of(&self.path)
    }

    /// Reads its manifest; a run that was running when its process died counts as interrupted.
    ///
    /// # Errors
    /// When it can't be read, or is of a newer format.
    pub fn manifest(&self) -> Result<Manifest, StoreError> {
        let mut manifest = Manifest::read(&self.manifest_path())?;
        if manifest.status == RunStatus::Running && !self.is_held() {
            manifest.status = RunStatus::Interrupted;
        }
        Ok(manifest)
    }

    /// The reason why it counts as made elsewhere, as far as that shows without reading its log; `None`: this program
    /// made it.
    #[must_use]
    pub fn foreign(&self) -> Option<Foreign> {
        self.standing().err()
    }

    /// The key that its marks are signed with, if this program made it and nobody changed its end.
    pub(super) fn standing(&self) -> Result<MarkKey, Foreign> {
        let (stamp, key) = Stamp::read(&self.path)?;
        stamp.check(self, Manifest::read(&self.manifest_path()).ok().as_ref())?;
        let marked = Marked::read(&self.path);
        let newest = marked.newest();
        let is_own = marked.signed.iter().any(|signed| Some(signed.noted) == newest && key.fits(signed));
        if is_own { Ok(key) } else { Err(Foreign::Changed) }
    }

    /// Changes its manifest; the file is replaced as a whole. Only the process that has the run open may do this.
    ///
    /// # Errors
    /// When it can't be read or written.
    pub fn update_manifest(&self, change: impl FnOnce(&mut Manifest)) -> Result<Manifest, StoreError> {
        let mut manifest = Manifest::read(&self.manifest_path())?;
        let before = manifest.clone();
        change(&mut manifest);
        if manifest != before {
            manifest.write(&self.manifest_path())?;
        }
        Ok(manifest)
    }

    /// The process that last wrote to it, and the fault of the manifest. Everything else in it is in the log too, so
    /// that a run opens without.
    pub(super) fn writer(&self) -> Result<(u32, Option<String>), StoreError> {
        let path = self.manifest_path();
        match Manifest::read(&path) {
            Ok(manifest) => Ok((manifest.pid, None)),
            Err(StoreError::Damaged(why)) => Ok((0, Some(why))),
            Err(_) if !path.exists() && self.database().exists() => Ok((0, Some("its manifest is lost".to_owned()))),
            Err(error) => Err(error),
        }
    }

    /// Has another process look at the run first, unless it is this program's own and nothing happened to it since it was
    /// closed. The caller holds the lock.
    pub(super) fn vouch(&self, is_own: bool) -> Result<(), StoreError> {
        let is_closed = || self.sealed().fits(&Marked::read(&self.path).seal);
        if !self.database().exists() || is_own && is_closed() {
            return Ok(());
        }
        inspect::ask(&self.path).map(drop)
    }

    /// The database's side of a writer.
    pub(super) fn mover(&self, connection: Connection, layout: &Layout, mark: &Mark) -> Result<Mover, StoreError> {
        let wal = WalWatch::new(&self.database());
        let inserts = Inserts::new(&connection, layout).map_err(failed("set the database up"))?;
        Ok(Mover { connection, inserts, wal, mark: mark.syncer()?, sealed: self.sealed() })
    }

    pub(super) fn sealed(&self) -> Sealed {
        Sealed { database: self.database(), data: self.data().to_owned() }
    }

    /// The data folder that it is in.
    fn data(&self) -> &Path {
        self.path.parent().and_then(Path::parent).unwrap_or(Path::new("."))
    }

    pub(super) fn snapshot(&self) -> SnapshotFile {
        SnapshotFile::of(&self.path, self.data())
    }

    /// Fills a folder that was just made.
    pub(super) fn create(&self, manifest: &Manifest, publish: Publish) -> Result<RunLog, StoreError> {
        let lock = self.lock(manifest.pid)?;
        let key = Stamp::write(self, manifest, &manifest.workspace)?;
        crash_point("create-manifest");
        manifest.write(&self.manifest_path())?;
        private_dir(&self.path.join("blobs"))?;
        crash_point("create-mark");
        let mark = Mark::create(&self.mark_path(), key)?;
        crash_point("create-database");
        let layout = Layout::newest();
        let connection = database::create(&self.database(), &layout)?;
        let state = RunState::default();
        let mover = self.mover(connection, &layout, &mark)?;
        let encoder = Encoder::new(layout, Chain::default(), &state);
        crash_point("create-log");
        let log = LogFile::create(&self.log_path())?;
        let output = Output { mover, encoder, log, mark };
        let store = DuckStore::writing(output, publish, Seq(0), self.kept(), lock)?;
        Ok(RunLog::new(Arc::new(store), state, Seq(0), HashSet::new()))
    }

    /// Locks the run against other openers, in this process too, to write to it. The database's own lock doesn't hold
    /// within one process, and is lost when any handle on the file is closed.
    pub(super) fn lock(&self, writer: u32) -> Result<FileLock, StoreError> {
        // A listing looks at the lock for an instant; that is no user of the run.
        const TRIES: u32 = 10;
        let path = self.path.join(LOCK);
        let file = self.lock_file(&path)?;
        for last in (0..TRIES).map(|at| at + 1 == TRIES) {
            match file.try_lock() {
                Ok(()) => return Ok(FileLock::of(file)),
                Err(TryLockError::Error(error)) => return Err(file_error("lock", &path)(error)),
                Err(TryLockError::WouldBlock) if last => break,
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        // Readers leave no pid; only a writer's is known.
        let pid = if self.is_held() { writer.to_string() } else { "unknown".to_owned() };
        Err(StoreError::Locked { pid })
    }

    /// Opens the file that a writer locks.
    fn lock_file(&self, path: &Path) -> Result<File, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let opened = options.custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path);
        opened.map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                StoreError::NotWritable { path: self.path.display().to_string() }
            }
            _ => file_error("open", path)(error),
        })
    }

    /// Locks the run against writers, to read it where it is.
    pub(super) fn lock_to_read(&self) -> ReadLock {
        // Nobody writes to a run without this file, and one that has other names is not a run's own.
        let single = is_single(&self.path, LOCK);
        let Some(file) = open_file(&self.path, &[LOCK]).ok().filter(|_| single) else { return ReadLock::Free(None) };
        match file.try_lock_shared() {
            Ok(()) => ReadLock::Free(Some(FileLock::of(file))),
            Err(TryLockError::WouldBlock) => ReadLock::Held,
            // A file system without locks.
            Err(TryLockError::Error(_)) => ReadLock::Free(None),
        }
    }

    /// True while a process has the run open to write to it.
    pub fn is_held(&self) -> bool {
        matches!(self.lock_to_read(), ReadLock::Held)
    }

    /// The files beside the database that closing needs.
    pub(super) fn kept(&self) -> Kept {
        Kept { blobs: Blobs::new(&self.path), run: self.path.clone(), snapshot: self.snapshot() }
    }

    pub(super) fn manifest_path(&self) -> PathBuf {
        self.path.join("manifest.json")
    }

    /// The workspace: where its user said that it is, what the log says, or what the manifest does when the run died
    /// before its first row.
    ///
    /// # Errors
    /// When none of them can be read.
    pub fn workspace(&self, log: &RunLog) -> Result<String, StoreError> {
        if let Ok((stamp, _)) = Stamp::read(&self.path)
            && self.standing().is_ok()
        {
            return Ok(stamp.workspace().to_owned());
        }
        let logged = log.with(|state| state.workspace.clone());
        if logged.is_empty() { Ok(self.manifest()?.workspace) } else { Ok(logged) }
    }

    /// Its database.
    pub fn database(&self) -> PathBuf {
        self.path.join("run.duckdb")
    }

    pub(super) fn log_path(&self) -> PathBuf {
        self.path.join(log_file::NAME)
    }

    pub(super) fn mark_path(&self) -> PathBuf {
        self.path.join(mark::NAME)
    }
}
