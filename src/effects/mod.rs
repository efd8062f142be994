//! Everything that pipeline code can't compute: model calls and tools.

pub mod llm;
pub mod tools;
