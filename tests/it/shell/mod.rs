//! Commands: what they change is captured, undone, and confined.

mod broken;
mod caches;
mod commands;
mod confine;
mod lanes;
#[cfg(target_os = "linux")]
mod table;
