//! One binary for all integration tests: every further one would link DuckDB again.

mod scenario;
