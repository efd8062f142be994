//! The writer: one thread owns the connection that writes, and waiting rows share a commit.
//!
//! One round: take what waits, BEGIN, append, COMMIT (the database syncs), write the mark, publish the events, tell
//! the waiters. Rows that nobody waits for are taken when nothing followed them for [`QUIET`], and within [`LATEST`] in
//! any case. When a round fails, everyone waiting gets the error and nothing is written any more: a later row would
//! leave a gap.
//!
//! Waiters with an answer usually come back at once, so a round that several waited for is followed by a short wait
//! for as many, at most half as long as a round takes (`PostgreSQL`'s `commit_delay` and the advice on its length).
//! Someone alone never waits for others.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use duckdb::{Connection, params_from_iter};
use futures::FutureExt;
use futures::channel::oneshot;

use super::database::{WalWatch, failed};
use super::encode::{Encoder, Stored};
use super::files::file_error;
use super::mark::{Mark, Noted};
use super::points::{crash_point, fail_point};
use super::schema::Table;
use super::seal::Sealed;
use super::unrecorded::Unrecorded;
use super::{Durable, Row, StoreError};
use crate::model::{Seq, TextHash, TraceEvent};

/// How long a row that nobody waits for may stay uncommitted.
const LATEST: Duration = Duration::from_millis(50);

/// How long nothing may follow such a row before it is committed: what stands still is on the screen at once.
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
    /// Texts that are not committed yet, so that they can be read at once.
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
    thread: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
}

/// The state that the thread owns.
pub(super) struct Output {
    /// The connection that writes.
    pub(super) connection: Connection,
    /// Where the chain and the generation stand.
    pub(super) encoder: Encoder,
    /// The mark.
    pub(super) mark: Mark,
    /// The database's log file.
    pub(super) wal: WalWatch,
    /// The files that are sealed in the end.
    pub(super) sealed: Sealed,
}

impl Writer {
    /// Starts the thread; `committed` is the last row that is stored.
    pub(super) fn start(output: Output, committed: Seq, unrecorded: Arc<Unrecorded>) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            committed: AtomicU64::new(committed.0),
            unrecorded,
        });
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(output, &for_thread))
            .map_err(|error| StoreError::Database { what: "start the writer", why: error.to_string() })?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
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

    /// A text that is not committed yet.
    pub(super) fn pending_text(&self, hash: TextHash) -> Option<String> {
        self.shared.lock().texts.get(&hash).cloned()
    }

    /// Why nothing is written any more, although the run is not closed.
    pub(super) fn stopped(&self) -> Option<String> {
        let queue = self.shared.lock();
        queue.stopped.clone().filter(|_| !queue.closing)
    }

    /// The last row that is committed.
    pub(super) fn committed(&self) -> Seq {
        Seq(self.shared.committed.load(Ordering::Acquire))
    }

    /// Commits what waits, checkpoints, and ends the thread. A second call does nothing.
    pub(super) fn close(&self) -> Result<(), StoreError> {
        self.shared.lock().closing = true;
        self.shared.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.map_or(Ok(()), |thread| thread.join().unwrap_or_else(|_| Err(write_error("the writer ended"))))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.close());
    }
}

/// Tells everyone when the thread ends, also by a panic of the one who listens to events.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.stop(&write_error("the writer ended"), Vec::new());
    }
}

fn write_error(why: &str) -> StoreError {
    StoreError::Database { what: "record", why: why.to_owned() }
}

fn run(mut output: Output, shared: &Shared) -> Result<(), StoreError> {
    let _ended = Ended(shared);
    let (mut answered, mut took) = (0, Duration::ZERO);
    while let Some((rows, waiters)) = shared.next(answered, took) {
        let started = Instant::now();
        match output.commit(&rows, shared) {
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
    crash_point("close-checkpoint");
    output.connection.execute_batch("CHECKPOINT").map_err(failed("checkpoint the run"))?;
    crash_point("close-closed");
    output.wal.committed()?;
    output.seal()
}

impl Output {
    /// Closes the database, and says what it is like now.
    fn seal(self) -> Result<(), StoreError> {
        let Self { connection, mark, sealed, .. } = self;
        connection.close().map_err(|(_, error)| failed("close the run")(error))?;
        sealed.seal().map_or(Ok(()), |seal| mark.seal(&seal))
    }

    /// Makes rows durable.
    fn commit(&mut self, rows: &[Row], shared: &Shared) -> Result<(), StoreError> {
        let Some(last) = rows.last().map(Row::seq) else { return Ok(()) };
        let mut tables: BTreeMap<Table, Vec<Stored>> = BTreeMap::new();
        for row in rows {
            let look = |hash| {
                let pending = shared.lock().texts.get(&hash).cloned();
                pending.or_else(|| stored_text(&self.connection, hash).ok().flatten())
            };
            let stored = self.encoder.encode(row, &look)?;
            tables.entry(stored.table).or_default().push(stored);
        }
        crash_point("commit-begin");
        fail_point("commit").map_err(file_error("write to", Path::new("the run's log")))?;
        self.store(&tables).map_err(failed("write to the run's log"))?;
        crash_point("commit-done");
        self.wal.committed()?;
        self.mark.note(Noted { seq: last, chain: self.encoder.chain })?;
        crash_point("mark-synced");
        shared.committed.store(last.0, Ordering::Release);
        let mut queue = shared.lock();
        for row in rows {
            if let Row::Text { hash, .. } = row {
                queue.texts.remove(hash);
            }
        }
        Ok(())
    }

    /// Rows of one table commit by themselves; more tables share a transaction.
    fn store(&self, tables: &BTreeMap<Table, Vec<Stored>>) -> duckdb::Result<()> {
        let shared = tables.len() > 1;
        if shared {
            self.connection.execute_batch("BEGIN")?;
        }
        let appended = tables.iter().try_for_each(|(table, rows)| self.append(*table, rows));
        crash_point("commit-rows");
        if !shared {
            return appended;
        }
        let done = appended.and_then(|()| self.connection.execute_batch("COMMIT"));
        if done.is_err() {
            // Nothing is written after this; the error that counts is the first.
            drop(self.connection.execute_batch("ROLLBACK"));
        }
        done
    }

    /// One row is cheaper as an INSERT, several as an appender's.
    fn append(&self, table: Table, rows: &[Stored]) -> duckdb::Result<()> {
        if let [row] = rows {
            let mut insert = self.connection.prepare_cached(&row.insert())?;
            return insert.execute(params_from_iter(row.parameters())).map(drop);
        }
        let mut appender = self.connection.appender(table.name())?;
        for row in rows {
            appender.append_row(duckdb::appender_params_from_iter(&row.cells))?;
        }
        // Errors on drop would be lost.
        appender.flush()
    }
}

fn events_of(rows: Vec<Row>) -> Vec<TraceEvent> {
    let event = |row| match row {
        Row::Event(event) => Some(event),
        Row::Text { .. } => None,
    };
    rows.into_iter().filter_map(event).collect()
}

/// A text as the database has it.
pub(super) fn stored_text(connection: &Connection, hash: TextHash) -> Result<Option<String>, StoreError> {
    const SQL: &str = "SELECT text FROM texts WHERE hash = ? LIMIT 1";
    let found = connection.prepare_cached(SQL).and_then(|mut sql| sql.query_row([hash.to_string()], |row| row.get(0)));
    match found {
        Ok(text) => Ok(Some(text)),
        Err(duckdb::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(failed("read a text")(error)),
    }
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
