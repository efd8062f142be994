//! The terminal of an agent of another program, as a panel: whether it has the keys, how far it is scrolled back, how the
//! agent ended. Its picture is made by `ui` of bytes that never come here.

mod input;
mod model;
mod pane;

pub use input::{AgentButton, AgentInput, AgentKey, AgentKeyCode, AgentMouse, AgentMouseAction, Modifiers};
pub use pane::{AgentEnd, AgentPane, AgentPicture, LEAVE_KEY};
