//! A fork's log: a copy of every row of its parent, under another run's id.
//!
//! Each row keeps its seq, so that what the rows say of each other holds. Two kinds of rows differ: the first one names
//! the new run, its workspace and its parent, and each action says that it is undone in the parent. A copy
//! that did not come to its end has no row after the one that the fork names as its parent's last
//! ([`RunFolder::is_whole_fork`]).

use std::fs;
use std::path::PathBuf;

use super::files::file_error;
use super::inside::open_file;
use super::{AfterImage, DataDir, NewRun, Row, RunFolder, RunLog, StoreError, blobs};
use crate::model::{BlobHash, KeyKind, Lineage, RunId, Seq, TraceBody, TraceEvent, Undoability};

/// Rows that are in memory at once.
const ROWS: u64 = 4_096;

impl DataDir {
    /// Creates a run with a copy of every row of `parent`, and of its before-images and after-images. `new` names the
    /// parent and its last row.
    ///
    /// # Errors
    /// When the parent can't be read, or the new run can't be written; nothing is left of it then.
    pub fn copy_run(&self, parent: &RunFolder, log: &RunLog, new: NewRun) -> Result<RunFolder, StoreError> {
        let missing = || StoreError::Missing("the run that the fork continues".to_owned());
        let lineage = new.provenance.lineage.clone().ok_or_else(missing)?;
        let (workspace, provenance) = (new.workspace.clone(), new.provenance.clone());
        let (fresh, folder) = self.create_run(new, Box::new(|_| {}))?;
        let rename = |body: TraceBody| match body {
            TraceBody::RunStarted { name, entrypoint, task, pipeline, hash, .. } => TraceBody::RunStarted {
                run: folder.id().clone(),
                name,
                entrypoint,
                task,
                pipeline,
                workspace: workspace.clone(),
                provenance: provenance.clone(),
                hash,
            },
            body => inherited(body, &lineage.parent),
        };
        let copied = copy_blobs(parent, &fresh).and_then(|()| copy_rows(log, &fresh, &lineage, rename));
        let closed = fresh.recorder().close();
        if let Err(error) = copied.and(closed) {
            drop(fresh);
            // Half a copy is of no use.
            drop(self.remove(&folder));
            return Err(error);
        }
        Ok(folder)
    }
}

impl RunFolder {
    /// False for a fork whose copy of its parent did not come to its end: the process died in it.
    #[must_use]
    pub fn is_whole_fork(&self, log: &RunLog) -> bool {
        let lineage = self.manifest().ok().and_then(|manifest| manifest.provenance.lineage);
        lineage.is_none_or(|lineage| log.with(|state| state.last) > lineage.cut)
    }
}

/// An action that the parent did, and that the fork's user can't undo. Memory is a part of each run: a retry of the fork
/// can undo it in the fork, and the parent's stays.
fn inherited(body: TraceBody, parent: &RunId) -> TraceBody {
    match body {
        TraceBody::Action(mut record) => {
            let why = match record.undo {
                Undoability::Undo if record.key.kind == KeyKind::Memory => format!("done in run {parent}"),
                Undoability::Undo => format!("done in run {parent}: undo it there"),
                Undoability::NoUndo { why } if why.starts_with("done in run ") => why,
                Undoability::NoUndo { why } => format!("done in run {parent}: {why}"),
            };
            record.undo = Undoability::NoUndo { why };
            TraceBody::Action(record)
        }
        body => body,
    }
}

fn copy_rows(
    log: &RunLog,
    fresh: &RunLog,
    lineage: &Lineage,
    rename: impl Fn(TraceBody) -> TraceBody,
) -> Result<(), StoreError> {
    let mut after = Seq(0);
    while after < lineage.cut {
        let upto = lineage.cut.min(Seq(after.0 + ROWS));
        let rows = log.recorder().rows_between(after, upto)?;
        if rows.len() as u64 != upto.0 - after.0 {
            return Err(StoreError::Damaged(format!("rows are missing between {after} and {upto}")));
        }
        let rows = rows.into_iter().map(|row| match row {
            Row::Event(TraceEvent { seq, at, happened, body }) => {
                Row::Event(TraceEvent { seq, at, happened, body: rename(body) })
            }
            text @ Row::Text { .. } => text,
        });
        futures::executor::block_on(fresh.recorder().write(rows.collect(), true))?;
        after = upto;
    }
    Ok(())
}

/// Copies what is kept by its hash. Where the file system can share blocks, nothing is copied.
fn copy_blobs(parent: &RunFolder, fresh: &RunLog) -> Result<(), StoreError> {
    let from: PathBuf = parent.path().join(blobs::FOLDER);
    let entries = match fs::read_dir(&from) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        read => read.map_err(file_error("read the folder", &from))?,
    };
    for entry in entries {
        let entry = entry.map_err(file_error("read the folder", &from))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Some(hash) = BlobHash::parse(&name) else { continue };
        let file = open_file(parent.path(), &[blobs::FOLDER, &name]).map_err(file_error("read", &entry.path()))?;
        fresh.recorder().keep_blob(hash, AfterImage::File(&file))?;
    }
    Ok(())
}
