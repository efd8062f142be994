//! A command's output and outcome.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bounds on a command beside its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShellLimits {
    /// Bytes of output kept: the first and the last half of it.
    pub output_bytes: usize,
}

impl Default for ShellLimits {
    fn default() -> Self {
        Self { output_bytes: 100_000 }
    }
}

/// The outcome of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellOutcome {
    /// Its standard output and error in order of arrival, with a last line about its end.
    pub text: String,
    /// Its standard output alone, without trailing line ends.
    pub printed: String,
    /// Its exit code; `None` when it was killed or failed to start.
    pub exit: Option<i32>,
    /// True when it ran at all.
    pub started: bool,
    /// True when it was killed at its timeout.
    pub timed_out: bool,
    /// True when output was left out.
    pub truncated: bool,
}

/// Collects output, and leaves out the middle when it is too long.
pub(super) struct Output {
    half: usize,
    out: Vec<u8>,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    cut: usize,
}

impl Output {
    /// Keeps at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { half: limit / 2, out: Vec::new(), head: Vec::new(), tail: VecDeque::new(), cut: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        let first = bytes.len().min(self.half.saturating_sub(self.head.len()));
        self.head.extend_from_slice(&bytes[..first]);
        self.tail.extend(&bytes[first..]);
        let over = self.tail.len().saturating_sub(self.half);
        self.tail.drain(..over);
        self.cut += over;
    }

    /// Keeps the beginning of standard output alone.
    fn keep(&mut self, bytes: &[u8]) {
        let room = (2 * self.half).saturating_sub(self.out.len());
        self.out.extend_from_slice(&bytes[..room.min(bytes.len())]);
    }

    /// Returns standard output alone.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.out).trim_end_matches(['\n', '\r']).to_owned()
    }

    /// Reads two streams until both end. Dropping it loses nothing that was read.
    pub async fn read_both(
        &mut self,
        out: &mut Option<impl AsyncRead + Unpin>,
        err: &mut Option<impl AsyncRead + Unpin>,
    ) {
        let (mut from_out, mut from_err) = (vec![0; 8192], vec![0; 8192]);
        while out.is_some() || err.is_some() {
            tokio::select! {
                read = next(out, &mut from_out), if out.is_some() => match read {
                    0 => *out = None,
                    some => {
                        self.keep(&from_out[..some]);
                        self.add(&from_out[..some]);
                    }
                },
                read = next(err, &mut from_err), if err.is_some() => match read {
                    0 => *err = None,
                    some => self.add(&from_err[..some]),
                },
            }
        }
    }

    /// Returns the output with `last` as its last line, and true when something was left out.
    pub fn into_text(mut self, last: &str) -> (String, bool) {
        let cut = self.cut;
        let mut text = if cut == 0 {
            self.head.extend(self.tail);
            String::from_utf8_lossy(&self.head).into_owned()
        } else {
            let head = String::from_utf8_lossy(&self.head);
            let tail = String::from_utf8_lossy(self.tail.make_contiguous());
            format!("{head}\n[… {cut} bytes of output cut …]\n{tail}")
        };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        (text + last, cut > 0)
    }
}

/// Returns the number of bytes read; 0 at the end, or when the stream can't be read any more.
async fn next(stream: &mut Option<impl AsyncRead + Unpin>, into: &mut [u8]) -> usize {
    match stream {
        Some(stream) => stream.read(into).await.unwrap_or(0),
        None => 0,
    }
}
