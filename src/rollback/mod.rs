//! Performs, undoes and redoes recorded actions, and plans retries.
//!
//! Every change of the world goes through here: [`perform`] has it recorded before it happens, [`undo`] and
//! [`redo`] put the same keys into other states through the same floor, [`plan_retry`] says beforehand what a
//! retry would undo. The caller of a function that touches the world holds the world's lock.

mod act;
mod apply;
pub mod capture;
mod check;
mod compensate;
mod concurrent;
mod conflict;
mod folder;
mod held;
mod interrupted_actions;
mod interrupted_commands;
mod moment;
mod moves;
mod plan;
mod plan_again;
mod read_back;
mod record;
mod redo;
mod redo_list;
mod restore;
mod resume;
mod room;
mod row;
mod seen;
mod select;
mod state;
mod step;
mod undo;
mod value;

#[cfg(test)]
mod compensate_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod moves_tests;
#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod undo_tests;

pub use act::{ActError, Origin, apply_change, perform};
pub use apply::{NewFiles, apply_changes, keep_left_file, read_before_image};
pub use check::needs_undo;
pub use compensate::{Compensate, CompensationCommand, CompensationRun, NoCompensator, compensation_record};
pub use concurrent::{CommandStarted, describe_concurrent_changes};
pub(crate) use conflict::describe_conflict;
pub use held::{CHANGED_MEANWHILE, HeldLayer, HeldReport, apply_held, discard_held, look, mark_look, recover_held};
pub use interrupted_actions::{predict_not_applied, resolve_interrupted_actions};
pub use interrupted_commands::{read_snapshot_image, resolve_interrupted_commands};
pub use moment::{Moved, actions_to_drop, changes_back, moved_since, paths_before};
pub use plan::{PlanError, plan_retry};
pub use record::{
    Recorded, discard_changes, external_record, record_applied, record_command_end, record_command_start,
    record_pending, store_after_images,
};
pub use redo::redo;
pub use redo_list::{not_redoable, redo_list};
pub use resume::{actions_of_call, cut_off_tools, is_elsewhere, plan_resume};
pub use select::{preview, without_inherited_memory};
pub use undo::{undo, undo_list};
pub use value::value_of;
