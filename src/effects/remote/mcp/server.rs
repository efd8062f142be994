//! A server of a run: connected when it is asked, one question at a time.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use tokio::sync::Mutex;

use super::super::call::{RemoteAnswer, RemoteTarget};
use super::connect::Connector;
use super::connection::{Connection, NoAnswer};
use super::list::{Listed, recorded};
use crate::model::McpServer;

/// A server, and its connection while there is one.
pub(in super::super) struct Server {
    spec: Arc<McpServer>,
    connection: Mutex<Option<Connection>>,
    /// Its newest list.
    listed: StdMutex<Vec<Listed>>,
}

impl Server {
    pub fn new(spec: Arc<McpServer>) -> Self {
        Self { spec, connection: Mutex::default(), listed: StdMutex::default() }
    }

    /// Asks it, and connects before that if need be. A connection that is lost is made anew for the next question.
    pub async fn send(
        &self,
        target: &RemoteTarget,
        connector: &Connector<'_>,
        http: impl Future<Output = Result<reqwest::Client, String>>,
    ) -> RemoteAnswer {
        let mut held = self.connection.lock().await;
        if let Some(over) = held.take_if(|connection| connection.is_over()) {
            over.end("it ended").await;
        }
        let connection = match &mut *held {
            Some(connection) => connection,
            none => match connector.connect(&self.spec, http).await {
                Ok(connection) => none.insert(connection),
                Err(why) => return RemoteAnswer::unsent(self.told("can't be used", &why)),
            },
        };
        let answer = match target {
            RemoteTarget::Tool(call) => connection.call(call).await,
            RemoteTarget::List(_) => connection.list().await.and_then(|tools| self.keep(tools)),
            RemoteTarget::Http(_) => Err(NoAnswer::Refused("it is no HTTP server".into())),
        };
        match answer {
            Ok(answer) => answer,
            Err(NoAnswer::Refused(why)) => RemoteAnswer::failed(format!("{}: {why}", self.spec.name)),
            Err(NoAnswer::Lost(why)) => {
                let why = match held.take() {
                    Some(connection) => connection.end(&why).await,
                    None => why,
                };
                RemoteAnswer::failed(self.told("did not answer", &why))
            }
        }
    }

    /// Ends it after a question that got no answer in time. Returns the answer in the place of that.
    pub async fn give_up(&self, why: &str) -> RemoteAnswer {
        let why = match self.connection.lock().await.take() {
            Some(connection) => connection.end(why).await,
            None => why.to_owned(),
        };
        RemoteAnswer::failed(self.told("did not answer", &why))
    }

    /// Ends it; returns when its processes are gone.
    pub async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            connection.end("closed").await;
        }
    }

    /// Its hints about a tool.
    pub fn hints(&self, tool: &str) -> Option<String> {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let hints = &listed.iter().find(|found| found.name == tool)?.hints;
        (!hints.is_empty()).then(|| hints.join(", "))
    }

    fn keep(&self, tools: Vec<Listed>) -> Result<RemoteAnswer, NoAnswer> {
        let text = recorded(&tools).map_err(NoAnswer::Refused)?;
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = tools;
        Ok(RemoteAnswer::good(text))
    }

    fn told(&self, what: &str, why: &str) -> String {
        let name = &self.spec.name;
        let place = if self.spec.is_program() { "command" } else { "url" };
        format!("the MCP server {name} {what}: {why}; the next call starts it anew; check `{place}` in [mcp.{name}]")
    }
}
