//! The line to an agent of another program: what it draws comes from there, what is typed goes there.

use tokio::sync::mpsc::error::TrySendError;

use crate::effects::confine::{LastingEnd, OutputPart, TerminalSize};
use crate::runtime::AgentScreen;

/// Bytes that are taken in before keys and frames have their turn.
const AT_ONCE: usize = 16 * 1024;

/// The line, as the loop uses it.
pub(super) struct Agent {
    line: AgentScreen,
    has_ended: bool,
    /// The first part that the agent wrote, while its start comes before.
    first: Option<OutputPart>,
    /// The run is gone, and says nothing more.
    is_gone: bool,
}

/// News of an agent.
pub(super) enum AgentNews {
    /// It wrote.
    Output(OutputPart),
    /// It ended; all that it wrote has come before.
    End(LastingEnd),
    /// It is started; by a retry once more.
    Began,
}

impl Agent {
    pub(super) fn new(line: AgentScreen) -> Self {
        Self { line, has_ended: false, first: None, is_gone: false }
    }

    /// The agent's name.
    pub(super) fn name(&self) -> &str {
        &self.line.name
    }

    /// Waits for news; for ever when there can be none. Cancel-safe.
    pub(super) async fn next(&mut self) -> AgentNews {
        if let Some(part) = self.first.take() {
            return AgentNews::Output(part);
        }
        loop {
            if self.is_gone {
                return std::future::pending().await;
            }
            tokio::select! {
                // What it wrote is in the channel before its end is told.
                biased;
                Some(part) = self.line.output.recv() => {
                    if self.begins() {
                        self.first = Some(part);
                        return AgentNews::Began;
                    }
                    return AgentNews::Output(part);
                }
                changed = self.line.end.changed() => {
                    let end = self.line.end.borrow_and_update().clone();
                    // An agent that begins has an empty terminal for it.
                    if end.is_some() && let Ok(part) = self.line.output.try_recv() {
                        self.line.end.mark_changed();
                        return AgentNews::Output(part);
                    }
                    self.is_gone = changed.is_err();
                    match end {
                        Some(end) if !self.has_ended => {
                            self.has_ended = true;
                            return AgentNews::End(end);
                        }
                        None if !self.is_gone => {
                            self.has_ended = false;
                            return AgentNews::Began;
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    /// True when it was started since the last news.
    fn begins(&mut self) -> bool {
        let begins = self.line.end.has_changed().unwrap_or(false) && self.line.end.borrow().is_none();
        if begins {
            self.line.end.mark_unchanged();
            self.has_ended = false;
        }
        begins
    }

    /// Takes what the agent wrote since, as much as is taken in at once after `part`; the rest waits, and then the agent.
    pub(super) fn more(&mut self, part: &OutputPart) -> Vec<OutputPart> {
        let mut taken = part.bytes.len();
        let mut parts = Vec::new();
        while taken < AT_ONCE {
            let Ok(part) = self.line.output.try_recv() else { break };
            taken += part.bytes.len();
            parts.push(part);
        }
        parts
    }

    /// Types bytes; never waits. Returns false when the agent has not read what was typed before, and these are lost.
    pub(super) fn write(&self, bytes: Vec<u8>) -> bool {
        bytes.is_empty() || !matches!(self.line.keys.try_send(bytes), Err(TrySendError::Full(_)))
    }

    /// The lines and columns of its terminal.
    pub(super) fn size(&self) -> Option<(u16, u16)> {
        self.line.size.borrow().map(|size| (size.rows, size.columns))
    }

    /// Gives its terminal another size, in lines and columns.
    pub(super) fn resize(&self, (rows, columns): (u16, u16)) {
        self.line.size.send_replace(Some(TerminalSize { rows, columns }));
    }
}
