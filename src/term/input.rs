//! Keys, mouse and size of the terminal, read on a thread of their own.
//!
//! crossterm never returns from reading a closed terminal, so a second thread waits for the close alone. Both sleep
//! while nothing happens.

use std::os::fd::AsFd;
use std::pin::pin;
use std::thread;
use std::time::Duration;

use crossterm::event::{Event, EventStream, poll as poll_events};
use futures::StreamExt;
use futures::future::{Either, select};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::{mpsc, oneshot};

/// Input from the terminal.
#[derive(Debug)]
pub(super) enum Input {
    /// A key, the mouse, a paste, a new size.
    Event(Event),
    /// The terminal was closed, or can't be read.
    Closed,
}

/// The longest wait until crossterm listens: reading a closed terminal takes for ever.
const LISTENS_WITHIN: Duration = Duration::from_secs(1);

/// Reads the terminal until it is dropped.
pub(super) struct Reader {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Reader {
    /// Starts to read. A new size is noticed from when this returns; before, crossterm does not listen for one.
    pub(super) fn start(to: mpsc::UnboundedSender<Input>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (ready, listens) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            // Its first look at the terminal makes crossterm listen. A fault shows again when it reads.
            let _ = poll_events(Duration::ZERO);
            let _ = ready.send(());
            futures::executor::block_on(read(&to, stopped));
        });
        let _ = listens.recv_timeout(LISTENS_WITHIN);
        Self { stop: Some(stop), thread: Some(thread) }
    }

    /// Stops reading, so that another program can have the keys.
    pub(super) fn stop(mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // It ends at once: it waits for an event or for the stop.
            let _ = thread.join();
        }
    }
}

async fn read(to: &mpsc::UnboundedSender<Input>, mut stopped: oneshot::Receiver<()>) {
    let mut events = EventStream::new();
    loop {
        let input = match select(pin!(events.next()), &mut stopped).await {
            Either::Left((Some(Ok(event)), _)) => Input::Event(event),
            Either::Left((None | Some(Err(_)), _)) => Input::Closed,
            Either::Right(_) => return,
        };
        let last = matches!(input, Input::Closed);
        if to.send(input).is_err() || last {
            return;
        }
    }
}

/// Sends [`Input::Closed`] when the terminal's other end is closed. Systems that can't poll a terminal send SIGHUP
/// alone.
pub(super) fn watch_hangup(to: mpsc::UnboundedSender<Input>) {
    thread::spawn(move || {
        if hung_up(PollTimeout::NONE) {
            let _ = to.send(Input::Closed);
        }
    });
}

/// True when the terminal's other end is closed.
pub(super) fn is_hung_up() -> bool {
    hung_up(PollTimeout::ZERO)
}

/// Waits until the other end is closed or the time is over; returns true when it is closed.
fn hung_up(most: PollTimeout) -> bool {
    let input = std::io::stdin();
    loop {
        let mut fds = [PollFd::new(input.as_fd(), PollFlags::empty())];
        match poll(&mut fds, most) {
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return false,
            Ok(_) => {
                let flags = fds[0].revents().unwrap_or(PollFlags::empty());
                return flags.intersects(PollFlags::POLLHUP | PollFlags::POLLERR);
            }
        }
    }
}
