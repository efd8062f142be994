//! The Log panel: what the debugger did and why.

mod lines;
mod panel;

pub use lines::{Log, LogKind, LogLine};
