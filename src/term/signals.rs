//! Signals of the system as values.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::TermError;

/// A signal that the loop handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignalEvent {
    /// End: SIGTERM, SIGHUP, SIGINT from outside; with the exit code it stands for.
    End(i32),
    /// Stop: SIGTSTP from outside (the key is read as a key).
    Stop,
}

/// The signals being listened to.
pub(super) struct Signals {
    term: Signal,
    hangup: Signal,
    interrupt: Signal,
    stop: Signal,
}

impl Signals {
    /// Starts listening.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(super) fn listen() -> Result<Self, TermError> {
        let on = |kind| signal(kind).map_err(TermError::io("listen to signals"));
        Ok(Self {
            term: on(SignalKind::terminate())?,
            hangup: on(SignalKind::hangup())?,
            interrupt: on(SignalKind::interrupt())?,
            stop: on(SignalKind::from_raw(nix::libc::SIGTSTP))?,
        })
    }

    /// Waits for the next signal. Cancel-safe.
    pub(super) async fn next(&mut self) -> SignalEvent {
        tokio::select! {
            _ = self.term.recv() => SignalEvent::End(143),
            _ = self.hangup.recv() => SignalEvent::End(129),
            _ = self.interrupt.recv() => SignalEvent::End(130),
            _ = self.stop.recv() => SignalEvent::Stop,
        }
    }
}

/// Stops this process as the shell's Ctrl-Z would; returns when it is continued.
pub(super) fn stop_here() {
    // Fails only for an unknown signal.
    let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP);
}
