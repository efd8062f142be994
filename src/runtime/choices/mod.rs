//! Tries of one span with several models or several times: each is a retry that is judged and undone before the next
//! one, so that the run is as it was before when all are made; then the user keeps one of them, or none.
//!
//! [`Choices`] decides what is next; the dispatcher carries it out with the retry, undo and redo that it has. A try is
//! undone, and another one kept, by [`exchange`]: the actions of the one are undone, those of the other redone. What
//! stands is recorded after that ([`crate::model::Restored`]).

mod exchange;
mod facts;
mod judge;
mod prepare;
mod series;
mod standing;
#[cfg(test)]
mod tests;
mod workspace_copy;

pub(super) use exchange::exchange;
pub(super) use facts::{Began, Facts};
pub(super) use judge::Judge;
pub(super) use prepare::Prepare;
pub(super) use series::{Choices, ChoicesAction, ChoicesStep};
pub(super) use standing::Standing;
pub(super) use workspace_copy::copy_workspace;
