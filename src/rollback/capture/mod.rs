//! Finding out what a command changed in the workspace.
//!
//! [`Snapshots`] keep the workspace before a command and compare it after; its [`Changed`] things come in an order in
//! which they can be made (and, backwards, undone).

mod changed;
mod diff;
mod entry;
mod error;
mod list;
mod order;
mod pack;
mod read;
mod renames;
mod rules;
mod snapshots;
mod store;
mod tree;
mod walk;

#[cfg(test)]
mod tests;

pub use changed::Changed;
pub use error::CaptureError;
pub use order::order;
pub use renames::renames;
pub use rules::Rules;
pub use snapshots::Snapshots;
