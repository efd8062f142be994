//! News of a run that is being opened, before it is open.

use crate::model::RunState;

/// News of a run that is being opened.
#[derive(Debug, Clone)]
pub enum Opening {
    /// Its state, as the last closing left it or as far as it is read. It is not checked: it is to look at.
    State(Box<RunState>),
    /// So many of its rows are checked.
    Checking {
        /// Rows.
        rows: u64,
        /// How many there should be; 0 when that is not known.
        of: u64,
    },
}

/// Hears how far an opening is; false: nobody waits for it any more, and it ends.
pub type Watch<'a> = &'a mut (dyn FnMut(Opening) -> bool + Send);
