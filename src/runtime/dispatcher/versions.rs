//! The pipelines of a run by generation, and the file that today's is read from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::driver_action::DriverAction;
use crate::model::{Generation, TraceBody};
use crate::pipeline::{Pipeline, changed_agents, check};
use crate::runtime::past::version_at;
use crate::runtime::refusal::TodayError;
use crate::runtime::request::json;
use crate::store::hash_text;

/// The pipelines of a run by generation.
#[derive(Default)]
pub(in super::super) struct Versions {
    /// Oldest first.
    known: Vec<(Generation, Arc<Pipeline>)>,
    source: Option<PathBuf>,
}

impl Versions {
    /// Takes the pipelines that the run has executed by; `source`: the file of today's.
    pub fn new(known: Vec<(Generation, Arc<Pipeline>)>, source: Option<PathBuf>) -> Self {
        Self { known, source }
    }

    /// True when the run has no pipeline: its stored one was lost.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Returns the pipeline that spans of a generation run by.
    pub fn at(&self, generation: Generation) -> Arc<Pipeline> {
        version_at(&self.known, generation).cloned().unwrap_or_default()
    }

    /// Returns the pipeline that the run started with.
    pub fn first(&self) -> Arc<Pipeline> {
        self.known.first().map(|(_, pipeline)| pipeline.clone()).unwrap_or_default()
    }

    /// Returns the newest pipeline of the run.
    pub fn newest(&self) -> Arc<Pipeline> {
        self.at(Generation(u32::MAX))
    }

    /// Returns the file of today's pipeline.
    pub fn source(&self) -> Option<&PathBuf> {
        self.source.as_ref()
    }

    /// Adds today's pipeline, which applies from a generation on, if it differs from the newest.
    pub fn add(&mut self, generation: Generation, today: Pipeline) -> Vec<DriverAction> {
        let newest = self.newest();
        if today == *newest {
            return Vec::new();
        }
        let changed = changed_agents(&newest, &today);
        let text = json(&today);
        let pipeline = hash_text(&text);
        self.known.push((generation, Arc::new(today)));
        let event = TraceBody::PipelineChanged { generation, pipeline, changed };
        vec![DriverAction::Text(text), DriverAction::append(event)]
    }

    /// Lists the files that a generation was loaded from.
    pub fn own_files(&self, generation: Generation) -> Vec<PathBuf> {
        self.source.as_ref().map(|source| self.at(generation).files(source)).unwrap_or_default()
    }
}

/// Reads today's pipeline from its file. A workspace that is missing is not made: the run has its own.
pub(in super::super) fn read_today(source: Option<&Path>) -> Result<Pipeline, TodayError> {
    let file = source.ok_or(TodayError::NoFile)?;
    let faults = |faults| TodayError::Faults { file: file.to_owned(), faults };
    // It makes no folder: only the start of a run does.
    check(file).map(|loaded| loaded.pipeline).map_err(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Pipeline {
        Pipeline { name: name.to_owned(), ..Pipeline::default() }
    }

    fn name_at(versions: &Versions, generation: u32) -> String {
        versions.at(Generation(generation)).name.clone()
    }

    #[test]
    fn a_generation_runs_by_the_newest_pipeline_that_is_not_later() {
        let mut versions = Versions::new(vec![(Generation(1), Arc::new(named("first")))], None);
        versions.add(Generation(3), named("third"));
        let names = [1, 2, 3, 4].map(|generation| name_at(&versions, generation));
        assert_eq!(names, ["first", "first", "third", "third"]);
        assert_eq!((versions.first().name.as_str(), versions.newest().name.as_str()), ("first", "third"));
    }

    #[test]
    fn only_another_pipeline_is_added_and_recorded() {
        let mut versions = Versions::new(vec![(Generation(1), Arc::new(named("first")))], None);
        assert_eq!(versions.add(Generation(2), named("first")), []);
        let text = json(&named("second"));
        let pipeline = hash_text(&text);
        let event = TraceBody::PipelineChanged { generation: Generation(3), pipeline, changed: Vec::new() };
        let added = versions.add(Generation(3), named("second"));
        assert_eq!(added, [DriverAction::Text(text), DriverAction::append(event)]);
    }

    #[test]
    fn a_run_whose_pipeline_was_lost_has_none() {
        let versions = Versions::default();
        assert!(versions.is_empty());
        assert_eq!(*versions.newest(), Pipeline::default());
        assert!(matches!(read_today(None), Err(TodayError::NoFile)));
    }
}
