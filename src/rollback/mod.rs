//! Doing, undoing and redoing recorded actions, and the plan of a retry.
//!
//! Every change of the world goes through here: [`perform`] has it recorded before it happens, [`undo`] and
//! [`redo`] put the same keys into other states through the same floor, [`plan_retry`] says beforehand what a
//! retry would take back. Whoever calls a function that touches the world holds the world's lock.

mod act;
pub mod capture;
mod certify;
mod check;
mod compensate;
mod folder;
mod land;
mod plan;
mod recover;
mod redo;
mod settle;
mod undo;

#[cfg(test)]
mod compensate_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod undo_tests;

pub use act::{ActError, Doer, perform};
pub use check::stands;
pub use compensate::{Amended, Amends, Compensate, NoCompensation, compensable};
pub use land::{
    Recorded, Since, Source, before_image, changed_since, command_ended, command_started, drop_pending,
    keep_after_images, land, outside, record_done, record_pending,
};
pub use plan::{PlanError, plan_retry};
pub use recover::{kept, recover};
pub use redo::redo;
pub use settle::{settle, settles_away};
pub(crate) use undo::why_refused;
pub use undo::{preview, undo, undo_list};
