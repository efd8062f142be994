//! The body of a reply to the wrapped program: bytes as they are handed over, each at once.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::mpsc;

/// Pieces that wait for a slow client; then the one who sends waits too.
const PIECES: usize = 8;

/// A body that is sent piece by piece.
pub(super) struct Outgoing {
    pieces: mpsc::Receiver<Result<Bytes, io::Error>>,
    /// The whole length, where it is known.
    length: Option<u64>,
}

/// Sends pieces to a body. Dropping it ends the body; an error breaks the connection.
pub(super) type Pieces = mpsc::Sender<Result<Bytes, io::Error>>;

impl Outgoing {
    /// A body, and the side that sends.
    pub(super) fn channel() -> (Pieces, Self) {
        let (sender, pieces) = mpsc::channel(PIECES);
        (sender, Self { pieces, length: None })
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

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let piece = std::task::ready!(self.pieces.poll_recv(context));
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
