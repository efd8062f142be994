//! The tail: rows that are durable in the log file and not in the database yet. Readers add them to what they find
//! there.

use std::collections::HashSet;
use std::sync::Arc;

use super::chain::Cell;
use super::decode::decode;
use super::encode::Stored;
use super::read::decoded_row;
use super::schema::Table;
use super::{Row, StoreError};
use crate::model::{Seq, SpanId, TextHash, TraceBody, TraceEvent};

/// Rows after the last one that the database has, by seq, as they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail {
    /// The last row that the database has.
    pub(super) moved: Seq,
    batches: Vec<Arc<Vec<Stored>>>,
}

impl Tail {
    /// The tail after a row that the database has.
    pub(super) fn after(moved: Seq) -> Self {
        Self { moved, batches: Vec::new() }
    }

    /// Adds rows.
    pub(super) fn push(&mut self, rows: Vec<Stored>) {
        if !rows.is_empty() {
            self.batches.push(Arc::new(rows));
        }
    }

    /// True if the database has everything.
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Takes out the rows of an earlier copy of it: the database has them.
    pub(super) fn remove(&mut self, moved: &Self) {
        self.batches.drain(..moved.batches.len().min(self.batches.len()));
        self.moved = moved.rows().last().map_or(self.moved, Stored::seq);
    }

    /// Its rows.
    pub(super) fn rows(&self) -> impl DoubleEndedIterator<Item = &Stored> {
        self.batches.iter().flat_map(|batch| batch.iter())
    }

    /// Its events after a seq, up to the committed one.
    pub(super) fn events(&self, after: Seq, committed: Seq, limit: usize) -> Result<Vec<TraceEvent>, StoreError> {
        let fits = |row: &&Stored| row.seq() > after && row.seq() <= committed && row.table != Table::Texts;
        self.rows().filter(fits).take(limit).filter_map(|row| event(row).transpose()).collect()
    }

    /// Its rows after a seq, up to another one.
    pub(super) fn decoded(&self, after: Seq, upto: Seq) -> Result<Vec<Row>, StoreError> {
        self.rows().filter(|row| row.seq() > after && row.seq() <= upto).map(decoded_row).collect()
    }

    /// Adds its events that concern one span to those that the database has of it.
    pub(super) fn add_span_events(
        &self,
        span: SpanId,
        committed: Seq,
        found: &mut Vec<TraceEvent>,
    ) -> Result<(), StoreError> {
        let mut of_span = OfSpan::new(span);
        for event in &*found {
            of_span.takes(event);
        }
        let events = self.events(self.moved, committed, usize::MAX)?;
        found.extend(events.into_iter().filter(|event| of_span.takes(event)));
        Ok(())
    }

    /// A text of it.
    pub(super) fn text(&self, hash: TextHash) -> Option<String> {
        let name = Cell::from(hash.to_string());
        let row = self.rows().find(|row| row.table == Table::Texts && *row.cell("hash") == name)?;
        match row.cell("text") {
            Cell::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

fn event(row: &Stored) -> Result<Option<TraceEvent>, StoreError> {
    match decode(row) {
        Ok(Row::Event(event)) => Ok(Some(event)),
        Ok(Row::Text { .. }) => Ok(None),
        Err(why) => Err(StoreError::Damaged(format!("row {} can't be read: {why}", row.seq()))),
    }
}

/// True if an event starts a span directly below another.
pub(super) fn starts_below(event: &TraceEvent, span: SpanId) -> bool {
    matches!(&event.body, TraceBody::SpanStarted(start) if start.parent == span)
}

/// Picks the events that concern one span, shown to it by seq.
pub(super) struct OfSpan {
    span: SpanId,
    actions: HashSet<Seq>,
}

impl OfSpan {
    /// Picks the events of a span.
    pub(super) fn new(span: SpanId) -> Self {
        Self { span, actions: HashSet::new() }
    }

    /// True if an event concerns the span: its own, edits of its path, its actions (as agent or as tool), and what
    /// became of them.
    pub(super) fn takes(&mut self, event: &TraceEvent) -> bool {
        match &event.body {
            TraceBody::Action(record) => {
                let own = record.span == self.span || record.tool_span == self.span;
                if own {
                    self.actions.insert(event.seq);
                }
                own
            }
            TraceBody::ActionEvent(change) => self.actions.contains(&change.action),
            body => body.span() == Some(self.span),
        }
    }
}
