//! The writer: one thread makes rows durable in the log file, and waiting rows share a sync. The `mover` takes them from
//! there.
//!
//! One round: take what waits, append it to the log file as one entry, sync, write the mark, publish the events, tell
//! the waiters. Rows that nobody waits for are taken when nothing followed them for [`QUIET`], and within [`LATEST`] in
//! any case. When a round or a move fails, everyone waiting gets the error and nothing is written any more: a later row
//! would leave a gap.
//!
//! Waiters with an answer usually come back at once, so a round that several waited for is followed by a short wait
//! for as many, at most half as long as a round takes (`PostgreSQL`'s `commit_delay` and the advice on its length).
//! Someone alone never waits for others.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use duckdb::Connection;
use futures::FutureExt;
use futures::channel::oneshot;

use super::answers::Answers;
use super::chain::Cell;
use super::database::failed;
use super::encode::{Encoder, Stored};
use super::log_file::LogFile;
use super::mark::{Mark, Noted};
use super::mover::{Between, Mover};
use super::points::crash_point;
use super::read;
use super::schema::Table;
use super::tail::Tail;
use super::unrecorded::Unrecorded;
use super::{Durable, Row, StoreError};
use crate::model::{Seq, TextHash, TraceEvent};

/// How long a row that nobody waits for may stay out of the log file.
const LATEST: Duration = Duration::from_millis(50);

/// How long nothing may follow such a row before it is written: what stands still is on the screen at once.
const QUIET: Duration = Duration::from_millis(3);

/// The longest wait for company, should a round take very long.
const PATIENCE: Duration = Duration::from_millis(2);

type Waiter = oneshot::Sender<Result<(), StoreError>>;

#[derive(Default)]
struct Queue {
    rows: Vec<Row>,
    waiters: Vec<Waiter>,
    /// How many of the waiters are urgent.
    urgent: usize,
    /// Until `gather_until`, a round starts when so many urgent ones are there.
    company: usize,
    gather_until: Option<Instant>,
    /// When the first row that waits came, and the last.
    since: Option<(Instant, Instant)>,
    /// Texts that are not in the database yet, so that they can be read at once.
    texts: HashMap<TextHash, String>,
    closing: bool,
    stopped: Option<String>,
}

impl Queue {
    /// How long until a round should start; `None`: nothing is there to write.
    fn wait_time(&self) -> Option<Duration> {
        let (first, last) = self.since?;
        if self.closing {
            return Some(Duration::ZERO);
        }
        let rest = LATEST.saturating_sub(first.elapsed()).min(QUIET.saturating_sub(last.elapsed()));
        if self.urgent == 0 {
            return Some(rest);
        }
        let alone = self.urgent >= self.company;
        let until = self.gather_until.filter(|_| !alone);
        Some(until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now())).min(rest))
    }

    /// Starts a round.
    fn take(&mut self) -> (Vec<Row>, Vec<Waiter>) {
        self.urgent = 0;
        self.since = None;
        (std::mem::take(&mut self.rows), std::mem::take(&mut self.waiters))
    }
}

/// The state that callers and the thread share.
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    committed: AtomicU64,
    unrecorded: Arc<Unrecorded>,
    between: Between,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for work; `None`: the store is closing and nothing is left. `answered` waiters came free just now, after a
    /// round that took so long.
    fn next(&self, answered: usize, took: Duration) -> Option<(Vec<Row>, Vec<Waiter>)> {
        let mut queue = self.lock();
        queue.company = answered + queue.urgent;
        queue.gather_until = Instant::now().checked_add((took / 2).min(PATIENCE));
        loop {
            queue = match queue.wait_time() {
                Some(Duration::ZERO) => return Some(queue.take()),
                Some(rest) => self.wake.wait_timeout(queue, rest).unwrap_or_else(PoisonError::into_inner).0,
                None if queue.closing => return None,
                None => self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// A text that is not in the database yet.
    fn text(&self, hash: TextHash) -> Option<String> {
        self.lock().texts.get(&hash).cloned()
    }

    /// Lets go of the texts that the database has now.
    fn forget_texts(&self, moved: &Tail) {
        let mut queue = self.lock();
        for row in moved.rows().filter(|row| row.table == Table::Texts) {
            if let Cell::Text(hash) = row.cell("hash")
                && let Some(hash) = TextHash::parse(hash)
            {
                queue.texts.remove(&hash);
            }
        }
    }

    /// Stops writing, also of `rows` (of the round that failed), and sends the error to every waiter.
    fn stop(&self, error: &StoreError, rows: Vec<Row>) {
        let mut queue = self.lock();
        queue.stopped.get_or_insert_with(|| error.to_string());
        self.unrecorded.keep(rows);
        let waiting = std::mem::take(&mut queue.rows);
        self.unrecorded.keep(waiting);
        let waiters = std::mem::take(&mut queue.waiters);
        drop(queue);
        self.unrecorded.publish_kept();
        for waiter in waiters {
            drop(waiter.send(Err(error.clone())));
        }
    }
}

/// The writer of one run; dropping it closes it.
pub(super) struct Writer {
    shared: Arc<Shared>,
    /// The thread of the rounds, and the mover's.
    threads: Mutex<Option<[Thread; 2]>>,
}

/// The state that the threads own.
pub(super) struct Output {
    /// The database's side.
    pub(super) mover: Mover,
    /// Where the chain and the generation stand.
    pub(super) encoder: Encoder,
    /// The log file, empty.
    pub(super) log: LogFile,
    /// The mark.
    pub(super) mark: Mark,
}

impl Writer {
    /// Starts the threads; `committed` is the last row that is stored.
    pub(super) fn start(output: Output, committed: Seq, unrecorded: Arc<Unrecorded>) -> Result<Self, StoreError> {
        let Output { mover, encoder, log, mark } = output;
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            committed: AtomicU64::new(committed.0),
            unrecorded,
            between: Between::after(committed),
        });
        let reader = mover.connection.try_clone().map_err(failed("open a second connection"))?;
        let log = Arc::new(Mutex::new(log));
        let rounds = Rounds { encoder, log: Arc::clone(&log), mark, reader, answers: Answers::default() };
        let for_mover = Arc::clone(&shared);
        let mover = spawn("store-mover", move || {
            // Also by a panic. The next round stops the writer, so that what is published stays in order.
            let _ended = OnDrop(|| for_mover.between.fail(write_error("the mover ended")));
            let moved = mover.run(&for_mover.between, &log, &|tail| for_mover.forget_texts(tail));
            moved.inspect_err(|error| for_mover.between.fail(error.clone()))
        })?;
        let for_writer = Arc::clone(&shared);
        let writer = spawn("store-writer", move || run(rounds, &for_writer));
        let writer = writer.inspect_err(|_| shared.between.close())?;
        Ok(Self { shared, threads: Mutex::new(Some([writer, mover])) })
    }

    /// Takes rows in the order of their seq, without blocking.
    pub(super) fn write(&self, rows: Vec<Row>, urgent: bool) -> Durable {
        let mut queue = self.shared.lock();
        if queue.closing {
            return Box::pin(std::future::ready(Err(write_error("the run is closed"))));
        }
        if let Some(why) = &queue.stopped {
            let stopped = StoreError::Stopped(why.clone());
            self.shared.unrecorded.keep(rows);
            drop(queue);
            self.shared.unrecorded.publish_kept();
            return Box::pin(std::future::ready(Err(stopped)));
        }
        for row in &rows {
            if let Row::Text { hash, text, .. } = row {
                queue.texts.insert(*hash, text.clone());
            }
        }
        let (waiter, done) = oneshot::channel();
        let idle = queue.rows.is_empty() && queue.waiters.is_empty();
        queue.rows.extend(rows);
        queue.waiters.push(waiter);
        queue.urgent += usize::from(urgent);
        let now = Instant::now();
        queue.since = Some((queue.since.map_or(now, |(first, _)| first), now));
        // The thread is woken for the first and for the last it waits for, not for each between.
        let wake = idle || urgent && (queue.urgent == 1 || queue.urgent == queue.company);
        drop(queue);
        if wake {
            self.shared.wake.notify_one();
        }
        Box::pin(done.map(|reply| reply.unwrap_or_else(|_| Err(write_error("the writer ended")))))
    }

    /// A text that is not in the database yet.
    pub(super) fn pending_text(&self, hash: TextHash) -> Option<String> {
        self.shared.text(hash)
    }

    /// Why nothing is written any more, although the run is not closed.
    pub(super) fn stopped(&self) -> Option<String> {
        let queue = self.shared.lock();
        queue.stopped.clone().filter(|_| !queue.closing)
    }

    /// The rows that are not in the database yet.
    pub(super) fn tail(&self) -> Tail {
        self.shared.between.tail()
    }

    /// The last row that is durable.
    pub(super) fn committed(&self) -> Seq {
        Seq(self.shared.committed.load(Ordering::Acquire))
    }

    /// Writes what waits, moves everything into the database, checkpoints, and ends the threads. A second call does
    /// nothing.
    pub(super) fn close(&self) -> Result<(), StoreError> {
        self.shared.lock().closing = true;
        self.shared.wake.notify_one();
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some([writer, mover]) = threads else { return Ok(()) };
        let written = join(writer);
        // What is durable is moved in any case.
        self.shared.between.close();
        let closed = join(mover);
        written.and(closed)
    }
}

type Thread = JoinHandle<Result<(), StoreError>>;

fn spawn(name: &str, work: impl FnOnce() -> Result<(), StoreError> + Send + 'static) -> Result<Thread, StoreError> {
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map_err(|error| StoreError::Database { what: "start the writer", why: error.to_string() })
}

fn join(thread: Thread) -> Result<(), StoreError> {
    thread.join().unwrap_or_else(|_| Err(write_error("the writer ended")))
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.close());
    }
}

/// Does something when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn write_error(why: &str) -> StoreError {
    StoreError::Database { what: "record", why: why.to_owned() }
}

fn run(mut rounds: Rounds, shared: &Shared) -> Result<(), StoreError> {
    // Tells everyone when the thread ends, also by a panic of the one who listens to events.
    let _ended = OnDrop(|| shared.stop(&write_error("the writer ended"), Vec::new()));
    let (mut answered, mut took) = (0, Duration::ZERO);
    while let Some((rows, waiters)) = shared.next(answered, took) {
        let started = Instant::now();
        match rounds.write(&rows, shared) {
            Ok(()) => {
                took = started.elapsed();
                // Before the waiters are told: an answer never overtakes the events that it is about.
                shared.unrecorded.publish(events_of(rows));
                // Whoever did not want to wait is gone.
                answered = waiters.into_iter().filter_map(|waiter| waiter.send(Ok(())).ok()).count();
                crash_point("commit-told");
            }
            Err(error) => {
                shared.stop(&error, rows);
                for waiter in waiters {
                    drop(waiter.send(Err(error.clone())));
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

/// The state that the rounds' thread owns.
struct Rounds {
    encoder: Encoder,
    log: Arc<Mutex<LogFile>>,
    mark: Mark,
    reader: Connection,
    answers: Answers,
}

impl Rounds {
    /// Makes rows durable.
    fn write(&mut self, rows: &[Row], shared: &Shared) -> Result<(), StoreError> {
        let Some(last) = rows.last().map(Row::seq) else { return Ok(()) };
        shared.between.check()?;
        let Self { encoder, reader, answers, .. } = self;
        let mut look =
            |hash| answers.find(hash, || shared.text(hash).or_else(|| read::text(reader, hash).ok().flatten()));
        let stored: Vec<Stored> = rows.iter().map(|row| encoder.encode(row, &mut look)).collect::<Result<_, _>>()?;
        // Held until the rows are handed over: the mover cuts the file when it has no others.
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = Noted { seq: last, chain: self.encoder.chain };
        let signed = self.mark.sign(noted);
        log.append(&stored, signed.as_ref())?;
        self.mark.note_signed(noted, signed)?;
        shared.between.push(stored);
        drop(log);
        shared.committed.store(last.0, Ordering::Release);
        Ok(())
    }
}

fn events_of(rows: Vec<Row>) -> Vec<TraceEvent> {
    let event = |row| match row {
        Row::Event(event) => Some(event),
        Row::Text { .. } => None,
    };
    rows.into_iter().filter_map(event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of which so many are urgent, after a round that a long time was given to gather for.
    fn queue(urgent: usize, company: usize) -> Queue {
        let now = Instant::now();
        let gather_until = now.checked_add(Duration::from_secs(3600));
        Queue { urgent, company, gather_until, since: Some((now, now)), ..Queue::default() }
    }

    #[test]
    fn only_those_who_had_company_wait_for_it() {
        assert_eq!(Queue::default().wait_time(), None);
        assert_eq!(queue(1, 1).wait_time(), Some(Duration::ZERO));
        assert_eq!(queue(8, 8).wait_time(), Some(Duration::ZERO));
        assert!(queue(7, 8).wait_time() > Some(Duration::ZERO));
        assert_eq!(Queue { gather_until: Some(Instant::now()), ..queue(7, 8) }.wait_time(), Some(Duration::ZERO));
        assert_eq!(Queue { closing: true, ..queue(7, 8) }.wait_time(), Some(Duration::ZERO));
    }
}
