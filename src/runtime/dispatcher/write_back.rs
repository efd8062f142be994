//! Writing edited prompts back into the files that they came from: beside the loop, and before anything else happens.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::super::refusal::{NotWritten, NotWrittenBack};
use super::Dispatcher;
use super::edits::{PromptFiles, WrittenPrompt};

/// The longest wait for the files.
const BOUND: Duration = Duration::from_secs(30);

/// The prompts that were written, and those that were not.
type Prompts = (Vec<WrittenPrompt>, Vec<NotWritten>);

/// The end of the writing; `None`: not in time.
pub(in super::super) type Written = Option<Prompts>;

/// The writing under way.
#[derive(Default)]
pub(super) struct WriteBack {
    task: Option<(JoinHandle<Prompts>, Instant)>,
}

impl WriteBack {
    /// Writes every edited prompt into its file, unless somebody changed that file since.
    pub fn start(&mut self, files: PromptFiles) {
        let task = tokio::task::spawn_blocking(move || files.write());
        self.task = Some((task, Instant::now() + BOUND));
    }

    /// True while prompts are being written.
    pub fn is_under_way(&self) -> bool {
        self.task.is_some()
    }

    /// Waits for the end; for ever when nothing is being written.
    pub async fn next(&mut self) -> Written {
        let Some((task, until)) = &mut self.task else { return std::future::pending().await };
        let written = tokio::time::timeout_at(*until, task).await;
        self.task = None;
        written.ok().and_then(Result::ok)
    }
}

impl Dispatcher {
    /// Takes the end of the writing.
    pub(super) fn end_write_back(&mut self, written: Written) {
        let (written, left) = written.unwrap_or_else(|| (Vec::new(), vec![NotWritten::Unknown]));
        let actions = self.edits.note_written(written);
        self.carry_out(actions);
        self.send_edits();
        if !left.is_empty() {
            self.refuse(&NotWrittenBack(left));
        }
    }

    /// Says which edits are in no file.
    pub(in super::super) fn send_edits(&self) {
        self.inspector.send_edits(self.edits.prompt_files(&self.versions));
    }
}
