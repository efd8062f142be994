//! Agents of other programs: `tama-tui wrap`. The agent runs unmodified; its program is a call that lasts as long as the
//! program does, and what it changes in the workspace is found as actions of that call.

mod line;
mod start;

pub use line::{AgentLine, AgentScreen};
pub use start::{WrapSetup, start_wrapped};
