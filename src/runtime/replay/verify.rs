//! Verification: executes a stored run again, and says whether it does what is recorded.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;

use super::super::ask::Output;
use super::super::compare::difference;
use super::super::failure::{Divergence, Failure, Halt};
use super::super::past::Past;
use super::super::pattern_scope::run_pipeline;
use super::record::{Entry, Record};
use super::{Replay, Seen};
use crate::effects::tools::Toolbox;
use crate::model::{RunStatus, Seq, SpanKind, TextHash, TraceEvent};
use crate::pipeline::Pipeline;
use crate::store::{RunLog, StoreError, hash_text};

/// The result of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The first difference; `None`: the pipeline does what is recorded.
    pub divergence: Option<Divergence>,
    /// The calls that another pipeline makes differently, in the order that they were asked for.
    pub changed: Vec<ChangedCall>,
    /// Agents, model calls and tool calls that were compared.
    pub compared: [usize; 3],
    /// Spans that the run was stopped in.
    pub open: usize,
    /// True when the run did not come to the end of its pipeline.
    pub partial: bool,
    /// The last seq of the run.
    pub last: Seq,
}

/// A call that another pipeline makes differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedCall {
    /// Its path.
    pub path: String,
    /// The recorded side of the first difference.
    pub recorded: String,
    /// The present side.
    pub asked: String,
    /// Tokens that the recorded call took.
    pub tokens: u64,
    /// Its cost in millionths of a US dollar, where known.
    pub cost: u64,
}

impl ChangedCall {
    /// A call that the record doesn't have.
    pub(super) fn new_call(path: &str, kind: SpanKind) -> Self {
        let asked = format!("a new span ({})", kind.name());
        Self { path: path.to_owned(), recorded: "nothing".into(), asked, tokens: 0, cost: 0 }
    }

    /// A recorded span that is not asked for.
    fn left_out(first: Divergence) -> Self {
        Self { path: first.path, recorded: first.recorded, asked: first.asked, tokens: 0, cost: 0 }
    }

    /// A call with another request.
    pub(super) fn differs(path: &str, entry: &Entry, recorded: String, asked: String) -> Self {
        let end = entry.end.as_ref().map(|(_, end)| end);
        let usage = end.and_then(|end| end.usage).unwrap_or_default();
        let cost = end.and_then(|end| end.cost).unwrap_or_default();
        Self { path: path.to_owned(), recorded, asked, tokens: usage.input + usage.output, cost }
    }
}

/// Executes a stored run again with every effect answered from its record, and compares. `instead`: another pipeline,
/// whose differing calls are listed.
///
/// # Errors
/// When the record can't be read, or its requests are hashed in a way that this version doesn't know.
pub fn verify(log: &RunLog, events: &[TraceEvent], instead: Option<Pipeline>) -> Result<Verification, StoreError> {
    let past = Past::rebuild(events, log)?;
    let hash = past.record.hash();
    hash.check()?;
    let recorder = log.recorder().clone();
    let replay = Arc::new(Replay {
        record: Record::of(events, past.versions, past.task),
        texts: past.texts,
        hash,
        toolbox: Arc::new(Toolbox::standard()),
        read: Box::new(move |hash: TextHash| recorder.text(hash).ok()),
        instead: instead.map(Arc::new),
        seen: std::sync::Mutex::new(Seen::default()),
    });
    let result = execute(&replay);
    Ok(replay.judge(result.as_ref()))
}

/// Runs the pattern code until it ends, or until all of it waits for answers that never come.
fn execute(replay: &Arc<Replay>) -> Option<Result<Output, Failure>> {
    let first = replay.instead.as_ref().or(replay.record.versions.first().map(|(_, pipeline)| pipeline));
    let pipeline = first.cloned().unwrap_or_default();
    let run = run_pipeline(replay.clone(), pipeline, replay.record.task.clone());
    let result = Rc::new(RefCell::new(None));
    let filled = result.clone();
    let mut pool = LocalPool::new();
    // A new pool refuses no task.
    drop(pool.spawner().spawn_local(async move {
        let ended = run.await;
        filled.replace(Some(ended));
    }));
    pool.run_until_stalled();
    result.take()
}

impl Replay {
    fn judge(&self, result: Option<&Result<Output, Failure>>) -> Verification {
        let seen = self.lock();
        let compared = [SpanKind::Agent, SpanKind::Llm, SpanKind::Tool]
            .map(|kind| seen.asked.iter().filter(|path| self.record.entries[*path].kind() == kind).count());
        let divergence = match result {
            Some(Err(Failure::Halt(Halt::Diverged(divergence)))) => Some((**divergence).clone()),
            _ if self.instead.is_some() => None,
            Some(result) => self.compare_result(result).or_else(|| self.unasked(&seen)),
            None if self.record.is_partial() => self.unasked(&seen),
            None => self.first_open(),
        };
        let mut changed = seen.changed.clone();
        if self.instead.is_some() && changed.is_empty() {
            // All that it asks for is recorded, but not the other way round: the first span that it leaves out.
            changed.extend(self.unasked(&seen).map(ChangedCall::left_out));
        }
        Verification {
            divergence,
            changed,
            compared,
            open: self.record.entries.values().filter(|entry| entry.own_end().is_none()).count(),
            partial: self.record.is_partial(),
            last: self.record.last,
        }
    }

    /// Compares the run's own end.
    fn compare_result(&self, result: &Result<Output, Failure>) -> Option<Divergence> {
        let (status, text) = match result {
            Ok(output) => (RunStatus::Ok, output.value.clone()),
            Err(failure) => (RunStatus::Failed, failure.to_string()),
        };
        let (recorded, hash) = self.record.status;
        // A run that was stopped between its last agent's end and its own has no end to compare.
        if (recorded == status && hash == Some(hash_text(&text))) || self.record.is_partial() {
            return None;
        }
        let old = hash.and_then(|hash| (self.read)(hash)).unwrap_or_default();
        let (old, new) = difference(&old, &text);
        let side = |status: RunStatus, text: String| format!("the run's end {}: {text}", status.name());
        Some(Divergence { path: "run".into(), recorded: side(recorded, old), asked: side(status, new) })
    }

    /// The first recorded span, by seq, that was not asked for, or not ended, or recorded twice.
    fn unasked(&self, seen: &Seen) -> Option<Divergence> {
        let missing = |path: &str, entry: &Entry| {
            let unended = entry.kind() == SpanKind::Agent && entry.own_end().is_some() && !seen.ended.contains(path);
            if !seen.asked.contains(path) {
                Some((format!("the span {} ({})", entry.span, entry.kind().name()), "nothing"))
            } else if unended {
                Some((format!("the end of {}", entry.span), "no end"))
            } else if self.record.doubled.iter().any(|doubled| doubled == path) {
                Some(("it twice".to_owned(), "it once"))
            } else {
                None
            }
        };
        let found = self.record.entries.iter().filter_map(|(path, entry)| Some((path, entry, missing(path, entry)?)));
        let (path, _, (recorded, asked)) = found.min_by_key(|(_, entry, _)| entry.started)?;
        Some(Divergence { path: path.clone(), recorded, asked: asked.to_owned() })
    }

    /// The first span of a run that ended, in which it did not end.
    fn first_open(&self) -> Option<Divergence> {
        let open = self.record.entries.iter().filter(|(_, entry)| entry.own_end().is_none());
        let (path, entry) = open.min_by_key(|(_, entry)| entry.started)?;
        let recorded = format!("no end of {} ({})", entry.span, entry.kind().name());
        Some(Divergence { path: path.clone(), recorded, asked: "its outcome".into() })
    }
}
