//! The one integration-test binary: every further one would link DuckDB again.

mod app_flows;
mod app_support;
