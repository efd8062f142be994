//! Commands: what they change is captured, undone, and confined.

mod broken;
mod caches;
mod commands;
#[cfg(target_os = "linux")]
mod commands_agent;
mod confine;
mod lanes;
mod live_programs;
mod moved_workspace;
mod open_files;
mod own_files;
#[cfg(target_os = "linux")]
mod refusing_kernels;
mod special_files;
#[cfg(target_os = "linux")]
mod table;
#[cfg(target_os = "linux")]
mod table_agent;
