//! The subcommands, run as a shell runs them.

#[allow(clippy::module_inception, reason = "the tests of the whole command line")]
mod cli;
mod doctor;
mod headless;
mod init;
mod limits;
mod projects;
mod show;
mod undo_cli;
