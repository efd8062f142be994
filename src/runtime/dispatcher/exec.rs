//! Carrying effects out: the tasks that the dispatcher starts.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::failure::{Failure, Halt};
use super::super::feed::Sink;
use super::turn::Turn;
use super::{Incoming, Services};
use crate::effects::MaskedStream;
use crate::effects::llm::{CallPosition, LlmProvider};
use crate::effects::tools::{Prepared, ToolError, Toolbox, WorldCall};
use crate::model::{EndCause, LlmRequest, LlmResponse, RunState, SpanId, SpanStatus, ToolCall, TraceBody, Update};
use crate::rollback::{ActError, Origin, perform};
use crate::store::RunLog;
use crate::world::{Guard, Scope, World};

/// Chunks of a response that may wait to be shown; more are dropped, as the whole text follows.
const CHUNKS: usize = 256;

/// How an effect ended.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Done {
    /// A model answered, or could not.
    Llm(Result<LlmResponse, Failure>),
    /// A tool answered. `fault`: it could not do what was asked, and the model is told so. `cause`: why it is no plain
    /// success otherwise.
    Tool { text: String, fault: bool, cause: Option<EndCause> },
    /// A tool could not be run as promised (its row could not be written): the run stops here.
    NotRecorded(Failure),
}

impl Done {
    /// The outcome of a call whose actions could not be recorded or carried out.
    pub(super) fn from_error(error: &ActError) -> Self {
        let text = format!("failed to {error}");
        Self::NotRecorded(match error {
            ActError::NotRecorded(_) => Halt::NotRecorded(text).into(),
            _ => Failure::new(text),
        })
    }
}

/// The text of an answer that came so far, with secrets masked.
pub(in super::super) type TextSoFar = Arc<Mutex<String>>;

/// Calls the model; shows text as it arrives, and adds it to `so_far`.
pub(super) async fn call_model(
    models: Arc<dyn LlmProvider>,
    sink: Sink,
    span: SpanId,
    request: LlmRequest,
    position: CallPosition,
    services: Arc<Services>,
    so_far: TextSoFar,
) -> Done {
    let (chunks, mut arriving) = mpsc::channel::<String>(CHUNKS);
    let show = async {
        let mut masked = MaskedStream::new(&services.masker);
        while let Some(piece) = arriving.recv().await {
            let text = masked.push(&piece);
            so_far.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
            sink.hint(Update::Chunk { span, text });
        }
    };
    let call = async {
        let result = models.call(&request, &position, &chunks).await;
        drop(chunks);
        result
    };
    let (result, ()) = tokio::join!(call, show);
    Done::Llm(result.map_err(|error| Failure::new(format!("failed to {error}"))))
}

/// A tool call to carry out.
pub(super) struct ToolRun {
    pub log: RunLog,
    pub services: Arc<Services>,
    pub tools: Arc<Toolbox>,
    pub inbox: mpsc::UnboundedSender<Incoming>,
    pub path: String,
    /// Asks it to end, with what it did on record.
    pub stop: CancellationToken,
    /// Decides if it begins once it has its lock.
    pub turn: Turn,
    pub origin: Origin,
    pub call: ToolCall,
}

impl ToolRun {
    /// Runs the tool: lock, read the old values, durable rows, effect, outcome, unlock.
    pub async fn run(self) -> Done {
        let Some(tool) = self.tools.get(&self.call.name) else {
            return fault(&ToolError(format!("no tool is named \"{}\"", self.call.name)));
        };
        match tool.prepare(&self.call.args) {
            Err(error) => fault(&error),
            Ok(Prepared::World(call)) => self.change_world(call).await,
            Ok(Prepared::Shell(call)) => self.run_command(call, tool.effect()).await,
        }
    }

    async fn change_world(&self, call: WorldCall) -> Done {
        let world = &self.services.world;
        let paths = call.keys.iter().any(|key| key.kind.is_path());
        let names = call.keys.iter().map(|key| key.name.clone());
        let scope = if paths { Scope::Files } else { Scope::Memory(names.collect()) };
        let Some(_guard) = self.lock_unless_stopped(&scope).await else {
            return fault(&ToolError("stopped before it began".into()));
        };
        let values = match call.keys.iter().map(|key| world.read(key)).collect::<Result<Vec<_>, _>>() {
            Ok(values) => values,
            Err(error) => return fault(&ToolError(error.to_string())),
        };
        let decision = (call.decide)(&values);
        // A refusal depends on all that was looked at.
        let reads = decision.as_ref().map_or(call.keys, |decision| decision.reads.clone());
        let reads = reads.into_iter().map(|key| {
            let action = self.log.with(|state| state.ledger.last_at(&key).map(|entry| entry.seq));
            TraceBody::Read { span: self.origin.tool_span, key, action }
        });
        self.log.append(reads.collect());
        let decision = match decision {
            Ok(decision) => decision,
            Err(error) => return fault(&error),
        };
        match perform(&self.log, world, &self.origin, decision.changes).await {
            Ok(_) => Done::Tool { text: decision.result, fault: false, cause: None },
            Err(error @ ActError::NotRecorded(_)) => Done::from_error(&error),
            Err(error) => fault(&ToolError(format!("failed to {error}"))),
        }
    }

    /// Takes a lock, and shows what is waited for meanwhile; `None`: the call was stopped, or has to wait again.
    pub async fn lock_unless_stopped(&self, scope: &Scope) -> Option<Guard> {
        let lock = self.lock(&self.services.world, scope);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {
                self.end_wait();
                None
            }
            guard = lock => Some(guard).filter(|_| self.turn.begin()),
        }
    }

    /// Records that the call no longer waits, if it did.
    fn end_wait(&self) {
        let span = self.origin.tool_span;
        let waits = |state: &RunState| state.trace.get(span).is_some_and(|found| found.status == SpanStatus::Waiting);
        if self.log.with(waits) {
            self.log.append(vec![TraceBody::SpanWaiting { span, on: None }]);
        }
    }

    async fn lock(&self, world: &World, scope: &Scope) -> Guard {
        let holder = lock_name(self.origin.tool_span, &self.origin.tool_name);
        if let Some(guard) = world.try_lock(scope, &holder) {
            return guard;
        }
        let span = self.origin.tool_span;
        let on = world.holder(scope).unwrap_or_else(|| "the workspace".into());
        self.log.append(vec![TraceBody::SpanWaiting { span, on: Some(on) }]);
        let guard = world.lock(scope, &holder).await;
        self.log.append(vec![TraceBody::SpanWaiting { span, on: None }]);
        guard
    }
}

/// The name under which a tool call holds a lock.
pub(super) fn lock_name(span: SpanId, tool: &str) -> String {
    format!("{span} {tool}")
}

/// A tool's fault as the model sees it.
pub(super) fn fault(error: &ToolError) -> Done {
    Done::Tool { text: format!("[error: {error}]"), fault: true, cause: None }
}

/// The result of a tool that was denied, as the model sees it.
pub(super) fn denied(why: &str) -> Done {
    Done::Tool { text: format!("[error: {why}]"), fault: true, cause: Some(EndCause::Denied) }
}
