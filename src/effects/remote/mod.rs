//! Calls that other machines and other programs answer: HTTP requests, and calls of MCP servers.
//!
//! A [`RemoteCall`] says what would be sent, without secrets: it can be shown, compared and stored. [`Remotes`] carries
//! it out, and fills in the variables of the environment only then.

mod call;
mod content;
mod headers;
mod http;
mod mcp;
mod remotes;
mod secrets;
#[cfg(test)]
mod tests;
mod variables;

pub use call::{HttpCall, HttpMethod, McpCall, RemoteAnswer, RemoteCall, RemoteTarget};
pub use http::normal_url;
pub use mcp::{Listed, ServerHost, listed_tools};
pub use remotes::Remotes;
pub use variables::has_variable;

pub(super) use headers::{is_taken, is_valid_name};
