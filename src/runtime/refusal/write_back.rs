//! The reasons why edited prompts are not written into their files.

use std::io;

use super::TodayError;

/// The prompts that were not written; each says why.
#[derive(Debug, thiserror::Error)]
#[error("{}", texts(.0))]
pub(in super::super) struct NotWrittenBack(pub Vec<NotWritten>);

/// The reason why one prompt is not written into its file.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum NotWritten {
    /// The agent is gone.
    #[error("{agent} is not in the pipeline any more")]
    NoAgent { agent: String },
    /// The prompt has no file of its own.
    #[error("the prompt of {agent} stands in pipeline.toml itself, and was not written; copy it there")]
    NoFile { agent: String },
    /// Today's pipeline can't be read, so that nobody knows what would be overwritten.
    #[error(transparent)]
    Today(#[from] TodayError),
    /// The file was changed since the run read it.
    #[error("{file} was changed by another program or person since the run read it, and was not written")]
    Changed { file: String },
    /// The files take too long, or the program failed.
    #[error("failed to say if the prompts were written; look at their files")]
    Unknown,
    /// The file can't be replaced.
    #[error("failed to write {file}: {error}")]
    Io {
        file: String,
        #[source]
        error: io::Error,
    },
}

fn texts(left: &[NotWritten]) -> String {
    left.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
