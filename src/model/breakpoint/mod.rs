//! Breakpoints: where they stop a run, and the conditions under which they do.

mod condition;
mod parse;
mod point;

pub use condition::{Condition, ConditionFacts};
pub use parse::ConditionError;
pub use point::Breakpoint;
