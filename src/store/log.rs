//! The log of one run: gives every row its seq, folds it, and hands it to the recorder, in one order.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::points::crash_point;
use super::{AfterImage, Durable, Recorder, Row, StoreError};
use crate::model::{BlobHash, KeyState, Keyframes, Millis, RunState, Seq, SpanId, TextHash, TraceBody, TraceEvent};

/// The log of one run. Cheap to clone; clones share the run.
#[derive(Clone)]
pub struct RunLog {
    recorder: Arc<dyn Recorder>,
    inner: Arc<Mutex<Inner>>,
    /// The largest file of which the after-image is kept; `None`: none is.
    keeps_after: Option<u64>,
}

struct Inner {
    state: RunState,
    keyframes: Keyframes,
    last: Seq,
    /// True once a note says that nothing is recorded any more.
    noted: bool,
    texts: HashSet<TextHash>,
}

impl Inner {
    /// Gives an event its seq, and folds it in.
    fn next(&mut self, mut body: TraceBody, happened: Option<Millis>) -> Row {
        self.last = Seq(self.last.0 + 1);
        let at = now();
        if let TraceBody::SpanEnded(end) = &mut body
            && end.waited.is_none()
        {
            end.waited = Some(self.state.trace.waits(end.span, happened.unwrap_or(at)));
        }
        let event = TraceEvent { seq: self.last, at, happened, body };
        self.state.apply(&event);
        self.keyframes.follow(&mut self.state);
        Row::Event(event)
    }
}

/// Rows that were given their seq and are on their way to the disk.
#[must_use = "wait with `durable`, or say `later`"]
pub struct Appended {
    /// The seq of the first event.
    pub first: Seq,
    durable: Durable,
}

impl Appended {
    /// Waits until the rows are on disk.
    ///
    /// # Errors
    /// When they could not be written.
    pub async fn durable(self) -> Result<Seq, StoreError> {
        self.durable.await.map(|()| self.first)
    }

    /// Lets the rows be committed with the next ones.
    pub fn later(self) -> Seq {
        self.first
    }
}

impl RunLog {
    /// A log over a recorder; `state` and `last` are what the recorder already holds (`texts` its text hashes).
    #[must_use]
    pub fn new(recorder: Arc<dyn Recorder>, state: RunState, last: Seq, texts: HashSet<TextHash>) -> Self {
        let inner = Inner { state, keyframes: Keyframes::default(), last, noted: false, texts };
        Self { recorder, inner: Arc::new(Mutex::new(inner)), keeps_after: None }
    }

    /// The same log, which keeps after-images of files up to this size.
    #[must_use]
    pub fn keeping_after_images(self, largest: Option<u64>) -> Self {
        Self { keeps_after: largest, ..self }
    }

    /// True if after-images are kept.
    #[must_use]
    pub fn keeps_after_images(&self) -> bool {
        self.keeps_after.is_some()
    }

    /// Keeps an after-image, if after-images are kept; false: it is not kept. An action is done all the same.
    pub fn keep_after_image(&self, state: &KeyState, content: AfterImage<'_>) -> bool {
        let KeyState::File { blob, size, .. } = state else { return false };
        self.keeps_after.is_some_and(|largest| *size <= largest) && self.recorder.keep_blob(*blob, content).is_ok()
    }

    /// Gives it copies of its state along the run.
    #[must_use]
    pub(super) fn with_keyframes(self, keyframes: Keyframes) -> Self {
        self.lock().keyframes = keyframes;
        self
    }

    /// The state at a seq: the nearest copy before it, and the committed events from there on.
    ///
    /// # Errors
    /// When the events can't be read.
    pub fn state_at(&self, seq: Seq) -> Result<RunState, StoreError> {
        let mut state = {
            let inner = self.lock();
            if inner.state.last <= seq {
                return Ok(inner.state.clone());
            }
            inner.keyframes.before(seq)
        };
        for event in self.recorder.events_to_fold(state.last, seq)? {
            state.apply(&event);
        }
        Ok(state)
    }

    /// Appends events; they commit within 50 ms.
    pub fn append(&self, bodies: Vec<TraceBody>) -> Seq {
        self.write(bodies, false, None).later()
    }

    /// Appends events of a wrapped or imported run, which happened at another time.
    pub fn append_happened(&self, bodies: Vec<TraceBody>, happened: Millis) -> Seq {
        self.write(bodies, false, Some(happened)).later()
    }

    /// Appends events that someone waits for.
    pub fn append_durable(&self, bodies: Vec<TraceBody>) -> Appended {
        self.write(bodies, true, None)
    }

    /// Stores a text once, and names it.
    #[must_use]
    pub fn text(&self, text: &str) -> TextHash {
        let hash = hash_text(text);
        let mut inner = self.lock();
        if inner.texts.insert(hash) {
            inner.last = Seq(inner.last.0 + 1);
            let row = Row::Text { seq: inner.last, at: now(), hash, text: text.to_owned() };
            drop(self.recorder.write(vec![row], false));
        }
        hash
    }

    /// Looks at the run's folded state. Keep it short: appending waits.
    pub fn with<T>(&self, look: impl FnOnce(&RunState) -> T) -> T {
        look(&self.lock().state)
    }

    /// The run's state as it is now, once it is on disk.
    ///
    /// # Errors
    /// When it can't be recorded.
    pub async fn durable_state(&self) -> Result<RunState, StoreError> {
        let state = self.with(RunState::clone);
        self.append_durable(Vec::new()).durable().await?;
        Ok(state)
    }

    /// The committed events that concern one span, as [`Recorder::span_events`] has them.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn span_events(&self, span: SpanId) -> Result<Vec<TraceEvent>, StoreError> {
        let first = self.with(|state| state.trace.first_event(span));
        self.recorder().span_events(span, first)
    }

    /// The recorder, for texts, blobs and committed events.
    #[must_use]
    pub fn recorder(&self) -> &Arc<dyn Recorder> {
        &self.recorder
    }

    /// Commits what waits and closes the recorder; the next opening shows the state as it is now at once.
    ///
    /// # Errors
    /// When the last rows could not be committed.
    pub fn close(&self) -> Result<(), StoreError> {
        let (state, last) = {
            let inner = self.lock();
            (inner.state.clone(), inner.last)
        };
        self.recorder.close_with(&state, last)
    }

    fn write(&self, bodies: Vec<TraceBody>, urgent: bool, happened: Option<Millis>) -> Appended {
        let mut inner = self.lock();
        let mut rows = Vec::with_capacity(bodies.len());
        if !inner.noted
            && let Some(note) = self.stop_note()
        {
            inner.noted = true;
            rows.push(inner.next(note, None));
        }
        let first = Seq(inner.last.0 + 1);
        rows.extend(bodies.into_iter().map(|body| inner.next(body, happened)));
        // Under the lock, so that rows reach the recorder in the order of their seq.
        let durable = self.recorder.write(rows, urgent);
        crash_point("record-queued");
        Appended { first, durable }
    }

    /// Builds the note for the user when nothing is recorded any more.
    fn stop_note(&self) -> Option<TraceBody> {
        let why = self.recorder.stopped()?;
        let kept = self.recorder.committed();
        let text = format!(
            "the run can't be recorded any more (failed to {why}), so nothing further runs. Everything up to {kept} is \
             kept, what follows is not. Make room, leave with q, and open the run again to continue"
        );
        Some(TraceBody::Note { span: None, error: true, text })
    }

    /// Why nothing is recorded any more; `None` while all is well. Nothing may be done then.
    #[must_use]
    pub fn stopped(&self) -> Option<String> {
        self.recorder.stopped()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a text: the first 128 bits of its BLAKE3 hash.
#[must_use]
pub fn hash_text(text: &str) -> TextHash {
    TextHash(first_half(text.as_bytes()))
}

/// The name of a blob: the first 128 bits of its BLAKE3 hash.
#[must_use]
pub fn hash_blob(bytes: &[u8]) -> BlobHash {
    BlobHash(first_half(bytes))
}

fn first_half(bytes: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    half
}

/// The time now.
pub(super) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
