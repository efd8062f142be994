//! Recovery: a damaged log is moved aside, and the rows of it that can be read become a log that can be written to.
//!
//! Every row that is what was written keeps its seq. A lost one is stood in for by a text that says so, so that the
//! counter has no gap and the new hash chain proves the rest; the last row is a note that says what is missing. The
//! files as they were stay in `damaged-1/` (`damaged-2/`, …) beside it. The new files are complete before the first
//! old one is replaced; a crash in between leaves a log with damage, to be recovered once more.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use duckdb::{Connection, appender_params_from_iter};

use super::chain::Chain;
use super::database::{self, failed};
use super::encode::Encoder;
use super::files::{file_error, sync_dir};
use super::fold::Sinks;
use super::folder::Access;
use super::load::Loaded;
use super::log::{hash_text, now};
use super::mark::{Mark, Noted};
use super::seal::wal;
use super::{Manifest, NewRun, Row, RunFolder, StoreError, log_file};
use crate::model::{Millis, RunState, Seq, TextHash, TraceBody, TraceEvent};

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
        let _lock = self.lock(Access::ReadWrite, pid)?;
        let mut rows = Vec::new();
        let mut loaded = self.read_what_can_be(&mut rows)?;
        loaded.damage.extend(spoilt.clone());
        if loaded.damage.is_empty() {
            return Ok(RecoveryReport { kept: loaded.rows, lost: 0, damage: Vec::new(), aside: None });
        }
        if rows.is_empty() {
            return Err(StoreError::Unreadable(format!("no row of it can be read: {}", loaded.damage.join("; "))));
        }
        let kept = rows.len() as u64;
        let aside = self.free_aside();
        let (rows, lost) = without_gaps(rows, Mark::read(&self.mark_path()), &loaded.damage, &aside);
        let fresh = self.path().join("salvage");
        // Left by a recovery that did not come to its end.
        drop(fs::remove_dir_all(&fresh));
        super::files::private_dir(&fresh)?;
        write_log(&fresh, &rows)?;
        if spoilt.is_some() {
            self.manifest_of(&loaded.state, &loaded.events).write(&fresh.join("manifest.json"))?;
        }
        self.take_place(&fresh, &aside)?;
        Ok(RecoveryReport { kept, lost, damage: loaded.damage, aside: Some(aside) })
    }

    /// The rows that can be read: with the database's own log, or else without it.
    fn read_what_can_be(&self, rows: &mut Vec<Row>) -> Result<Loaded, StoreError> {
        let mark = Mark::read(&self.mark_path());
        let read = |run: &Self, rows: &mut Vec<Row>| {
            run.vouch()?;
            let connection = database::open(&run.database(), true)?;
            let logged = log_file::read(&run.log_path())?;
            let mut keep = |row| rows.push(row);
            let sinks = Sinks { keep: Some(&mut keep), watch: &mut |_| true, states: false };
            Loaded::load_with(&connection, logged, mark, sinks)
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
        let mut loaded = read(&alone, rows)?;
        loaded.damage.insert(0, format!("the newest rows, in run.duckdb.wal, can't be read: failed to {error}"));
        Ok(loaded)
    }

    /// The first `damaged-n` that is not there.
    fn free_aside(&self) -> PathBuf {
        let mut names = (1_u32..).map(|n| self.path().join(format!("damaged-{n}")));
        names.find(|path| !path.exists()).unwrap_or_else(|| self.path().join("damaged"))
    }

    /// A manifest made anew from the log, for a run whose own is lost. The task and the pipeline's file are not in it.
    #[must_use]
    pub fn manifest_of(&self, state: &RunState, events: &[TraceEvent]) -> Manifest {
        let entrypoint = events.iter().find_map(|event| match &event.body {
            TraceBody::RunStarted { entrypoint, .. } => Some(entrypoint.clone()),
            _ => None,
        });
        let new = NewRun {
            name: state.name.clone(),
            task: String::new(),
            entrypoint: entrypoint.unwrap_or_default(),
            workspace: state.workspace.clone(),
            pipeline_file: None,
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

/// The rows with every gap filled, and the note; and how many were lost.
fn without_gaps(rows: Vec<Row>, mark: Option<Noted>, damage: &[String], aside: &Path) -> (Vec<Row>, u64) {
    let mut whole: Vec<Row> = Vec::with_capacity(rows.len());
    let (mut lost, mut at) = (0, Millis(0));
    let fill = |whole: &mut Vec<Row>, upto: u64, at: Millis| {
        let next = whole.last().map_or(1, |row| row.seq().0 + 1);
        let stand_in = |seq| Row::Text { seq: Seq(seq), at, hash: hash_text(LOST), text: LOST.to_owned() };
        whole.extend((next..upto).map(stand_in));
        upto.saturating_sub(next)
    };
    for row in rows {
        let next = whole.last().map_or(1, |row| row.seq().0 + 1);
        if row.seq().0 > next.saturating_add(LONGEST_GAP) {
            lost += 1;
            continue;
        }
        lost += fill(&mut whole, row.seq().0, at);
        at = match &row {
            Row::Event(event) => event.at,
            Row::Text { at, .. } => *at,
        };
        whole.push(row);
    }
    let read = whole.last().map_or(0, |row| row.seq().0);
    let end = mark.map_or(read, |mark| mark.seq.0.max(read).min(read.saturating_add(LONGEST_GAP)));
    lost += fill(&mut whole, end + 1, at);
    let aside = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = format!("the log was damaged: {}. What it was is kept in {aside}", damage.join("; "));
    let note = TraceBody::Note { span: None, error: true, text };
    whole.push(Row::Event(TraceEvent { seq: Seq(end + 1), at: now(), body: note }));
    (whole, lost)
}

/// Writes a database and its mark into a folder; durable when it returns.
fn write_log(folder: &Path, rows: &[Row]) -> Result<(), StoreError> {
    let connection = database::create(&folder.join("run.duckdb"))?;
    let mut mark = Mark::create(&folder.join("mark"))?;
    let mut encoder = Encoder::new(Chain::default(), &RunState::default());
    append(&connection, rows, &mut encoder)?;
    connection.execute_batch("CHECKPOINT").map_err(failed("checkpoint the run"))?;
    connection.close().map_err(|(_, error)| failed("close the run")(error))?;
    let last = rows.last().map_or(Seq(0), Row::seq);
    mark.note(Noted { seq: last, chain: encoder.chain })?;
    mark.syncer()?.sync()?;
    sync_dir(folder)
}

fn append(connection: &Connection, rows: &[Row], encoder: &mut Encoder) -> Result<(), StoreError> {
    let fault = failed("write to the run's log");
    let texts: HashMap<TextHash, &str> = rows.iter().filter_map(text_of).collect();
    let mut look = |hash| texts.get(&hash).map(|text| (*text).to_owned());
    connection.execute_batch("BEGIN").map_err(&fault)?;
    for row in rows {
        let stored = encoder.encode(row, &mut look)?;
        let mut appender = connection.appender(stored.table.name()).map_err(&fault)?;
        appender.append_row(appender_params_from_iter(&stored.cells)).map_err(&fault)?;
        appender.flush().map_err(&fault)?;
    }
    connection.execute_batch("COMMIT").map_err(&fault)
}

fn text_of(row: &Row) -> Option<(TextHash, &str)> {
    match row {
        Row::Text { hash, text, .. } => Some((*hash, text)),
        Row::Event(_) => None,
    }
}
