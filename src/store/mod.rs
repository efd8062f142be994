//! Where a run is kept: DuckDB, the writer thread, before-images, run folders. The only floor that knows duckdb.
//!
//! [`RunLog`] gives each row its seq and hands it to a [`Recorder`]. The one that lasts is a run's folder: four
//! append-only tables (`schema`), written by one thread (`writer`), each row carrying a hash chain over all rows
//! before it (`chain`), and a small synced file beside the database that remembers the end (`mark`).

mod blobs;
mod chain;
mod data_dir;
mod database;
mod decode;
mod duck;
mod encode;
mod file_lock;
mod files;
mod folder;
mod home;
mod inspect;
mod log;
mod manifest;
mod mark;
mod points;
mod read;
mod recorder;
mod recover;
mod schema;
mod seal;
mod short_id;
mod unrecorded;
mod volatile;
mod writer;

#[cfg(test)]
mod tests;

pub use data_dir::{Candidates, DataDir, NewRun, RunListing};
pub use file_lock::FileLock;
pub use folder::{Access, Opened, RunFolder};
pub use inspect::{INSPECT, Inspection, inspect, set_inspector};
pub use log::{Appended, RunLog, hash_blob, hash_text};
pub use manifest::Manifest;
pub use points::{CRASH_POINTS, EFFECT_CRASH_POINTS, FAIL_POINTS, crash_point};
pub use recorder::{Durable, Publish, Recorder, Row, StoreError, optional};
pub use recover::RecoveryReport;
pub use schema::FORMAT;
pub use volatile::Volatile;
