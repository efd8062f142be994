//! `--answer`: what a person would answer, for a run without a screen.

use super::text::eprint_line;
use crate::pipeline::{Pattern, Pipeline};

/// The answers of the command line.
#[derive(Debug, Default, Clone, clap::Args)]
pub(super) struct Answers {
    /// Answer a question of a `human` agent; with AGENT= those of that agent only (may be given more than once, each is
    /// used once, in order)
    #[arg(long, value_name = "[AGENT=]TEXT", allow_hyphen_values = true)]
    answer: Vec<String>,
}

impl Answers {
    /// Warns when there are answers, and no agent of the pipeline asks for any.
    pub fn warn_unless_asked(&self, pipeline: &Pipeline) {
        if !self.answer.is_empty() && !pipeline.agents.values().any(|agent| agent.pattern == Pattern::Human) {
            eprint_line("warning: --answer: no agent of this pipeline asks a person (pattern = \"human\")");
        }
    }

    /// The only answer, where there is one, and it is for no agent's question.
    pub fn single(&self) -> Option<&str> {
        match &self.answer[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Returns the texts in their order.
    pub fn into_texts(self) -> Vec<String> {
        self.answer
    }
}
