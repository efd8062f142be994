//! The moments of a run and of its spans.

use super::rows::RunRow;
use super::tree::Tree;
use super::writer::moment;
use crate::model::{Millis, RunStatus};

/// The status of a run. One that was killed is still called running.
pub(super) fn run_status(run: &RunRow) -> RunStatus {
    match run.status.as_deref() {
        Some("ok") => RunStatus::Ok,
        Some("error") => RunStatus::Failed,
        _ => RunStatus::Interrupted,
    }
}

/// The moments of a run.
pub(super) struct Times {
    /// Its start.
    pub began: Millis,
    /// Its end.
    pub ended: Millis,
}

impl Times {
    /// The moments of a run's rows.
    pub(super) fn of(run: &RunRow, tree: &Tree) -> Self {
        let timestamp = run.timestamp.filter(|at| *at > 0);
        let first = tree.nodes.iter().filter_map(|node| node.start).min();
        let began = timestamp.or(first).unwrap_or(0);
        // When a worker was written is a moment too; its end is none.
        let moments = tree.nodes.iter().flat_map(|node| [node.start, node.end.filter(|_| !node.unplaced)]);
        let last = moments.flatten().max().unwrap_or(began).max(began);
        let took = run.duration_ms.filter(|took| *took > 0 && run_status(run) != RunStatus::Interrupted);
        let ended = took.map_or(last, |took| began.saturating_add(took));
        Self { began: moment(began), ended: moment(ended) }
    }

    /// The start of a span.
    pub(super) fn start(&self, tree: &Tree, at: usize) -> Millis {
        let of_calls = || tree.nodes[at].children.iter().filter_map(|child| tree.nodes[*child].start).min();
        tree.nodes[at].start.or_else(of_calls).map_or(self.began, moment)
    }

    /// The end of a span: of one that has none the last moment of the run, of a variant that of the sum of its calls.
    pub(super) fn end(&self, tree: &Tree, at: usize) -> Millis {
        let (node, start) = (&tree.nodes[at], self.start(tree, at));
        let length = match (node.length(), node.id.is_some()) {
            (Some(length), _) => length,
            (None, true) if node.is_agent() => return self.ended.max(start),
            (None, true) => 0,
            (None, false) => node.children.iter().filter_map(|child| tree.nodes[*child].length()).sum(),
        };
        Millis(start.0.saturating_add(u64::try_from(length).unwrap_or_default()))
    }
}
