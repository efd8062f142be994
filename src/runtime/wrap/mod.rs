//! Agents of other programs: `tama-tui wrap`. The agent runs unmodified; its program is a call that lasts as long as the
//! program does, and what it changes in the workspace is found as actions of that call.

mod announced;
mod event;
mod launch;
mod left_open;
mod line;
mod model_call;
mod queue;
mod read_record;
mod recorded_calls;
mod serve;
mod start;
mod tool_use;
mod upstream;

pub(super) use announced::{ToolEnd, ToolUnderWay};
pub(super) use launch::{AgentLaunch, hook_program};
pub use line::{AgentLine, AgentScreen};
pub(super) use read_record::read_record;
pub(super) use recorded_calls::RecordedCalls;
pub(super) use serve::Serving;
pub(super) use start::agent_models;
pub use start::{WrapError, WrapSetup, start_wrapped};
