//! Counts of the states at and below each span, and the time that it only waited: kept up to date as events come, so that a folded
//! span with 100,000 below it can say how many of them failed without looking at them.

use super::{
    EndCause, Millis, PauseReason, SpanId, SpanKind, SpanState, SpanStatus, Trace, WaitFor, WaitInterval, span_state,
};

/// How many spans at and below one are in a state that matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls under way: sent, or being executed.
    pub working: u32,
    /// Spans that wait, whatever for: stopped, or for a lock.
    pub stopped: u32,
    /// Spans that stopped at a breakpoint, a step, a limit, or because the user asked.
    pub paused: u32,
    /// Spans that need an approval.
    pub approvals: u32,
    /// Failures: failed calls, and agents that failed without one.
    pub failed: u32,
    /// Calls that the policy or the user denied.
    pub denied: u32,
}

/// Time that a span spent waiting, and since when it waits now.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Waited {
    /// Milliseconds of waits that are over.
    pub(super) total: u64,
    pub(super) since: Option<Millis>,
}

impl Waited {
    /// Adds a time in which the span was over, before it was opened again.
    pub(super) fn add(&mut self, from: Millis, to: Millis) {
        self.total += to.0.saturating_sub(from.0);
    }

    /// A wait begins, goes on, or ends: then returns when it began.
    fn set(&mut self, waits: bool, at: Millis) -> Option<Millis> {
        match (waits, self.since) {
            (true, None) => self.since = Some(at),
            (false, Some(since)) => {
                self.add(since, at);
                self.since = None;
                return Some(since);
            }
            _ => {}
        }
        None
    }

    fn until(&self, now: Millis) -> u64 {
        self.total + self.since.map_or(0, |since| now.0.saturating_sub(since.0))
    }
}

impl Trace {
    /// Milliseconds that a span worked, up to `now`: its time without the waits in which nothing below it worked.
    #[must_use]
    pub fn work(&self, span: SpanId, now: Millis) -> u64 {
        let Some(found) = self.get(span) else { return 0 };
        let end = found.end.unwrap_or(now);
        end.0.saturating_sub(found.start.0).saturating_sub(found.waited.until(end))
    }

    /// Milliseconds that a span waited, up to `now`; `None` for a span that ended in an earlier format, which did not
    /// store it.
    #[must_use]
    pub fn waited(&self, span: SpanId, now: Millis) -> Option<u64> {
        let Some(found) = self.get(span) else { return Some(0) };
        let known = span == SpanId::RUN || found.ended.is_none_or(|ended| self.waits.are_known(ended));
        known.then(|| found.waited.until(found.end.unwrap_or(now)))
    }

    /// The waits of a span that has not ended, up to `now`, oldest first.
    #[must_use]
    pub fn waits(&self, span: SpanId, now: Millis) -> Vec<WaitInterval> {
        let mut waits = self.waits.of(span, now);
        // It ends anew, after a stop: what lies between was waiting.
        let before = self.get(span).and_then(|found| found.end).filter(|end| *end < now);
        waits.extend(before.map(|from| WaitInterval { why: WaitFor::Person, from, to: now }));
        waits
    }

    /// Milliseconds that the run worked up to a moment: times in which all of it only waited don't count.
    #[must_use]
    pub fn work_at(&self, at: Millis) -> u64 {
        let Some(run) = self.get(SpanId::RUN) else { return 0 };
        let waits_now = run.waited.since.map_or(0, |since| at.0.saturating_sub(since.0));
        let waited = self.clock.waited_before(at) + waits_now;
        at.0.saturating_sub(run.start.0).saturating_sub(waited)
    }

    /// Brings the counts and waits of a span and of those above it up to its state.
    pub(super) fn count_state(&mut self, span: SpanId, at: Millis) {
        self.count_worker(span);
        let Some(found) = self.get(span) else { return };
        let (old, new) = (found.counted, self.own_tally(span));
        if old == new {
            self.mark_wait(span, at);
            return;
        }
        if let Some(found) = self.get_mut(span) {
            found.counted = new;
        }
        let mut here = span;
        loop {
            let Some(found) = self.get_mut(here) else { return };
            found.tally.replace(old, new);
            self.mark_wait(here, at);
            if here == SpanId::RUN {
                return;
            }
            here = self.get(here).map_or(SpanId::RUN, |found| found.parent);
        }
    }

    /// A span waits while something at or below it is stopped and nothing works.
    fn mark_wait(&mut self, span: SpanId, at: Millis) {
        let Some(found) = self.get(span) else { return };
        let waits = found.tally.working == 0 && found.tally.stopped > 0 && found.end.is_none();
        // Looking costs less than being about to change something.
        if waits == found.waited.since.is_some() {
            return;
        }
        let Some(found) = self.get_mut(span) else { return };
        let until = found.end.unwrap_or(at);
        match found.waited.set(waits, until) {
            Some(since) if span == SpanId::RUN => self.clock.add(since, until),
            Some(_) => self.waits.end(span, until),
            None if span != SpanId::RUN => self.waits.begin(span, self.why_waiting(span), at),
            None => {}
        }
    }

    /// Why nothing at or below a span works.
    fn why_waiting(&self, span: SpanId) -> WaitFor {
        let tally = self.get(span).map(|found| found.tally).unwrap_or_default();
        let is_stopped = self.pause(span).is_some();
        let call = self.why_waits(span).or_else(|| self.why_any_waits().filter(|_| !is_stopped));
        match (tally.approvals, tally.paused, call) {
            (0, 0, Some(why)) => why,
            (0, 0, None) | (1.., ..) => WaitFor::Person,
            (0, 1.., _) => WaitFor::Pause,
        }
    }

    /// The counts of a span itself.
    fn own_tally(&self, span: SpanId) -> Tally {
        let Some(found) = self.get(span) else { return Tally::default() };
        let reason = self.pause(span).map(|(_, reason)| reason);
        let state = reason.filter(|_| found.status == SpanStatus::Paused).map(span_state::stopped);
        let is_call = matches!(found.kind, SpanKind::Llm | SpanKind::Tool | SpanKind::Human);
        let exited = matches!(found.cause, Some(EndCause::Exit { .. })) && found.status == SpanStatus::Ok;
        let error = found.status == SpanStatus::Error && !found.is_denied();
        let failed = state == Some(SpanState::Failed) || error || exited;
        let is_over = matches!(found.status, SpanStatus::Ok | SpanStatus::Error);
        // An agent that failed because of what is below it is no failure more.
        let below = found.tally.failed.saturating_sub(found.counted.failed);
        Tally {
            working: u32::from(is_call && found.status == SpanStatus::Running),
            stopped: u32::from(matches!(found.status, SpanStatus::Paused | SpanStatus::Waiting)),
            paused: u32::from(state == Some(SpanState::Paused)),
            approvals: u32::from(state == Some(SpanState::NeedsApproval)),
            denied: u32::from(found.is_denied() && is_over),
            failed: u32::from(failed && found.kind != SpanKind::Run && (is_call || below == 0)),
        }
    }
}

impl Tally {
    /// Takes `old` out and puts `new` in.
    fn replace(&mut self, old: Self, new: Self) {
        let swap = |count: &mut u32, old: u32, new: u32| *count = (*count + new).saturating_sub(old);
        swap(&mut self.working, old.working, new.working);
        swap(&mut self.stopped, old.stopped, new.stopped);
        swap(&mut self.paused, old.paused, new.paused);
        swap(&mut self.approvals, old.approvals, new.approvals);
        swap(&mut self.failed, old.failed, new.failed);
        swap(&mut self.denied, old.denied, new.denied);
    }
}

impl PauseReason {
    /// True for a stop that only the user's answer to the policy's question ends.
    #[must_use]
    pub fn is_approval(&self) -> bool {
        matches!(self, Self::Policy { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        EffectClass, Gate, Generation, RunId, RunState, RunStatus, Seq, SpanEnd, SpanSpec, SpanStart, TextHash,
        TraceBody, TraceEvent, Try,
    };

    const NONE: TextHash = TextHash([0; 16]);

    /// A run whose events come at given milliseconds.
    #[derive(Default)]
    struct Run {
        state: RunState,
    }

    impl Run {
        fn new() -> Self {
            let mut run = Self::default();
            run.at(
                0,
                TraceBody::RunStarted {
                    run: RunId("r1".into()),
                    name: "n".into(),
                    entrypoint: "a".into(),
                    task: NONE,
                    pipeline: NONE,
                    workspace: String::new(),
                    provenance: crate::model::Provenance::default(),
                    hash: 1,
                },
            );
            run
        }

        fn at(&mut self, ms: u64, body: TraceBody) {
            let seq = Seq(self.state.last.0 + 1);
            self.state.apply(&TraceEvent { seq, at: Millis(ms), happened: None, body });
        }

        fn start(&mut self, ms: u64, span: u32, parent: u32, tool: bool) {
            let spec = if tool {
                SpanSpec::Tool { args: NONE, request: NONE, effect: EffectClass::Read }
            } else {
                SpanSpec::Agent { pattern: "react".into(), input: NONE, prompt: None, prompt_file: None }
            };
            self.at(
                ms,
                TraceBody::SpanStarted(SpanStart {
                    span: SpanId(span),
                    parent: SpanId(parent),
                    path: format!("p{span}"),
                    name: format!("p{span}"),
                    visit: 1,
                    attempt: Try(1),
                    generation: Generation(1),
                    fan: None,
                    spec,
                    step: None,
                    attributes: std::collections::BTreeMap::new(),
                }),
            );
        }

        fn end(&mut self, ms: u64, span: u32, status: SpanStatus, cause: Option<EndCause>) {
            let waited = Some(self.state.trace.waits(SpanId(span), Millis(ms)));
            self.at(ms, TraceBody::SpanEnded(SpanEnd { cause, waited, ..SpanEnd::new(SpanId(span), status) }));
        }

        fn pause(&mut self, ms: u64, span: u32, reason: PauseReason) {
            self.at(ms, TraceBody::Paused { span: SpanId(span), gate: Gate::BeforeTool, reason });
        }

        fn release(&mut self, ms: u64, span: u32) {
            self.at(ms, TraceBody::Released { span: SpanId(span), how: "continue".into(), stale: false });
        }

        fn tally(&self, span: u32) -> Tally {
            self.state.trace.get(SpanId(span)).unwrap().tally
        }

        fn work(&self, span: u32, now: u64) -> u64 {
            self.state.trace.work(SpanId(span), Millis(now))
        }
    }

    #[test]
    fn waiting_for_the_user_is_no_work() {
        let mut run = Run::new();
        run.start(10, 1, 0, false);
        run.start(20, 2, 1, true);
        run.pause(20, 2, PauseReason::Step);
        assert_eq!((run.work(2, 5_000), run.work(1, 5_000), run.work(0, 5_000)), (0, 10, 20));
        assert_eq!(run.state.trace.work_at(Millis(4_000)), 20);
        run.release(5_000, 2);
        run.end(5_030, 2, SpanStatus::Ok, None);
        run.end(5_040, 1, SpanStatus::Ok, None);
        assert_eq!((run.work(2, 9_000), run.work(1, 9_000)), (30, 50));
        assert_eq!(run.state.trace.waited(SpanId(1), Millis(9_000)), Some(4_980));
        let worked = |at| run.state.trace.work_at(Millis(at));
        assert_eq!([worked(10), worked(20), worked(3_000), worked(5_010)], [10, 20, 20, 30]);
    }

    #[test]
    fn waits_are_stored_with_their_reasons() {
        let mut run = Run::new();
        run.start(0, 1, 0, false);
        run.start(0, 2, 1, true);
        let wait = |why, from, to| WaitInterval { why, from: Millis(from), to: Millis(to) };
        run.at(5, TraceBody::SpanWaiting { span: SpanId(2), on: Some("s9 tama_bash".into()), why: WaitFor::Lock });
        run.at(9, TraceBody::SpanWaiting { span: SpanId(2), on: None, why: WaitFor::Lock });
        run.pause(10, 2, PauseReason::Step);
        run.release(15, 2);
        run.pause(20, 2, PauseReason::Policy { rule: "ask".into() });
        run.release(30, 2);
        run.pause(31, 2, PauseReason::Error { error: "HTTP 529".into() });
        let (lock, pause, person) =
            (wait(WaitFor::Lock, 5, 9), wait(WaitFor::Pause, 10, 15), wait(WaitFor::Person, 20, 30));
        let all = [lock, pause, person, wait(WaitFor::Person, 31, 40)];
        for span in [1, 2] {
            assert_eq!(run.state.trace.waits(SpanId(span), Millis(40)), all, "{span}");
        }
        run.release(40, 2);
        run.end(45, 2, SpanStatus::Ok, None);
        run.end(50, 1, SpanStatus::Ok, None);
        assert_eq!([1, 2].map(|span| run.state.trace.waited(SpanId(span), Millis(99))), [Some(28), Some(28)]);
    }

    #[test]
    fn an_end_without_its_waits_is_of_an_earlier_format() {
        let mut run = Run::new();
        run.start(0, 1, 0, false);
        run.start(0, 2, 1, true);
        run.at(9, TraceBody::SpanEnded(SpanEnd::new(SpanId(2), SpanStatus::Ok)));
        assert_eq!([1, 2].map(|span| run.state.trace.waited(SpanId(span), Millis(20))), [Some(0), None]);
        run.end(20, 1, SpanStatus::Ok, None);
        assert_eq!([1, 2].map(|span| run.state.trace.waited(SpanId(span), Millis(20))), [Some(0), None]);
    }

    #[test]
    fn a_branch_that_works_keeps_those_above_it_working() {
        let mut run = Run::new();
        run.start(0, 1, 0, false);
        run.start(0, 2, 1, true);
        run.start(0, 3, 1, true);
        run.pause(0, 2, PauseReason::Asked);
        assert_eq!(run.tally(1), Tally { working: 1, stopped: 1, paused: 1, ..Tally::default() });
        run.end(100, 3, SpanStatus::Ok, None);
        assert_eq!(run.work(1, 300), 100);
        run.release(300, 2);
        assert_eq!(run.work(1, 350), 150);
    }

    #[test]
    fn a_run_opened_again_by_a_retry_is_no_longer_for_the_time_between() {
        let mut run = Run::new();
        run.start(0, 1, 0, false);
        run.start(0, 2, 1, true);
        run.end(50, 2, SpanStatus::Ok, None);
        run.end(50, 1, SpanStatus::Ok, None);
        run.at(50, TraceBody::RunStatus { status: RunStatus::Ok, text: None });
        let day = 86_400_000;
        let taken = TraceBody::Invalidated {
            generation: Generation(2),
            cause: SpanId(2),
            spans: vec![SpanId(2)],
            paths: vec![],
            reopened: vec![SpanId(1)],
            stale: vec![],
        };
        run.at(day, TraceBody::RunStatus { status: RunStatus::Running, text: None });
        run.at(day, taken);
        run.start(day, 3, 1, true);
        run.end(day + 20, 3, SpanStatus::Ok, None);
        run.end(day + 20, 1, SpanStatus::Ok, None);
        run.at(day + 20, TraceBody::RunStatus { status: RunStatus::Ok, text: None });
        let between = WaitInterval { why: WaitFor::Person, from: Millis(50), to: Millis(day) };
        assert_eq!(run.state.trace.waits(SpanId(1), Millis(day + 20)), [between]);
        assert_eq!((run.work(1, day * 2), run.work(0, day * 2)), (70, 70));
        assert_eq!(run.state.trace.work_at(Millis(day + 20)), 70);
    }

    #[test]
    fn failures_and_approvals_are_counted_once_and_leave_with_their_try() {
        let mut run = Run::new();
        run.start(0, 1, 0, false);
        run.start(0, 2, 1, true);
        run.pause(0, 2, PauseReason::Policy { rule: "ask".into() });
        assert_eq!(run.state.span_state(SpanId(2)), SpanState::NeedsApproval);
        assert_eq!(run.tally(0).approvals, 1);
        run.release(0, 2);
        run.end(1, 2, SpanStatus::Ok, Some(EndCause::Exit { code: 3 }));
        assert_eq!(run.state.span_state(SpanId(2)), SpanState::Failed);
        run.start(1, 3, 1, true);
        run.end(1, 3, SpanStatus::Error, Some(EndCause::Denied));
        assert_eq!(run.state.span_state(SpanId(3)), SpanState::Denied);
        run.end(2, 1, SpanStatus::Error, None);
        // The agent failed with its tool: one failure.
        assert_eq!(run.tally(0), Tally { failed: 1, denied: 1, ..Tally::default() });
        run.at(
            3,
            TraceBody::Invalidated {
                generation: Generation(2),
                cause: SpanId(1),
                spans: vec![SpanId(1), SpanId(2), SpanId(3)],
                paths: vec![],
                reopened: vec![],
                stale: vec![],
            },
        );
        assert_eq!(run.tally(0), Tally::default());
    }

    #[test]
    fn an_error_that_stops_is_a_failure_while_it_stands() {
        let mut run = Run::new();
        run.start(0, 1, 0, false);
        run.start(0, 2, 1, true);
        run.end(1, 2, SpanStatus::Error, None);
        run.pause(1, 2, PauseReason::Error { error: "HTTP 529".into() });
        assert_eq!(run.state.span_state(SpanId(2)), SpanState::Failed);
        assert_eq!(run.tally(1), Tally { stopped: 1, failed: 1, ..Tally::default() });
        assert_eq!(run.work(1, 700), 1);
    }
}
