//! Today's pipeline, as its file has it now.

use std::sync::Arc;

use crate::effects::llm::{LlmError, LlmProvider};
use crate::model::{Generation, TraceBody};
use crate::pipeline::{Pipeline, changed_agents, load};
use crate::runtime::dispatcher::Dispatcher;
use crate::runtime::refusal::TodayError;
use crate::runtime::request::json;

impl Dispatcher {
    /// The set sees today's files; everything else keeps the pipeline it ran by.
    pub(super) fn see_todays_files(&mut self, generation: Generation) {
        match self.today() {
            Ok(today) => {
                let newest = self.newest();
                if today == *newest {
                    return;
                }
                self.leave_to_files(&today);
                let changed = changed_agents(&newest, &today);
                let pipeline = self.log.text(&json(&today));
                self.log.append(vec![TraceBody::PipelineChanged { generation, pipeline, changed }]);
                self.versions.push((generation, Arc::new(today)));
            }
            Err(why) => self.note(None, false, format!("the retry uses the stored pipeline: {why}")),
        }
    }

    /// Builds the models of today's pipeline; without one, those of the newest that the run has.
    pub(super) fn models_of(&self, today: Option<Pipeline>) -> Result<Arc<dyn LlmProvider>, LlmError> {
        (self.model_source)(&today.map_or_else(|| self.newest(), Arc::new))
    }

    pub(in super::super) fn today(&self) -> Result<Pipeline, TodayError> {
        let source = self.source.as_ref().ok_or(TodayError::NoFile)?;
        load(source).map(|loaded| loaded.pipeline).map_err(|faults| TodayError::Faults { file: source.clone(), faults })
    }

    pub(super) fn newest(&self) -> Arc<Pipeline> {
        self.version(Generation(u32::MAX))
    }
}
