//! The refusals of the user's commands, one file per area. The screen gets their text; see `Dispatcher::refuse`.

mod command;
mod edit;
mod fork;
mod pause;
mod release;
mod resume;
mod retry;
mod tries;
mod undo;
mod write_back;

pub(super) use command::{NoAction, Refusal};
pub(super) use edit::EditRefusal;
pub use edit::PromptError;
pub use fork::ForkError;
pub(super) use pause::PauseRefusal;
pub(super) use release::ReleaseRefusal;
pub(super) use resume::ResumeRefusal;
pub(super) use retry::{RetryRefusal, RetryStopped, TodayError};
pub(super) use tries::TriesRefusal;
pub(super) use undo::UndoRefusal;
pub(super) use write_back::{NotWritten, NotWrittenBack};
