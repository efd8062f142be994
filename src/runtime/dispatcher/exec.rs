//! Carrying effects out: the tasks that the dispatcher starts.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::super::failure::{Failure, Halt};
use super::super::feed::Sink;
use super::open_files::OpenLook;
use super::permits::HeldPermit;
use super::turn::Turn;
use super::world_change::WorldChange;
use super::{Incoming, Services};
use crate::effects::MaskedStream;
use crate::effects::llm::{AnswerPiece, CallPosition, LlmError, LlmProvider, Progress, ProgressReader};
use crate::effects::tools::{Prepared, ToolError, Toolbox, WorldCall};
use crate::model::{
    BlobHash, EndCause, LlmRequest, LlmResponse, RunState, SpanId, SpanStatus, ToolCall, TraceBody, Update, WaitFor,
};
use crate::rollback::{ActError, Origin};
use crate::store::RunLog;
use crate::world::{Guard, Scope, World};

/// How an effect ended.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Done {
    /// A model answered, or could not.
    Llm(Box<Result<LlmResponse, NoAnswer>>),
    /// A tool answered. `fault`: it could not do what was asked, and the model is told so. `cause`: why it is no plain
    /// success otherwise.
    Tool { text: String, fault: bool, cause: Option<EndCause> },
    /// A tool could not be run as promised (its row could not be written): the run stops here.
    NotRecorded(Failure),
}

/// A model's answer did not come, or not whole.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct NoAnswer {
    /// Why.
    pub failure: Failure,
    /// The part of it that had come.
    pub so_far: Option<Box<LlmResponse>>,
}

impl From<LlmError> for NoAnswer {
    fn from(error: LlmError) -> Self {
        Self { failure: Failure::new(format!("failed to {error}")), so_far: error.so_far }
    }
}

impl Done {
    /// The end of a model call of which nothing came.
    pub(super) fn no_answer(failure: Failure) -> Self {
        Self::Llm(Box::new(Err(NoAnswer { failure, so_far: None })))
    }

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

/// A model call to carry out.
pub(super) struct ModelRun {
    pub log: RunLog,
    pub services: Arc<Services>,
    pub models: Arc<dyn LlmProvider>,
    pub sink: Sink,
    pub span: SpanId,
    pub request: LlmRequest,
    pub position: CallPosition,
    /// The text that came, for a call that is stopped.
    pub so_far: TextSoFar,
    /// Its permit.
    pub permit: Arc<HeldPermit>,
}

impl ModelRun {
    /// Calls the model; shows what arrives and what it waits for.
    pub async fn run(self) -> Done {
        let (progress, reader) = Progress::channel();
        let ProgressReader { pieces, waits, raw } = reader;
        let call = async {
            let result = self.models.call(&self.request, &self.position, &progress).await;
            drop(progress);
            result
        };
        let (result, ()) = tokio::join!(self.drive(call, waits), self.show(pieces));
        let mut done = result.map_err(NoAnswer::from);
        let raw = raw.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(raw) = raw.filter(|raw| !raw.is_empty()) {
            let kept = self.keep(raw).await;
            match &mut done {
                Ok(response) => response.raw = kept,
                Err(NoAnswer { so_far: Some(response), .. }) => response.raw = kept,
                Err(_) => {}
            }
        }
        Done::Llm(Box::new(done))
    }

    /// Keeps the answer as it came, with secrets masked; `None`: it can't be kept, which the answer survives.
    async fn keep(&self, body: Vec<u8>) -> Option<BlobHash> {
        let (log, services) = (self.log.clone(), self.services.clone());
        let keep = move || {
            let body = services.masker.mask(&String::from_utf8_lossy(&body)).into_owned();
            log.recorder().put_blob(body.as_bytes()).ok()
        };
        tokio::task::spawn_blocking(keep).await.ok().flatten()
    }

    async fn show(&self, mut pieces: mpsc::Receiver<AnswerPiece>) {
        let mut masked = MaskedStream::new(&self.services.masker);
        let mut masked_reasoning = MaskedStream::new(&self.services.masker);
        while let Some(piece) = pieces.recv().await {
            let span = self.span;
            self.sink.hint(match piece {
                AnswerPiece::Text(text) => {
                    let text = masked.push(&text);
                    self.so_far.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
                    Update::Chunk { span, text }
                }
                AnswerPiece::Reasoning(text) => Update::Reasoning { span, text: masked_reasoning.push(&text) },
            });
        }
    }

    /// Drives the call to its end. While it waits until it is sent again, which is recorded, it holds no permit; it is
    /// not sent before it has one again.
    async fn drive<T>(&self, call: impl Future<Output = T>, mut waits: watch::Receiver<Option<String>>) -> T {
        let waiting = |on: Option<String>| {
            let on = on.map(|on| self.services.masker.mask(&on).into_owned());
            self.log.append(vec![TraceBody::SpanWaiting { span: self.span, on, why: WaitFor::RetryAfter }]);
        };
        let mut call = std::pin::pin!(call);
        let mut waits_now = false;
        loop {
            tokio::select! {
                biased;
                Ok(()) = waits.changed() => {
                    let on = waits.borrow_and_update().clone();
                    waits_now = on.is_some();
                    waiting(on);
                    if waits_now {
                        self.permit.pause();
                    } else {
                        self.permit.resume().await;
                    }
                }
                result = &mut call => {
                    if waits_now {
                        waiting(None);
                    }
                    return result;
                }
            }
        }
    }
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
    /// The files that the pipeline is made of; a command alone needs them.
    pub own_files: Vec<PathBuf>,
    /// The files that were open when its command was looked at.
    pub open: Option<OpenLook>,
    /// Its permit.
    pub permit: Arc<HeldPermit>,
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
            Ok(Prepared::Outside(line)) => self.run_outside(line, tool.effect()).await,
            Ok(Prepared::Program(agent)) => self.run_program(&agent).await,
            Ok(Prepared::Remote(call)) => self.run_remote(&call, tool.effect_of(&self.call.args)).await,
        }
    }

    async fn change_world(&self, call: WorldCall) -> Done {
        let paths = call.keys.iter().any(|key| key.kind.is_path());
        let names = call.keys.iter().map(|key| key.name.clone());
        let scope = if paths { Scope::Files } else { Scope::Memory(names.collect()) };
        let Some(guard) = self.lock_unless_stopped(&scope).await else {
            return fault(&ToolError("stopped before it began".into()));
        };
        let change =
            WorldChange { log: self.log.clone(), services: self.services.clone(), origin: self.origin.clone() };
        // On a thread that may block: a disk can be slow.
        let work = move || {
            let done = tokio::runtime::Handle::current().block_on(change.run(call));
            drop(guard);
            done
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|_| Done::NotRecorded(Failure::new("the program failed in this call")))
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
            self.log.append(vec![TraceBody::SpanWaiting { span, on: None, why: WaitFor::Lock }]);
        }
    }

    async fn lock(&self, world: &World, scope: &Scope) -> Guard {
        let holder = lock_name(self.origin.tool_span, &self.origin.tool_name);
        if let Some(guard) = world.try_lock(scope, &holder) {
            return guard;
        }
        let span = self.origin.tool_span;
        let on = world.holder(scope).unwrap_or_else(|| "the workspace".into());
        self.log.append(vec![TraceBody::SpanWaiting { span, on: Some(on), why: WaitFor::Lock }]);
        self.permit.pause();
        let guard = world.lock(scope, &holder).await;
        self.log.append(vec![TraceBody::SpanWaiting { span, on: None, why: WaitFor::Lock }]);
        // Who has a permit never waits for a lock, so one comes.
        self.permit.resume().await;
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
