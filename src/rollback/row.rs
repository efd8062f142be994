//! Rows of the log about actions.

use crate::model::{ActionChange, ActionEvent, Seq, TraceBody};
use crate::world::World;

/// Builds the row with the outcome of an action.
pub(super) fn outcome_row(action: Seq, change: ActionChange) -> TraceBody {
    TraceBody::ActionEvent(ActionEvent { action, change })
}

/// Builds the rows about files that were replaced while another program had them open for reading.
pub(super) fn replaced_while_read(world: &World) -> Vec<TraceBody> {
    world.take_notes().into_iter().map(|text| TraceBody::Note { span: None, error: false, text }).collect()
}
