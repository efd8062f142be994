//! The recorder that keeps a run in its folder.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use duckdb::Connection;

use super::blobs::Blobs;
use super::database::failed;
use super::fold_rows;
use super::mark::Marked;
use super::read;
use super::snapshot::SnapshotFile;
use super::tail::Tail;
use super::unrecorded::Unrecorded;
use super::writer::{Output, Writer};
use super::{AfterImage, Durable, FileLock, Publish, Recorder, Row, StoreError};
use crate::model::{BlobHash, RunState, Seq, SpanId, TextHash, TraceEvent};

/// A run's database and before-images; holds the run's lock until it is closed.
pub(super) struct DuckStore {
    open: Mutex<Option<Open>>,
    /// `None`: open for reading only.
    writer: Option<Writer>,
    unrecorded: Arc<Unrecorded>,
    files: Kept,
    last: Seq,
    /// The rows of the log file that the database has not, of a run that is open for reading only.
    unmoved: Tail,
}

/// The files beside the database that closing needs.
pub(super) struct Kept {
    /// The before-images.
    pub(super) blobs: Blobs,
    /// The run's folder, with the mark.
    pub(super) run: PathBuf,
    /// The snapshot.
    pub(super) snapshot: SnapshotFile,
}

/// The parts that closing releases.
struct Open {
    reader: Connection,
    lock: Option<FileLock>,
}

impl DuckStore {
    /// A store that goes on after `committed`.
    pub(super) fn writing(
        output: Output,
        publish: Publish,
        committed: Seq,
        files: Kept,
        lock: FileLock,
    ) -> Result<Self, StoreError> {
        let unrecorded = Arc::new(Unrecorded::new(publish));
        let reader = output.mover.connection.try_clone().map_err(failed("open a second connection"))?;
        let writer = Some(Writer::start(output, committed, Arc::clone(&unrecorded))?);
        let open = Mutex::new(Some(Open { reader, lock: Some(lock) }));
        Ok(Self { open, files, writer, unrecorded, last: committed, unmoved: Tail::default() })
    }

    /// A store that only reads, up to `last`, with what the log file has more than the database. What is written is
    /// published, and not kept.
    pub(super) fn reading(
        reader: Connection,
        publish: Publish,
        (last, unmoved): (Seq, Tail),
        files: Kept,
        lock: Option<FileLock>,
    ) -> Self {
        let unrecorded = Arc::new(Unrecorded::new(publish));
        Self { open: Mutex::new(Some(Open { reader, lock })), files, writer: None, unrecorded, last, unmoved }
    }

    /// A text that is not in the database: not yet, or because it can't be written.
    fn unstored_text(&self, hash: TextHash) -> Option<String> {
        let pending = self.writer.as_ref().map_or_else(|| self.unmoved.text(hash), |writer| writer.pending_text(hash));
        pending.or_else(|| self.unrecorded.text(hash))
    }

    /// The rows that the database has not.
    fn tail(&self) -> Tail {
        self.writer.as_ref().map_or_else(|| self.unmoved.clone(), Writer::tail)
    }

    /// Events after a seq, up to another one; `read` reads those of the database.
    fn events_read(
        &self,
        read: fn(&Connection, Seq, Seq) -> Result<Vec<TraceEvent>, StoreError>,
        after: Seq,
        upto: Seq,
    ) -> Result<Vec<TraceEvent>, StoreError> {
        // In the order of `events`, for the same reason.
        let unrecorded = self.unrecorded.after(after, usize::MAX);
        let (tail, committed) = (self.tail(), self.committed());
        let mut events = self.read(|reader| read(reader, after, upto.min(tail.moved)))?;
        events.extend(tail.events(after.max(tail.moved), upto.min(committed), usize::MAX)?);
        events.extend(unrecorded.into_iter().filter(|event| event.seq <= upto));
        Ok(events)
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().ok_or(StoreError::Database { what: "read", why: "the run is closed".to_owned() })?;
        read(&open.reader)
    }
}

impl Recorder for DuckStore {
    fn write(&self, rows: Vec<Row>, urgent: bool) -> Durable {
        if let Some(writer) = &self.writer {
            return writer.write(rows, urgent);
        }
        self.unrecorded.keep(rows);
        self.unrecorded.publish_kept();
        Box::pin(std::future::ready(Err(StoreError::ReadOnly)))
    }

    fn text(&self, hash: TextHash) -> Result<String, StoreError> {
        if let Some(text) = self.unstored_text(hash) {
            return Ok(text);
        }
        self.read(|reader| read::text(reader, hash))?.ok_or_else(|| StoreError::no_text(hash))
    }

    fn texts(&self, hashes: &[TextHash]) -> Result<HashMap<TextHash, String>, StoreError> {
        let mut found = HashMap::new();
        let mut stored = Vec::new();
        for hash in hashes {
            match self.unstored_text(*hash) {
                Some(text) => drop(found.insert(*hash, text)),
                None => stored.push(*hash),
            }
        }
        found.extend(self.read(|reader| read::texts(reader, &stored))?);
        Ok(found)
    }

    fn events(&self, after: Seq, limit: usize) -> Result<Vec<TraceEvent>, StoreError> {
        // In this order: nothing that is durable lies before what can't be recorded, nor between tail and database.
        let unrecorded = self.unrecorded.after(after, limit);
        let (tail, committed) = (self.tail(), self.committed());
        let mut events = self.read(|reader| read::events(reader, after, tail.moved, limit))?;
        events.extend(tail.events(after.max(tail.moved), committed, limit - events.len())?);
        let room = limit - events.len();
        events.extend(unrecorded.into_iter().take(room));
        Ok(events)
    }

    fn events_between(&self, after: Seq, upto: Seq) -> Result<Vec<TraceEvent>, StoreError> {
        self.events_read(read::events_between, after, upto)
    }

    fn rows_between(&self, after: Seq, upto: Seq) -> Result<Vec<Row>, StoreError> {
        let (tail, committed) = (self.tail(), self.committed());
        let mut rows = self.read(|reader| read::rows_between(reader, after, upto.min(tail.moved)))?;
        rows.extend(tail.decoded(after.max(tail.moved), upto.min(committed))?);
        Ok(rows)
    }

    fn events_to_fold(&self, after: Seq, upto: Seq) -> Result<Vec<TraceEvent>, StoreError> {
        self.events_read(fold_rows::between, after, upto)
    }

    fn span_events(&self, span: SpanId, first: Seq) -> Result<Vec<TraceEvent>, StoreError> {
        let (tail, committed) = (self.tail(), self.committed());
        let mut events = Vec::new();
        if first <= tail.moved {
            events = self.read(|reader| read::span_events(reader, span, first, tail.moved))?;
        }
        tail.add_span_events(span, (first, committed), &mut events)?;
        Ok(events)
    }

    fn starts_below(&self, span: SpanId) -> Result<Vec<TraceEvent>, StoreError> {
        let (tail, committed) = (self.tail(), self.committed());
        let mut events = self.read(|reader| read::starts_below(reader, span, tail.moved))?;
        events.extend(tail.starts_below(span, committed)?);
        Ok(events)
    }

    fn put_blob(&self, bytes: &[u8]) -> Result<BlobHash, StoreError> {
        if self.writer.is_none() {
            return Err(StoreError::ReadOnly);
        }
        self.files.blobs.put(bytes)
    }

    fn put_blobs(&self, all: &[&[u8]]) -> Result<Vec<BlobHash>, StoreError> {
        if self.writer.is_none() {
            return Err(StoreError::ReadOnly);
        }
        self.files.blobs.put_all(all)
    }

    fn keep_blob(&self, hash: BlobHash, content: AfterImage<'_>) -> Result<(), StoreError> {
        if self.writer.is_none() {
            return Err(StoreError::ReadOnly);
        }
        self.files.blobs.keep(hash, content)
    }

    fn blob(&self, hash: BlobHash) -> Result<Vec<u8>, StoreError> {
        self.files.blobs.get(hash)
    }

    fn blob_on_disk(&self, hash: BlobHash) -> Option<u64> {
        self.files.blobs.on_disk(hash)
    }

    fn committed(&self) -> Seq {
        self.writer.as_ref().map_or(self.last, Writer::committed)
    }

    fn is_lasting(&self) -> bool {
        self.writer.is_some()
    }

    fn stopped(&self) -> Option<String> {
        self.writer.as_ref().and_then(Writer::stopped)
    }

    fn close_with(&self, state: &RunState, last: Seq) -> Result<(), StoreError> {
        self.close_then(|| {
            let whole = self.writer.is_some() && self.committed() == last;
            if let Some(noted) = Marked::read(&self.files.run).newest().filter(|noted| whole && noted.seq == last) {
                // Without one the next opening reads everything first.
                drop(self.files.snapshot.write(noted, state));
            }
        })
    }

    fn close(&self) -> Result<(), StoreError> {
        self.close_then(|| ())
    }
}

impl DuckStore {
    /// Closes, unless it is closed, and then does something while the run is still locked.
    fn close_then(&self, then: impl FnOnce()) -> Result<(), StoreError> {
        // Taken out at once: a caller that got its answer may try to read, and must not wait for the writer's end.
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The reader goes first, so that the writer's connection is the last one and its checkpoint is alone; the
        // lock goes last.
        let lock = open.and_then(|Open { reader, lock }| {
            drop(reader);
            lock
        });
        let closed = self.writer.as_ref().map_or(Ok(()), Writer::close);
        if closed.is_ok() && lock.is_some() {
            then();
        }
        drop(lock);
        closed
    }
}

impl Drop for DuckStore {
    fn drop(&mut self) {
        drop(self.close());
    }
}
