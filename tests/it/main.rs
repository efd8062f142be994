//! The integration tests, in one binary: every further one would link DuckDB again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod app_flows;
mod app_panel;
mod app_support;
mod cli;
mod commands;
mod counted;
mod crash;
mod floors;
mod llm;
mod machine;
mod manifest;
mod readme;
mod scenario;
mod server;
mod soak;
mod sql;
mod terminal;
mod ui;

/// Lets commands of runs in this process be confined: by the program, as in a real run.
pub fn helper() {
    tama_tui::effects::confine::set_helper(env!("CARGO_BIN_EXE_tama-tui"));
}
