//! The databases of tama, the ancestor of this program, opened to look at: its runs become runs of this program, in
//! memory.
//!
//! Versions 0.0.1 and 0.0.2 wrote DuckDB files (`runs.duckdb`, and with `--debug` `rollback.duckdb`), 0.0.4 and later
//! `SQLite` files (`runs.db`, `rollback.db`); the first bytes tell which one a file is (`kind`). Nothing is ever written
//! beside such a file: it is copied with its write-ahead log to a private folder (`copy`), and another process reads the
//! copy (`ask`, `read`, `duck`, `sqlite`), because a damaged file can make a database's code crash or hang.
//!
//! The rows (`rows`) become a tree (`tree`), each agent gets its input and its end (`outcome`), and the tree becomes
//! the events that a run of this program would have (`convert`, `calls`, `actions`, `times`, `fans`, `writer`), with the source `imported`. Only the
//! files here know the difference.

mod actions;
mod ask;
mod calls;
mod convert;
mod copy;
mod database;
mod duck;
mod fans;
mod kind;
mod outcome;
mod read;
mod rows;
mod sqlite;
mod times;
mod tools;
mod tree;
mod writer;

pub use ask::{READ_TAMA, answer_tama};
pub use database::{Imported, TamaDatabase, TamaRun};
