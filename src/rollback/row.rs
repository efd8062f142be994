//! Rows of the log about actions.

use crate::model::{ActionChange, ActionEvent, Seq, TraceBody};

/// Builds the row with the outcome of an action.
pub(super) fn outcome_row(action: Seq, change: ActionChange) -> TraceBody {
    TraceBody::ActionEvent(ActionEvent { action, change })
}
