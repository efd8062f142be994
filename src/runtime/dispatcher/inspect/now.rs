//! The facts about a span that only the run knows: how far it is, and how edits change what it sends.

use std::path::PathBuf;
use std::sync::Arc;

use super::sections::sections;
use crate::effects::tools::Toolbox;
use crate::model::{
    EditReach, KeyChange, LlmRequest, PauseReason, RunState, SpanDetail, SpanId, SpanKind, ToolCall, Update,
};
use crate::pipeline::Pipeline;
use crate::runtime::ask::Work;
use crate::runtime::dispatcher::calls::{PendingCall, Stage};
use crate::runtime::dispatcher::open_files::OpenLook;
use crate::runtime::dispatcher::{Dispatcher, Services};

/// Held changes that are listed at most; Rollback has them all.
const LISTED: usize = 500;

/// A span as it is now, beyond its events.
pub(super) struct Now {
    pub services: Arc<Services>,
    /// The prompt that the agent is sent, where it was edited.
    pub prompt: Option<String>,
    /// The request of a model call that is stopped before it is sent, where edits change it.
    pub edited: Option<Edited>,
    /// The tool of a tool call.
    pub tool: Option<ToolNow>,
}

/// A request with edits, and how far they reach.
pub(super) struct Edited {
    pub request: LlmRequest,
    pub system: Option<EditReach>,
    pub messages: Option<EditReach>,
}

/// A tool call.
pub(super) struct ToolNow {
    pub tools: Arc<Toolbox>,
    pub name: String,
    /// The pipeline's file.
    pub source: Option<PathBuf>,
    /// Set while the call is stopped before it runs.
    pub pending: Option<UpcomingCall>,
    /// Set while the changes of its command are held.
    pub held: Option<Held>,
}

/// A tool call that is stopped before it runs.
pub(super) struct UpcomingCall {
    pub call: ToolCall,
    /// Why it won't run: the tool was not offered.
    pub refusal: Option<String>,
    /// Why it needs an approval.
    pub asks: Option<String>,
    /// The files that programs have open, so that its command runs directly in the workspace.
    pub open: Option<String>,
    pub pipeline: Arc<Pipeline>,
    /// The pipeline's file.
    pub source: Option<PathBuf>,
}

/// A command that ended and whose changes are held.
pub(super) struct Held {
    pub printed: String,
    pub changes: Vec<KeyChange>,
    /// Changes that are not listed.
    pub more: usize,
}

impl Dispatcher {
    /// Answers with a span's texts.
    pub(in super::super) fn inspect(&self, span: SpanId) {
        let path = self.log.with(|state| state.trace.path(span));
        let now = self.now(span);
        let log = self.log.clone();
        self.inspector.answer(move || {
            let sections = log.span_events(span).and_then(|events| sections(&events, &now, log.recorder().as_ref()));
            match sections {
                Ok(sections) => Update::Detail(SpanDetail { span, path, sections }),
                Err(error) => Update::Refused(format!("failed to {error}")),
            }
        });
    }

    pub(super) fn now(&self, span: SpanId) -> Now {
        let pending = self.calls.find(span).map(|(_, pending)| pending);
        let name = self.edits.name_of(span);
        Now {
            services: self.services.clone(),
            prompt: name.and_then(|name| self.edits.prompt_of(name)).map(ToOwned::to_owned),
            edited: pending.and_then(|pending| self.edited_request(pending)),
            tool: self.tool_now(span, pending),
        }
    }

    /// The request of a stopped model call with the edits over it; `None`: nothing of it is edited.
    fn edited_request(&self, pending: &PendingCall) -> Option<Edited> {
        let Work::Llm(request) = pending.upcoming()? else { return None };
        let sent = self.edits.apply(request, pending.agent(), pending.span())?;
        let (system, messages) = self.edits.reaches(request, pending.agent(), pending.span());
        Some(Edited {
            system: system.filter(|_| sent.system != request.system),
            messages: messages.filter(|_| sent.messages != request.messages),
            request: sent,
        })
    }

    fn tool_now(&self, span: SpanId, pending: Option<&PendingCall>) -> Option<ToolNow> {
        let (agent, name) = self.log.with(|state| {
            let found = state.trace.get(span).filter(|found| found.kind == SpanKind::Tool)?;
            Some((state.trace.agent_of(found.parent), state.trace.name(span).to_owned()))
        })?;
        let upcoming = pending.and_then(|pending| self.upcoming_call(pending));
        let held = pending.and_then(|pending| match pending.stage() {
            Stage::Holding { printed, .. } => {
                let (changes, more) = self.log.with(|state| held_changes(state, span));
                Some(Held { printed: printed.clone(), changes, more })
            }
            _ => None,
        });
        Some(ToolNow {
            tools: self.tools_of(agent),
            name,
            source: self.versions.source().cloned(),
            pending: upcoming,
            held,
        })
    }

    fn upcoming_call(&self, pending: &PendingCall) -> Option<UpcomingCall> {
        let Work::Tool { call, refusal } = pending.upcoming()? else { return None };
        let asks = self.log.with(|state| match state.trace.pause(pending.span()) {
            Some((_, PauseReason::Policy { rule })) => Some(rule.clone()),
            _ => None,
        });
        Some(UpcomingCall {
            call: call.clone(),
            refusal: refusal.clone(),
            asks,
            open: pending.open_files().and_then(OpenLook::found).map(str::to_owned),
            pipeline: self.version_now(),
            source: self.versions.source().cloned(),
        })
    }
}

/// The held changes of a span, oldest first, a rename as one; and how many are left out.
fn held_changes(state: &RunState, span: SpanId) -> (Vec<KeyChange>, usize) {
    let Some(held) = state.held.get(&span) else { return (Vec::new(), 0) };
    let entries = state.ledger.changes(held).filter_map(|seq| state.ledger.get(seq));
    let mut changes = Vec::new();
    let mut more = 0;
    for entry in entries {
        let other = entry.renamed.filter(|other| held.contains(other)).and_then(|other| state.ledger.get(other));
        let key = match other {
            Some(from) => format!("{} → {}", from.record.key, entry.record.key),
            None => entry.record.key.to_string(),
        };
        if changes.len() == LISTED {
            more += 1;
            continue;
        }
        let change = if other.is_some() { String::new() } else { entry.change_text() };
        changes.push(KeyChange { letter: entry.letter(), key, change, notes: Vec::new(), body: None });
    }
    (changes, more)
}
