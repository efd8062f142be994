//! Cancels a command at its timeout, or when its caller stops or drops it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Cancels a command before it ends on its own.
pub(super) struct Cancellation {
    stop: CancellationToken,
    dropped: CancellationToken,
}

/// The reason of a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CancelReason {
    Timeout,
    Stopped,
}

impl Cancellation {
    /// Cancels when `stop` is cancelled, or `dropped` because nobody waits for the command any more.
    pub fn new(stop: CancellationToken, dropped: CancellationToken) -> Self {
        Self { stop, dropped }
    }

    /// Waits until the command has to end, at the latest for `timeout`.
    pub async fn wait(&self, timeout: Duration) -> CancelReason {
        tokio::select! {
            () = tokio::time::sleep(timeout) => CancelReason::Timeout,
            () = self.stop.cancelled() => CancelReason::Stopped,
            () = self.dropped.cancelled() => CancelReason::Stopped,
        }
    }
}

impl CancelReason {
    /// Returns the last line of the output of a cancelled command.
    pub fn end_line(self, timeout: Duration) -> String {
        match self {
            Self::Timeout => format!("[timed out after {} s and was killed]", timeout.as_secs()),
            Self::Stopped => "[was stopped]".into(),
        }
    }
}
