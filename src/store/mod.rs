//! Where a run is kept: DuckDB, the writer thread, before-images, run folders. The only floor that knows duckdb.

mod log;
mod recorder;
mod volatile;

pub use log::{Appended, RunLog, hash_blob, hash_text};
pub use recorder::{Durable, Publish, Recorder, Row, StoreError};
pub use volatile::Volatile;
