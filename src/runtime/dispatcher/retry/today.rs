//! Today's pipeline, as its file has it now.

use std::sync::Arc;

use crate::effects::llm::{LlmError, LlmProvider};
use crate::model::Generation;
use crate::pipeline::Pipeline;
use crate::runtime::dispatcher::Dispatcher;
use crate::runtime::dispatcher::versions::read_today;
use crate::runtime::refusal::TodayError;

impl Dispatcher {
    /// The set sees today's files; everything else keeps the pipeline it ran by.
    pub(super) fn see_todays_files(&mut self, generation: Generation) {
        match self.today() {
            Ok(today) if today == *self.versions.newest() => {}
            Ok(today) => {
                let actions = self.edits.leave_to_files(&today, self.generation());
                self.carry_out(actions);
                self.send_edits();
                let actions = self.versions.add(generation, today);
                self.carry_out(actions);
            }
            Err(why) => self.note(None, false, format!("the retry uses the stored pipeline: {why}")),
        }
    }

    /// Builds the models of today's pipeline; without one, those of the newest that the run has.
    pub(super) fn models_of(&self, today: Option<Pipeline>) -> Result<Arc<dyn LlmProvider>, LlmError> {
        (self.model_source)(&today.map_or_else(|| self.versions.newest(), Arc::new))
    }

    pub(in super::super) fn today(&self) -> Result<Pipeline, TodayError> {
        read_today(self.versions.source().map(std::path::PathBuf::as_path))
    }
}
