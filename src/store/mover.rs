//! The mover: a thread that takes durable rows out of the log file and puts them into the database, many at a time.
//!
//! Rows are moved 50 ms after the last of them, when they are many, and a second after the first in any case: a turn costs as
//! much as some hundred rows. Readers in this process add what is not moved yet (`tail`), and opening the run moves it.
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

/// How long a durable row that nothing follows stays out of the database: what stands still can be read there.
const QUIET: Duration = Duration::from_millis(50);

/// How long a durable row may stay out of the database while others follow it. Each turn costs as much as some hundred
/// rows, so a run that flows is moved in few of them.
const LATEST: Duration = Duration::from_secs(1);

/// So many rows don't wait for more: eight of the database's own blocks of rows.
const MANY: usize = 16_384;

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
    /// When the oldest row that waits came, and the newest.
    since: Option<(Instant, Instant)>,
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
        let now = Instant::now();
        let first = state.since.map(|(first, _)| first);
        state.since = Some((first.unwrap_or(now), now));
        if first.is_none() || state.tail.len() >= MANY {
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
            state = match state.rest() {
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
        let now = Instant::now();
        state.since = (!state.tail.is_empty()).then_some((now, now));
    }
}

impl State {
    /// How long until rows should be moved; `None`: none waits.
    fn rest(&self) -> Option<Duration> {
        let (first, last) = self.since?;
        if self.closing || self.tail.len() >= MANY {
            return Some(Duration::ZERO);
        }
        Some(LATEST.saturating_sub(first.elapsed()).min(QUIET.saturating_sub(last.elapsed())))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Millis, RunState, TextHash};
    use crate::store::encode::Encoder;
    use crate::store::schema::Layout;
    use crate::store::{Row, chain::Chain};

    /// So many rows, of which the first came so long ago, and the last.
    fn state(rows: usize, first: Duration, last: Duration) -> State {
        let mut encoder = Encoder::new(Layout::newest(), Chain::default(), &RunState::default());
        let row = |seq: usize| Row::Text {
            seq: Seq(seq as u64),
            at: Millis(1),
            hash: TextHash([0; 16]),
            text: String::new(),
        };
        let rows = (1..=rows).map(|seq| encoder.encode(&row(seq), &mut |_| None).unwrap()).collect();
        let mut tail = Tail::default();
        tail.push(rows);
        let since = [first, last].map(|ago| Instant::now().checked_sub(ago).unwrap());
        State { tail, since: Some((since[0], since[1])), ..State::default() }
    }

    #[test]
    fn rows_are_moved_when_nothing_follows_them_when_they_are_many_and_never_late() {
        let [none, hour] = [0, 3600].map(Duration::from_secs);
        assert_eq!(State::default().rest(), None);
        assert!(state(1, none, none).rest() > Some(Duration::ZERO));
        assert_eq!(state(1, QUIET, QUIET).rest(), Some(Duration::ZERO));
        assert!(state(1, QUIET, none).rest() > Some(Duration::ZERO));
        assert_eq!(state(1, hour, none).rest(), Some(Duration::ZERO));
        assert_eq!(state(MANY, none, none).rest(), Some(Duration::ZERO));
        assert_eq!(State { closing: true, ..state(1, none, none) }.rest(), Some(Duration::ZERO));
    }
}
