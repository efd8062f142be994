//! Carries out the remote calls of one run: it has the HTTP client, and the MCP servers that were started.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::call::{HttpCall, RemoteAnswer, RemoteCall, RemoteTarget};
use super::http;
use super::mcp::{Connector, Server, ServerHost};
use super::secrets::HeaderSecrets;
use crate::effects::confine::Shell;
use crate::effects::mask::Masker;
use crate::model::{McpServer, ToolCall};

/// The tools whose calls are requests with headers.
const HTTP_TOOLS: [&str; 2] = ["tama_http_get", "tama_http_post"];

/// The HTTP client and the servers of one run.
#[derive(Clone)]
pub struct Remotes {
    shared: Arc<Shared>,
}

struct Shared {
    masker: Arc<Masker>,
    shell: Shell,
    /// Made for the first request: it reads the system's root certificates.
    client: Mutex<Option<reqwest::Client>>,
    /// Secrets that models wrote into headers.
    secrets: HeaderSecrets,
    /// Servers by what they are: one that a retry finds changed is another one.
    servers: Mutex<HashMap<String, Arc<Server>>>,
}

impl Remotes {
    /// Runs the programs of servers in `shell`, and masks secrets in the answers by `masker`.
    #[must_use]
    pub fn new(shell: Shell, masker: Arc<Masker>) -> Self {
        let (client, secrets, servers) = (Mutex::default(), HeaderSecrets::default(), Mutex::default());
        Self { shared: Arc::new(Shared { masker, shell, client, secrets, servers }) }
    }

    /// Carries out a call, within its time. When `stop` is cancelled, it is given up. The program of a server is started
    /// when it is not there, with what `host` says; one that didn't answer in time, or was given up, is ended.
    pub async fn run(&self, call: &RemoteCall, host: &ServerHost, stop: &CancellationToken) -> RemoteAnswer {
        let limit = Duration::from_secs(call.timeout_seconds);
        let answer = tokio::select! {
            biased;
            () = stop.cancelled() => Err("stopped before its answer came".to_owned()),
            answer = tokio::time::timeout(limit, self.send(call, host)) => answer.map_err(|_| {
                format!("no answer within {} s; it may have been received all the same", call.timeout_seconds)
            }),
        };
        let why = match answer {
            Ok(answer) => return answer,
            Err(why) => why,
        };
        match call.server() {
            Some(server) => self.server(server).give_up(&why).await,
            None => RemoteAnswer::failed(why),
        }
    }

    /// Puts a text in the place of each secret that a model wrote into the headers of a request; returns the secrets with
    /// the names of their headers. Only this run sends them.
    #[must_use]
    pub fn hide_secrets(&self, call: &mut ToolCall) -> Vec<(String, String)> {
        if HTTP_TOOLS.contains(&&*call.name) { self.shared.secrets.hide(&mut call.args) } else { Vec::new() }
    }

    /// Ends every server, and returns when their processes are gone.
    pub async fn close(&self) {
        let servers = std::mem::take(&mut *self.servers());
        futures::future::join_all(servers.values().map(|server| server.close())).await;
    }

    /// The hints of a server about one of its tools, as it gave them; nothing in them is checked.
    #[must_use]
    pub fn hints(&self, server: &McpServer, tool: &str) -> Option<String> {
        self.servers().get(&key(server))?.hints(tool)
    }

    async fn send(&self, call: &RemoteCall, host: &ServerHost) -> RemoteAnswer {
        // The root certificates are files.
        let shared = self.shared.clone();
        let client = async move {
            let made = tokio::task::spawn_blocking(move || shared.client()).await;
            made.map_err(|error| error.to_string()).and_then(|client| client)
        };
        let masker = &self.shared.masker;
        let Some(server) = call.server() else {
            let RemoteTarget::Http(request) = &call.target else { return RemoteAnswer::unsent("it has no receiver") };
            return match client.await {
                Ok(client) => self.shared.send_http(&client, request).await,
                Err(why) => RemoteAnswer::unsent(why),
            };
        };
        let connector = Connector { shell: &self.shared.shell, host, masker, env: &environment };
        self.server(server).send(&call.target, &connector, client).await
    }

    fn server(&self, server: &Arc<McpServer>) -> Arc<Server> {
        self.servers().entry(key(server)).or_insert_with(|| Arc::new(Server::new(server.clone()))).clone()
    }

    fn servers(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Server>>> {
        self.shared.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same for servers that are started and spoken to alike.
fn key(server: &McpServer) -> String {
    serde_json::to_string(&(&server.name, &server.place, &server.protocol)).unwrap_or_default()
}

impl Shared {
    /// Sends a request with its secrets.
    async fn send_http(&self, client: &reqwest::Client, request: &HttpCall) -> RemoteAnswer {
        let (mut request, mut used) = (request.clone(), Vec::new());
        for (name, value) in &mut request.headers {
            match self.secrets.open(name, value) {
                Ok((open, secrets)) => {
                    *value = open.into_owned();
                    used.extend(secrets);
                }
                Err(why) => return RemoteAnswer::unsent(why),
            }
        }
        let masker = Masker::clone(&self.masker).with(used);
        http::send(client, &request, &masker, &environment).await
    }

    fn client(&self) -> Result<reqwest::Client, String> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        Ok(client.insert(http::client()?).clone())
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
