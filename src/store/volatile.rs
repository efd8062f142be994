//! Recording nothing: rows live in memory as long as the process, and nothing can be undone.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::tail::{OfSpan, starts_below};
use super::{Durable, Publish, Recorder, Row, StoreError, hash_blob};
use crate::model::{BlobHash, Seq, SpanId, TextHash, TraceEvent};

/// The recorder that keeps nothing on disk.
pub struct Volatile {
    publish: Publish,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    events: Vec<TraceEvent>,
    texts: HashMap<TextHash, String>,
    blobs: HashMap<BlobHash, Vec<u8>>,
    last: Seq,
}

impl Volatile {
    /// A recorder that publishes at once.
    #[must_use]
    pub fn new(publish: Publish) -> Self {
        Self { publish, inner: Mutex::default() }
    }

    /// A recorder that holds rows already; only later ones are published.
    pub(super) fn holding(publish: Publish, rows: Vec<Row>) -> Self {
        let mut inner = Inner::default();
        inner.take(rows);
        Self { publish, inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Keeps rows; returns the number of events that there were before.
    fn take(&mut self, rows: Vec<Row>) -> usize {
        let before = self.events.len();
        for row in rows {
            self.last = row.seq();
            match row {
                Row::Event(event) => self.events.push(event),
                Row::Text { hash, text, .. } => {
                    self.texts.insert(hash, text);
                }
            }
        }
        before
    }
}

impl Recorder for Volatile {
    fn write(&self, rows: Vec<Row>, _urgent: bool) -> Durable {
        let mut inner = self.lock();
        let before = inner.take(rows);
        let events = inner.events[before..].to_vec();
        drop(inner);
        if !events.is_empty() {
            (self.publish)(events);
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn text(&self, hash: TextHash) -> Result<String, StoreError> {
        self.lock().texts.get(&hash).cloned().ok_or_else(|| StoreError::no_text(hash))
    }

    fn texts(&self, hashes: &[TextHash]) -> Result<HashMap<TextHash, String>, StoreError> {
        let inner = self.lock();
        Ok(hashes.iter().filter_map(|hash| Some((*hash, inner.texts.get(hash)?.clone()))).collect())
    }

    fn events(&self, after: Seq, limit: usize) -> Result<Vec<TraceEvent>, StoreError> {
        let inner = self.lock();
        Ok(inner.events.iter().filter(|event| event.seq > after).take(limit).cloned().collect())
    }

    fn span_events(&self, span: SpanId, first: Seq) -> Result<Vec<TraceEvent>, StoreError> {
        let inner = self.lock();
        let mut of_span = OfSpan::new(span);
        let since = inner.events.iter().filter(|event| event.seq >= first);
        Ok(since.filter(|event| of_span.takes(event)).cloned().collect())
    }

    fn starts_below(&self, span: SpanId) -> Result<Vec<TraceEvent>, StoreError> {
        let inner = self.lock();
        Ok(inner.events.iter().filter(|event| starts_below(event, span)).cloned().collect())
    }

    fn put_blob(&self, bytes: &[u8]) -> Result<BlobHash, StoreError> {
        let hash = hash_blob(bytes);
        self.lock().blobs.insert(hash, bytes.to_vec());
        Ok(hash)
    }

    fn blob(&self, hash: BlobHash) -> Result<Vec<u8>, StoreError> {
        self.lock().blobs.get(&hash).cloned().ok_or_else(|| StoreError::Missing(format!("blob {hash}")))
    }

    fn committed(&self) -> Seq {
        self.lock().last
    }

    fn is_lasting(&self) -> bool {
        false
    }

    fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
