//! The texts of two spans, compared line by line.

use crate::model::{DiffBody, SpanId};

/// The texts of two spans, compared section by section. All texts are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The span on the left.
    pub left: SpanId,
    /// The span on the right.
    pub right: SpanId,
    /// The sections of either, in reading order.
    pub sections: Vec<SectionDiff>,
}

/// One section of two spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionDiff {
    /// Its title: `system`, `messages`, `response`, …
    pub title: String,
    /// The lines that differ.
    pub body: DiffBody,
    /// Remarks, line by line.
    pub notes: Vec<String>,
}

impl Comparison {
    /// True when no text differs.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.sections.iter().all(|section| section.body == DiffBody::Same)
    }
}
