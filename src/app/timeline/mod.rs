//! Going back in time: the run is shown as it was at one of its events, while it goes on.
//!
//! The moment takes the place of the run in [`super::State`], so that every panel shows it; the run as it is now is
//! kept beside, and takes in what happens. Nothing of the run can be changed meanwhile: a change is always one of the
//! run as it is now.

mod past;
mod strip;

pub(super) use past::Past;
pub use strip::{Strip, strip};

use super::{Command, State};
use crate::model::{self, Moment, MomentAsked, Seq, SpanId};

/// The way to the moment that is shown.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    past: Option<Box<Past>>,
    /// The question that is under way.
    asked: Option<MomentAsked>,
    /// Events that were asked for meanwhile.
    queued: i64,
    /// The span to select once the moment is there.
    goal: Option<SpanId>,
}

impl Timeline {
    /// The moment that is shown; `None`: the run as it is now.
    #[must_use]
    pub fn seq(&self) -> Option<Seq> {
        self.past.as_ref().map(|past| past.seq())
    }

    /// Events that were asked for while an answer is under way.
    pub(super) fn queued(&self) -> i64 {
        self.queued
    }

    /// True while a moment of the past is shown.
    #[must_use]
    pub fn is_past(&self) -> bool {
        self.past.is_some()
    }

    pub(super) fn past(&self) -> Option<&Past> {
        self.past.as_deref()
    }

    /// No answer comes: the next key asks again.
    pub(super) fn give_up(&mut self) {
        self.asked = None;
        self.queued = 0;
    }
}

impl State {
    /// Does something with the run as it is now, whatever moment is shown.
    pub(super) fn in_present<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        let Some(mut past) = self.timeline.past.take() else { return act(self) };
        past.swap(self);
        let done = act(self);
        past.swap(self);
        self.timeline.past = Some(past);
        done
    }

    /// Asks for the moment some events from the one that is shown.
    pub(super) fn scrub_events(&mut self, by: i64) -> Vec<Command> {
        if self.timeline.asked.is_some() {
            self.timeline.queued = self.timeline.queued.saturating_add(by);
            return Vec::new();
        }
        if by > 0 && !self.timeline.is_past() {
            self.refuse("this is now: nothing has happened after it");
            return Vec::new();
        }
        let from = self.timeline.seq().unwrap_or(self.run.last);
        self.ask_moment(MomentAsked { from, by }, None)
    }

    /// Asks for the moment at which the span before or after the shown moment began.
    pub(super) fn scrub_spans(&mut self, forward: bool) -> Vec<Command> {
        if self.timeline.asked.is_some() {
            return Vec::new();
        }
        let here = self.timeline.seq().unwrap_or(self.run.last);
        let target = self.in_present(|state| {
            let spans = state.run.trace.spans();
            let began = |at: usize| spans.get(at).map(|span| span.started);
            let (mut low, mut high) = (1, spans.len());
            while low < high {
                let middle = usize::midpoint(low, high);
                let is_earlier = began(middle).is_some_and(|seq| if forward { seq <= here } else { seq < here });
                if is_earlier { low = middle + 1 } else { high = middle }
            }
            let at = if forward { low } else { low.saturating_sub(1) };
            let span = u32::try_from(at).ok().filter(|at| *at > 0).map(SpanId)?;
            began(at).map(|seq| (span, seq))
        });
        match target {
            Some((span, seq)) => self.ask_moment(MomentAsked { from: seq, by: 0 }, Some(span)),
            None if forward && self.timeline.is_past() => {
                self.back_to_now();
                Vec::new()
            }
            None => {
                self.refuse(if forward { "this is now: no later span" } else { "this is the first span" });
                Vec::new()
            }
        }
    }

    /// Asks for a moment of the run.
    pub(super) fn scrub_to(&mut self, seq: Seq) -> Vec<Command> {
        self.ask_moment(MomentAsked { from: seq, by: 0 }, None)
    }

    fn ask_moment(&mut self, asked: MomentAsked, goal: Option<SpanId>) -> Vec<Command> {
        self.timeline.asked = Some(asked);
        self.timeline.goal = goal;
        vec![Command::Run(model::Command::Moment(asked))]
    }

    /// A moment came: shows it, or the present if it is the last event.
    pub(super) fn take_moment(&mut self, moment: Moment) -> Vec<Command> {
        if self.timeline.asked != Some(moment.asked) {
            return Vec::new();
        }
        self.timeline.asked = None;
        let goal = self.timeline.goal.take();
        let is_now = self.in_present(|state| moment.run.last >= state.run.last);
        if is_now && moment.asked.by >= 0 {
            self.timeline.queued = 0;
            if !self.timeline.is_past() {
                self.say("this is now");
            }
            self.back_to_now();
            return Vec::new();
        }
        let is_same = self.timeline.seq() == Some(moment.run.last);
        if is_same && moment.asked.by != 0 {
            self.timeline.queued = 0;
            self.refuse("this is the run's first event");
            return Vec::new();
        }
        match self.timeline.past.take() {
            Some(mut past) => {
                past.go_on(self, moment, goal);
                self.timeline.past = Some(past);
            }
            None => self.timeline.past = Some(Box::new(Past::enter(self, moment, goal))),
        }
        match std::mem::take(&mut self.timeline.queued) {
            0 => Vec::new(),
            by => self.scrub_events(by),
        }
    }

    /// Shows the run as it is now; false when it is shown already.
    pub(super) fn back_to_now(&mut self) -> bool {
        self.timeline.give_up();
        let Some(past) = self.timeline.past.take() else { return false };
        past.leave(self);
        true
    }
}
