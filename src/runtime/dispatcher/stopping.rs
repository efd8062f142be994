//! The stop of all calls, for a cancel, a quit, or a halt of the pattern code. The driver waits for it within a bound.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::exec::TextSoFar;
use super::reversal::STOP_BOUND;
use crate::model::{RunStatus, SpanId};

/// The longest wait for a tool when the user quits: the shell is not kept waiting, whatever hangs. Its changes are
/// recorded when the run is opened again.
pub(super) const QUIT_BOUND: Duration = Duration::from_secs(10);

/// The stop of all calls, and what ends after it.
#[derive(Default)]
pub(in super::super) struct Stopping {
    stop: Option<Stop>,
    /// A cancel or a quit waits for the undo under way.
    after_undo: bool,
    /// The session ends after the stop.
    quit: bool,
    /// The session has ended.
    over: bool,
}

struct Stop {
    /// Paths of the tools that have not stopped yet.
    waiting: BTreeSet<String>,
    stopped: Stopped,
    until: Instant,
}

/// Calls that have all stopped.
#[derive(Debug)]
pub(in super::super) struct Stopped {
    /// The answers of models as far as they came.
    pub texts: Vec<(SpanId, TextSoFar)>,
    /// The run's status from now on, and its output or error.
    pub status: (RunStatus, Option<String>),
    /// Tools that did not stop in time.
    pub cut_off: usize,
}

impl Stopping {
    /// Begins to wait for the tools at these paths; returns the end of the wait when there are none.
    pub fn begin(
        &mut self,
        waiting: BTreeSet<String>,
        texts: Vec<(SpanId, TextSoFar)>,
        status: (RunStatus, Option<String>),
    ) -> Option<Stopped> {
        let stopped = Stopped { texts, status, cut_off: 0 };
        let bound = if self.quit { QUIT_BOUND } else { STOP_BOUND };
        self.stop = Some(Stop { waiting, stopped, until: Instant::now() + bound });
        self.end_if(|stop| stop.waiting.is_empty())
    }

    /// Takes the end of a tool; returns the end of the wait when it was the last one.
    pub fn stopped(&mut self, path: &str) -> Option<Stopped> {
        let stop = self.stop.as_mut()?;
        stop.waiting.remove(path);
        self.end_if(|stop| stop.waiting.is_empty())
    }

    /// Ends the wait after its bound.
    pub fn time_out(&mut self) -> Option<Stopped> {
        self.end_if(|_| true)
    }

    fn end_if(&mut self, is_over: impl FnOnce(&Stop) -> bool) -> Option<Stopped> {
        let stop = self.stop.take_if(|stop| is_over(stop))?;
        Some(Stopped { cut_off: stop.waiting.len(), ..stop.stopped })
    }

    /// Waits for the bound; for ever when nothing is being stopped.
    pub async fn next(&mut self) {
        match &self.stop {
            Some(stop) => tokio::time::sleep_until(stop.until).await,
            None => std::future::pending().await,
        }
    }

    /// True while calls are being stopped.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_some()
    }

    /// True while a cancel or a quit goes on, or the session has ended.
    pub fn is_under_way(&self) -> bool {
        self.stop.is_some() || self.after_undo || self.over
    }

    /// Has the cancel or the quit go on after the undo under way.
    pub fn wait_for_undo(&mut self) {
        self.after_undo = true;
    }

    /// Takes the end of the undo; returns true when a cancel or a quit waited for it.
    pub fn end_undo(&mut self) -> bool {
        std::mem::take(&mut self.after_undo)
    }

    /// Has the session end after the stop; returns false when that was asked before.
    pub fn ask_to_quit(&mut self) -> bool {
        if let Some(stop) = &mut self.stop {
            stop.until = stop.until.min(Instant::now() + QUIT_BOUND);
        }
        !std::mem::replace(&mut self.quit, true)
    }

    /// True when the session ends after the stop.
    pub fn is_quitting(&self) -> bool {
        self.quit
    }

    /// Ends the session.
    pub fn end(&mut self) {
        self.over = true;
    }

    /// True when the session has ended.
    pub fn is_over(&self) -> bool {
        self.over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: &[&str]) -> BTreeSet<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    fn cancelled() -> (RunStatus, Option<String>) {
        (RunStatus::Cancelled, None)
    }

    #[test]
    fn without_a_tool_to_wait_for_the_stop_is_over_at_once() {
        let mut stopping = Stopping::default();
        let stopped = stopping.begin(paths(&[]), Vec::new(), cancelled()).unwrap();
        assert_eq!((stopped.cut_off, stopped.status), (0, cancelled()));
        assert!(!stopping.is_under_way());
    }

    #[test]
    fn every_tool_is_waited_for() {
        let mut stopping = Stopping::default();
        assert!(stopping.begin(paths(&["a", "b"]), Vec::new(), cancelled()).is_none());
        assert!(stopping.stopped("b").is_none());
        assert!(stopping.stopped("elsewhere").is_none());
        assert!(stopping.is_under_way());
        assert_eq!(stopping.stopped("a").unwrap().cut_off, 0);
        assert!(stopping.stopped("a").is_none(), "it ended once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_tool_that_does_not_stop_is_waited_for_within_a_bound() {
        let mut stopping = Stopping::default();
        let began = Instant::now();
        assert!(stopping.begin(paths(&["a", "b"]), Vec::new(), cancelled()).is_none());
        assert!(stopping.stopped("a").is_none());
        stopping.next().await;
        assert_eq!(began.elapsed(), STOP_BOUND);
        assert_eq!(stopping.time_out().unwrap().cut_off, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_quits_waits_less_also_after_a_cancel() {
        for cancelled_first in [false, true] {
            let mut stopping = Stopping::default();
            let began = Instant::now();
            if cancelled_first {
                assert!(stopping.begin(paths(&["a"]), Vec::new(), cancelled()).is_none());
            }
            assert!(stopping.ask_to_quit());
            if !cancelled_first {
                assert!(stopping.begin(paths(&["a"]), Vec::new(), cancelled()).is_none());
            }
            stopping.next().await;
            assert_eq!(began.elapsed(), QUIT_BOUND);
        }
    }
}
