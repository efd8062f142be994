//! One run's folder: `manifest.json`, `run.duckdb`, `run.log`, `mark`, `blobs/`, `lock`.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use duckdb::Connection;

use super::blobs::Blobs;
use super::chain::Chain;
use super::database::{self, WalWatch, failed};
use super::duck::{DuckStore, Kept};
use super::encode::Encoder;
use super::files::{file_error, private_dir, size_of};
use super::fold::Sinks;
use super::insert::Inserts;
use super::load::Loaded;
use super::log_file::{self, LogFile};
use super::mark::{Mark, Noted};
use super::mover::Mover;
use super::opening::{Opening, Watch};
use super::points::crash_point;
use super::read;
use super::schema::Layout;
use super::seal::Sealed;
use super::snapshot::SnapshotFile;
use super::tail::Tail;
use super::writer::Output;
use super::{FileLock, Manifest, Publish, RunLog, StoreError, inspect};
use crate::model::{RunId, RunState, RunStatus, Seq, TraceBody, TraceEvent};

/// How a run is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To write to it: one process only.
    ReadWrite,
    /// To read it: many processes at once, but not while one writes.
    ReadOnly,
}

/// A stored run, opened.
pub struct Opened {
    /// Its log, folded to its end.
    pub log: RunLog,
    /// Its events, oldest first: all of them, or those that are reported ([`TraceBody::is_reported`]).
    pub events: Vec<TraceEvent>,
    /// Its damage, a line each. When there is any, the log takes no more rows.
    pub damage: Vec<String>,
}

/// A stored run, opened to look at.
pub struct Look {
    /// Its log, folded to its end; it takes no rows.
    pub log: RunLog,
    /// Its events that its state does not tell ([`crate::model::TraceBody::is_looked_up`]), oldest first.
    pub events: Vec<TraceEvent>,
    /// Its damage, a line each.
    pub damage: Vec<String>,
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

    /// Says whether the run could be opened to go on, as far as that shows without reading its database.
    ///
    /// # Errors
    /// When another process uses it, or it is of a newer format.
    pub fn check_free(&self) -> Result<(), StoreError> {
        let (pid, _) = self.writer()?;
        self.lock(Access::ReadWrite, pid).map(drop)
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

    /// Opens the run and checks it: no gap in its seqs, every row fits the hash chain, the log reaches the mark. A
    /// damaged run opens as far as it can be read, and takes no more rows.
    ///
    /// # Errors
    /// When another process uses it, it is of a newer format, or its database can't be read at all.
    pub fn open(&self, publish: Publish, access: Access) -> Result<Opened, StoreError> {
        self.open_handing_out(|_| true, publish, access, &mut |_| true)
    }

    /// Opens the run as [`RunFolder::open`] does, but keeps of its events only those that are reported besides its state. It
    /// tells how far it is: first the state to look at, if the last closing left one, then how much is checked. It ends
    /// early when `watch` answers false.
    ///
    /// # Errors
    /// As [`RunFolder::open`].
    pub fn open_watched(&self, publish: Publish, access: Access, watch: Watch<'_>) -> Result<Opened, StoreError> {
        self.open_handing_out(TraceBody::is_reported, publish, access, watch)
    }

    fn open_handing_out(
        &self,
        hands_out: fn(&TraceBody) -> bool,
        publish: Publish,
        access: Access,
        watch: Watch<'_>,
    ) -> Result<Opened, StoreError> {
        let (pid, spoilt) = self.writer()?;
        let lock = self.lock(access, pid)?;
        let mark = Mark::read(&self.mark_path());
        let mut early = |tree| {
            watch(Opening::State(Box::new(tree)));
        };
        let snapshot = mark.and_then(|mark| self.snapshot().read(mark, &mut early));
        let states = snapshot.is_none();
        if let Some(state) = snapshot {
            watch(Opening::State(Box::new(state)));
        }
        self.vouch()?;
        // First for reading only: opening for writing may already change the files of a damaged run.
        let (reader, layout) = database::open(&self.database(), true)?;
        let logged = log_file::read(&self.log_path(), &layout)?;
        let loaded = Loaded::load_with(&reader, &layout, logged, mark, Sinks { keep: None, hands_out, watch, states })?;
        let Loaded { events, state, keyframes, texts, last, chain, mut damage, rows, tail } = loaded;
        damage.extend(spoilt);
        let store = if access == Access::ReadOnly || !damage.is_empty() {
            DuckStore::reading(reader, publish, (last, tail), self.kept(), lock)
        } else {
            drop(reader);
            self.update_manifest(|manifest| {
                manifest.pid = std::process::id();
                // From here on it may have rows that an earlier version can't read.
                manifest.renew_format();
            })?;
            let (connection, layout) = database::open(&self.database(), false)?;
            check_count(&connection, rows - tail.rows().count() as u64)?;
            let mut mark = Mark::open(&self.mark_path())?;
            self.snapshot().remove();
            mark.note(Noted { seq: last, chain })?;
            let mut mover = self.mover(connection, &layout, &mark)?;
            mover.store(&tail)?;
            let log = LogFile::create(&self.log_path())?;
            let output = Output { mover, encoder: Encoder::new(layout, chain, &state), log, mark };
            DuckStore::writing(output, publish, last, self.kept(), lock)?
        };
        let log = RunLog::new(Arc::new(store), state, last, texts).with_keyframes(keyframes);
        Ok(Opened { log, events, damage })
    }

    /// Opens the run to look at it. What nothing happened to since it was closed here is not read as a whole.
    ///
    /// # Errors
    /// As [`RunFolder::open`].
    pub fn look(&self) -> Result<Look, StoreError> {
        if let Some(look) = self.look_at_closed()? {
            return Ok(look);
        }
        let (publish, access) = (Box::new(|_: Vec<TraceEvent>| ()), Access::ReadOnly);
        let Opened { log, events, damage } =
            self.open_handing_out(TraceBody::is_looked_up, publish, access, &mut |_| true)?;
        Ok(Look { log, events, damage })
    }

    /// Opens a run whose seal and snapshot fit; `None` for any other.
    fn look_at_closed(&self) -> Result<Option<Look>, StoreError> {
        let (pid, spoilt) = self.writer()?;
        let lock = self.lock(Access::ReadOnly, pid)?;
        let mark_path = self.mark_path();
        let Some(mark) = Mark::read(&mark_path).filter(|_| spoilt.is_none()) else { return Ok(None) };
        let Some(state) = self.snapshot().read(mark, &mut |_| ()) else { return Ok(None) };
        if !self.sealed().fits(&Mark::read_seal(&mark_path)) {
            return Ok(None);
        }
        let (reader, _) = database::open(&self.database(), true)?;
        let events = read::looked_up(&reader)?;
        let store = DuckStore::reading(reader, Box::new(|_| ()), (mark.seq, Tail::after(mark.seq)), self.kept(), lock);
        let log = RunLog::new(Arc::new(store), state, mark.seq, HashSet::new());
        Ok(Some(Look { log, events, damage: Vec::new() }))
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

    /// Has another process look at the run first, unless nothing happened to it since it was closed here. The caller
    /// holds the lock.
    pub(super) fn vouch(&self) -> Result<(), StoreError> {
        if !self.database().is_file() || self.sealed().fits(&Mark::read_seal(&self.mark_path())) {
            return Ok(());
        }
        inspect::ask(&self.path).map(drop)
    }

    /// The database's side of a writer.
    fn mover(&self, connection: Connection, layout: &Layout, mark: &Mark) -> Result<Mover, StoreError> {
        let wal = WalWatch::new(&self.database());
        let inserts = Inserts::new(&connection, layout).map_err(failed("set the database up"))?;
        Ok(Mover { connection, inserts, wal, mark: mark.syncer()?, sealed: self.sealed() })
    }

    fn sealed(&self) -> Sealed {
        Sealed { database: self.database(), data: self.data().to_owned() }
    }

    /// The data folder that it is in.
    fn data(&self) -> &Path {
        self.path.parent().and_then(Path::parent).unwrap_or(Path::new("."))
    }

    fn snapshot(&self) -> SnapshotFile {
        SnapshotFile::of(&self.path, self.data())
    }

    /// Fills a folder that was just made.
    pub(super) fn create(&self, manifest: &Manifest, publish: Publish) -> Result<RunLog, StoreError> {
        let lock = self.lock(Access::ReadWrite, manifest.pid)?;
        crash_point("create-manifest");
        manifest.write(&self.manifest_path())?;
        private_dir(&self.path.join("blobs"))?;
        crash_point("create-mark");
        let mark = Mark::create(&self.mark_path())?;
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

    /// Locks the run against other openers, in this process too. The database's own lock doesn't hold within one
    /// process, and is lost when any handle on the file is closed.
    pub(super) fn lock(&self, access: Access, writer: u32) -> Result<FileLock, StoreError> {
        // A listing looks at the lock for an instant; that is no user of the run.
        const TRIES: u32 = 10;
        let path = self.path.join("lock");
        let file = self.lock_file(&path, access).map_err(file_error("open", &path))?;
        for last in (0..TRIES).map(|at| at + 1 == TRIES) {
            let locked = match access {
                Access::ReadWrite => file.try_lock(),
                Access::ReadOnly => file.try_lock_shared(),
            };
            match locked {
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

    /// Opens the file that is locked. A reader needs no right to write, also not where nobody can (a copy on read-only
    /// media): without the file it takes the folder itself.
    fn lock_file(&self, path: &Path, access: Access) -> std::io::Result<File> {
        let read = if access == Access::ReadOnly { File::open(path) } else { Err(ErrorKind::NotFound.into()) };
        read.or_else(|_| OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path))
            .or_else(|error| if access == Access::ReadOnly { File::open(&self.path) } else { Err(error) })
    }

    /// True while a process has the run open to write to it.
    pub(super) fn is_held(&self) -> bool {
        let file = File::open(self.path.join("lock"));
        file.is_ok_and(|file| match file.try_lock_shared() {
            Ok(()) => {
                drop(FileLock::of(file));
                false
            }
            Err(error) => matches!(error, TryLockError::WouldBlock),
        })
    }

    /// The files beside the database that closing needs.
    fn kept(&self) -> Kept {
        Kept { blobs: Blobs::new(self.path.join("blobs")), mark: self.mark_path(), snapshot: self.snapshot() }
    }

    pub(super) fn manifest_path(&self) -> PathBuf {
        self.path.join("manifest.json")
    }

    /// The workspace: what the log says, or what the manifest does when the run died before its first row.
    ///
    /// # Errors
    /// When neither can be read.
    pub fn workspace(&self, log: &RunLog) -> Result<String, StoreError> {
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
        self.path.join("mark")
    }
}

/// Opened to go on, the database must have what it had when it was looked at.
fn check_count(connection: &Connection, rows: u64) -> Result<(), StoreError> {
    match read::count(connection)? {
        count if count == rows => Ok(()),
        count => Err(StoreError::Damaged(format!("it had {rows} rows when it was looked at, and {count} when opened"))),
    }
}
