//! The integration tests, in one binary: every further one would link DuckDB again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod cli;
mod engine;
mod floors;
mod readme;
mod screen;
mod shell;
mod store;
mod support;
mod words;

/// Names another file than the one that was built.
const HELPER: &str = "TAMA_TUI_TEST_HELPER";

/// Commands are confined by the program itself, which is not the one that runs here.
fn set_helper() {
    let built = || env!("CARGO_BIN_EXE_tama-tui").into();
    tama_tui::effects::confine::set_helper(std::env::var_os(HELPER).unwrap_or_else(built));
}
