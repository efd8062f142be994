//! Recording: a trait with two implementations, the database and nothing.

use std::collections::HashMap;
use std::fs::File;
use std::future::Future;
use std::io::Read;
use std::pin::Pin;

use crate::model::{BlobHash, Millis, RunState, Seq, SpanId, TextHash, TraceEvent};

/// One row, its place in the run's counter already given.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "most rows are events, and a box each would cost more than the room")]
pub enum Row {
    /// A trace event; actions and action events go to their own tables.
    Event(TraceEvent),
    /// A text that was not stored yet.
    Text {
        /// Its place.
        seq: Seq,
        /// When it was recorded.
        at: Millis,
        /// Its hash.
        hash: TextHash,
        /// The text.
        text: String,
    },
}

impl Row {
    /// The row's place in the run's counter.
    #[must_use]
    pub fn seq(&self) -> Seq {
        match self {
            Self::Event(event) => event.seq,
            Self::Text { seq, .. } => *seq,
        }
    }
}

/// Resolves when the rows are committed and synced, or could not be.
pub type Durable = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// Called with each batch of events after its commit, in order.
pub type Publish = Box<dyn Fn(Vec<TraceEvent>) + Send + Sync>;

/// The content that an action left.
#[derive(Debug, Clone, Copy)]
pub enum AfterImage<'a> {
    /// The bytes.
    Bytes(&'a [u8]),
    /// A file with them, open at its beginning. Where the file system can share its blocks, nothing is copied.
    File(&'a File),
}

/// Keeps the rows, texts and before-images of one run.
pub trait Recorder: Send + Sync {
    /// Takes rows in the order of their seq, without blocking; they are committed soon (within 50 ms), and at once
    /// when `urgent` (someone waits for the [`Durable`]).
    fn write(&self, rows: Vec<Row>, urgent: bool) -> Durable;

    /// A stored text.
    ///
    /// # Errors
    /// When the store can't be read, or has no such text.
    fn text(&self, hash: TextHash) -> Result<String, StoreError>;

    /// Stored texts, many at once: a query each would read the whole table as often. Those it has not are left out.
    ///
    /// # Errors
    /// When the store can't be read.
    fn texts(&self, hashes: &[TextHash]) -> Result<HashMap<TextHash, String>, StoreError>;

    /// Committed events with a seq greater than `after`, at most `limit`.
    ///
    /// # Errors
    /// When the store can't be read.
    fn events(&self, after: Seq, limit: usize) -> Result<Vec<TraceEvent>, StoreError>;

    /// Committed events with a seq greater than `after`, up to another one.
    ///
    /// # Errors
    /// When the store can't be read.
    fn events_between(&self, after: Seq, upto: Seq) -> Result<Vec<TraceEvent>, StoreError> {
        let most = upto.0.saturating_sub(after.0);
        let mut events = self.events(after, usize::try_from(most).unwrap_or(usize::MAX))?;
        events.retain(|event| event.seq <= upto);
        Ok(events)
    }

    /// Committed rows with a seq greater than `after`, up to another one, by seq: events and texts.
    ///
    /// # Errors
    /// When the store can't be read, or keeps no rows.
    fn rows_between(&self, _after: Seq, _upto: Seq) -> Result<Vec<Row>, StoreError> {
        Err(StoreError::Missing("the rows of a run that is not recorded".to_owned()))
    }

    /// Committed events with a seq greater than `after`, up to another one, as far as the fold of a run goes by them:
    /// what it does not read may be left out of them.
    ///
    /// # Errors
    /// When the store can't be read.
    fn events_to_fold(&self, after: Seq, upto: Seq) -> Result<Vec<TraceEvent>, StoreError> {
        self.events_between(after, upto)
    }

    /// The committed events that concern one span: its start, end, gates, edits of its path, its actions (as agent
    /// or as tool) and what became of them. `first`: no event of it comes before; the rest of the log is not read.
    ///
    /// # Errors
    /// When the store can't be read.
    fn span_events(&self, span: SpanId, first: Seq) -> Result<Vec<TraceEvent>, StoreError>;

    /// The committed starts of the spans directly below one, by seq.
    ///
    /// # Errors
    /// When the store can't be read.
    fn starts_below(&self, span: SpanId) -> Result<Vec<TraceEvent>, StoreError>;

    /// Keeps bytes under their hash; durable when it returns.
    ///
    /// # Errors
    /// When they can't be written.
    fn put_blob(&self, bytes: &[u8]) -> Result<BlobHash, StoreError>;

    /// Keeps many byte strings under their hashes, with few syncs; all of them are durable when it returns. The hashes
    /// are in the order given. After an error some may be kept, which does no harm.
    ///
    /// # Errors
    /// When they can't be written.
    fn put_blobs(&self, all: &[&[u8]]) -> Result<Vec<BlobHash>, StoreError> {
        all.iter().map(|bytes| self.put_blob(bytes)).collect()
    }

    /// Keeps content under its hash without a sync: a system that stops may lose it. Keeping it again with
    /// [`Recorder::put_blob`] makes it durable.
    ///
    /// # Errors
    /// When it can't be read or written.
    fn keep_blob(&self, hash: BlobHash, content: AfterImage<'_>) -> Result<(), StoreError> {
        let bytes = match content {
            AfterImage::Bytes(bytes) => bytes.to_vec(),
            AfterImage::File(mut file) => {
                let mut bytes = Vec::new();
                let read = file.read_to_end(&mut bytes);
                read.map_err(|error| StoreError::Missing(format!("the content of blob {hash}: {error}")))?;
                bytes
            }
        };
        self.put_blob(&bytes).map(drop)
    }

    /// Bytes kept under a hash.
    ///
    /// # Errors
    /// When they can't be read, or are not what the hash says.
    fn blob(&self, hash: BlobHash) -> Result<Vec<u8>, StoreError>;

    /// The bytes on the disk of what is kept under a hash; `None`: nothing is.
    fn blob_on_disk(&self, hash: BlobHash) -> Option<u64> {
        self.blob(hash).ok().map(|bytes| bytes.len() as u64)
    }

    /// The last seq that is committed.
    fn committed(&self) -> Seq;

    /// True if written rows outlive the process. Without that nothing can be undone.
    fn is_lasting(&self) -> bool;

    /// Why nothing is recorded any more (a write failed); `None` while all is well. What is written then is published
    /// and not kept.
    fn stopped(&self) -> Option<String> {
        None
    }

    /// Does what [`Recorder::close`] does, and leaves a snapshot of the state up to the last row for the next opening, if
    /// nothing followed it.
    ///
    /// # Errors
    /// When the last rows could not be committed.
    fn close_with(&self, _state: &RunState, _last: Seq) -> Result<(), StoreError> {
        self.close()
    }

    /// Commits what is waiting and closes the store (checkpoint, mark). Later writes fail.
    ///
    /// # Errors
    /// When the last rows could not be committed.
    fn close(&self) -> Result<(), StoreError>;
}

/// Turns the loss of a damaged log into `None`; any other error stays one.
///
/// # Errors
/// Those of the result, but for [`StoreError::Missing`].
pub fn optional<T>(result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl StoreError {
    /// The error of a text that the store has not.
    #[must_use]
    pub fn no_text(hash: TextHash) -> Self {
        Self::Missing(format!("text {hash}"))
    }
}

/// Why the store failed; phrased to follow "failed to …".
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database answered with an error.
    #[error("{what}: {why}")]
    Database {
        /// The work that failed.
        what: &'static str,
        /// The database's words.
        why: String,
    },
    /// A file could not be read or written.
    #[error("{what} {path}: {why}")]
    File {
        /// The work that failed.
        what: &'static str,
        /// Which file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// Another process holds the run.
    #[error("open the run: another process (pid {pid}) is using it")]
    Locked {
        /// Its process id, where known.
        pid: String,
    },
    /// The run's folder takes no changes.
    #[error(
        "open the run for changes: its folder {path} can't be written. Copy it to a place where it can, and name the data \
         folder there with --data-dir"
    )]
    NotWritable {
        /// The run's folder.
        path: String,
    },
    /// The run's folder has something in it that leads elsewhere.
    #[error("open the run for changes: {0}")]
    Unsafe(String),
    /// A pack is refused; nothing of it is kept.
    #[error("open the pack {path}: {why}")]
    Pack {
        /// The pack's file.
        path: String,
        /// The reason.
        why: String,
    },
    /// This version can't read the run.
    #[error("open the run: {0}")]
    Incompatible(#[from] super::Incompatible),
    /// The stored rows are not those that were written.
    #[error("trust the run's log, because it is damaged: {0}")]
    Damaged(String),
    /// The database can't be read, or must not be by this process.
    #[error("read the run's log: {0}")]
    Unreadable(String),
    /// Nothing is stored under that name or hash.
    #[error("find {0}")]
    Missing(String),
    /// An earlier write failed, so nothing more is recorded.
    #[error("record: an earlier write failed ({0})")]
    Stopped(String),
    /// Nobody waits for it any more.
    #[error("open the run: it was cancelled")]
    Cancelled,
    /// The run was opened to look at, or is damaged.
    #[error("record: the run is open for reading only")]
    ReadOnly,
    /// A part of an id fits more than one run.
    #[error("find one run: {part:?} fits {candidates}; name more of its id")]
    Ambiguous {
        /// The part that was named.
        part: String,
        /// The ids it fits.
        candidates: super::Candidates,
    },
}
