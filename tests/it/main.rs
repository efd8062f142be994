//! The one integration-test binary: every further one would link DuckDB again.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics has failed"
)]

mod app_flows;
mod app_support;
mod ui;
