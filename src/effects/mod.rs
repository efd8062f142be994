//! Everything that pipeline code can't compute: model calls and tools.

pub mod agents;
pub mod confine;
pub mod gateway;
pub mod hooks;
pub mod llm;
mod mask;
pub mod remote;
pub mod tools;

pub use mask::{MaskedStream, Masker};
