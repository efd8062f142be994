//! Short texts about spans for one line of a list: a tool's command, the first thing it read, the error it stopped at.

use serde::{Deserialize, Serialize};

use super::span_map::SpanMap;
use super::{PauseReason, SpanId, SpanSubject, TraceBody};

/// Characters kept of each text.
const MOST: usize = 120;

/// Short texts of spans.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    commands: SpanMap<Box<str>>,
    reads: SpanMap<Box<str>>,
    errors: SpanMap<Box<str>>,
    asked: SpanMap<(Box<str>, bool)>,
}

impl Labels {
    /// The first line of the command that a tool ran, with ` …` where more lines follow.
    #[must_use]
    pub fn command(&self, span: SpanId) -> Option<&str> {
        self.commands.get(span).map(AsRef::as_ref)
    }

    /// The first key that a tool read.
    #[must_use]
    pub fn read(&self, span: SpanId) -> Option<&str> {
        self.reads.get(span).map(AsRef::as_ref)
    }

    /// The first line of the error that a span stopped at.
    #[must_use]
    pub fn error(&self, span: SpanId) -> Option<&str> {
        self.errors.get(span).map(AsRef::as_ref)
    }

    /// The first line of the subject that a call or a branch began with, with ` …` where more lines follow, and whether
    /// it is a path; events don't tell it.
    #[must_use]
    pub fn asked(&self, span: SpanId) -> Option<(&str, bool)> {
        self.asked.get(span).map(|(text, is_path)| (text.as_ref(), *is_path))
    }

    /// Keeps the subjects that calls and branches began with.
    pub fn keep_asked(&mut self, subjects: Vec<SpanSubject>) {
        for SpanSubject { span, text, is_path } in subjects {
            self.asked.insert(span, (opening(&text), is_path));
        }
    }

    pub(super) fn take_in(&mut self, body: &TraceBody) {
        match body {
            TraceBody::CommandStarted(start) => {
                self.commands.insert(start.span, opening(&start.command));
            }
            TraceBody::Read { span, key, .. } if self.reads.get(*span).is_none() => {
                self.reads.insert(*span, first_line(&key.to_string()));
            }
            TraceBody::Paused { span, reason: PauseReason::Error { error }, .. } => {
                self.errors.insert(*span, first_line(error));
            }
            _ => {}
        }
    }
}

/// The first line, and whether others follow.
fn opening(text: &str) -> Box<str> {
    let first = first_line(text);
    let follows = text.trim_start().lines().skip(1).any(|line| !line.trim().is_empty());
    if follows { format!("{first} …").into() } else { first }
}

fn first_line(text: &str) -> Box<str> {
    text.trim_start().lines().next().unwrap_or_default().chars().take(MOST).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_follow_are_told() {
        assert_eq!(&*opening("\nrm -r build\nmkdir out\n"), "rm -r build …");
        assert_eq!(&*opening("ls\n\n"), "ls");
        assert_eq!(&*opening(""), "");
        assert_eq!(opening(&"x".repeat(500)).len(), MOST);
    }
}
