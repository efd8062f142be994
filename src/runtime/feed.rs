//! The way up: committed events and answers, over a bounded channel that never blocks the run.
//!
//! The channel is a hint and the store is the truth. When it is full, the run goes on, what was missed is counted,
//! and the reader refills from the store, from its last seq to the committed mark.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::{Notify, mpsc};

use crate::model::{Seq, TraceEvent, Update};
use crate::store::{Publish, RunLog};

/// Batches of events that may wait for the reader.
const BATCHES: usize = 1024;
/// Events read from the store at a time.
const PAGE: usize = 4096;

/// Where updates go in.
#[derive(Clone)]
pub struct Sink {
    events: mpsc::Sender<Update>,
    answers: mpsc::UnboundedSender<Update>,
    missed: Arc<Missed>,
}

#[derive(Default)]
struct Missed {
    count: AtomicU64,
    changed: Notify,
    /// The reader has to read from the store.
    is_behind: AtomicBool,
    caught_up: Notify,
}

impl Missed {
    fn add(&self, count: u64) {
        self.count.fetch_add(count, Ordering::AcqRel);
        self.is_behind.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    /// The reader has read the store to its end, if nothing was missed meanwhile.
    fn read_to_the_end(&self) {
        self.is_behind.store(false, Ordering::Release);
        if self.count.load(Ordering::Acquire) > 0 {
            self.is_behind.store(true, Ordering::Release);
        } else {
            self.caught_up.notify_one();
        }
    }
}

/// Where updates come out, once the run's log is known.
pub struct Receiver {
    events: mpsc::Receiver<Update>,
    answers: mpsc::UnboundedReceiver<Update>,
    missed: Arc<Missed>,
}

/// A channel for one run: the sink, its reader, and what the recorder publishes into.
#[must_use]
pub fn channel() -> (Sink, Receiver) {
    with_capacity(BATCHES)
}

fn with_capacity(batches: usize) -> (Sink, Receiver) {
    let (events, events_out) = mpsc::channel(batches);
    let (answers, answers_out) = mpsc::unbounded_channel();
    let missed = Arc::new(Missed::default());
    let sink = Sink { events, answers, missed: missed.clone() };
    (sink, Receiver { events: events_out, answers: answers_out, missed })
}

impl Sink {
    /// What a recorder calls with each committed batch.
    #[must_use]
    pub fn publish(&self) -> Publish {
        let sink = self.clone();
        Box::new(move |events| sink.events(events))
    }

    fn events(&self, events: Vec<TraceEvent>) {
        let count = events.len() as u64;
        if self.events.try_send(Update::Events(events)).is_err() {
            self.missed.add(count);
        }
    }

    /// Waits until the reader needs the store no more: it has read what it missed, or is gone.
    pub(super) async fn caught_up(&self) {
        while self.missed.is_behind.load(Ordering::Acquire) {
            tokio::select! {
                () = self.missed.caught_up.notified() => {}
                () = self.events.closed() => return,
            }
        }
    }

    /// An answer to a command: never dropped.
    pub(super) fn send(&self, update: Update) {
        // Without a reader nobody asked.
        drop(self.answers.send(update));
    }

    /// Something that may be dropped when the reader is behind.
    pub(super) fn hint(&self, update: Update) {
        drop(self.events.try_send(update));
    }
}

/// The events of a past run that are reported besides its state.
#[derive(Debug, Default)]
pub struct PastEvents {
    /// The events.
    pub events: Vec<TraceEvent>,
    /// The last event that the run had then, reported or not.
    pub last: Seq,
    /// These are all of its events, and not only those that are reported.
    pub is_whole: bool,
}

/// Updates of one run, in order.
pub struct Feed {
    receiver: Receiver,
    log: RunLog,
    last: Seq,
    ready: std::collections::VecDeque<Update>,
    /// The store has events that did not come through the channel.
    is_behind: bool,
    /// Events from before, which are given out first.
    past: std::vec::IntoIter<TraceEvent>,
}

enum Woken {
    Event(Option<Update>),
    Answer(Option<Update>),
    Missed,
}

impl Feed {
    /// A reader of a run's updates; `past` are events from before (a past run), given out first.
    pub(super) fn new(receiver: Receiver, log: RunLog, past: PastEvents) -> Self {
        let (ready, past, last) = (std::collections::VecDeque::new(), past.events.into_iter(), past.last);
        Self { receiver, log, last, ready, is_behind: false, past }
    }

    /// The next update; `None` when the run's engine is gone. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Update> {
        let page: Vec<TraceEvent> = self.past.by_ref().take(PAGE).collect();
        if page.len() < PAGE {
            // Its memory is held until it is dropped.
            self.past = Vec::new().into_iter();
        }
        if !page.is_empty() {
            return Some(Update::Events(page));
        }
        loop {
            if let Some(update) = self.ready.pop_front() {
                return Some(update);
            }
            if self.is_behind {
                self.read_on().await;
                continue;
            }
            let woken = tokio::select! {
                biased;
                () = self.receiver.missed.changed.notified() => Woken::Missed,
                event = self.receiver.events.recv() => Woken::Event(event),
                answer = self.receiver.answers.recv() => Woken::Answer(answer),
            };
            match woken {
                Woken::Missed => self.refill(),
                Woken::Event(Some(Update::Events(events))) => self.take(events),
                Woken::Event(Some(update)) | Woken::Answer(Some(update)) => return Some(update),
                Woken::Event(None) | Woken::Answer(None) => return None,
            }
        }
    }

    fn take(&mut self, events: Vec<TraceEvent>) {
        // A batch was dropped before this one: the store has both.
        if self.receiver.missed.count.load(Ordering::Acquire) > 0 {
            return self.refill();
        }
        let fresh: Vec<_> = events.into_iter().filter(|event| event.seq > self.last).collect();
        self.give(fresh);
    }

    fn give(&mut self, events: Vec<TraceEvent>) {
        if let Some(last) = events.last() {
            self.last = last.seq;
            self.ready.push_back(Update::Events(events));
        }
    }

    fn refill(&mut self) {
        let missed = self.receiver.missed.count.swap(0, Ordering::AcqRel);
        if missed > 0 {
            self.ready.push_back(Update::Lag(missed));
        }
        self.is_behind = true;
    }

    /// Reads one page of what is missing, beside the loop: each is shown before the next is read.
    async fn read_on(&mut self) {
        let (log, last) = (self.log.clone(), self.last);
        let page = tokio::task::spawn_blocking(move || log.recorder().events(last, PAGE)).await;
        let error = match page {
            Ok(Ok(page)) => {
                self.is_behind = page.len() == PAGE;
                self.give(page);
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(format!("read the run: {error}")),
        };
        if let Some(error) = error {
            self.is_behind = false;
            self.ready.push_back(Update::Refused(format!("failed to {error}; the screen is behind the run")));
        }
        if !self.is_behind {
            self.receiver.missed.read_to_the_end();
            self.ready.push_back(Update::Lag(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::model::{RunState, TraceBody};
    use crate::store::Volatile;

    #[tokio::test]
    async fn a_full_channel_never_blocks_and_the_store_fills_the_gap() {
        let (sink, receiver) = with_capacity(2);
        let recorder = Arc::new(Volatile::new(sink.publish()));
        let log = RunLog::new(recorder, RunState::default(), Seq(0), HashSet::new());
        for at in 0..100 {
            log.append(vec![TraceBody::Note { span: None, error: false, text: at.to_string() }]);
        }
        let mut feed = Feed::new(receiver, log, PastEvents::default());
        let (mut seen, mut lag) = (Vec::new(), 0);
        while seen.len() < 100 {
            match feed.next().await {
                Some(Update::Events(events)) => seen.extend(events.into_iter().map(|event| event.seq.0)),
                Some(Update::Lag(count)) => lag += count,
                other => panic!("unexpected {other:?}"),
            }
        }
        assert_eq!(seen, (1..=100).collect::<Vec<_>>());
        assert_eq!(lag, 98);
    }

    #[tokio::test]
    async fn whoever_closes_the_store_waits_for_the_reader_or_its_end() {
        let (sink, receiver) = with_capacity(1);
        let recorder = Arc::new(Volatile::new(sink.publish()));
        let log = RunLog::new(recorder, RunState::default(), Seq(0), HashSet::new());
        let note = |text: &str| {
            log.append(vec![TraceBody::Note { span: None, error: false, text: text.to_owned() }]);
        };
        let waits = async || futures::poll!(std::pin::pin!(sink.caught_up())).is_pending();
        note("it fits");
        assert!(!waits().await);
        note("it does not");
        let mut feed = Feed::new(receiver, log.clone(), PastEvents::default());
        assert!(waits().await);
        while !matches!(feed.next().await, Some(Update::Lag(0))) {}
        assert!(!waits().await);
        note("it fits");
        note("it does not");
        drop(feed);
        assert!(!waits().await);
    }

    #[tokio::test]
    async fn what_is_missing_comes_in_pages_of_bounded_size() {
        let (sink, receiver) = with_capacity(1);
        let recorder = Arc::new(Volatile::new(sink.publish()));
        let log = RunLog::new(recorder, RunState::default(), Seq(0), HashSet::new());
        let all = 2 * PAGE + 10;
        for at in 0..all {
            log.append(vec![TraceBody::Note { span: None, error: false, text: at.to_string() }]);
        }
        let mut feed = Feed::new(receiver, log, PastEvents::default());
        let mut pages = Vec::new();
        while pages.iter().sum::<usize>() < all {
            // A future that is dropped before it is through loses nothing.
            let polled = match futures::poll!(std::pin::pin!(feed.next())) {
                std::task::Poll::Ready(update) => Some(update),
                std::task::Poll::Pending => None,
            };
            let update = match polled {
                Some(update) => update,
                None => feed.next().await,
            };
            match update {
                Some(Update::Events(events)) => pages.push(events.len()),
                Some(Update::Lag(_)) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
        assert_eq!(pages, [PAGE, PAGE, 10]);
    }
}
