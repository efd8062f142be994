//! A try that stands, or stood: enough to have it stand again.

use crate::model::{RestoredEnd, RunStatus, Seq, SpanId, TextHash, TraceBody, TraceEvent};
use crate::store::{RunLog, StoreError};

/// A try with everything that ran because of it.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Standing {
    /// The span that is tried.
    pub span: SpanId,
    /// Every span of it.
    pub spans: Vec<SpanId>,
    /// Its applied actions, newest first.
    pub actions: Vec<Seq>,
    /// The ends of the agents above.
    pub ends: Vec<RestoredEnd>,
    /// The status that the run came to, and its output or error.
    pub status: (RunStatus, Option<TextHash>),
}

impl Standing {
    /// Reads how the agents above and the run ended, as they are now. Waits until that is durable.
    ///
    /// # Errors
    /// When the log can't be read.
    pub async fn read(
        log: &RunLog,
        span: SpanId,
        spans: Vec<SpanId>,
        actions: Vec<Seq>,
        above: &[SpanId],
    ) -> Result<Self, StoreError> {
        log.append_durable(Vec::new()).durable().await?;
        let (log, above) = (log.clone(), above.to_vec());
        let read = tokio::task::spawn_blocking(move || {
            let ended = |span: &SpanId| log.with(|state| state.trace.get(*span).and_then(|found| found.ended));
            let mut ends = Vec::new();
            for seq in above.iter().filter_map(ended) {
                if let Some(TraceBody::SpanEnded(end)) = event_at(&log, seq)?.map(|event| event.body) {
                    ends.push(RestoredEnd { seq, end });
                }
            }
            let status = match ended(&SpanId::RUN).map(|seq| event_at(&log, seq)).transpose()?.flatten() {
                Some(TraceEvent { body: TraceBody::RunStatus { status, text }, .. }) => (status, text),
                _ => (log.with(|state| state.status), None),
            };
            Ok(Self { span, spans, actions, ends, status })
        });
        read.await
            .unwrap_or_else(|error| Err(StoreError::Damaged(format!("the program failed while it read: {error}"))))
    }

    /// Reads the text with which a span ended.
    pub async fn end_text(log: &RunLog, span: SpanId) -> Option<String> {
        let log = log.clone();
        let read = tokio::task::spawn_blocking(move || {
            let seq = log.with(|state| state.trace.get(span).and_then(|found| found.ended))?;
            let TraceBody::SpanEnded(end) = event_at(&log, seq).ok()??.body else { return None };
            log.recorder().text(end.output?).ok()
        });
        read.await.ok().flatten()
    }
}

fn event_at(log: &RunLog, seq: Seq) -> Result<Option<TraceEvent>, StoreError> {
    let events = log.recorder().events_between(Seq(seq.0.saturating_sub(1)), seq)?;
    Ok(events.into_iter().find(|event| event.seq == seq))
}
