//! Finds the changes that a command made in the workspace.
//!
//! Two modes give the same list of [`Changed`] things, in an order in which they can be made (and, backwards, undone).
//! Snapshot mode ([`Snapshots`]) stores the workspace before the command and compares it after; overlay mode
//! ([`overlay_changes`]) reads the command's own layer.

mod changed;
mod diff;
mod entry;
mod error;
mod known;
mod layer;
mod left_out;
mod list;
mod moved;
mod order;
mod overlay;
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
pub use known::KnownHashes;
pub use order::order;
pub use overlay::{OverlayChanges, overlay_changes, overlay_changes_since};
pub use renames::renames;
pub use rules::Rules;
pub use snapshots::{Missed, Snapshots};
