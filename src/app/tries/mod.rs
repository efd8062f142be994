//! Tries with choices: what to ask for, and the table of what came of it.

mod form;
mod row;
mod table;
mod words;

pub use form::TriesForm;
pub use row::{TryRow, TryTone};
pub use table::TriesTable;
pub use words::{failure_line, pass_rate_line, try_cells};
