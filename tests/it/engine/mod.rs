//! The engine without a screen: whole runs by command and update, models, tools, undo.

mod approvals;
mod counted;
mod dialects;
mod llm;
mod machine;
mod oracle;
mod own_tools;
mod permits;
mod remote;
mod reviewed;
pub mod scenario;
mod seen;
mod servers;
mod tries;
mod two_forms;
mod verify;
mod whole_answers;
mod wording;
