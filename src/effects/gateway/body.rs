//! The body of a reply to the wrapped program: bytes as they are handed over, each at once.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::mpsc;

use super::flushed::Flushed;

/// Pieces that wait for a slow client; then the one who sends waits too.
const PIECES: usize = 8;

/// A body that is sent piece by piece.
pub(super) struct Outgoing {
    pieces: mpsc::Receiver<Result<Bytes, io::Error>>,
    /// The whole length, where it is known.
    length: Option<u64>,
    /// The connection that it goes to.
    flushed: Option<Arc<Flushed>>,
    /// The reason why it breaks off, and how often the connection had been flushed when it did.
    broken: Option<(io::Error, u64)>,
}

/// Sends pieces to a body. Dropping it ends the body; an error breaks the connection.
pub(super) type Pieces = mpsc::Sender<Result<Bytes, io::Error>>;

impl Outgoing {
    /// A body, and the side that sends.
    pub(super) fn channel() -> (Pieces, Self) {
        let (sender, pieces) = mpsc::channel(PIECES);
        (sender, Self { pieces, length: None, flushed: None, broken: None })
    }

    /// A body of these bytes.
    pub(super) fn whole(bytes: Bytes) -> Self {
        let (sender, mut body) = Self::channel();
        body.length = u64::try_from(bytes.len()).ok();
        if !bytes.is_empty() {
            // The channel is new, so that it has room.
            let _ = sender.try_send(Ok(bytes));
        }
        body
    }
}

impl Outgoing {
    /// With the connection that it goes to.
    pub(super) fn over(mut self, flushed: Arc<Flushed>) -> Self {
        self.flushed = Some(flushed);
        self
    }

    /// The error by which it breaks off, once all bytes before it are on their way: the server drops those that are not.
    fn break_off(&mut self, context: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let (Some(flushed), Some((_, before))) = (&self.flushed, &self.broken)
            && !flushed.is_past(*before, context)
        {
            return Poll::Pending;
        }
        Poll::Ready(self.broken.take().map(|(error, _)| Err(error)))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.broken.is_some() {
            return self.break_off(context);
        }
        let piece = std::task::ready!(self.pieces.poll_recv(context));
        let piece = match piece {
            Some(Err(error)) => {
                let before = self.flushed.as_ref().map_or(0, |flushed| flushed.count());
                self.broken = Some((error, before));
                return self.break_off(context);
            }
            piece => piece,
        };
        if let (Some(Ok(bytes)), Some(length)) = (&piece, self.length) {
            self.length = Some(length.saturating_sub(u64::try_from(bytes.len()).unwrap_or(length)));
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.length == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
