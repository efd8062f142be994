//! The integration tests, in one binary: every further one would link DuckDB again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod circles;
mod cli;
mod engine;
mod features;
mod floors;
mod fuzz;
mod readme;
mod readme_stories;
mod screen;
mod shell;
mod store;
mod support;
mod task_script;
mod wire;
mod words;
