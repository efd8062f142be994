//! The line between an agent of another program and the person who watches it: what it prints, what is typed, its end.

use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{mpsc, watch};

use crate::effects::confine::{LastingEnd, Outlets, OutputPart, TerminalInput, TerminalSize};

/// Parts of the output that wait to be shown; then the agent waits too.
const PARTS: usize = 64;

/// The person's end of the line.
pub struct AgentScreen {
    /// Parts of the agent's output.
    pub output: mpsc::Receiver<OutputPart>,
    /// Keys for its terminal.
    pub keys: mpsc::Sender<Vec<u8>>,
    /// The size of its terminal; `None`: it has none.
    pub size: watch::Sender<Option<TerminalSize>>,
    /// Its end, once it has ended.
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
    /// Variables of its environment.
    variables: Vec<(OsString, OsString)>,
}

impl AgentLine {
    /// Both ends of a line. `size`: that of the agent's terminal, if it shall have one.
    pub fn new(size: Option<TerminalSize>, variables: Vec<(OsString, OsString)>) -> (Self, AgentScreen) {
        let (output, printed) = mpsc::channel(PARTS);
        let (keys, typed) = mpsc::channel(PARTS);
        let (size_sender, size) = watch::channel(size);
        let (end, ended) = watch::channel(None);
        let line =
            Self { output, keys: tokio::sync::Mutex::new(typed), size, end, failure: Mutex::default(), variables };
        (line, AgentScreen { output: printed, keys, size: size_sender, end: ended })
    }

    /// The size of the agent's terminal, if it shall have one.
    pub fn size(&self) -> Option<TerminalSize> {
        *self.size.borrow()
    }

    /// Variables of the agent's environment.
    pub fn variables(&self) -> &[(OsString, OsString)] {
        &self.variables
    }

    /// Passes on what is printed and typed, until the agent's output is over. `seen` gets what was printed.
    pub async fn pass_on(&self, outlets: Option<Outlets>, mut seen: impl FnMut(&OutputPart)) {
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
        std::future::pending().await
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
        std::future::pending().await
    }

    /// Keeps how the agent ended.
    pub fn end(&self, end: &LastingEnd, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
        self.end.send_replace(Some(end.clone()));
    }

    /// The reason why the agent counts as failed.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
