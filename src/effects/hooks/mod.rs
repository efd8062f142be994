//! Hooks: an agent of another program says before and after each of its tools what it does, and waits for the answer.
//!
//! Agents call them over HTTP on loopback, behind a secret in the path: Claude Code by itself, Codex and Gemini through
//! `tama-tui hook`, which passes its standard input on. `call` reads what they say, `answer` writes what they understand,
//! `server` takes the connections. What makes each agent call is in `agents`.

mod answer;
mod call;
mod dialect;
mod pass_on;
mod server;

#[cfg(test)]
mod tests;

pub use answer::HookAnswer;
pub(crate) use call::result_text;
pub use call::{HookAgent, HookCall, HookEvent, ToolUse};
pub use dialect::HookDialect;
pub use pass_on::{HOOK_VARIABLE, run_hook};
pub use server::{HookReply, HookServer, Hooked};
