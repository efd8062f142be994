//! tama-tui: a debugger for multi-agent LLM pipelines that can take things back.

pub mod app;
pub mod cli;
pub mod effects;
pub mod model;
pub mod pipeline;
pub mod rollback;
pub mod runtime;
pub mod store;
pub mod term;
pub mod ui;
pub mod world;
