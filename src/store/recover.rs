//! Recovery: a damaged log is moved aside, and the rows of it that can be read become a log that can be written to.
//!
//! Every row that is what was written keeps its seq. A lost one is stood in for by a text that says so, so that the
//! counter has no gap and the new hash chain proves the rest; the last row is a note that says what is missing. A row is
//! copied cell by cell, so that what a newer version wrote into it stays. Nobody can say any more who wrote what is left, so
//! the new mark is not signed, and the run counts as made elsewhere until its user confirms its workspace. The files as they were stay in `damaged-1/` (`damaged-2/`, …) beside it. The new files are complete before the first
//! old one is replaced; a crash in between leaves a log with damage, to be recovered once more.

use std::fs;
use std::path::{Path, PathBuf};

use duckdb::{Connection, appender_params_from_iter};

use super::chain::{Cell, Chain};
use super::database::{self, failed};
use super::encode::{Encoder, Stored};
use super::files::{file_error, sync_dir};
use super::fold::Sinks;
use super::load::Loaded;
use super::log::{hash_text, now};
use super::mark::{self, Mark, Marked, Noted};
use super::schema::{Layout, Table};
use super::seal::wal;
use super::{Manifest, NewRun, Row, RunFolder, StoreError, log_file, plain};
use crate::model::{Millis, RunState, Seq, TraceBody, TraceEvent};

/// The text in a lost row's place.
const LOST: &str = "This row of the log was lost; `runs recover` put this in its place.";

/// A gap that is longer than this is no gap: a seq was made up.
const LONGEST_GAP: u64 = 1_000_000;

/// The result of a recovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Rows that were kept.
    pub kept: u64,
    /// Rows that were lost.
    pub lost: u64,
    /// The damage, a line each; none: there was none, and nothing was done.
    pub damage: Vec<String>,
    /// Where the files are as they were.
    pub aside: Option<PathBuf>,
}

impl RunFolder {
    /// Moves a damaged log aside, and makes a new one of every row that is what was written. A whole log is left alone.
    ///
    /// # Errors
    /// When another process uses the run, nothing of it can be read, or the new log can't be written; the damaged files
    /// are then as they were.
    pub fn recover(&self) -> Result<RecoveryReport, StoreError> {
        let (pid, spoilt) = self.writer()?;
        plain::check(self.path(), self.standing().is_err())?;
        let _lock = self.lock(pid)?;
        let mut rows = Vec::new();
        let (mut loaded, layout) = self.read_what_can_be(&mut rows)?;
        loaded.damage.extend(spoilt.clone());
        if loaded.damage.is_empty() {
            return Ok(RecoveryReport { kept: loaded.rows, lost: 0, damage: Vec::new(), aside: None });
        }
        if rows.is_empty() {
            return Err(StoreError::Unreadable(format!("no row of it can be read: {}", loaded.damage.join("; "))));
        }
        let kept = rows.len() as u64;
        let aside = self.free_aside();
        let mut fresh_log = FreshLog::new(layout.renewed());
        let lost = fresh_log.fill(&rows, Marked::read(self.path()).newest(), &loaded.damage, &aside)?;
        let fresh = self.path().join("salvage");
        // Left by a recovery that did not come to its end.
        drop(fs::remove_dir_all(&fresh));
        super::files::private_dir(&fresh)?;
        fresh_log.write(&fresh)?;
        let manifest = Manifest::read(&self.manifest_path());
        let mut manifest = manifest.unwrap_or_else(|_| self.manifest_of(&loaded.state, &loaded.events));
        manifest.renew_format();
        manifest.write(&fresh.join("manifest.json"))?;
        self.take_place(&fresh, &aside)?;
        Ok(RecoveryReport { kept, lost, damage: loaded.damage, aside: Some(aside) })
    }

    /// The rows that can be read: with the database's own log, or else without it.
    fn read_what_can_be(&self, rows: &mut Vec<Stored>) -> Result<(Loaded, Layout), StoreError> {
        let mark = Marked::read(self.path()).newest();
        let read = |run: &Self, rows: &mut Vec<Stored>| {
            run.vouch(run.standing().is_ok())?;
            let (connection, layout) = database::open(&run.database(), true)?;
            let logged = log_file::read(run.path(), &layout)?.rows;
            let mut keep = |row: Stored| rows.push(row);
            let sinks = Sinks { keep: Some(&mut keep), hands_out: |_| true, watch: &mut |_| true, states: false };
            let loaded = Loaded::load_with(&connection, &layout, logged, mark, sinks)?;
            Ok((loaded, layout))
        };
        let error = match read(self, rows) {
            Ok(loaded) => return Ok(loaded),
            Err(error) if !wal(&self.database()).exists() => return Err(error),
            Err(error) => error,
        };
        rows.clear();
        let copy = tempfile::tempdir_in(self.path()).map_err(file_error("make a folder in", self.path()))?;
        let alone = Self::at(copy.path().to_owned(), self.id().clone());
        fs::copy(self.database(), alone.database()).map_err(file_error("copy", &self.database()))?;
        if log_file::is_filled(&self.log_path()) {
            fs::copy(self.log_path(), alone.log_path()).map_err(file_error("copy", &self.log_path()))?;
        }
        let (mut loaded, layout) = read(&alone, rows)?;
        loaded.damage.insert(0, format!("the newest rows, in run.duckdb.wal, can't be read: failed to {error}"));
        Ok((loaded, layout))
    }

    /// The first `damaged-n` that is not there.
    fn free_aside(&self) -> PathBuf {
        let mut names = (1_u32..).map(|n| self.path().join(format!("damaged-{n}")));
        names.find(|path| !path.exists()).unwrap_or_else(|| self.path().join("damaged"))
    }

    /// A manifest made anew from the log, for a run whose own is lost. The task and the pipeline's file are not in it.
    #[must_use]
    pub fn manifest_of(&self, state: &RunState, events: &[TraceEvent]) -> Manifest {
        let started = events.iter().find_map(|event| match &event.body {
            TraceBody::RunStarted { entrypoint, provenance, .. } => Some((entrypoint.clone(), provenance.clone())),
            _ => None,
        });
        let (entrypoint, provenance) = started.unwrap_or_default();
        let new = NewRun {
            name: state.name.clone(),
            task: String::new(),
            entrypoint,
            workspace: state.workspace.clone(),
            pipeline_file: None,
            provenance,
        };
        let started = events.first().map_or(Millis(0), |event| event.at);
        let mut manifest = Manifest::new(self.id().clone(), new, started);
        manifest.follow(state);
        manifest
    }

    /// Keeps the files as they are in `aside`, and puts the fresh ones in their place.
    fn take_place(&self, fresh: &Path, aside: &Path) -> Result<(), StoreError> {
        const FILES: [&str; 5] = ["run.duckdb", "run.duckdb.wal", "mark", "manifest.json", log_file::NAME];
        super::files::private_dir(aside)?;
        for name in FILES {
            let (from, to) = (self.path().join(name), aside.join(name));
            if from.exists() {
                // A second name for the same bytes: nothing writes to them any more. Some systems have no such names.
                fs::hard_link(&from, &to)
                    .or_else(|_| fs::copy(&from, &to).map(drop))
                    .map_err(file_error("keep", &to))?;
                fs::File::open(&to).and_then(|file| file.sync_all()).map_err(file_error("keep", &to))?;
            }
        }
        sync_dir(aside)?;
        sync_dir(self.path())?;
        let old_wal = wal(&self.database());
        if old_wal.exists() {
            fs::remove_file(&old_wal).map_err(file_error("move aside", &old_wal))?;
        }
        for name in FILES {
            let (from, to) = (fresh.join(name), self.path().join(name));
            if from.exists() {
                fs::rename(&from, &to).map_err(file_error("put in place", &to))?;
            }
        }
        // Last: the new database has its rows, so that what is left of it by a crash is passed over.
        if self.log_path().exists() {
            fs::remove_file(self.log_path()).map_err(file_error("move aside", &self.log_path()))?;
        }
        sync_dir(self.path())?;
        fs::remove_dir_all(fresh).map_err(file_error("remove", fresh))
    }
}

/// The rows of the new log, chained anew.
struct FreshLog {
    rows: Vec<Stored>,
    encoder: Encoder,
    layout: Layout,
}

impl FreshLog {
    fn new(layout: Layout) -> Self {
        let encoder = Encoder::new(layout.clone(), Chain::default(), &RunState::default());
        Self { rows: Vec::new(), encoder, layout }
    }

    /// Takes the rows that are left, with every gap filled, and adds the note; returns how many were lost.
    fn fill(
        &mut self,
        left: &[Stored],
        mark: Option<Noted>,
        damage: &[String],
        aside: &Path,
    ) -> Result<u64, StoreError> {
        let (mut lost, mut at) = (0, Millis(0));
        for row in left {
            if row.seq().0 > self.next().saturating_add(LONGEST_GAP) {
                lost += 1;
                continue;
            }
            lost += self.stand_in(row.seq().0, at)?;
            if let Cell::Int(ms) = row.cell("at_ms") {
                at = Millis(u64::try_from(*ms).unwrap_or(0));
            }
            let adopted = self.encoder.adopt(row);
            self.rows.push(adopted);
        }
        let read = self.next() - 1;
        let end = mark.map_or(read, |mark| mark.seq.0.max(read).min(read.saturating_add(LONGEST_GAP)));
        lost += self.stand_in(end + 1, at)?;
        let aside = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = format!("the log was damaged: {}. What it was is kept in {aside}", damage.join("; "));
        let body = TraceBody::Note { span: None, error: true, text };
        self.push(&Row::Event(TraceEvent { seq: Seq(end + 1), at: now(), happened: None, body }))?;
        Ok(lost)
    }

    fn next(&self) -> u64 {
        self.rows.last().map_or(1, |row| row.seq().0 + 1)
    }

    fn stand_in(&mut self, upto: u64, at: Millis) -> Result<u64, StoreError> {
        let next = self.next();
        for seq in next..upto {
            self.push(&Row::Text { seq: Seq(seq), at, hash: hash_text(LOST), text: LOST.to_owned() })?;
        }
        Ok(upto.saturating_sub(next))
    }

    fn push(&mut self, row: &Row) -> Result<(), StoreError> {
        let stored = self.encoder.encode(row, &mut |_| None)?;
        self.rows.push(stored);
        Ok(())
    }

    /// Writes a database and its mark into a folder; durable when it returns.
    fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let connection = database::create(&folder.join("run.duckdb"), &self.layout)?;
        let mut mark = Mark::create(&folder.join(mark::NAME), None)?;
        append(&connection, &self.rows).map_err(failed("write to the run's log"))?;
        connection.execute_batch("CHECKPOINT").map_err(failed("checkpoint the run"))?;
        connection.close().map_err(|(_, error)| failed("close the run")(error))?;
        let last = self.rows.last().map_or(Seq(0), Stored::seq);
        mark.note(Noted { seq: last, chain: self.encoder.chain })?;
        mark.syncer()?.sync()?;
        sync_dir(folder)
    }
}

fn append(connection: &Connection, rows: &[Stored]) -> duckdb::Result<()> {
    connection.execute_batch("BEGIN")?;
    for table in Table::ALL {
        let mut appender = connection.appender(table.name())?;
        for row in rows.iter().filter(|row| row.table == table) {
            appender.append_row(appender_params_from_iter(&row.cells))?;
        }
        appender.flush()?;
    }
    connection.execute_batch("COMMIT")
}
