//! Writing edited prompts back into the files that they came from.

use super::super::refusal::{NotWrittenBack, Refusal};
use super::Dispatcher;
use crate::model::Update;

impl Dispatcher {
    /// Writes every edited prompt into its file, unless somebody changed that file since.
    pub(super) fn write_back(&mut self) -> Result<(), Refusal> {
        let (written, left) = self.edits.prompt_files(&self.versions).write();
        let actions = self.edits.note_written(written);
        self.carry_out(actions);
        self.send_edits();
        if left.is_empty() { Ok(()) } else { Err(NotWrittenBack(left).into()) }
    }

    /// Says which edits are in no file.
    pub(in super::super) fn send_edits(&self) {
        self.sink.send(Update::Edits(self.edits.prompt_files(&self.versions).unwritten()));
    }
}
