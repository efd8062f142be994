//! Reads from a run's log what an agent's next try is answered from.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::recorded_calls::{Earlier, RecordedAnswer};
use crate::model::{
    LlmRequest, LlmRequestRecord, Message, MessageRecord, PathSegment, RetryPlan, RunState, Seq, Span, SpanId,
    SpanKind, SpanSpec, SpanStatus, TextHash, ToolDecl, TraceBody, TraceEvent,
};
use crate::runtime::past::Texts;
use crate::store::{RunLog, StoreError};

/// Events that are in memory at once.
const EVENTS: u64 = 8_192;

/// Reads what a retry's agent is answered from: all that the plan does not run again. Takes as long as the log is.
///
/// # Errors
/// When the log can't be read, or an earlier call that a conversation begins like is lost.
pub(in super::super) fn read_record(log: &RunLog, plan: &RetryPlan, is_headless: bool) -> Result<Earlier, StoreError> {
    let (recorder, state) = (log.recorder().as_ref(), log.with(RunState::clone));
    let mut stored = Stored::default();
    let mut after = Seq(0);
    while after < state.last {
        let upto = state.last.min(Seq(after.0 + EVENTS));
        recorder.events_between(after, upto)?.into_iter().for_each(|event| stored.take(event));
        after = upto;
    }
    let kept = Kept { state: &state, plan };
    let mut calls = Vec::new();
    for (span, found) in kept.standing().filter(|(_, found)| found.kind == SpanKind::Llm) {
        let record = stored.calls.get(&span);
        let answer = stored.answers.get(&span).copied().filter(|_| found.status == SpanStatus::Ok);
        if let Some(record) = record.filter(|_| answer.is_some() || kept.reruns(span)) {
            calls.push(Call { span, record, messages: stored.conversation(span, record)?, answer });
        }
    }
    let texts = Texts::read(calls.iter().flat_map(Call::texts).chain(stored.sent.values().copied()), recorder)?;
    let mut earlier = kept.earlier(is_headless);
    for call in &calls {
        let request = call.request(&texts)?;
        match call.answer.filter(|_| !kept.reruns(call.span)) {
            Some(answer) => {
                let is_aux = state.trace.name(call.span) == PathSegment::aux().as_str();
                let answer = RecordedAnswer { span: call.span, response: texts.json(answer)?, is_aux };
                earlier.before.push((request, answer));
            }
            None => earlier.after.push(request),
        }
    }
    for (span, args) in stored.sent.iter().filter(|(span, _)| plan.again.contains(span)) {
        earlier.edited.insert(state.trace.path(*span), texts.json::<Json>(*args)?);
    }
    Ok(earlier)
}

/// The events that matter, by span.
#[derive(Default)]
struct Stored {
    calls: HashMap<SpanId, LlmRequestRecord>,
    answers: HashMap<SpanId, TextHash>,
    /// The arguments that went out in the place of those that were asked for.
    sent: HashMap<SpanId, TextHash>,
}

impl Stored {
    fn take(&mut self, event: TraceEvent) {
        match event.body {
            TraceBody::SpanStarted(start) => {
                if let SpanSpec::Llm(record) = start.spec {
                    self.calls.insert(start.span, record);
                }
            }
            TraceBody::SpanEnded(end) => {
                self.answers.extend(end.output.map(|output| (end.span, output)));
            }
            TraceBody::Sent { span, args: Some(args), .. } => {
                self.sent.insert(span, args);
            }
            _ => {}
        }
    }

    fn conversation(&self, span: SpanId, record: &LlmRequestRecord) -> Result<Vec<MessageRecord>, StoreError> {
        let found = record.conversation(span, |earlier| self.calls.get(&earlier));
        found.ok_or_else(|| StoreError::Missing(format!("the conversation of call {span}")))
    }
}

/// A recorded model call.
struct Call<'s> {
    span: SpanId,
    record: &'s LlmRequestRecord,
    messages: Vec<MessageRecord>,
    answer: Option<TextHash>,
}

impl Call<'_> {
    fn texts(&self) -> impl Iterator<Item = TextHash> {
        let messages = self.messages.iter().map(|message| message.text);
        messages.chain([self.record.system]).chain(self.answer)
    }

    /// Its request; of its tools only the names are recorded.
    fn request(&self, texts: &Texts) -> Result<LlmRequest, StoreError> {
        let tool = |name: &String| ToolDecl { name: name.clone(), description: String::new(), schema: Json::Null };
        let messages: Result<Vec<Message>, StoreError> =
            self.messages.iter().map(|message| texts.json(message.text)).collect();
        Ok(LlmRequest {
            model: self.record.model.clone(),
            options: self.record.options,
            tools: self.record.tools.iter().map(tool).collect(),
            system: texts.get(self.record.system)?.to_owned(),
            messages: messages?.into(),
        })
    }
}

/// A run, and what a retry of it keeps.
struct Kept<'s> {
    state: &'s RunState,
    plan: &'s RetryPlan,
}

impl Kept<'_> {
    /// The spans that no later try replaced, oldest first.
    fn standing(&self) -> impl Iterator<Item = (SpanId, Span)> {
        let spans = (0..).map(SpanId).zip(self.state.trace.spans().iter());
        spans.filter(|(_, found)| found.status != SpanStatus::Undone).map(|(span, found)| (span, found.clone()))
    }

    fn reruns(&self, span: SpanId) -> bool {
        self.plan.reruns.binary_search(&span).is_ok()
    }

    /// The part that stays, without model calls.
    fn earlier(&self, is_headless: bool) -> Earlier {
        let trace = &self.state.trace;
        let mut earlier = Earlier {
            folders: vec![self.state.workspace.clone()],
            retried: trace.path(self.plan.span),
            is_headless,
            ..Earlier::default()
        };
        for (span, found) in self.standing().filter(|(span, _)| !self.reruns(*span)) {
            match found.kind {
                SpanKind::Llm => {
                    let of = (trace.path(found.parent), trace.name(span).to_owned());
                    let visits = earlier.visits.entry(of).or_default();
                    *visits = found.visit.max(*visits);
                }
                SpanKind::Tool => {
                    earlier.not_run.insert(trace.path(span));
                }
                _ => {}
            }
        }
        earlier
    }
}
