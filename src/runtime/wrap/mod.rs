//! Agents of other programs: `tama-tui wrap`. The agent runs unmodified; its program is a call that lasts as long as the
//! program does, and what it changes in the workspace is found as actions of that call.

mod announced;
mod event;
mod launch;
mod left_open;
mod line;
mod model_call;
mod serve;
mod start;
mod tool_use;

pub(super) use announced::{ToolEnd, ToolUnderWay};
pub(super) use launch::hook_program;
pub use line::{AgentLine, AgentScreen};
pub(super) use serve::Serving;
pub use start::{WrapError, WrapSetup, start_wrapped};
