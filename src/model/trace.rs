//! The span tree as a fold of trace events: one compact record per span, no payloads.

mod pack;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::names::Names;
use super::packed_pages::PackedPages;
use super::tally::Waited;
use super::waits::Waits;
use super::work_clock::WorkClock;
use super::{
    EffectClass, EndCause, Fan, Gate, Generation, Millis, Pages, PauseReason, Restored, RestoredEnd, Seq, SpanEnd,
    SpanId, SpanKind, SpanSpec, SpanStart, SpanStatus, Tally, Try, Usage, WaitFor, WaitInterval, Workers,
};

const NONE: u32 = u32::MAX;

/// The name of a span whose start is lost.
const LOST: &str = "(lost)";

/// Sums over a span and everything below it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tokens.
    pub usage: Usage,
    /// Millionths of a US dollar.
    pub cost: u64,
    /// Applied actions that can be undone.
    pub undoable: u32,
    /// Applied actions that can't.
    pub permanent: u32,
    /// Actions undone and not redone (of tries that were not replaced).
    pub undone: u32,
}

/// One span.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The span above it (the run's own span is its own parent).
    pub parent: SpanId,
    /// Its kind.
    pub kind: SpanKind,
    /// Its status.
    pub status: SpanStatus,
    /// How often its name ran under its parent.
    pub visit: u32,
    /// How often its path ran.
    pub attempt: Try,
    /// The generation it started in.
    pub generation: Generation,
    /// Its place in a fan-out.
    pub fan: Option<Fan>,
    /// The event that started it.
    pub started: Seq,
    /// The event that ended it, while it is ended.
    pub ended: Option<Seq>,
    /// When it started.
    pub start: Millis,
    /// When it ended.
    pub end: Option<Millis>,
    /// Sums over it and everything below it.
    pub counts: Counts,
    /// How many spans are directly below it.
    pub children: u32,
    /// The effect on the world that a tool declares.
    pub effect: Option<EffectClass>,
    /// The reason for its end, where the status doesn't say enough.
    pub cause: Option<EndCause>,
    /// True if the user answered in its place.
    pub answered: bool,
    /// How many spans at and below it work, wait, and failed.
    pub tally: Tally,
    /// Workers of its fan-outs.
    pub workers: Workers,
    /// Its own part of the tallies.
    pub(super) counted: Tally,
    /// Its own part of the workers of the span above it.
    pub(super) worker: Workers,
    pub(super) waited: Waited,
    outcome: SpanStatus,
    acknowledged: u32,
    name: u32,
    pattern: u32,
    finish: u32,
    first_child: u32,
    last_child: u32,
    next_sibling: u32,
}

impl Span {
    /// True while it is a tool that is about to do something that has no undo.
    #[must_use]
    pub fn will_be_permanent(&self) -> bool {
        let nothing_yet = self.counts.undoable + self.counts.permanent + self.counts.undone == 0;
        self.effect == Some(EffectClass::Irreversible) && self.status.is_live() && nothing_yet
    }

    /// True for a call that the policy or the user denied. Only tools are; a question without an answer has failed.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.cause == Some(EndCause::Denied) && self.kind == SpanKind::Tool
    }

    /// True when the run ended in the span: a limit was reached, or nobody was there to answer a question.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        let unanswered = self.cause == Some(EndCause::Denied) && self.kind != SpanKind::Tool;
        self.status == SpanStatus::Error && (unanswered || self.cause == Some(EndCause::Limit))
    }

    /// A span that just started, at the top of the tree.
    fn new(kind: SpanKind, name: u32, seq: Seq, at: Millis) -> Self {
        Self {
            parent: SpanId::RUN,
            kind,
            status: SpanStatus::Running,
            visit: 1,
            attempt: Try(1),
            generation: Generation(1),
            fan: None,
            started: seq,
            ended: None,
            start: at,
            end: None,
            counts: Counts::default(),
            children: 0,
            effect: None,
            cause: None,
            answered: false,
            tally: Tally::default(),
            workers: Workers::default(),
            counted: Tally::default(),
            worker: Workers::default(),
            waited: Waited::default(),
            outcome: SpanStatus::Running,
            acknowledged: 0,
            name,
            pattern: NONE,
            finish: NONE,
            first_child: NONE,
            last_child: NONE,
            next_sibling: NONE,
        }
    }
}

/// The span tree.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    spans: PackedPages<Span>,
    /// The span above each: the way up is gone often, and unpacks nothing.
    parents: Pages<SpanId>,
    names: Names,
    paused: BTreeMap<SpanId, (Gate, PauseReason)>,
    waiting: BTreeMap<SpanId, (WaitFor, String)>,
    pub(super) clock: WorkClock,
    pub(super) waits: Waits,
    /// Spans whose place in time is not known. No run that is stored has one.
    #[serde(skip)]
    unplaced: BTreeSet<SpanId>,
}

impl Trace {
    /// All spans, the run's own first; a [`SpanId`] is its index.
    #[must_use]
    pub fn spans(&self) -> &PackedPages<Span> {
        &self.spans
    }

    /// How many spans there are, the run's own included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// True while the run has not started.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// One span.
    #[must_use]
    pub fn get(&self, span: SpanId) -> Option<&Span> {
        self.spans.get(span.0 as usize)
    }

    /// A span's name: the agent's or tool's, or `llm`.
    #[must_use]
    pub fn name(&self, span: SpanId) -> &str {
        self.get(span).map_or("", |found| self.text(found.name))
    }

    /// The name of a span that was found.
    #[must_use]
    pub fn name_of(&self, found: &Span) -> &str {
        self.text(found.name)
    }

    /// An agent's pattern; empty for other spans.
    #[must_use]
    pub fn pattern(&self, span: SpanId) -> &str {
        self.get(span).map_or("", |found| self.text(found.pattern))
    }

    /// An agent's finish key, once it has one.
    #[must_use]
    pub fn finish(&self, span: SpanId) -> Option<&str> {
        self.get(span).filter(|found| found.finish != NONE).map(|found| self.text(found.finish))
    }

    /// True unless only the span's length is recorded, and not when it ran.
    #[must_use]
    pub fn has_known_times(&self, span: SpanId) -> bool {
        !self.unplaced.contains(&span)
    }

    /// The gate and reason, while a span is paused.
    #[must_use]
    pub fn pause(&self, span: SpanId) -> Option<&(Gate, PauseReason)> {
        self.paused.get(&span)
    }

    /// Every paused span, oldest first.
    pub fn paused(&self) -> impl Iterator<Item = SpanId> {
        self.paused.keys().copied()
    }

    /// True while a span waits for a person's answer.
    #[must_use]
    pub fn is_asking(&self, span: SpanId) -> bool {
        self.why_waits(span) == Some(WaitFor::Person)
    }

    /// Every span that waits for a person's answer, oldest first.
    pub fn asking(&self) -> impl Iterator<Item = SpanId> {
        self.waiting.iter().filter(|(_, (why, _))| *why == WaitFor::Person).map(|(span, _)| *span)
    }

    /// Why a call waits for something that is not the user.
    pub(super) fn why_waits(&self, span: SpanId) -> Option<WaitFor> {
        self.waiting.get(&span).map(|(why, _)| *why)
    }

    /// Why the first of the calls waits that wait for something that is not the user.
    pub(super) fn why_any_waits(&self) -> Option<WaitFor> {
        self.waiting.values().next().map(|(why, _)| *why)
    }

    /// The name of the thing that a waiting span waits for.
    #[must_use]
    pub fn waiting_on(&self, span: SpanId) -> Option<&str> {
        self.waiting.get(&span).map(|(_, on)| on.as_str())
    }

    /// The spans directly below one, in order of creation.
    pub fn children(&self, span: SpanId) -> impl Iterator<Item = SpanId> {
        let first = self.get(span).map_or(NONE, |found| found.first_child);
        std::iter::successors(link(first), |at| self.get(*at).and_then(|found| link(found.next_sibling)))
    }

    /// The span that was started next directly below the same one.
    #[must_use]
    pub fn next_sibling(&self, span: SpanId) -> Option<SpanId> {
        self.get(span).and_then(|found| link(found.next_sibling))
    }

    /// The spans above one, nearest first, the run's own last.
    pub fn ancestors(&self, span: SpanId) -> impl Iterator<Item = SpanId> {
        let up = |at: SpanId| (at != SpanId::RUN).then(|| self.parents.get(at.0 as usize).copied()).flatten();
        std::iter::successors(up(span), move |at| up(*at))
    }

    /// True if `span` is `above` or lies below it.
    #[must_use]
    pub fn is_within(&self, span: SpanId, above: SpanId) -> bool {
        span == above || self.ancestors(span).any(|at| at == above)
    }

    /// A span and everything below it, parents before children.
    #[must_use]
    pub fn subtree(&self, span: SpanId) -> Vec<SpanId> {
        let mut found = vec![span];
        let mut next = 0;
        while next < found.len() {
            found.extend(self.children(found[next]));
            next += 1;
        }
        found
    }

    /// The agent a span belongs to: itself, or the nearest agent above it.
    #[must_use]
    pub fn agent_of(&self, span: SpanId) -> SpanId {
        let is_agent = |at: &SpanId| self.get(*at).is_some_and(|found| found.kind == SpanKind::Agent);
        std::iter::once(span).chain(self.ancestors(span)).find(is_agent).unwrap_or(SpanId::RUN)
    }

    /// The seq before which a span has no event.
    #[must_use]
    pub fn first_event(&self, span: SpanId) -> Seq {
        let has_start = span != SpanId::RUN && self.name(span) != LOST;
        self.get(span).filter(|_| has_start).map_or(Seq(0), |found| found.started)
    }

    /// A span's path, e.g. `editor/writer#2/llm#3`; empty for the run's own span.
    #[must_use]
    pub fn path(&self, span: SpanId) -> String {
        let mut parts: Vec<String> = std::iter::once(span)
            .chain(self.ancestors(span))
            .filter(|at| *at != SpanId::RUN)
            .map(|at| self.label(at))
            .collect();
        parts.reverse();
        parts.join("/")
    }

    /// The last part of a span's path: its name, with `#n` from the second visit on.
    #[must_use]
    pub fn label(&self, span: SpanId) -> String {
        match self.get(span).map(|found| found.visit) {
            Some(visit) if visit > 1 => format!("{}#{visit}", self.name(span)),
            _ => self.name(span).to_owned(),
        }
    }

    /// The try that stands at a path, else the newest one, or the span written `s12`.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<SpanId> {
        if let Some(span) = SpanId::parse(text).filter(|span| self.get(*span).is_some()) {
            return Some(span);
        }
        let (path, attempt) = match text.rsplit_once('~') {
            Some((path, attempt)) => (path, Some(Try(attempt.parse().ok()?))),
            None => (text, None),
        };
        let all = (1..self.spans.len()).rev().filter_map(|at| u32::try_from(at).ok().map(SpanId));
        let mut at_path = all.filter(|span| {
            attempt.is_none_or(|wanted| self.get(*span).is_some_and(|found| found.attempt == wanted))
                && self.path(*span) == path
        });
        let newest = at_path.next()?;
        let stands = |span: &SpanId| self.get(*span).is_some_and(|found| found.status != SpanStatus::Undone);
        // An earlier try may stand again.
        if stands(&newest) { Some(newest) } else { at_path.find(stands).or(Some(newest)) }
    }

    /// True if every span's parent is before it, and what leads down and on is after it: then all ways come to an end.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let len = u32::try_from(self.spans.len()).unwrap_or(NONE);
        let later = |link: u32, at: u32| link == NONE || (link > at && link < len);
        let parents = self.spans.iter().zip(&self.parents).all(|(span, parent)| span.parent == *parent);
        parents
            && self.parents.len() == self.spans.len()
            && self.spans.iter().zip(0..).all(|(span, at)| {
                let links = [span.first_child, span.last_child, span.next_sibling];
                (span.parent.0 < at || at == 0 && span.parent == SpanId::RUN)
                    && links.iter().all(|link| later(*link, at))
            })
    }

    /// True if the span is an agent that continues although effects of it were undone.
    #[must_use]
    pub fn is_stale(&self, span: SpanId) -> bool {
        self.get(span).is_some_and(|found| {
            found.kind == SpanKind::Agent && found.status.is_live() && found.counts.undone > found.acknowledged
        })
    }

    /// The nearest stale agent at or above a span.
    #[must_use]
    pub fn stale_above(&self, span: SpanId) -> Option<SpanId> {
        std::iter::once(span).chain(self.ancestors(span)).find(|at| self.is_stale(*at))
    }

    /// Packs the spans that did not change since an earlier copy, the one at `unchanged`.
    pub(super) fn settle(&mut self, earlier: &mut [&mut Self], unchanged: usize) {
        let mut spans: Vec<_> = earlier.iter_mut().map(|copy| &mut copy.spans).collect();
        self.spans.settle(&mut spans, unchanged);
    }

    pub(super) fn start_run(&mut self, name: &str, seq: Seq, at: Millis) {
        let name = self.intern(name);
        self.push(Span::new(SpanKind::Run, name, seq, at));
    }

    fn push(&mut self, span: Span) {
        self.parents.push(span.parent);
        self.spans.push(span);
    }

    pub(super) fn start(&mut self, start: &SpanStart, seq: Seq, at: Millis) {
        self.stand_in(start.span, seq, at);
        if start.span.0 as usize != self.spans.len() || self.get(start.parent).is_none() {
            return;
        }
        if start.has_unknown_times() {
            self.unplaced.insert(start.span);
        }
        let pattern = match &start.spec {
            SpanSpec::Agent { pattern, .. } => self.intern(pattern),
            _ => NONE,
        };
        let effect = match &start.spec {
            SpanSpec::Tool { effect, .. } => Some(*effect),
            _ => None,
        };
        let name = self.intern(&start.name);
        self.push(Span {
            effect,
            parent: start.parent,
            visit: start.visit,
            attempt: start.attempt,
            generation: start.generation,
            fan: start.fan,
            pattern,
            ..Span::new(start.spec.kind(), name, seq, at)
        });
        self.attach(start.span, start.parent);
        self.count_state(start.span, at);
    }

    /// Spans whose rows are lost (in a damaged log) leave their places, so that the others keep theirs and what they
    /// did stays below the run.
    fn stand_in(&mut self, before: SpanId, seq: Seq, at: Millis) {
        const MOST: usize = 100_000;
        let lost = (before.0 as usize).saturating_sub(self.spans.len());
        for _ in (0..lost).take_while(|_| lost <= MOST) {
            let name = self.intern(LOST);
            if self.spans.is_empty() {
                self.push(Span::new(SpanKind::Run, name, seq, at));
                continue;
            }
            let span = SpanId(u32::try_from(self.spans.len()).unwrap_or(NONE));
            let spec = Span { status: SpanStatus::Cancelled, ..Span::new(SpanKind::Agent, name, seq, at) };
            self.push(spec);
            self.attach(span, SpanId::RUN);
        }
    }

    /// Makes a span the last child of another.
    fn attach(&mut self, span: SpanId, to: SpanId) {
        let Some(parent) = self.get_mut(to) else { return };
        let elder = std::mem::replace(&mut parent.last_child, span.0);
        parent.children += 1;
        if elder == NONE {
            parent.first_child = span.0;
        } else if let Some(elder) = self.get_mut(SpanId(elder)) {
            elder.next_sibling = span.0;
        }
    }

    pub(super) fn end(&mut self, end: &SpanEnd, seq: Seq, at: Millis) {
        let finish = end.finish.as_ref().map_or(NONE, |finish| self.intern(&finish.key));
        self.paused.remove(&end.span);
        self.waiting.remove(&end.span);
        let Some(span) = self.spans.get_mut(end.span.0 as usize) else { return };
        // A second end, after a stop: what lies between was waiting.
        if let Some(before) = span.end {
            span.waited.add(before, at);
            self.waits.add(end.span, WaitInterval { why: WaitFor::Person, from: before, to: at });
        }
        let can_reopen = span.kind == SpanKind::Agent;
        span.cause = end.cause;
        span.answered = end.answered;
        span.status = if span.status == SpanStatus::Undone { SpanStatus::Undone } else { end.status };
        span.outcome = end.status;
        span.finish = finish;
        span.ended = Some(seq);
        span.end = Some(at);
        let usage = end.usage.unwrap_or_default();
        self.add(end.span, |counts| {
            counts.usage.input += usage.input;
            counts.usage.output += usage.output;
            counts.cost += end.cost.unwrap_or(0);
        });
        self.count_state(end.span, at);
        self.waits.ended(end.span, seq, end.waited.is_some(), can_reopen);
    }

    pub(super) fn set_paused(&mut self, span: SpanId, gate: Gate, reason: PauseReason, at: Millis) {
        self.paused.insert(span, (gate, reason));
        self.set_status(span, SpanStatus::Paused, at);
    }

    pub(super) fn release(&mut self, span: SpanId, at: Millis) {
        if self.paused.remove(&span).is_some() {
            let outcome = self.get(span).map_or(SpanStatus::Running, |found| found.outcome);
            self.set_status(span, outcome, at);
        }
    }

    /// The user continues a span, knowing what was undone so far in the agents at and above it.
    pub(super) fn acknowledge(&mut self, span: SpanId) {
        let mut at = span;
        while let Some(found) = self.spans.get_mut(at.0 as usize) {
            found.acknowledged = found.counts.undone;
            if at == SpanId::RUN {
                break;
            }
            at = found.parent;
        }
    }

    pub(super) fn set_waiting(&mut self, span: SpanId, on: Option<&String>, why: WaitFor, at: Millis) {
        match on {
            Some(on) => {
                self.waiting.insert(span, (why, on.clone()));
                self.set_status(span, SpanStatus::Waiting, at);
            }
            None if self.waiting.remove(&span).is_some() => self.set_status(span, SpanStatus::Running, at),
            None => {}
        }
    }

    fn set_status(&mut self, span: SpanId, status: SpanStatus, at: Millis) {
        if let Some(found) = self.get_mut(span) {
            found.status = status;
        }
        self.count_state(span, at);
    }

    pub(super) fn get_mut(&mut self, span: SpanId) -> Option<&mut Span> {
        self.spans.get_mut(span.0 as usize)
    }

    /// Marks spans replaced, and lets their ancestors run on.
    pub(super) fn invalidate(&mut self, taken: &[SpanId], reopened: &[SpanId], at: Millis) {
        for &span in taken {
            self.paused.remove(&span);
            self.waiting.remove(&span);
            self.waits.forget(span);
            let Some(found) = self.spans.get_mut(span.0 as usize) else { continue };
            if found.status.is_live() {
                found.end = Some(at);
            }
            found.status = SpanStatus::Undone;
            let undone = found.counts.undone;
            let parent = found.parent;
            self.count_state(span, at);
            let top = self.get(parent).is_some_and(|above| above.status != SpanStatus::Undone);
            if top && !taken.contains(&parent) {
                self.add(parent, |counts| counts.undone = counts.undone.saturating_sub(undone));
            }
        }
        for &span in reopened {
            let Some(found) = self.spans.get_mut(span.0 as usize) else { continue };
            found.status = SpanStatus::Running;
            found.outcome = SpanStatus::Running;
            found.ended = None;
            found.cause = None;
            found.answered = false;
            if let Some(end) = found.end.take() {
                found.waited.add(end, at);
                self.waits.add(span, WaitInterval { why: WaitFor::Person, from: end, to: at });
            }
            found.finish = NONE;
            self.count_state(span, at);
        }
    }

    /// Has an earlier try stand again in the place of another one.
    pub(super) fn restore(&mut self, restored: &Restored, at: Millis) {
        self.invalidate(&restored.replaced, &[], at);
        let again: BTreeSet<SpanId> = restored.spans.iter().copied().collect();
        for &span in &again {
            let Some(found) = self.spans.get_mut(span.0 as usize) else { continue };
            if found.status != SpanStatus::Undone {
                continue;
            }
            found.status = if found.outcome.is_live() { SpanStatus::Cancelled } else { found.outcome };
            let (undone, parent) = (found.counts.undone, found.parent);
            self.count_state(span, at);
            if undone > 0 && !again.contains(&parent) {
                self.add_in_try(parent, |counts| counts.undone += undone);
            }
        }
        for RestoredEnd { seq, end } in &restored.ends {
            // What it took was counted when it ended then.
            let end = SpanEnd { usage: None, cost: None, ..end.clone() };
            self.end(&end, *seq, at);
        }
    }

    /// Changes the sums of a span and of those above it, up to the top of a try that was replaced.
    pub(super) fn add_in_try(&mut self, span: SpanId, mut change: impl FnMut(&mut Counts)) {
        let mut at = span;
        while let Some(found) = self.spans.get_mut(at.0 as usize) {
            change(&mut found.counts);
            found.acknowledged = found.acknowledged.min(found.counts.undone);
            let (was_replaced, parent) = (found.status == SpanStatus::Undone, found.parent);
            let stands = self.get(parent).is_some_and(|above| above.status != SpanStatus::Undone);
            if at == SpanId::RUN || (was_replaced && stands) {
                break;
            }
            at = parent;
        }
    }

    /// Changes the sums of a span and of everything above it.
    pub(super) fn add(&mut self, span: SpanId, mut change: impl FnMut(&mut Counts)) {
        let mut at = span;
        while let Some(found) = self.spans.get_mut(at.0 as usize) {
            change(&mut found.counts);
            // Redone, or replaced by a newer try: what is undone after that is news again.
            found.acknowledged = found.acknowledged.min(found.counts.undone);
            if at == SpanId::RUN {
                break;
            }
            at = found.parent;
        }
    }

    pub(super) fn end_run(&mut self, status: SpanStatus, seq: Seq, at: Millis) {
        if let Some(run) = self.spans.get_mut(0) {
            run.status = status;
            run.ended = (!status.is_live()).then_some(seq);
            if let Some(end) = run.end.take() {
                run.waited.add(end, at);
                self.clock.add(end, at);
            }
            run.end = (!status.is_live()).then_some(at);
        }
        self.count_state(SpanId::RUN, at);
    }

    fn text(&self, name: u32) -> &str {
        self.names.get(name)
    }

    fn intern(&mut self, name: &str) -> u32 {
        self.names.intern(name)
    }
}

fn link(index: u32) -> Option<SpanId> {
    (index != NONE).then_some(SpanId(index))
}
