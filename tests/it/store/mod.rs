//! Runs on disk: crashes, damage, full disks, stored formats, SQL.

mod crash;
pub mod damage;
mod foreign;
mod full_disk;
mod sample_runs;
mod samples;
mod soak;
mod sql;
pub mod tama;
