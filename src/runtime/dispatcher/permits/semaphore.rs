//! The count of permits. Tasks that go on come before calls that have not started.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

/// The permits of a run.
#[derive(Clone)]
pub(in super::super::super) struct Permits(Arc<Shared>);

/// A permit; dropped, it is given back.
pub(in super::super::super) struct Permit(Permits);

struct Shared {
    count: Mutex<Count>,
    /// Notified when a permit is free that no task waits for.
    freed: Notify,
}

struct Count {
    limit: usize,
    taken: usize,
    /// Tasks that go on, the oldest first.
    resuming: VecDeque<oneshot::Sender<Permit>>,
}

impl Permits {
    /// So many permits, but one at least.
    pub fn new(limit: usize) -> Self {
        let count = Count { limit: limit.max(1), taken: 0, resuming: VecDeque::new() };
        Self(Arc::new(Shared { count: Mutex::new(count), freed: Notify::new() }))
    }

    /// Changes how many there are. Permits that were taken stay taken.
    pub fn set_limit(&self, limit: usize) {
        let mut count = self.lock();
        let more = limit.max(1) > count.limit;
        count.limit = limit.max(1);
        drop(count);
        if more {
            self.serve();
        }
    }

    /// Takes a permit, if one is free and no task waits for it.
    pub fn try_take(&self) -> Option<Permit> {
        let mut count = self.lock();
        (count.resuming.is_empty() && count.taken < count.limit).then(|| {
            count.taken += 1;
            Permit(self.clone())
        })
    }

    /// Takes a permit for a task that goes on; else the way on which it comes.
    pub fn take_or_wait(&self) -> Result<Permit, oneshot::Receiver<Permit>> {
        if let Some(permit) = self.try_take() {
            return Ok(permit);
        }
        let (sender, receiver) = oneshot::channel();
        self.lock().resuming.push_back(sender);
        // One may have been given back in between.
        self.serve();
        Err(receiver)
    }

    /// Waits until a permit may be free.
    pub async fn freed(&self) {
        self.0.freed.notified().await;
    }

    /// Hands free permits to the tasks that wait, then tells of the rest.
    fn serve(&self) {
        loop {
            let mut count = self.lock();
            if count.taken >= count.limit {
                return;
            }
            let Some(next) = count.resuming.pop_front() else { break };
            count.taken += 1;
            drop(count);
            // A task that is gone gives it back by dropping it, which serves the next one.
            drop(next.send(Permit(self.clone())));
        }
        self.0.freed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        self.0.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Permits that are taken.
    #[cfg(test)]
    pub fn taken(&self) -> usize {
        self.lock().taken
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut count = self.0.lock();
        count.taken -= 1;
        drop(count);
        self.0.serve();
    }
}
