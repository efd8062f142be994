//! Runs on disk: crashes, damage, full disks, stored formats, SQL.

mod crash;
mod damage;
mod full_disk;
mod samples;
mod soak;
mod sql;
