//! The processes that a program of the confinement can be, by their first argument. A program that is built
//! from other sources has other ones (`build.rs`), so that none of them talks to a process that it does not understand.

/// The name of the small program that can be any of them.
pub(super) const SMALL_PROGRAM: &str = "tama-tui-sandbox";
/// The outer process.
pub(super) const OUTER: &str = concat!("__confine-", env!("TAMA_TUI_CONFINE"));
/// The inner process.
pub(super) const INNER: &str = concat!("__confined-", env!("TAMA_TUI_CONFINE"));
/// A process that leaves the terminal, and then becomes a command.
pub(super) const SESSION: &str = concat!("__session-", env!("TAMA_TUI_CONFINE"));
/// A process that only ends, with success: it is there, and built from the same sources.
pub(super) const PRESENT: &str = concat!("__present-", env!("TAMA_TUI_CONFINE"));
