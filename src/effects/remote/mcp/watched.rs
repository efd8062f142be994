//! A look at what a program writes to its standard output: a message that never ends, and lines that are no messages.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use crate::effects::confine::without_controls;

/// Bytes of one message.
pub(super) const LARGEST: usize = 8 << 20;
/// Bytes of a wrong line that are shown.
const SHOWN: usize = 80;

/// The faults in a program's output.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults(Arc<Mutex<Found>>);

#[derive(Debug, Default)]
struct Found {
    too_long: bool,
    wrong_lines: usize,
    first: Vec<u8>,
}

impl Faults {
    /// Describes them; `None`: there are none.
    pub fn describe(&self) -> Option<String> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if found.too_long {
            return Some(format!("it sent a message of more than {LARGEST} bytes"));
        }
        let first = without_controls(String::from_utf8_lossy(&found.first).trim());
        (found.wrong_lines > 0).then(|| {
            format!(
                "it wrote {} lines to its standard output that are no messages, the first: {first}",
                found.wrong_lines
            )
        })
    }
}

/// Passes on what a program writes, and ends at a message that is too long.
pub(super) struct Watched<R> {
    inner: R,
    faults: Faults,
    /// Bytes of the line so far.
    line: usize,
    /// True in a line that is no message.
    is_wrong: bool,
}

impl<R> Watched<R> {
    pub fn new(inner: R, faults: Faults) -> Self {
        Self { inner, faults, line: 0, is_wrong: false }
    }

    fn look(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut found = self.faults.0.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in bytes {
            if *byte == b'\n' {
                (self.line, self.is_wrong) = (0, false);
                continue;
            }
            if self.line == 0 && byte.is_ascii_whitespace() {
                continue;
            }
            if self.line == 0 && !matches!(byte, b'{' | b'[') {
                self.is_wrong = true;
                found.wrong_lines += 1;
            }
            if self.is_wrong && found.wrong_lines == 1 && found.first.len() < SHOWN {
                found.first.push(*byte);
            }
            self.line += 1;
            if self.line > LARGEST {
                found.too_long = true;
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(())
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.inner).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                let new = buf.filled()[before..].to_vec();
                Poll::Ready(self.look(&new))
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    async fn read(bytes: &[u8]) -> (Option<String>, bool) {
        let faults = Faults::default();
        let mut kept = Vec::new();
        let is_whole = Watched::new(bytes, faults.clone()).read_to_end(&mut kept).await.is_ok();
        (faults.describe(), is_whole)
    }

    #[tokio::test]
    async fn lines_that_are_no_messages_are_counted() {
        assert_eq!(read(b"{\"a\": 1}\n\n [2]\n").await, (None, true));
        let (told, is_whole) = read(b"hello \x1b[31m\n{}\nbye").await;
        let told = told.unwrap();
        assert!(told.starts_with("it wrote 2 lines") && told.contains("hello") && !told.contains('\x1b'), "{told}");
        assert!(is_whole);
    }

    #[tokio::test]
    async fn a_message_that_never_ends_does() {
        let (told, is_whole) = read(&vec![b'{'; LARGEST + 1]).await;
        assert!(!is_whole && told.unwrap().contains("more than"));
    }
}
