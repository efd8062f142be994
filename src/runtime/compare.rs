//! The comparison of an execution with its record: an agent's input, and its end. A live run compares when it executes
//! its pattern code again, and [`super::replay`] compares everything.

use super::ask::Output;
use super::failure::{Divergence, Failure};
use crate::model::{Finish, SpanEnd, SpanStatus, TextHash};
use crate::store::hash_text;

/// Characters that are shown around a difference.
const SHOWN: usize = 60;

/// Reads a stored text, to show a difference.
pub(super) type ReadText<'a> = &'a dyn Fn(TextHash) -> Option<String>;

/// The recorded end of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AgentEnd {
    status: SpanStatus,
    finish: Option<Finish>,
    output: Option<TextHash>,
}

impl From<&SpanEnd> for AgentEnd {
    fn from(end: &SpanEnd) -> Self {
        Self { status: end.status, finish: end.finish.clone(), output: end.output }
    }
}

impl AgentEnd {
    /// True when the end of an agent is this one. Reads no text.
    pub(super) fn is_end(&self, result: &Result<Output, Failure>) -> bool {
        let (status, text) = status_and_text(result);
        let key = result.as_ref().ok().map(|output| output.key.as_str());
        self.status == status && key == self.key() && self.output == Some(hash_text(&text))
    }

    fn key(&self) -> Option<&str> {
        self.finish.as_ref().map(|finish| finish.key.as_str())
    }

    /// The text of the agent's output; `None` if it failed.
    pub(super) fn text(&self) -> Option<TextHash> {
        self.output.filter(|_| self.status == SpanStatus::Ok)
    }

    /// The agent's output, whose text is this; `None` if it failed.
    pub(super) fn output(&self, text: &str) -> Option<Output> {
        let finish = self.finish.as_ref().filter(|_| self.status == SpanStatus::Ok)?;
        Some(Output { key: finish.key.clone(), value: text.to_owned(), synthetic: finish.synthetic })
    }
}

fn status_and_text(result: &Result<Output, Failure>) -> (SpanStatus, String) {
    match result {
        Ok(output) => (SpanStatus::Ok, output.value.clone()),
        Err(failure) => (SpanStatus::Error, failure.to_string()),
    }
}

/// True when an agent's input is the recorded one. Reads no text.
pub(super) fn is_input(recorded: TextHash, input: &str) -> bool {
    hash_text(input) == recorded
}

/// Compares an agent's input with the recorded one.
///
/// # Errors
/// With the difference.
pub(super) fn input(path: &str, recorded: TextHash, input: &str, read: ReadText<'_>) -> Result<(), Box<Divergence>> {
    if is_input(recorded, input) {
        return Ok(());
    }
    let (old, new) = difference(&read(recorded).unwrap_or_default(), input);
    let (recorded, asked) = (format!("the input {old}"), format!("the input {new}"));
    Err(Box::new(Divergence { path: path.to_owned(), recorded, asked }))
}

/// Compares an agent's end with the recorded one.
///
/// # Errors
/// With the difference.
pub(super) fn end(
    path: &str,
    recorded: &AgentEnd,
    result: &Result<Output, Failure>,
    read: ReadText<'_>,
) -> Result<(), Box<Divergence>> {
    if recorded.is_end(result) {
        return Ok(());
    }
    let (status, text) = status_and_text(result);
    let key = result.as_ref().ok().map(|output| output.key.as_str());
    let old_key = recorded.key();
    let (old, new) = difference(&recorded.output.and_then(read).unwrap_or_default(), &text);
    let name = |status: SpanStatus, key: Option<&str>| match key {
        Some(key) => format!("the end \"{key}\""),
        None => format!("the end {}", status.word()),
    };
    let (old_end, new_end) = (name(recorded.status, old_key), name(status, key));
    let (recorded, asked) = (format!("{old_end}: {old}"), format!("{new_end}: {new}"));
    Err(Box::new(Divergence { path: path.to_owned(), recorded, asked }))
}

/// Cuts two texts down to the place where they begin to differ, quoted.
pub(super) fn difference(old: &str, new: &str) -> (String, String) {
    let same = old.chars().zip(new.chars()).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(SHOWN / 3);
    let cut = |text: &str| {
        let part: String = text.chars().skip(from).take(SHOWN).collect();
        let rest = text.chars().nth(from + SHOWN).is_some();
        let (before, after) = (if from > 0 { "…" } else { "" }, if rest { "…" } else { "" });
        format!("{before}{part:?}{after}")
    };
    (cut(old), cut(new))
}
