//! A connection that knows when its bytes are on their way.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How often all bytes of a connection were handed to the system.
#[derive(Debug, Default)]
pub(super) struct Flushed {
    count: AtomicU64,
    waker: AtomicWaker,
}

impl Flushed {
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// True once there were more than so many; until then, the task is woken by the next.
    pub(super) fn is_past(&self, before: u64, context: &Context<'_>) -> bool {
        self.waker.register(context.waker());
        self.count() > before
    }

    fn step(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
        self.waker.wake();
    }
}

/// A connection that counts.
pub(super) struct Counting {
    stream: TokioIo<TcpStream>,
    flushed: Arc<Flushed>,
}

impl Counting {
    pub(super) fn new(stream: TcpStream, flushed: Arc<Flushed>) -> Self {
        Self { stream: TokioIo::new(stream), flushed }
    }
}

impl Read for Counting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Counting {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    /// The server asks for it when it has nothing left to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = std::task::ready!(Pin::new(&mut self.stream).poll_flush(context));
        self.flushed.step();
        Poll::Ready(done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}
