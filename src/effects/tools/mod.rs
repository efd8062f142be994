//! Tools: each declares its changes by key; the gate records them and then carries them out.

mod args;
mod bounded;
mod builtin;
mod compensate;
mod custom;
mod files;
mod http;
mod line_ends;
mod mcp;
mod memory;
mod shell;
#[cfg(test)]
mod tests;
mod tool;
mod toolbox;
mod wrapped;

pub use super::confine::{ShellLimits, ShellOutcome};
pub use super::remote::{RemoteCall, RemoteTarget};
pub use crate::model::Compensation;
pub use args::arguments_fault;
pub use bounded::keep_both_ends;
pub use compensate::Compensator;
pub use mcp::list_tool;
pub use shell::run_shell;
pub use tool::{Decide, Decision, Prepared, Program, ShellCall, Tool, ToolError, WorldCall};
pub use toolbox::{Toolbox, names_of};
pub use wrapped::starts_subagent;
