//! The lines of `run --json=events` on their way to stdout: written by a thread of their own, so that a slow reader
//! stops neither the run nor an interrupt.

use std::collections::VecDeque;
use std::io::{self, Write};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::text::escape_controls;

/// Lines that may wait for the thread.
const WAITING: usize = 256;

/// Lines for stdout, one JSON object each.
pub(super) struct EventLines {
    queue: VecDeque<String>,
    lines: Option<mpsc::Sender<String>>,
    writer: JoinHandle<()>,
}

impl EventLines {
    /// Starts the thread.
    pub fn start() -> Self {
        let (lines, mut taken) = mpsc::channel::<String>(WAITING);
        let writer = tokio::task::spawn_blocking(move || {
            while let Some(line) = taken.blocking_recv() {
                // A reader that went away (`| head`) ends the lines, not the run.
                if write_line(&line).is_err() {
                    break;
                }
            }
        });
        Self { queue: VecDeque::new(), lines: Some(lines), writer }
    }

    /// Adds a line to those that wait.
    pub fn push(&mut self, line: &serde_json::Value) {
        if self.lines.is_some() {
            self.queue.push_back(escape_controls(&line.to_string()));
        }
    }

    /// Hands the lines that wait to the thread. It can be dropped at any point: no line is lost or doubled.
    pub async fn flush(&mut self) {
        while !self.queue.is_empty() {
            let Some(lines) = &self.lines else { break };
            let Ok(room) = lines.reserve().await else {
                self.lines = None;
                break;
            };
            room.send(self.queue.pop_front().unwrap_or_default());
        }
        if self.lines.is_none() {
            self.queue.clear();
        }
    }

    /// Waits until every line is written, or the reader has gone.
    pub async fn finish(&mut self) {
        self.flush().await;
        self.lines = None;
        // The thread does nothing that could fail but the writing.
        drop((&mut self.writer).await);
    }
}

fn write_line(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}
