//! The Rollback panel: the actions of the selected span and of everything below it, newest first, each with its
//! state: ready, blocked, held, no undo, undone.

mod counts;
mod panel;
mod row;
mod word;

pub use panel::Rollback;
pub use row::ActionRow;
pub(super) use row::undo_command;
pub use word::Word;
