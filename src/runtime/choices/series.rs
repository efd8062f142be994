//! The series of tries under way: decides what is next. Each handler takes a fact and returns what is to be done.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::exchange::Exchange;
use super::facts::{Began, Facts};
use super::judge::Judged;
use super::prepare::{NotPrepared, Prepared, Queued};
use super::standing::Standing;
use crate::model::{
    RetryPlan, RunStatus, SpanId, TriesReport, TriesStep, TryGroup, TryReport, TrySettings, TryVerdict, Update,
};
use crate::pipeline::{Pipeline, Verify};
use crate::runtime::refusal::TriesRefusal;

/// The series of tries under way, if there is one.
#[derive(Default)]
pub(in super::super) struct Choices {
    series: Option<Box<Series>>,
}

/// Something that a series waited for.
pub(in super::super) enum ChoicesStep {
    /// It was checked; `None`: the program failed in it.
    Prepared(Option<Result<Box<Prepared>, NotPrepared>>),
    /// A try was judged; `None`: the program failed in it.
    Judged(Option<Judged>),
    /// Effects were exchanged; the error says why not.
    Exchanged(Result<(), String>),
}

/// The next thing to do.
#[derive(Debug)]
pub(in super::super) enum ChoicesAction {
    /// Has the run stop at nothing but approvals and questions, or again as before.
    Attend(bool),
    /// Retries by a pipeline.
    Retry(Box<RetryPlan>, Arc<Pipeline>),
    /// Judges a try that ended.
    Judge { facts: Box<Facts>, above: Vec<SpanId>, verify: Option<Verify>, stop: CancellationToken },
    /// Puts effects in the place of others.
    Exchange(Exchange),
    /// Records that a try stands again. `replaced`: the spans that do no longer.
    Stand { replaced: Vec<SpanId>, again: Box<Standing>, newest: Arc<Pipeline>, text: String },
    /// Records the tries and the winner.
    Record(TryGroup),
    /// Adds a note to the log.
    Note(String),
    /// Sends an update.
    Send(Box<Update>),
    /// Refuses what was asked.
    Refuse(TriesRefusal),
    /// Ends the session, as was asked before.
    Quit,
}

/// A series of tries.
struct Series {
    plan: RetryPlan,
    report: TriesReport,
    /// Absent while it is prepared.
    prepared: Option<Ready>,
    stage: Stage,
    made: Vec<Made>,
    /// The session ends when it is over.
    quits: bool,
}

/// The parts of a series that was prepared.
struct Ready {
    original: Standing,
    queue: VecDeque<Queued>,
    newest: Arc<Pipeline>,
    verify: Option<Verify>,
}

/// A try that was made.
struct Made {
    spans: Vec<SpanId>,
    standing: Option<Standing>,
}

/// The thing that a series waits for.
enum Stage {
    Preparing,
    Trying {
        model: Option<String>,
        began: Option<Began>,
    },
    Judging {
        report: Box<TryReport>,
        spans: Vec<SpanId>,
        undo: Vec<crate::model::Seq>,
        stop: CancellationToken,
    },
    TakingBack,
    /// A retry was refused, which may have undone a part.
    PuttingBack,
    Choosing,
    Keeping(usize),
}

impl Choices {
    /// True while there is a series; nothing else changes the run then.
    pub fn is_open(&self) -> bool {
        self.series.is_some()
    }

    /// True while a series is at work: it can be cancelled.
    pub fn is_busy(&self) -> bool {
        self.series.as_ref().is_some_and(|series| series.report.is_busy())
    }

    /// The beginning of the try that runs, and the path that is tried.
    pub fn began(&self) -> Option<(Began, &str)> {
        let series = self.series.as_ref()?;
        match &series.stage {
            Stage::Trying { began: Some(began), .. } => Some((*began, &series.report.path)),
            _ => None,
        }
    }

    /// Begins a series, which is checked first.
    pub fn begin(&mut self, plan: RetryPlan, path: String, settings: &TrySettings) -> Vec<ChoicesAction> {
        let report = TriesReport {
            span: plan.span,
            path,
            step: TriesStep::Preparing,
            total: settings.total(),
            verify: None,
            tries: Vec::new(),
            kept: None,
            stopped: None,
            cancelled: false,
            is_left: false,
        };
        let (stage, made) = (Stage::Preparing, Vec::new());
        let series = Series { plan, report, prepared: None, stage, made, quits: false };
        let action = series.show();
        self.series = Some(Box::new(series));
        vec![action]
    }

    /// Takes what the series waited for.
    pub fn step(&mut self, step: ChoicesStep) -> Vec<ChoicesAction> {
        let Some(series) = &mut self.series else { return Vec::new() };
        let actions = match step {
            ChoicesStep::Prepared(Some(Ok(prepared))) => series.prepared(*prepared),
            ChoicesStep::Prepared(Some(Err(NotPrepared { why, update }))) => {
                let update = update.map(ChoicesAction::Send);
                series.refused(why).into_iter().chain(update).collect()
            }
            ChoicesStep::Prepared(None) => series.refused(TriesRefusal::Failed),
            ChoicesStep::Judged(judged) => series.judged(judged),
            ChoicesStep::Exchanged(result) => series.exchanged(result),
        };
        self.close_if_over();
        actions
    }

    /// The retry of a try began.
    pub fn try_began(&mut self, now: Began) {
        if let Some(Stage::Trying { began, .. }) = self.series.as_mut().map(|series| &mut series.stage) {
            *began = Some(now);
        }
    }

    /// The retry of a try was refused.
    pub fn retry_refused(&mut self, why: String) -> Vec<ChoicesAction> {
        match &mut self.series {
            Some(series) if matches!(series.stage, Stage::Trying { began: None, .. }) => series.retry_refused(why),
            _ => Vec::new(),
        }
    }

    /// The run of a try ended.
    pub fn try_ended(&mut self, facts: Facts) -> Vec<ChoicesAction> {
        let Some(series) = &mut self.series else { return Vec::new() };
        let actions = series.try_ended(facts);
        self.close_if_over();
        actions
    }

    /// Keeps a try by its number; `None`: keeps none.
    pub fn keep(&mut self, number: Option<u32>) -> Vec<ChoicesAction> {
        let actions = match (&mut self.series, number) {
            (Some(series), Some(number)) => series.keep(number),
            (Some(series), None) if matches!(series.stage, Stage::Choosing) => series.leave(),
            (Some(_), None) => vec![ChoicesAction::Refuse(TriesRefusal::NotOver)],
            (None, _) => vec![ChoicesAction::Refuse(TriesRefusal::None)],
        };
        self.close_if_over();
        actions
    }

    /// Makes no more tries: the one under way is undone when it has stopped.
    pub fn cancel(&mut self) {
        let Some(series) = self.series.as_mut().filter(|series| series.report.is_busy()) else { return };
        series.report.cancelled = true;
        if let Stage::Judging { stop, .. } = &series.stage {
            stop.cancel();
        }
    }

    /// Has the session end after the series; returns false when that was asked before.
    pub fn ask_to_quit(&mut self) -> bool {
        self.series.as_mut().is_some_and(|series| !std::mem::replace(&mut series.quits, true))
    }

    fn close_if_over(&mut self) {
        self.series.take_if(|series| series.report.step == TriesStep::Over);
    }
}

impl Series {
    fn show(&self) -> ChoicesAction {
        ChoicesAction::Send(Box::new(Update::Tries(Box::new(self.report.clone()))))
    }

    fn prepared(&mut self, prepared: Prepared) -> Vec<ChoicesAction> {
        let Prepared { plan, original, queue, newest, verify, note } = prepared;
        self.plan = plan;
        self.report.verify = verify.as_ref().map(|verify| verify.command.join(" "));
        self.prepared = Some(Ready { original, queue: queue.into(), newest, verify });
        note.into_iter().map(ChoicesAction::Note).chain(self.next_try()).collect()
    }

    fn refused(&mut self, why: TriesRefusal) -> Vec<ChoicesAction> {
        self.report.stopped = Some(why.to_string());
        let mut actions = self.end();
        actions.insert(0, ChoicesAction::Refuse(why));
        actions
    }

    /// Begins the next try, or has the user choose.
    fn next_try(&mut self) -> Vec<ChoicesAction> {
        let goes_on = !self.report.cancelled && self.report.stopped.is_none();
        let next = self.prepared.as_mut().filter(|_| goes_on).and_then(|ready| ready.queue.pop_front());
        let Some((model, pipeline)) = next else { return self.choose() };
        (self.stage, self.report.step) = (Stage::Trying { model, began: None }, TriesStep::Trying);
        let retry = ChoicesAction::Retry(Box::new(self.plan.clone()), pipeline);
        vec![ChoicesAction::Attend(false), self.show(), retry]
    }

    /// All tries are made and undone.
    fn choose(&mut self) -> Vec<ChoicesAction> {
        if self.quits || self.made.is_empty() {
            return self.leave();
        }
        (self.stage, self.report.step) = (Stage::Choosing, TriesStep::Choosing);
        vec![ChoicesAction::Attend(true), self.show()]
    }

    fn retry_refused(&mut self, why: String) -> Vec<ChoicesAction> {
        self.report.stopped = Some(why);
        let redo = self.prepared.as_ref().map(|ready| ready.original.actions.clone()).unwrap_or_default();
        (self.stage, self.report.step) = (Stage::PuttingBack, TriesStep::TakingBack);
        vec![self.show(), ChoicesAction::Exchange(Exchange { undo: Vec::new(), redo })]
    }

    fn try_ended(&mut self, facts: Facts) -> Vec<ChoicesAction> {
        let Stage::Trying { model, .. } = &mut self.stage else { return Vec::new() };
        let number = u32::try_from(self.made.len() + 1).unwrap_or(u32::MAX);
        let report = TryReport {
            number,
            span: facts.span,
            model: model.take(),
            status: facts.status,
            finish: facts.finish.clone(),
            failure: facts.failure.clone(),
            verdict: TryVerdict::NotAsked,
            tokens: facts.tokens,
            cost: facts.cost,
            ms: facts.ms,
            changes: facts.changes.clone(),
            not_keepable: match facts.status {
                RunStatus::Cancelled => Some("it was cancelled".to_owned()),
                _ => facts.not_keepable.clone(),
            },
        };
        if let Some(limit) = &facts.limit {
            self.report.stopped = Some(format!("try {number} reached a limit of the run: {limit}"));
        }
        if let Some(stays) = &facts.stays {
            let why = format!("try {number} did what can't be undone: {stays}");
            self.report.tries.push(report);
            self.made.push(Made { spans: facts.spans, standing: None });
            return self.stay(why);
        }
        let stop = CancellationToken::new();
        let verify = self.prepared.as_ref().and_then(|ready| ready.verify.clone());
        let verify = verify.filter(|_| facts.status != RunStatus::Cancelled);
        let (spans, undo) = (facts.spans.clone(), facts.actions.clone());
        self.stage = Stage::Judging { report: Box::new(report), spans, undo, stop: stop.clone() };
        self.report.step = if verify.is_some() { TriesStep::Verifying } else { TriesStep::TakingBack };
        let above = self.plan.reopens.clone();
        vec![self.show(), ChoicesAction::Judge { facts: Box::new(facts), above, verify, stop }]
    }

    fn judged(&mut self, judged: Option<Judged>) -> Vec<ChoicesAction> {
        let Stage::Judging { report, spans, undo, .. } = std::mem::replace(&mut self.stage, Stage::TakingBack) else {
            return Vec::new();
        };
        let mut report = *report;
        let standing = match judged {
            Some(judged) => {
                report.verdict = judged.verdict;
                report.failure = judged.failure;
                judged.standing
            }
            None => Err("the program failed while it judged it".to_owned()),
        };
        if let Err(why) = &standing {
            report.not_keepable.get_or_insert_with(|| why.clone());
        }
        self.report.tries.push(report);
        self.made.push(Made { spans, standing: standing.ok() });
        self.report.step = TriesStep::TakingBack;
        let redo = self.prepared.as_ref().map(|ready| ready.original.actions.clone()).unwrap_or_default();
        vec![self.show(), ChoicesAction::Exchange(Exchange { undo, redo })]
    }

    fn exchanged(&mut self, result: Result<(), String>) -> Vec<ChoicesAction> {
        let number = self.made.len();
        match (&self.stage, result) {
            (Stage::TakingBack, Ok(())) => self.taken_back(),
            (Stage::TakingBack, Err(why)) => self.stay(format!("try {number} can't be undone: {why}")),
            (Stage::PuttingBack, Ok(())) => self.choose(),
            (Stage::PuttingBack, Err(why)) => {
                let before = self.report.stopped.clone().unwrap_or_default();
                self.stay(format!("{before}; what it had undone can't be redone: {why}"))
            }
            (Stage::Keeping(at), Ok(())) => self.kept(*at),
            (Stage::Keeping(at), Err(why)) => {
                let number = self.report.tries.get(*at).map_or(0, |made| made.number);
                (self.stage, self.report.step) = (Stage::Choosing, TriesStep::Choosing);
                vec![ChoicesAction::Refuse(TriesRefusal::NotKept { number, why }), self.show()]
            }
            _ => Vec::new(),
        }
    }

    /// A try is undone, and what was before it is redone.
    fn taken_back(&mut self) -> Vec<ChoicesAction> {
        let stands = self.prepared.as_ref().zip(self.made.last()).map(|(ready, made)| ChoicesAction::Stand {
            replaced: made.spans.clone(),
            again: Box::new(ready.original.clone()),
            newest: ready.newest.clone(),
            text: format!("retry of {}: try {} is undone", self.report.path, self.made.len()),
        });
        stands.into_iter().chain(self.next_try()).collect()
    }

    fn keep(&mut self, number: u32) -> Vec<ChoicesAction> {
        if !matches!(self.stage, Stage::Choosing) {
            return vec![ChoicesAction::Refuse(TriesRefusal::NotOver)];
        }
        let at = self.report.tries.iter().position(|made| made.number == number);
        let Some((at, made)) = at.and_then(|at| Some((at, self.made.get(at)?))) else {
            return vec![ChoicesAction::Refuse(TriesRefusal::NoTry { number })];
        };
        let why = self.report.tries.get(at).and_then(|made| made.not_keepable.clone());
        let (Some(standing), Some(ready), None) = (&made.standing, &self.prepared, &why) else {
            let why = why.unwrap_or_else(|| "it is not known how it ended".to_owned());
            return vec![ChoicesAction::Refuse(TriesRefusal::NotKept { number, why })];
        };
        let exchange = Exchange { undo: ready.original.actions.clone(), redo: standing.actions.clone() };
        (self.stage, self.report.step) = (Stage::Keeping(at), TriesStep::Keeping);
        vec![self.show(), ChoicesAction::Exchange(exchange)]
    }

    fn kept(&mut self, at: usize) -> Vec<ChoicesAction> {
        let number = self.report.tries.get(at).map(|made| made.number);
        self.report.kept = number;
        let standing = self.made.get(at).and_then(|made| made.standing.clone());
        let winner = standing.as_ref().map(|standing| standing.span);
        let stands = self.prepared.as_ref().zip(standing).map(|(ready, again)| ChoicesAction::Stand {
            replaced: ready.original.spans.clone(),
            again: Box::new(again),
            newest: ready.newest.clone(),
            text: format!("retry of {}: try {} is kept", self.report.path, number.unwrap_or_default()),
        });
        let passed = self.report.tries.get(at).is_some_and(TryReport::has_passed);
        let why = format!("try {} was kept{}", number.unwrap_or_default(), if passed { ", which passed" } else { "" });
        let group = TryGroup { tries: self.spans(), winner, why };
        stands.into_iter().chain([ChoicesAction::Record(group)]).chain(self.end()).collect()
    }

    /// Keeps none: the run is as it was before.
    fn leave(&mut self) -> Vec<ChoicesAction> {
        let why = "none was kept: the run is as it was before".to_owned();
        let group = (!self.made.is_empty()).then(|| TryGroup { tries: self.spans(), winner: None, why });
        group.map(ChoicesAction::Record).into_iter().chain(self.end()).collect()
    }

    /// Ends with the last try in place.
    fn stay(&mut self, why: String) -> Vec<ChoicesAction> {
        self.report.is_left = true;
        let text = format!("the tries stopped, and the run stays as it is: {why}");
        let winner = self.report.tries.last().and_then(|made| made.span);
        let group = TryGroup { tries: self.spans(), winner, why: text.clone() };
        self.report.stopped = Some(why);
        let told = [ChoicesAction::Record(group), ChoicesAction::Note(text)];
        told.into_iter().chain(self.end()).collect()
    }

    fn end(&mut self) -> Vec<ChoicesAction> {
        self.report.step = TriesStep::Over;
        let quit = self.quits.then_some(ChoicesAction::Quit);
        [ChoicesAction::Attend(true), self.show()].into_iter().chain(quit).collect()
    }

    fn spans(&self) -> Vec<SpanId> {
        self.report.tries.iter().filter_map(|made| made.span).collect()
    }
}
