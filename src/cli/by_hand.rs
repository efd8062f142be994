//! Edits by hand of a retried or forked span.

use std::fs;
use std::path::{Path, PathBuf};

use color_eyre::eyre::eyre;

use crate::model::{Message, RetryEdits};

/// Edits by hand of a retried or forked span.
#[derive(Debug, Default, Clone, clap::Args)]
pub(super) struct ByHand {
    /// Another input, for an agent
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    input: Option<String>,
    /// A file with other messages, for a model call: JSON, a list of { role, text }
    #[arg(long, value_name = "FILE")]
    messages: Option<PathBuf>,
    /// Other arguments as JSON, for a tool call
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    /// Take this as the span's response, result or output; nothing is sent or run for it
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    answer_with: Option<String>,
}

impl ByHand {
    /// Reads them.
    ///
    /// # Errors
    /// When a file can't be read, or is not what it should be.
    pub fn edits(&self) -> color_eyre::Result<RetryEdits> {
        let Self { input, messages, args, answer_with } = self;
        let parsed = |text: &String| {
            serde_json::from_str(text).map_err(|error| eyre!("failed to read --args: it is no JSON: {error}"))
        };
        Ok(RetryEdits {
            input: input.clone(),
            messages: messages.as_deref().map(read_messages).transpose()?,
            args: args.as_ref().map(parsed).transpose()?,
            answer: answer_with.clone(),
            ..RetryEdits::default()
        })
    }
}

fn read_messages(file: &Path) -> color_eyre::Result<Vec<Message>> {
    let text =
        fs::read_to_string(file).map_err(|error| eyre!("failed to read the messages {}: {error}", file.display()))?;
    serde_json::from_str(&text).map_err(|error| eyre!("failed to read the messages {}: {error}", file.display()))
}
