//! The integration tests, in one binary: every further one would link DuckDB again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod app_flows;
mod app_support;
mod cli;
mod counted;
mod crash;
mod damage;
mod floors;
mod full_disk;
mod llm;
mod readme;
mod samples;
mod scenario;
mod server;
mod sql;
mod terminal;
mod ui;
