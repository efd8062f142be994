//! Two runs, or two spans of one, compared: which spans are added, gone or changed, and what differs in what they left
//! in the world. A thing compared with itself is empty.

mod runs;
mod texts;
mod within;
mod world;

pub use runs::{RunDifferences, SpanDifference, SpanFacts, compare_runs, other_try};
pub use texts::{Comparison, SectionDiff};
pub use within::compare_spans;
pub use world::{WorldDifference, compare_worlds, footprint};
