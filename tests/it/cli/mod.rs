//! The subcommands, run as a shell runs them.

mod answers;
#[allow(clippy::module_inception, reason = "the tests of the whole command line")]
mod cli;
mod doctor;
mod endings;
mod events;
mod examples;
mod export;
mod fork;
mod headless;
mod init;
mod limits;
mod newsroom;
mod projects;
mod resume;
mod retry_edits;
mod runs_diff;
mod runs_html;
mod runs_pack;
mod runs_remove;
mod scripts;
mod show;
mod tries;
mod undo_cli;
mod wrap;
