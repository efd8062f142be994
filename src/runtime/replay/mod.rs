//! A stored run executed again, with every effect answered from its record: the implementation of [`Effects`] that can
//! only read. It has no world, no models and no writer.
//!
//! Each agent's input, each request, each agent's end, and the order within an agent are compared with the record. The
//! first difference ends the execution with [`Halt::Diverged`]. Where the recorded run was stopped, an answer never
//! comes: the execution then stands where the run stood.

mod difference;
mod order;
mod record;
mod verify;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::ask::{AgentKey, Begin, Outcome, Output, Payload, SpanPosition, Work};
use super::compare;
use super::effects::Effects;
use super::failure::{Divergence, Failure, Halt};
use super::past::Texts;
use super::pattern_scope::mismatch;
use super::recorded::stored_outcome;
use super::request::HashVersion;
use crate::effects::tools::Toolbox;
use crate::model::{Generation, SpanKind, TextHash};
use crate::pipeline::Pipeline;
use difference::{of_request, policy_difference};
use order::Order;
use record::{Entry, Record, Request};
pub use verify::{ChangedCall, Verification, verify};

/// A stored run that answers pattern code.
pub(super) struct Replay {
    record: Record,
    texts: Texts,
    /// The way in which the run's requests are hashed.
    hash: HashVersion,
    toolbox: Arc<Toolbox>,
    /// Reads a stored text, to show a difference.
    read: Box<dyn Fn(TextHash) -> Option<String> + Send + Sync>,
    /// Another pipeline to execute: differences of its requests are listed, and don't end the execution.
    instead: Option<Arc<Pipeline>>,
    seen: Mutex<Seen>,
}

/// The progress of an execution.
#[derive(Default)]
struct Seen {
    asked: HashSet<String>,
    ended: HashSet<String>,
    order: Order,
    changed: Vec<ChangedCall>,
}

impl Replay {
    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn diverged(path: &str, recorded: impl Into<String>, asked: impl Into<String>) -> Failure {
        let (recorded, asked) = (recorded.into(), asked.into());
        Halt::from(Box::new(Divergence { path: path.to_owned(), recorded, asked })).into()
    }

    /// The recorded span at a path; its absence ends the execution, or leaves it waiting where the run was stopped.
    async fn entry(&self, position: &SpanPosition, asked: SpanKind) -> Result<&Entry, Failure> {
        let Some(entry) = self.record.entries.get(&position.path) else {
            if self.instead.is_some() {
                self.lock().changed.push(ChangedCall::new_call(&position.path, asked));
            }
            if self.instead.is_some() || self.record.is_partial() {
                return std::future::pending().await;
            }
            return Err(Self::diverged(&position.path, "nothing", format!("a span more ({})", asked.name())));
        };
        if entry.kind() != asked {
            return Err(Self::diverged(&position.path, entry.kind().name(), asked.name()));
        }
        if entry.fan != position.fan {
            return Err(Self::diverged(&position.path, "another place in its fan-out", "this one"));
        }
        let in_order = {
            let mut seen = self.lock();
            seen.asked.insert(position.path.clone());
            seen.order.begin(position, entry.started)
        };
        in_order.map_err(|recorded| Self::diverged(&position.path, recorded.to_string(), "it in this order"))?;
        Ok(entry)
    }

    /// The recorded outcome of a span that the run did not stop in; else it never comes.
    async fn outcome(&self, path: &str, entry: &Entry) -> Outcome {
        let Some((seq, end)) = entry.own_end() else { return std::future::pending().await };
        self.lock().order.end(path, entry.fan.is_some(), *seq);
        match stored_outcome(end, entry.kind(), &self.texts) {
            Ok(Some(outcome)) => outcome,
            Ok(None) => std::future::pending().await,
            Err(error) => Err(Self::diverged(path, format!("an outcome that can't be read ({error})"), "it")),
        }
    }
}

#[async_trait]
impl Effects for Replay {
    async fn enter(&self, position: SpanPosition, key: &AgentKey, input: &str) -> Result<Begin, Failure> {
        // As the dispatcher does: an agent that is gone from the pipeline has no span.
        let entry = self.record.entries.get(&position.path);
        let generation = entry.map_or(Generation(u32::MAX), |entry| entry.generation);
        let pipeline = self.instead.as_ref().or(self.record.version(generation)).cloned().unwrap_or_default();
        let runs = key.pattern(key.find_in(&pipeline)?);
        let entry = self.entry(&position, SpanKind::Agent).await?;
        let Request::Agent { pattern, input: recorded } = &entry.request else { return Ok(Begin::run(pipeline)) };
        if self.instead.is_none() && runs != pattern {
            return Err(Self::diverged(
                &position.path,
                format!("the pattern {pattern}"),
                format!("the pattern {runs}"),
            ));
        }
        if self.instead.is_none() {
            compare::input(&position.path, *recorded, input, &*self.read).map_err(Halt::from)?;
        }
        if self.record.was_answered(&position.path, entry) {
            // It did not run.
            let output = self.outcome(&position.path, entry).await?;
            self.lock().ended.insert(position.path.clone());
            return match output {
                Payload::Agent(output) => Ok(Begin::Done(output)),
                other => Err(mismatch(&position.path, &other)),
            };
        }
        let input = entry.given.and_then(|given| (self.read)(given));
        Ok(Begin::Run { pipeline, input })
    }

    async fn effect(&self, position: SpanPosition, work: Work) -> Outcome {
        let entry = self.entry(&position, work.kind()).await?;
        match (of_request((&self.record, self.hash), entry, &work, &*self.read), &self.instead) {
            (Some((old, new)), None) => return Err(Self::diverged(&position.path, old, new)),
            (Some((old, new)), Some(_)) => {
                self.lock().changed.push(ChangedCall::differs(&position.path, entry, old, new));
            }
            (None, Some(instead)) => {
                let before = self.record.version(entry.generation);
                let policies = before.map(|before| (&before.policy, &instead.policy));
                let differ = policies.and_then(|both| policy_difference(both, entry, &work, &self.record.workspace));
                if let Some((old, new)) = differ {
                    self.lock().changed.push(ChangedCall::differs(&position.path, entry, old, new));
                }
            }
            (None, None) => {}
        }
        self.outcome(&position.path, entry).await
    }

    async fn exit(&self, path: &str, result: Result<Output, Failure>) -> Result<Output, Failure> {
        if let Err(halt @ Failure::Halt(_)) = result {
            return Err(halt);
        }
        let Some(entry) = self.record.entries.get(path) else { return result };
        let Some((seq, end)) = entry.own_end() else {
            if self.record.is_partial() || self.instead.is_some() {
                return std::future::pending().await;
            }
            return Err(Self::diverged(path, "no end", "an end"));
        };
        {
            let mut seen = self.lock();
            seen.ended.insert(path.to_owned());
            seen.order.end(path, entry.fan.is_some(), *seq);
        }
        if end.answered {
            return match self.outcome(path, entry).await? {
                Payload::Agent(output) => Ok(output),
                _ => result,
            };
        }
        if self.instead.is_none() {
            compare::end(path, &end.into(), &result, &*self.read).map_err(Halt::from)?;
        }
        result
    }

    fn hash(&self) -> HashVersion {
        self.hash
    }

    fn toolbox(&self) -> &Arc<Toolbox> {
        &self.toolbox
    }
}
