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
}

/// News of an agent.
pub(super) enum AgentNews {
    /// It wrote.
    Output(OutputPart),
    /// It ended; all that it wrote has come before.
    End(LastingEnd),
}

impl Agent {
    pub(super) fn new(line: AgentScreen) -> Self {
        Self { line, has_ended: false }
    }

    /// Waits for news; for ever after the end. Cancel-safe.
    pub(super) async fn next(&mut self) -> AgentNews {
        loop {
            if self.has_ended {
                return std::future::pending().await;
            }
            tokio::select! {
                // What it wrote is in the channel before its end is told.
                biased;
                Some(part) = self.line.output.recv() => return AgentNews::Output(part),
                changed = self.line.end.changed() => {
                    let end = self.line.end.borrow_and_update().clone();
                    if let Ok(part) = self.line.output.try_recv() {
                        self.line.end.mark_changed();
                        return AgentNews::Output(part);
                    }
                    // A run that is gone says nothing more.
                    self.has_ended = end.is_some() || changed.is_err();
                    if let Some(end) = end {
                        return AgentNews::End(end);
                    }
                }
            }
        }
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
