//! MCP servers, spoken to with the crate `rmcp`.
//!
//! A server is started, or connected to, for the first question, and again for the next one after it ended. It gets one
//! question at a time. A program runs in the sandbox of commands, directly in the workspace: there it sees what others
//! write and what is undone meanwhile, which it would not over an overlay that lives as long as it does. The caller has
//! the workspace to itself while a question is open, and finds what was changed by two looks (capture mode snapshot).
//!
//! Whatever a server sends is data: it is bounded, and a server that breaks the rules is ended.

mod answer;
mod connect;
mod connection;
mod list;
mod server;
mod watched;

pub use connect::ServerHost;
pub use list::{Listed, listed_tools};

pub(super) use connect::Connector;
pub(super) use server::Server;
