//! A call that another program answers, and its answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::model::{Compensation, McpServer, SERVER_SEPARATOR, UndoTool};

/// A checked call, as it was asked for: variables of the environment are not filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteCall {
    /// The receiver and the message.
    pub target: RemoteTarget,
    /// Seconds it may take.
    pub timeout_seconds: u64,
    /// The call that undoes it.
    pub compensation: Option<Compensation>,
}

/// The receiver of a call, and the message.
#[derive(Debug, Clone, PartialEq)]
pub enum RemoteTarget {
    /// An HTTP request.
    Http(HttpCall),
    /// A call of an MCP server's tool.
    Tool(McpCall),
    /// A question for the tools of an MCP server.
    List(Arc<McpServer>),
}

/// A call of an MCP server's tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpCall {
    /// The server.
    pub server: Arc<McpServer>,
    /// The tool's name at the server.
    pub tool: String,
    /// The arguments.
    pub args: Map<String, Json>,
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    /// Reads.
    Get,
    /// Sends a body.
    Post,
}

impl HttpMethod {
    /// Returns its name in the protocol.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// An HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCall {
    /// The method.
    pub method: HttpMethod,
    /// The address, with `${VAR}` as it was written.
    pub url: String,
    /// Names and values, with `${VAR}` as they were written.
    pub headers: Vec<(String, String)>,
    /// The body; `None`: a request without one.
    pub body: Option<String>,
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteAnswer {
    /// The text for the model.
    pub text: String,
    /// True when the call failed; the text says why.
    pub fault: bool,
    /// False when the call certainly reached nobody.
    pub reached: bool,
    /// The result for an undo call, where it is another one than the text.
    pub result: Option<String>,
}

impl RemoteAnswer {
    /// An answer of a call that did what it should.
    pub(super) fn good(text: impl Into<String>) -> Self {
        Self { text: text.into(), fault: false, reached: true, result: None }
    }

    /// A call that was sent, or may have been, and failed.
    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self { text: text.into(), fault: true, reached: true, result: None }
    }

    /// A call that reached nobody.
    pub(super) fn unsent(text: impl Into<String>) -> Self {
        Self { text: text.into(), fault: true, reached: false, result: None }
    }
}

/// Characters of a body, or of arguments, in the line about a call.
const SHOWN: usize = 100;

impl RemoteCall {
    /// Returns the call on one line, the same for the same intent: `POST https://host/path {"a":1}`.
    #[must_use]
    pub fn line(&self) -> String {
        match &self.target {
            RemoteTarget::Http(call) => call.line(),
            RemoteTarget::Tool(call) => {
                let args = Json::Object(call.args.clone()).to_string();
                format!("{}{SERVER_SEPARATOR}{} {}", call.server.name, call.tool, short(&args))
            }
            RemoteTarget::List(server) => format!("list the tools of {}", server.name),
        }
    }

    /// Asks a server for its tools.
    #[must_use]
    pub fn list(server: Arc<McpServer>) -> Self {
        let timeout_seconds = server.timeout_seconds;
        Self { target: RemoteTarget::List(server), timeout_seconds, compensation: None }
    }

    /// Calls a server's tool; its undo call goes with it.
    #[must_use]
    pub fn tool(call: McpCall) -> Self {
        let server = &call.server;
        let timeout_seconds = server.timeout_seconds;
        let compensation = server.undo.get(&call.tool).map(|undo| Compensation {
            before: None,
            undo: Vec::new(),
            args: call.args.clone(),
            network: false,
            local_sockets: false,
            timeout_seconds,
            // It needs no undo calls of its own.
            tool: Some(Box::new(UndoTool {
                server: McpServer { undo: BTreeMap::new(), ..McpServer::clone(server) },
                call: undo.clone(),
            })),
        });
        Self { target: RemoteTarget::Tool(call), timeout_seconds, compensation }
    }

    /// Undoes a call of a server's tool.
    #[must_use]
    pub fn undo(undo: UndoTool) -> Self {
        Self::tool(McpCall { server: Arc::new(undo.server), tool: undo.call.tool, args: undo.call.args })
    }

    /// The server that it asks, if it asks one.
    #[must_use]
    pub fn server(&self) -> Option<&Arc<McpServer>> {
        match &self.target {
            RemoteTarget::Http(_) => None,
            RemoteTarget::Tool(call) => Some(&call.server),
            RemoteTarget::List(server) => Some(server),
        }
    }
}

impl HttpCall {
    fn line(&self) -> String {
        let start = format!("{} {}", self.method.name(), self.url);
        let Some(body) = self.body.as_ref().filter(|body| !body.is_empty()) else { return start };
        format!("{start} {}", short(body))
    }
}

/// A text on one line. A long one is cut, with its hash: two that begin alike are different.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN {
        return line;
    }
    let cut: String = line.chars().take(SHOWN).collect();
    let hash = blake3::hash(text.as_bytes()).to_hex();
    format!("{cut}… ({} bytes, {})", text.len(), &hash[..8])
}
