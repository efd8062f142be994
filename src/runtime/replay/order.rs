//! The order of the spans below one agent, as the record has it.

use std::collections::HashMap;

use super::super::ask::SpanPosition;
use crate::model::Seq;

/// The last recorded ends below each agent, by its path. Branches of one fan-out are in no order among themselves, but
/// come after everything before it and before everything after it.
#[derive(Default)]
pub(super) struct Order {
    below: HashMap<String, Ends>,
}

/// The record's order, where the execution has another one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("its start ({started}) before the end of the span that it follows ({before})")]
pub(super) struct OutOfOrder {
    started: Seq,
    before: Seq,
}

#[derive(Default)]
struct Ends {
    /// The end of the newest span that ran alone.
    alone: Seq,
    /// The newest end of a branch.
    branches: Seq,
}

impl Order {
    /// Begins a span.
    ///
    /// # Errors
    /// When the record has another order.
    pub fn begin(&mut self, position: &SpanPosition, started: Seq) -> Result<(), OutOfOrder> {
        let ends = self.below.entry(position.parent.clone()).or_default();
        let before = if position.fan.is_some() { ends.alone } else { ends.alone.max(ends.branches) };
        if started > before { Ok(()) } else { Err(OutOfOrder { started, before }) }
    }

    /// Ends a span.
    pub fn end(&mut self, path: &str, in_fan_out: bool, ended: Seq) {
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let ends = self.below.entry(parent.to_owned()).or_default();
        let newest = if in_fan_out { &mut ends.branches } else { &mut ends.alone };
        *newest = (*newest).max(ended);
    }
}
