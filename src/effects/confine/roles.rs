//! The processes that a program of the confinement can be, by their first argument. A program of another version has
//! other ones, so that none of them talks to a process that it does not understand.

/// The name of the small program that can be any of them.
pub(super) const SMALL_PROGRAM: &str = "tama-tui-sandbox";
/// The outer process.
pub(super) const OUTER: &str = concat!("__confine-", env!("CARGO_PKG_VERSION"));
/// The inner process.
pub(super) const INNER: &str = concat!("__confined-", env!("CARGO_PKG_VERSION"));
/// A process that leaves the terminal, and then becomes a command.
pub(super) const SESSION: &str = concat!("__session-", env!("CARGO_PKG_VERSION"));
/// A process that only ends, with success: it is there and of this version.
pub(super) const PRESENT: &str = concat!("__present-", env!("CARGO_PKG_VERSION"));
