//! Where a run is kept: DuckDB, the writer thread, before-images, run folders. The only floor that knows duckdb, and
//! rusqlite: runs that tama recorded are read from its databases, and never written (`tama`).
//!
//! [`RunLog`] gives each row its seq and hands it to a [`Recorder`]. The one that lasts is a run's folder. A thread
//! (`writer`) makes rows durable in a log file with one sync (`log_file`); a second one (`mover`) moves them into four
//! append-only tables (`schema`), 50 ms after the last or a second after the first, and empties the log file. Each row
//! carries a hash chain over all rows before it (`chain`), and a small file beside the database remembers the end
//! (`mark`). Readers see both (`tail`).
//!
//! A stamp and the marks are signed with the user's secret (`secret`, `stamp`). A run without them was made elsewhere: it
//! is only looked at, and no link in its folder is followed (`inside`, `open`).

mod answers;
mod blobs;
mod chain;
mod data_dir;
mod database;
mod decode;
mod duck;
mod encode;
mod entries;
mod faults;
mod file_lock;
mod files;
mod fold;
mod fold_rows;
mod folder;
mod foreign;
mod fork;
mod format;
mod home;
mod insert;
mod inside;
mod inspect;
mod live_copy;
mod load;
mod log;
mod log_file;
mod manifest;
mod mark;
mod meter;
mod mover;
mod open;
mod opening;
mod pack;
mod plain;
mod points;
mod read;
mod recorder;
mod recover;
pub(crate) mod room;
mod scan;
mod schema;
mod seal;
mod secret;
mod short_id;
mod snapshot;
pub(crate) mod sparse;
mod stamp;
mod tail;
mod tama;
mod unrecorded;
mod volatile;
mod writer;

#[cfg(test)]
mod tests;

pub use data_dir::{Candidates, DataDir, NewRun, RunListing};
pub use file_lock::FileLock;
pub use folder::RunFolder;
pub use foreign::Foreign;
pub use format::{Format, Incompatible};
pub use inspect::{INSPECT, Inspection, inspect, set_inspector};
pub use log::{Appended, RunLog, hash_blob, hash_text};
pub use manifest::Manifest;
pub use meter::{Written, written};
pub use open::{Access, Look, Opened};
pub use opening::{Opening, Watch};
pub use pack::{LARGEST_PACK, PackSummary, Packing, Unpacked};
pub use points::{CRASH_POINTS, EFFECT_CRASH_POINTS, FAIL_POINTS, HELD_CRASH_POINTS, crash_point};
pub use recorder::{AfterImage, Durable, Publish, Recorder, Row, StoreError, optional};
pub use recover::RecoveryReport;
pub use secret::secret_folder;
pub use tama::{Imported, READ_TAMA, TamaDatabase, TamaRun, answer_tama};
pub use volatile::Volatile;
