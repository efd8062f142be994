//! `run --expect FILE`: compares a run with the result that a file holds.

use std::fs;
use std::path::Path;

use color_eyre::eyre::eyre;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::model::{KeyState, NetChange, RunState, RunStatus, SpanId, SpanStatus};

/// The result of a run: what another run must come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    /// The run's end.
    status: RunStatus,
    /// Its output, when it ended well.
    output: Option<String>,
    /// Every span by its path, sorted: those of a fan-out start in any order.
    spans: Vec<ExpectedSpan>,
    /// The net changes.
    changes: Vec<Json>,
}

/// A span of the result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedSpan {
    path: String,
    kind: String,
    state: String,
    finish: Option<String>,
}

impl Expected {
    /// The result of a run; `output`: its output, when it ended well.
    pub fn of(state: &RunState, output: Option<&str>) -> Self {
        let spans = (0..).map(SpanId).zip(state.trace.spans().iter()).skip(1);
        let spans = spans.filter(|(_, found)| found.status != SpanStatus::Undone).map(|(span, found)| ExpectedSpan {
            path: state.trace.path(span),
            kind: found.kind.name().to_owned(),
            state: state.span_state(span).name().to_owned(),
            finish: state.trace.finish(span).map(str::to_owned),
        });
        let mut spans: Vec<ExpectedSpan> = spans.collect();
        spans.sort_by(|a, b| a.path.cmp(&b.path));
        let changes = state.ledger.net_changes().iter().map(change).collect();
        Self { status: state.status, output: output.map(str::to_owned), spans, changes }
    }

    /// Reads a file that `runs export` wrote.
    ///
    /// # Errors
    /// When it can't be read, or is none.
    pub fn read(file: &Path) -> color_eyre::Result<Self> {
        let text = fs::read(file).map_err(|error| eyre!("failed to read {}: {error}", file.display()))?;
        serde_json::from_slice(&text).map_err(|error| {
            eyre!("failed to read {}: {error}. `tama-tui runs export` writes such a file.", file.display())
        })
    }

    /// The first difference of a run from this; `None` when there is none.
    pub fn difference(&self, now: &Self) -> Option<String> {
        if self.status != now.status {
            return Some(format!("the run is {}, expected was {}", now.status.name(), self.status.name()));
        }
        for span in &self.spans {
            match now.spans.iter().find(|other| other.path == span.path) {
                None => return Some(format!("{} is missing", span.path)),
                Some(other) if other != span => {
                    return Some(format!("{} is {}, expected was {}", span.path, other.words(), span.words()));
                }
                Some(_) => {}
            }
        }
        if let Some(more) = now.spans.iter().find(|span| !self.spans.iter().any(|known| known.path == span.path)) {
            return Some(format!("{} was not expected", more.path));
        }
        if let Some(lost) = self.changes.iter().find(|change| !now.changes.contains(change)) {
            return Some(format!("a change is missing: {lost}"));
        }
        if let Some(more) = now.changes.iter().find(|change| !self.changes.contains(change)) {
            return Some(format!("a change was not expected: {more}"));
        }
        (self.output != now.output).then(|| "the output is another one".to_owned())
    }
}

impl ExpectedSpan {
    /// `agent, ok, finish key done`.
    fn words(&self) -> String {
        let finish = self.finish.as_ref().map(|key| format!(", finish key {key}")).unwrap_or_default();
        format!("{} {}{finish}", self.kind, self.state)
    }
}

/// A net change with what is there after it; the seqs of elements differ from run to run.
fn change(change: &NetChange) -> Json {
    let after = match &change.new {
        KeyState::List { elements } => json!(elements.iter().map(|element| &element.text).collect::<Vec<_>>()),
        other => json!(other),
    };
    json!({ "key": change.key, "change": change.kind.name(), "after": after })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(spans: &[(&str, &str)], output: &str) -> Expected {
        let span = |(path, state): &(&str, &str)| ExpectedSpan {
            path: (*path).to_owned(),
            kind: "agent".to_owned(),
            state: (*state).to_owned(),
            finish: None,
        };
        let spans = spans.iter().map(span).collect();
        Expected { status: RunStatus::Ok, output: Some(output.to_owned()), spans, changes: Vec::new() }
    }

    #[test]
    fn each_difference_is_named() {
        let wanted = expected(&[("a", "ok"), ("b", "ok")], "x");
        let differs = |now: &Expected| wanted.difference(now).unwrap_or_default();
        assert_eq!(differs(&wanted.clone()), "");
        assert_eq!(differs(&expected(&[("a", "ok")], "x")), "b is missing");
        assert_eq!(differs(&expected(&[("a", "ok"), ("b", "ok"), ("c", "ok")], "x")), "c was not expected");
        assert_eq!(
            differs(&expected(&[("a", "failed"), ("b", "ok")], "x")),
            "a is agent failed, expected was agent ok"
        );
        assert_eq!(differs(&expected(&[("a", "ok"), ("b", "ok")], "y")), "the output is another one");
        let failed = Expected { status: RunStatus::Failed, ..wanted.clone() };
        assert_eq!(differs(&failed), "the run is failed, expected was ok");
        let changed = Expected { changes: vec![json!({ "key": "k" })], ..wanted.clone() };
        assert!(differs(&changed).starts_with("a change was not expected"));
        assert!(changed.difference(&wanted).unwrap().starts_with("a change is missing"));
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let wanted = expected(&[("a", "ok")], "x");
        let read: Expected = serde_json::from_str(&serde_json::to_string(&wanted).unwrap()).unwrap();
        assert_eq!(read, wanted);
    }
}
