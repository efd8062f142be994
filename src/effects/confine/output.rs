//! A command's output and outcome.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::effects::mask::{MaskedStream, Masker};

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

/// Collects output with secrets masked, and leaves out the middle when it is too long: a secret that is cut would not be
/// found any more.
pub(super) struct Output<'m> {
    out_masked: MaskedStream<'m>,
    err_masked: MaskedStream<'m>,
    half: usize,
    out: Vec<u8>,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    cut: usize,
}

impl<'m> Output<'m> {
    /// Keeps at most `limit` bytes.
    pub fn new(limit: usize, masker: &'m Masker) -> Self {
        let (out_masked, err_masked) = (MaskedStream::new(masker), MaskedStream::new(masker));
        Self {
            out_masked,
            err_masked,
            half: limit / 2,
            out: Vec::new(),
            head: Vec::new(),
            tail: VecDeque::new(),
            cut: 0,
        }
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

    /// Takes what the masks hold back, once nothing more comes.
    fn finish(&mut self) {
        let (out, err) = (self.out_masked.finish(), self.err_masked.finish());
        self.keep(&out);
        self.add(&out);
        self.add(&err);
    }

    /// Returns standard output alone. Nothing more comes.
    pub fn stdout(&mut self) -> String {
        self.finish();
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
                        let masked = self.out_masked.push_bytes(&from_out[..some]);
                        self.keep(&masked);
                        self.add(&masked);
                    }
                },
                read = next(err, &mut from_err), if err.is_some() => match read {
                    0 => *err = None,
                    some => {
                        let masked = self.err_masked.push_bytes(&from_err[..some]);
                        self.add(&masked);
                    }
                },
            }
        }
    }

    /// Returns the output with `last` as its last line, and true when something was left out.
    pub fn into_text(mut self, last: &str) -> (String, bool) {
        self.finish();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_where_the_middle_is_left_out_is_masked_whole() {
        let masker = Masker::new([("MY_TOKEN".to_owned(), "open sesame 12345".to_owned())]);
        for before in 0..150 {
            let printed = format!("{}open sesame 12345{}", "x".repeat(before), "y".repeat(150 - before));
            let mut output = Output::new(100, &masker);
            output.read_both(&mut Some(printed.as_bytes()), &mut None::<&[u8]>).await;
            let (text, cut) = output.into_text("end");
            assert!(cut && !["open", "sesame", "12345"].iter().any(|part| text.contains(part)), "{text}");
        }
    }

    #[tokio::test]
    async fn what_is_held_back_at_the_end_is_not_lost() {
        let masker = Masker::new([("MY_TOKEN".to_owned(), "open sesame 12345".to_owned())]);
        let mut output = Output::new(100, &masker);
        output.read_both(&mut Some(&b"the open se"[..]), &mut Some(&b"sk-"[..])).await;
        assert_eq!(output.stdout(), "the open se");
        assert_eq!(output.into_text("end").0, "the open sesk-\nend");
    }
}
