//! The line between an agent of another program and the person who watches it: what it prints, what is typed, its end.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::sync::{MutexGuard, OnceCell, mpsc, watch};

use super::announced::Announced;
use super::event::AgentEvent;
use super::launch::{AgentLaunch, Servers, launch};
use super::queue::ToolQueue;
use super::recorded_calls::RecordedCalls;
use super::start::WrapError;
use super::upstream;
use crate::effects::confine::{LastingEnd, Outlets, OutputPart, TerminalInput, TerminalSize};
use crate::model::{SpanId, TraceBody};
use crate::pipeline::Wrapped;
use crate::store::RunLog;

/// Parts of the output that wait to be shown; then the agent waits too.
const PARTS: usize = 64;

/// The person's end of the line.
pub struct AgentScreen {
    /// The agent's name.
    pub name: String,
    /// Parts of the agent's output.
    pub output: mpsc::Receiver<OutputPart>,
    /// Keys for its terminal.
    pub keys: mpsc::Sender<Vec<u8>>,
    /// The size of its terminal; `None`: it has none.
    pub size: watch::Sender<Option<TerminalSize>>,
    /// Its end, once it has ended. It is set to none as the agent is started, by a retry once more.
    pub end: watch::Receiver<Option<LastingEnd>>,
}

/// The run's end of the line.
pub struct AgentLine {
    output: mpsc::Sender<OutputPart>,
    keys: tokio::sync::Mutex<mpsc::Receiver<Vec<u8>>>,
    size: watch::Receiver<Option<TerminalSize>>,
    end: watch::Sender<Option<LastingEnd>>,
    /// Why the agent counts as failed.
    failure: Mutex<Option<String>>,
    /// The agent, and its workspace.
    setup: OnceLock<(Wrapped, PathBuf)>,
    /// The servers that it is led to, once it was started for the first time.
    served: OnceCell<Served>,
    /// The calls of the agent that are on their way to the dispatcher.
    announced: Announced,
    /// Its hooks and model calls, each of which waits for an answer.
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<AgentEvent>>,
    events_sender: mpsc::UnboundedSender<AgentEvent>,
    /// The model calls of its earlier try, while they answer those of its next one.
    recorded: Mutex<Option<RecordedCalls>>,
    /// Its tools that wait for the workspace.
    queue: ToolQueue,
    /// Notices for the agent, which go with the next answer.
    notices: Mutex<Vec<String>>,
    /// Where notes about it go.
    log: OnceLock<RunLog>,
}

/// The servers that an agent is led to, and how it is started so that it comes to them.
struct Served {
    launch: AgentLaunch,
    servers: Servers,
}

impl AgentLine {
    /// Both ends of a line to an agent of that name. `size`: that of its terminal, if it shall have one.
    #[must_use]
    pub fn new(name: &str, size: Option<TerminalSize>) -> (Self, AgentScreen) {
        let (output, printed) = mpsc::channel(PARTS);
        let (keys, typed) = mpsc::channel(PARTS);
        let (size_sender, size) = watch::channel(size);
        let (end, ended) = watch::channel(None);
        let (events_sender, events) = mpsc::unbounded_channel();
        let line = Self {
            output,
            keys: tokio::sync::Mutex::new(typed),
            size,
            end,
            failure: Mutex::default(),
            setup: OnceLock::new(),
            served: OnceCell::new(),
            announced: Announced::default(),
            events: tokio::sync::Mutex::new(events),
            events_sender,
            recorded: Mutex::default(),
            queue: ToolQueue::default(),
            notices: Mutex::default(),
            log: OnceLock::new(),
        };
        (line, AgentScreen { name: name.to_owned(), output: printed, keys, size: size_sender, end: ended })
    }

    /// Sets which agent it leads to, and the workspace of that; the first time only.
    pub(in super::super) fn set_up(&self, wrapped: Wrapped, workspace: PathBuf) {
        let _ = self.setup.set((wrapped, workspace));
    }

    /// Opens the servers for the agent, unless they are open; returns how it is started.
    ///
    /// # Errors
    /// When they can't be opened, or an address that its model calls go to can't be read.
    pub(in super::super) async fn serve(&self) -> Result<&AgentLaunch, WrapError> {
        let start = async || {
            let (wrapped, workspace) = self.setup.get().ok_or(WrapError::NotSetUp)?;
            let services = upstream::read(&wrapped.upstreams)?.services;
            let servers = Servers::start(&services, self.events_sender.clone()).await?;
            let launch = launch(wrapped, workspace, self.size().is_some(), &servers)?;
            Ok::<_, WrapError>(Served { launch, servers })
        };
        Ok(&self.served.get_or_try_init(start).await?.launch)
    }

    /// The script that answers the agent's model calls in the place of a provider.
    ///
    /// # Errors
    /// When the addresses that its model calls go to can't be read.
    pub(super) fn script(&self) -> Result<Option<PathBuf>, WrapError> {
        let upstreams = self.setup.get().map(|(wrapped, _)| wrapped.upstreams.as_slice());
        Ok(upstream::read(upstreams.unwrap_or_default())?.script)
    }

    /// Forgets the agent's earlier try, as its program is started: notices are for who knew what is undone.
    pub(in super::super) fn begin(&self) {
        self.take_notice();
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.end.send_replace(None);
    }

    /// Has the model calls of an earlier try answer those of the next one.
    pub(in super::super) fn answer_from(&self, recorded: RecordedCalls) {
        *self.recorded() = Some(recorded);
    }

    /// The model calls of an earlier try, while they answer those of the next one.
    pub(super) fn recorded(&self) -> std::sync::MutexGuard<'_, Option<RecordedCalls>> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what an agent did again that was answered from the record, once it has come to its end.
    pub(in super::super) fn end_recall(&self) {
        let recalled = self.recorded().take();
        if let Some((error, text)) = recalled.map(|recorded| recorded.told()) {
            self.note(None, error, text);
        }
    }

    /// Sets where notes about it go.
    pub(in super::super) fn record_in(&self, log: &RunLog) {
        // A retry sets it again.
        let _ = self.log.set(log.clone());
    }

    /// The size of the agent's terminal, if it shall have one.
    pub(in super::super) fn size(&self) -> Option<TerminalSize> {
        *self.size.borrow()
    }

    /// The calls of the agent that are on their way to the dispatcher.
    pub(in super::super) fn announced(&self) -> &Announced {
        &self.announced
    }

    /// The agent's tools that wait for the workspace.
    pub(in super::super) fn queue(&self) -> &ToolQueue {
        &self.queue
    }

    /// True when no model call of the agent came through the gateway.
    pub(in super::super) fn is_silent(&self) -> bool {
        let counts = self.served.get().map(|served| served.servers.gateway.counts());
        counts.is_none_or(|counts| counts.calls == 0 && counts.passed == 0)
    }

    /// Holds the agent's events.
    pub(in super::super) async fn events(&self) -> MutexGuard<'_, mpsc::UnboundedReceiver<AgentEvent>> {
        self.events.lock().await
    }

    /// Tells the agent something with the next answer that it gets.
    pub(in super::super) fn add_notice(&self, text: String) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// Takes the notices for the agent.
    pub(super) fn take_notice(&self) -> Option<String> {
        let texts = std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner));
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    /// Notes that a tool ran without an answer from here.
    pub(super) fn tell_unseen(&self, tool: &str) {
        self.note(None, true, format!("{tool} ran unseen: the agent did not wait for the answer"));
    }

    /// Notes that the agent keeps the result of a tool that the user changed.
    pub(super) fn tell_unchanged(&self, tool: &str) {
        let text = format!("the result of {tool} stays as it was: this agent takes another one for commands only");
        self.note(None, true, text);
    }

    /// Notes something about the agent, or one of its spans.
    pub(super) fn note(&self, span: Option<SpanId>, error: bool, text: String) {
        if let Some(log) = self.log.get() {
            log.append(vec![TraceBody::Note { span, error, text }]);
        }
    }

    /// Passes on what is printed and typed, until the agent's output is over. `seen` gets what was printed.
    pub(in super::super) async fn pass_on(&self, outlets: Option<Outlets>, mut seen: impl FnMut(&OutputPart)) {
        let Some(Outlets { mut output, terminal }) = outlets else { return };
        let printed = async {
            while let Some(part) = output.recv().await {
                seen(&part);
                // Nobody looks any more, which the agent need not know.
                let _ = self.output.send(part).await;
            }
        };
        // Side by side: an agent that reads no keys still writes, and is heard.
        tokio::select! {
            () = printed => {}
            () = self.type_for(terminal.as_ref()) => {}
            () = self.fit(terminal.as_ref()) => {}
        }
    }

    /// Types what is typed; never ends.
    async fn type_for(&self, terminal: Option<&TerminalInput>) {
        let mut keys = self.keys.lock().await;
        while let (Some(typed), Some(terminal)) = (keys.recv().await, terminal) {
            terminal.write(typed).await;
        }
        std::future::pending::<()>().await;
    }

    /// Gives the terminal the size of its panel; never ends.
    async fn fit(&self, terminal: Option<&TerminalInput>) {
        let mut size = self.size.clone();
        if let (Some(terminal), Some(size)) = (terminal, *size.borrow_and_update()) {
            // It may have changed since the agent was started.
            terminal.resize(size);
        }
        while size.changed().await.is_ok() {
            let size = *size.borrow_and_update();
            if let (Some(terminal), Some(size)) = (terminal, size) {
                terminal.resize(size);
            }
        }
        std::future::pending::<()>().await;
    }

    /// Keeps how the agent ended.
    pub(in super::super) fn end(&self, end: &LastingEnd, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
        self.end.send_replace(Some(end.clone()));
    }

    /// The reason why the agent counts as failed.
    pub(in super::super) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
