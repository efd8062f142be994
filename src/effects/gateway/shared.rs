//! State that all calls of one gateway share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, mpsc};

use super::arrival::Arrived;
use super::aux::Sides;
use super::history::Responses;
use super::limits::Limits;
use super::secret::Secret;
use super::service::Upstreams;
use crate::effects::Masker;

/// The settings of a gateway.
#[derive(Debug)]
pub struct Setup {
    upstreams: Upstreams,
    masker: Masker,
    limits: Limits,
}

/// How much came through a gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Model calls.
    pub calls: u64,
    /// Other requests that were passed on.
    pub passed: u64,
    /// Requests without the secret.
    pub forged: u64,
}

/// State that all calls share.
pub(super) struct Shared {
    pub(super) secret: Secret,
    pub(super) upstreams: Upstreams,
    pub(super) masker: Masker,
    pub(super) limits: Limits,
    pub(super) arrived: mpsc::Sender<Arrived>,
    /// Calls that nobody has decided on.
    pub(super) undecided: Arc<Semaphore>,
    responses: Mutex<Responses>,
    sides: Mutex<Sides>,
    calls: AtomicU64,
    passed: AtomicU64,
    forged: AtomicU64,
}

impl Setup {
    /// The usual bounds; `masker` takes secrets out of requests and answers as they are shown, not as they are sent.
    #[must_use]
    pub fn new(upstreams: Upstreams, masker: Masker) -> Self {
        Self { upstreams, masker, limits: Limits::default() }
    }

    /// With other bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    pub(super) fn bounds(&self) -> Limits {
        self.limits
    }
}

impl Shared {
    pub(super) fn new(setup: Setup, secret: Secret, arrived: mpsc::Sender<Arrived>) -> Self {
        let Setup { upstreams, masker, limits } = setup;
        Self {
            secret,
            upstreams,
            masker,
            limits,
            arrived,
            undecided: Arc::new(Semaphore::new(limits.undecided)),
            responses: Mutex::default(),
            sides: Mutex::default(),
            calls: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            forged: AtomicU64::new(0),
        }
    }

    pub(super) fn responses(&self) -> MutexGuard<'_, Responses> {
        self.responses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sides(&self) -> MutexGuard<'_, Sides> {
        self.sides.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call, and returns its number.
    pub(super) fn count_call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts a request that is passed on, and reports it. A report that finds no room is not waited for.
    pub(super) fn report_passed(&self, passed: super::arrival::Passed) {
        self.passed.fetch_add(1, Ordering::Relaxed);
        let _ = self.arrived.try_send(Arrived::Passed(passed));
    }

    /// Counts a request without the secret, and reports how many there were.
    pub(super) fn report_forged(&self) {
        let count = self.forged.fetch_add(1, Ordering::Relaxed) + 1;
        let _ = self.arrived.try_send(Arrived::Forged(count));
    }

    pub(super) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts { calls: read(&self.calls), passed: read(&self.passed), forged: read(&self.forged) }
    }

    /// A text without secrets.
    pub(super) fn mask(&self, text: &str) -> String {
        self.masker.mask(text).into_owned()
    }
}
