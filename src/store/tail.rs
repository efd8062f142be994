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
    /// How many rows it has.
    length: usize,
}

impl Tail {
    /// The tail after a row that the database has.
    pub(super) fn after(moved: Seq) -> Self {
        Self { moved, ..Self::default() }
    }

    /// Adds rows.
    pub(super) fn push(&mut self, rows: Vec<Stored>) {
        if !rows.is_empty() {
            self.length += rows.len();
            self.batches.push(Arc::new(rows));
        }
    }

    /// How many rows it has.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// True if the database has everything.
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Takes out the rows of an earlier copy of it: the database has them.
    pub(super) fn remove(&mut self, moved: &Self) {
        let gone = self.batches.drain(..moved.batches.len().min(self.batches.len()));
        self.length -= gone.map(|batch| batch.len()).sum::<usize>();
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

    /// Adds its events from a seq on that concern one span to those that the database has of it.
    pub(super) fn add_span_events(
        &self,
        span: SpanId,
        (first, committed): (Seq, Seq),
        found: &mut Vec<TraceEvent>,
    ) -> Result<(), StoreError> {
        let mut of_span = OfSpan::new(span);
        for event in &*found {
            of_span.takes(event);
        }
        for row in self.rows().filter(|row| row.seq() >= first && row.seq() <= committed) {
            // Most rows are of other spans, and decoding a row is the dear part.
            if of_span.may_take(row)
                && let Some(event) = event(row)?
                && of_span.takes(&event)
            {
                found.push(event);
            }
        }
        Ok(())
    }

    /// Its starts of the spans directly below one.
    pub(super) fn starts_below(&self, span: SpanId, committed: Seq) -> Result<Vec<TraceEvent>, StoreError> {
        let parent = Cell::from(span.to_string());
        let below = |row: &&Stored| row.seq() <= committed && *row.cell("parent_span_id") == parent;
        self.rows().filter(below).filter_map(|row| event(row).transpose()).collect()
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

    /// False for a row that can't concern the span, by its cells alone.
    fn may_take(&self, row: &Stored) -> bool {
        let names = |column| matches!(row.cell(column), Cell::Text(name) if SpanId::parse(name) == Some(self.span));
        match row.table {
            Table::Events => names("span_id"),
            Table::ActionLog => names("span_id") || names("tool_span_id"),
            Table::ActionEvents => {
                let action = |seq: &i64| u64::try_from(*seq).is_ok_and(|seq| self.actions.contains(&Seq(seq)));
                matches!(row.cell("action_seq"), Cell::Int(seq) if action(seq))
            }
            Table::Texts => false,
        }
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
