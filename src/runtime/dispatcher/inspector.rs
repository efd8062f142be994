//! Answers questions that change nothing, beside the loop: each from a snapshot of the run and from files, while the run
//! goes on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::Services;
use super::edits::PromptFiles;
use super::reversal::Planner;
use super::today::Today;
use crate::model::{SpanId, Update};
use crate::runtime::feed::Sink;
use crate::store::RunLog;

/// Answers questions beside the loop.
pub(in super::super) struct Inspector {
    log: RunLog,
    services: Arc<Services>,
    sink: Sink,
    /// The number of the newest question about unwritten edits.
    edits_asked: Arc<Mutex<u64>>,
    today: Arc<Today>,
}

impl Inspector {
    /// Answers into a sink.
    pub fn new(log: RunLog, services: Arc<Services>, sink: Sink) -> Self {
        Self { log, services, sink, edits_asked: Arc::default(), today: Arc::default() }
    }

    /// The run's log, to read stored texts and events.
    pub(super) fn log(&self) -> &RunLog {
        &self.log
    }

    /// The world and the masker.
    pub(super) fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// Answers a question in a task; what it returns is sent.
    pub(super) fn answer(&self, question: impl FnOnce() -> Update + Send + 'static) {
        let sink = self.sink.clone();
        tokio::task::spawn_blocking(move || sink.send(question()));
    }

    /// Shows what a retry of a span would do. `source`: the file of today's pipeline.
    pub(super) fn plan(&self, planner: Planner, span: SpanId, source: Option<PathBuf>) {
        let today = self.today.clone();
        self.answer(move || {
            let today = today.read(source.as_deref());
            match planner.plan(span, true, today.as_deref()) {
                Ok(plan) => Update::Plan(plan),
                Err(why) => Update::Refused(why.to_string()),
            }
        });
    }

    /// Says which edits are in no file. An older answer is not sent after a newer one.
    pub(super) fn send_edits(&self, files: PromptFiles) {
        let asked = self.edits_asked.clone();
        let number = {
            let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
            *asked += 1;
            *asked
        };
        if files.is_empty() {
            return self.sink.send(Update::Edits(Vec::new()));
        }
        let sink = self.sink.clone();
        tokio::task::spawn_blocking(move || {
            let edits = files.unwritten();
            let newest = asked.lock().unwrap_or_else(PoisonError::into_inner);
            if *newest == number {
                sink.send(Update::Edits(edits));
            }
        });
    }
}
