//! The loop's connection to a run, live or past.

use std::future::Future;

use crate::model::{Command, Update};

/// A connection to a run: commands go down, updates come up.
pub trait Link: Send {
    /// Sends a command; never blocks. Drops it when the engine has stopped.
    fn send(&self, command: Command);

    /// Waits for the next update; `None` when the engine stopped. Must lose nothing when dropped before it is ready.
    fn next(&mut self) -> impl Future<Output = Option<Update>> + Send;

    /// Returns the next update that waits already, if any.
    fn ready(&mut self) -> Option<Update>;
}

impl Link for (tokio::sync::mpsc::UnboundedSender<Command>, tokio::sync::mpsc::Receiver<Update>) {
    fn send(&self, command: Command) {
        // A closed channel is an engine that stopped: its `Closed` is on the way.
        let _ = self.0.send(command);
    }

    fn next(&mut self) -> impl Future<Output = Option<Update>> + Send {
        self.1.recv()
    }

    fn ready(&mut self) -> Option<Update> {
        self.1.try_recv().ok()
    }
}
