//! The neutral form of a request that another program made, and changes of it in place.
//!
//! A program's request holds much that has no neutral form: marks for caches, signatures, fields that nobody knows. So an
//! edit is not written anew: the [`Outline`] knows for each neutral text where it stands in the body, and only these
//! values are changed. `places` finds them, a file for each dialect; `change` compares two neutral requests and
//! changes the body.

mod answer;
mod change;
mod conversation;
mod distribute;
mod insert;
mod paired;
mod places;
mod tools;

#[cfg(test)]
mod tests;

pub use answer::change_answer;
pub use change::{EditError, Edited};
pub use places::Outline;
