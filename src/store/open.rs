//! Opening a run that is stored: to write to it, or to look at it.
//!
//! Only a run that this program made is opened to write to it. Any other is looked at, whatever was asked for, until its
//! user has confirmed its workspace; it then gets a stamp and signed marks, and is this program's own from there on.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use duckdb::Connection;

use super::database;
use super::duck::DuckStore;
use super::encode::Encoder;
use super::fold::Sinks;
use super::folder::ReadLock;
use super::load::Loaded;
use super::log_file::{self, LogFile};
use super::mark::{Mark, Marked, Noted};
use super::opening::{Opening, Watch};
use super::stamp::{MarkKey, Stamp};
use super::tail::Tail;
use super::writer::Output;
use super::{FileLock, Foreign, Publish, RunFolder, RunLog, StoreError, live_copy, plain, read};
use crate::model::{TraceBody, TraceEvent};

/// How a run is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To write to it: one process only. A run that was made elsewhere is only read.
    ReadWrite,
    /// To read it: many processes at once, also while one writes.
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
    /// The reason why it counts as made elsewhere, and takes no more rows; `None`: this program made it, or its user has
    /// confirmed its workspace.
    pub foreign: Option<Foreign>,
}

/// A stored run, opened to look at.
pub struct Look {
    /// Its log, folded to its end; it takes no rows.
    pub log: RunLog,
    /// Its events that its state does not tell ([`TraceBody::is_looked_up`]), oldest first.
    pub events: Vec<TraceEvent>,
    /// Its damage, a line each.
    pub damage: Vec<String>,
    /// The reason why it counts as made elsewhere; `None`: this program made it.
    pub foreign: Option<Foreign>,
}

/// The wishes of one who opens a run.
struct Wishes<'a> {
    access: Access,
    /// The workspace that the user has confirmed.
    confirmed: Option<&'a Path>,
    hands_out: fn(&TraceBody) -> bool,
    publish: Publish,
    watch: Watch<'a>,
}

/// The lock of an opened run, and where it is read.
struct Hold {
    lock: Option<FileLock>,
    /// The copy of a run that another process is writing.
    copy: Option<tempfile::TempDir>,
}

impl RunFolder {
    /// Opens the run and checks it: no gap in its seqs, every row fits the hash chain, the log reaches the mark. A
    /// damaged run opens as far as it can be read, and takes no more rows; so does one that was made elsewhere.
    ///
    /// # Errors
    /// When it is to be written and another process uses it or its folder can't be written, it is of a newer format, or
    /// its database can't be read at all.
    pub fn open(&self, publish: Publish, access: Access) -> Result<Opened, StoreError> {
        self.open_as(Wishes { access, confirmed: None, hands_out: |_| true, publish, watch: &mut |_| true })
    }

    /// Opens the run as [`RunFolder::open`] does, but keeps of its events only those that are reported besides its state. It
    /// tells how far it is: first the state to look at, if the last closing left one, then how much is checked. It ends
    /// early when `watch` answers false.
    ///
    /// # Errors
    /// As [`RunFolder::open`].
    pub fn open_watched(&self, publish: Publish, access: Access, watch: Watch<'_>) -> Result<Opened, StoreError> {
        self.open_as(Wishes { access, confirmed: None, hands_out: TraceBody::is_reported, publish, watch })
    }

    /// Opens the run to write to it, as [`RunFolder::open`] does (with `watch`, as [`RunFolder::open_watched`] does), also
    /// if it was made elsewhere: its user has confirmed the workspace, or said where it is now. From then on it counts as
    /// made here.
    ///
    /// # Errors
    /// As [`RunFolder::open`], and when anything in its folder is neither a file nor a folder, or has a second name
    /// elsewhere.
    pub fn open_confirmed(
        &self,
        publish: Publish,
        workspace: &Path,
        watch: Option<Watch<'_>>,
    ) -> Result<Opened, StoreError> {
        let (access, confirmed) = (Access::ReadWrite, Some(workspace));
        let hands_out = if watch.is_some() { TraceBody::is_reported } else { |_: &TraceBody| true };
        let mut deaf = |_| true;
        let watch = watch.unwrap_or(&mut deaf);
        self.open_as(Wishes { access, confirmed, hands_out, publish, watch })
    }

    fn open_as(&self, wishes: Wishes<'_>) -> Result<Opened, StoreError> {
        let Wishes { access, confirmed, hands_out, publish, watch } = wishes;
        let (pid, spoilt) = self.writer()?;
        let standing = self.standing();
        let writes = access == Access::ReadWrite && (standing.is_ok() || confirmed.is_some());
        if writes {
            plain::check(self.path(), standing.is_err())?;
        }
        let Hold { lock, copy } = if writes { Hold { lock: Some(self.lock(pid)?), copy: None } } else { self.hold()? };
        let at = copy.as_ref().map_or_else(|| self.clone(), |copy| Self::at(copy.path().to_owned(), self.id().clone()));
        let (marked, is_live) = (Marked::read(at.path()), copy.is_some());
        let mark = marked.newest();
        let mut early = |tree| {
            watch(Opening::State(Box::new(tree)));
        };
        let snapshot = mark.filter(|_| standing.is_ok()).and_then(|mark| self.snapshot().read(mark, &mut early));
        let states = snapshot.is_none();
        if let Some(state) = snapshot {
            watch(Opening::State(Box::new(state)));
        }
        if !(is_live && standing.is_ok()) {
            at.vouch(standing.is_ok())?;
        }
        // First for reading only: opening for writing may already change the files of a damaged run.
        let (reader, layout) = database::open(&at.database(), true)?;
        let logged = log_file::read(at.path(), &layout)?;
        let signed: Vec<_> = marked.signed.into_iter().chain(logged.signed).collect();
        let sinks = Sinks { keep: None, hands_out, watch, states };
        let loaded = Loaded::load_with(&reader, &layout, logged.rows, mark, sinks)?;
        let Loaded { events, state, keyframes, texts, last, chain, mut damage, rows, tail } = loaded;
        damage.extend(spoilt);
        let end = Noted { seq: last, chain };
        let is_signed = |key: &MarkKey| is_live || signed.iter().any(|found| found.noted == end && key.fits(found));
        let key = standing.and_then(|key| if is_signed(&key) { Ok(key) } else { Err(Foreign::Changed) });
        let (key, foreign) = match key {
            Ok(key) => (Some(key), None),
            Err(_) if confirmed.is_some() => (None, None),
            Err(why) => (None, Some(why)),
        };
        let lock = match lock {
            Some(lock) if writes && damage.is_empty() && foreign.is_none() => Ok(lock),
            lock => Err(lock),
        };
        let store = match lock {
            Err(lock) => DuckStore::reading(reader, publish, (last, tail), self.kept(), lock),
            Ok(lock) => {
                drop(reader);
                let output = self.output(&Found { end, rows, tail, key, confirmed }, &state)?;
                DuckStore::writing(output, publish, last, self.kept(), lock)?
            }
        };
        let log = RunLog::new(Arc::new(store), state, last, texts).with_keyframes(keyframes);
        Ok(Opened { log, events, damage, foreign })
    }

    /// Opens the files that a writer needs; what the log file has more than the database is moved.
    fn output(&self, found: &Found<'_>, state: &crate::model::RunState) -> Result<Output, StoreError> {
        let key = self.renew(found)?;
        let (connection, layout) = database::open(&self.database(), false)?;
        check_count(&connection, found.rows - found.tail.rows().count() as u64)?;
        let mut mark = Mark::open(&self.mark_path(), key)?;
        self.snapshot().remove();
        mark.note(found.end)?;
        let mut mover = self.mover(connection, &layout, &mark)?;
        mover.store(&found.tail)?;
        let log = LogFile::create(&self.log_path())?;
        Ok(Output { mover, encoder: Encoder::new(layout, found.end.chain, state), log, mark })
    }

    /// Brings the manifest up to date, and the stamp with it; returns the key of the marks.
    fn renew(&self, found: &Found<'_>) -> Result<Option<MarkKey>, StoreError> {
        let mut format = None;
        let manifest = self.update_manifest(|manifest| {
            format = Some(manifest.format);
            manifest.pid = std::process::id();
            // From here on it may have rows that an earlier version can't read.
            manifest.renew_format();
        })?;
        match (found.confirmed, &found.key) {
            (Some(workspace), _) => Stamp::write(self, &manifest, &workspace.display().to_string()),
            (None, Some(_)) if format != Some(manifest.format) => {
                let workspace = Stamp::read(self.path()).map(|(stamp, _)| stamp.workspace().to_owned());
                Stamp::write(self, &manifest, &workspace.unwrap_or_else(|_| manifest.workspace.clone()))
            }
            (None, key) => Ok(key.clone()),
        }
    }

    /// Opens the run to look at it. What nothing happened to since it was closed here is not read as a whole.
    ///
    /// # Errors
    /// As [`RunFolder::open`].
    pub fn look(&self) -> Result<Look, StoreError> {
        if let Some(look) = self.look_at_closed()? {
            return Ok(look);
        }
        let publish = Box::new(|_: Vec<TraceEvent>| ());
        let (access, hands_out) = (Access::ReadOnly, TraceBody::is_looked_up as fn(&TraceBody) -> bool);
        let wishes = Wishes { access, confirmed: None, hands_out, publish, watch: &mut |_| true };
        let Opened { log, events, damage, foreign } = self.open_as(wishes)?;
        Ok(Look { log, events, damage, foreign })
    }

    /// Opens a run of this program whose seal and snapshot fit; `None` for any other.
    fn look_at_closed(&self) -> Result<Option<Look>, StoreError> {
        let (_, spoilt) = self.writer()?;
        if spoilt.is_some() || self.standing().is_err() {
            return Ok(None);
        }
        let ReadLock::Free(lock) = self.lock_to_read() else { return Ok(None) };
        let marked = Marked::read(self.path());
        let Some(mark) = marked.newest() else { return Ok(None) };
        let Some(state) = self.snapshot().read(mark, &mut |_| ()) else { return Ok(None) };
        if !self.sealed().fits(&marked.seal) {
            return Ok(None);
        }
        let (reader, _) = database::open(&self.database(), true)?;
        let events = read::looked_up(&reader)?;
        let store = DuckStore::reading(reader, Box::new(|_| ()), (mark.seq, Tail::after(mark.seq)), self.kept(), lock);
        let log = RunLog::new(Arc::new(store), state, mark.seq, HashSet::new());
        Ok(Some(Look { log, events, damage: Vec::new(), foreign: None }))
    }

    /// Holds the run to read it: where it is, or a copy of it while another process writes.
    fn hold(&self) -> Result<Hold, StoreError> {
        match self.lock_to_read() {
            ReadLock::Free(lock) => Ok(Hold { lock, copy: None }),
            ReadLock::Held => {
                self.check_started()?;
                Ok(Hold { lock: None, copy: Some(live_copy::make(self.path())?) })
            }
        }
    }
}

impl RunFolder {
    /// Fails while another process still makes the run: its log file is made last, after the tables of its database.
    fn check_started(&self) -> Result<(), StoreError> {
        /// Runs of earlier formats have no log file.
        const FIRST: u32 = 3;
        if self.manifest()?.format.major < FIRST || self.log_path().exists() {
            return Ok(());
        }
        Err(StoreError::Unreadable("it is just being started; try again".to_owned()))
    }
}

/// The facts that opening finds out about a run.
struct Found<'a> {
    end: Noted,
    rows: u64,
    tail: Tail,
    /// Of a run that this program made.
    key: Option<MarkKey>,
    /// The workspace that the user has confirmed.
    confirmed: Option<&'a Path>,
}

/// Opened to go on, the database must have what it had when it was looked at.
fn check_count(connection: &Connection, rows: u64) -> Result<(), StoreError> {
    match read::count(connection)? {
        count if count == rows => Ok(()),
        count => Err(StoreError::Damaged(format!("it had {rows} rows when it was looked at, and {count} when opened"))),
    }
}
