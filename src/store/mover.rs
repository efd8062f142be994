//! The mover: a thread that takes durable rows out of the log file and puts them into the database, many at a time.
//!
//! One turn: what is durable by now in one transaction (the database syncs), the mark synced, and the log file cut when
//! nothing is left in it. When a turn fails, the rows stay in the log file, and opening the run moves them.

use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use duckdb::Connection;

use super::database::{WalWatch, failed};
use super::encode::Stored;
use super::files::file_error;
use super::insert::Inserts;
use super::log_file::LogFile;
use super::mark::MarkSync;
use super::points::{crash_point, fail_point};
use super::seal::Sealed;
use super::tail::Tail;
use super::{StoreError, meter};
use crate::model::Seq;

/// How long a durable row may stay out of the database.
const LATEST: Duration = Duration::from_millis(50);

/// From this length on, the log file takes no more rows until it is cut.
const LONG: u64 = 32 << 20;

/// The rows between log file and database, as all threads see them.
#[derive(Default)]
pub(super) struct Between {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    tail: Tail,
    /// When the oldest row that waits came.
    since: Option<Instant>,
    closing: bool,
    failed: Option<StoreError>,
}

impl Between {
    /// Nothing waits; the database ends with this row.
    pub(super) fn after(moved: Seq) -> Self {
        let state = State { tail: Tail::after(moved), ..State::default() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Hands rows over.
    pub(super) fn push(&self, rows: Vec<Stored>) {
        let mut state = self.lock();
        state.tail.push(rows);
        if state.since.is_none() {
            state.since = Some(Instant::now());
            self.changed.notify_one();
        }
    }

    /// A copy of the rows that the database has not.
    pub(super) fn tail(&self) -> Tail {
        self.lock().tail.clone()
    }

    /// Lets the mover move the rest and end.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_one();
    }

    /// Remembers why nothing is moved any more.
    pub(super) fn fail(&self, error: StoreError) {
        self.lock().failed.get_or_insert(error);
    }

    /// Fails once nothing is moved any more.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.lock().failed.clone().map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until rows should be moved; false: the run is closing and nothing is left.
    fn next(&self) -> bool {
        let mut state = self.lock();
        loop {
            let rest = state.since.map(|since| LATEST.saturating_sub(since.elapsed()));
            state = match rest {
                Some(_) if state.closing => return true,
                Some(Duration::ZERO) => return true,
                Some(rest) => self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0,
                None if state.closing => return false,
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn moved(&self, rows: &Tail) {
        let mut state = self.lock();
        state.tail.remove(rows);
        state.since = (!state.tail.is_empty()).then(Instant::now);
    }
}

/// The database's side of a run.
pub(super) struct Mover {
    /// The connection that writes.
    pub(super) connection: Connection,
    /// Its statements.
    pub(super) inserts: Inserts,
    /// The database's own log.
    pub(super) wal: WalWatch,
    /// Makes the mark durable.
    pub(super) mark: MarkSync,
    /// The files that are sealed in the end.
    pub(super) sealed: Sealed,
}

impl Mover {
    /// Moves rows until the run is closed, then closes the database. Calls `forget` with the rows that were moved.
    pub(super) fn run(
        mut self,
        between: &Between,
        log: &Mutex<LogFile>,
        forget: &dyn Fn(&Tail),
    ) -> Result<(), StoreError> {
        let lock = || log.lock().unwrap_or_else(PoisonError::into_inner);
        while between.next() {
            // A log file that is too long is held until it is cut.
            let held = Some(lock()).filter(|log| log.length() > LONG);
            let rows = between.tail();
            self.store(&rows)?;
            between.moved(&rows);
            forget(&rows);
            let mut log = held.unwrap_or_else(lock);
            if between.lock().tail.is_empty() {
                log.cut()?;
            }
        }
        crash_point("close-checkpoint");
        self.connection.execute_batch("CHECKPOINT").map_err(failed("checkpoint the run"))?;
        crash_point("close-closed");
        self.wal.committed()?;
        let Self { connection, mark, sealed, .. } = self;
        connection.close().map_err(|(_, error)| failed("close the run")(error))?;
        lock().remove()?;
        sealed.seal().map_or(Ok(()), |seal| mark.seal(&seal))?;
        crash_point("sealed");
        Ok(())
    }

    /// Puts rows into the database, durable together with the mark.
    pub(super) fn store(&mut self, rows: &Tail) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        crash_point("commit-begin");
        fail_point("commit").map_err(file_error("write to", Path::new("the run's database")))?;
        self.inserts.store(&self.connection, rows).map_err(failed("write to the run's log"))?;
        meter::committed();
        crash_point("commit-done");
        self.wal.committed()?;
        self.mark.sync()?;
        crash_point("mark-synced");
        Ok(())
    }
}
