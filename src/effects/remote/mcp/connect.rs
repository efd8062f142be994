//! Starts a server, or connects to it, and agrees on a revision of the protocol.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rmcp::ClientServiceExt;
use rmcp::model::{ClientCapabilities, ClientConfig, Implementation, ProtocolVersion};
use rmcp::service::{ClientInitializeError, ClientLifecycleMode};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;

use super::super::headers::fill_headers;
use super::super::variables::fill;
use super::connection::{Client, Connection};
use super::watched::{Faults, LARGEST, Watched};
use crate::effects::confine::{Job, Shell};
use crate::effects::mask::Masker;
use crate::model::{McpPlace, McpServer};

/// The bounds of a server's program.
#[derive(Debug, Clone, Default)]
pub struct ServerHost {
    /// Files of the workspace that it can't change, without links.
    pub read_only: Vec<PathBuf>,
}

/// Makes connections.
pub(in super::super) struct Connector<'a> {
    pub shell: &'a Shell,
    pub host: &'a ServerHost,
    pub masker: &'a Masker,
    pub env: &'a (dyn Fn(&str) -> Option<String> + Sync),
}

type NewClient = Result<Client, ClientInitializeError>;

impl Connector<'_> {
    /// Starts a server, or connects to it. `http`: makes the client for an address.
    pub(super) async fn connect(
        &self,
        server: &McpServer,
        http: impl Future<Output = Result<reqwest::Client, String>>,
    ) -> Result<Connection, String> {
        match &server.place {
            McpPlace::Stdio { command, env, network, local_sockets } => {
                self.start(server, command, env, (*network, *local_sockets)).await
            }
            McpPlace::Http { url, headers } => self.reach(server, url, headers, http.await?).await,
        }
    }

    async fn start(
        &self,
        server: &McpServer,
        command: &[String],
        env: &BTreeMap<String, String>,
        (network, local_sockets): (bool, bool),
    ) -> Result<Connection, String> {
        let mut used = Vec::new();
        let variables = env.iter().map(|(name, value)| {
            let filled = fill(value, self.env);
            used.extend(filled.used);
            (name.into(), filled.text.into())
        });
        let job = Job {
            programs: vec![command.iter().map(Into::into).collect()],
            variables: variables.collect(),
            network,
            local_sockets,
            overlay: false,
            read_only: self.host.read_only.clone(),
            ..Job::shell("", Duration::ZERO)
        };
        let masker = self.masker.clone().with(used);
        let (program, (output, input)) = self.shell.serve(job).await?;
        let faults = Faults::default();
        let transport =
            AsyncRwTransport::new_client(Watched::new(output, faults.clone()), input).with_max_line_length(2 * LARGEST);
        let client = config(server).serve_with_lifecycle(transport, lifecycle(server)).await;
        match client {
            Ok(client) => Ok(Connection::new(client, Some((program, faults)), masker)),
            Err(error) => Err(masker.mask(&program.why_ended(&describe(&error), faults.describe()).await).into_owned()),
        }
    }

    async fn reach(
        &self,
        server: &McpServer,
        url: &str,
        headers: &BTreeMap<String, String>,
        http: reqwest::Client,
    ) -> Result<Connection, String> {
        let headers = fill_headers(headers, self.env)?;
        let address = fill(url, self.env);
        let masker = self.masker.clone().with(headers.used.into_iter().chain(address.used));
        let mut config = StreamableHttpClientTransportConfig::with_uri(address.text);
        config.max_sse_event_size = LARGEST;
        config.max_json_response_size = LARGEST;
        let custom = headers.map.into_iter().filter_map(|(name, value)| Some((name?, value)));
        config.custom_headers = custom.collect();
        let transport = StreamableHttpClientTransport::with_client(http, config);
        let client: NewClient = self::config(server).serve_with_lifecycle(transport, lifecycle(server)).await;
        match client {
            Ok(client) => Ok(Connection::new(client, None, masker)),
            Err(error) => Err(masker.mask(&describe(&error)).into_owned()),
        }
    }
}

fn config(server: &McpServer) -> ClientConfig {
    let name = Implementation::new("tama-tui", env!("CARGO_PKG_VERSION"));
    let config = ClientConfig::new(ClientCapabilities::default(), name);
    config.with_protocol_version(asked(server).unwrap_or(ProtocolVersion::LATEST_WITH_INITIALIZE))
}

/// The revision that the pipeline names.
fn asked(server: &McpServer) -> Option<ProtocolVersion> {
    let asked = server.protocol.as_ref()?;
    ProtocolVersion::KNOWN_VERSIONS.iter().find(|known| known.as_str() == asked).cloned()
}

/// The revision without a session is tried first; a server that does not know it is greeted in the older way.
fn lifecycle(server: &McpServer) -> ClientLifecycleMode {
    let preferred_versions = vec![ProtocolVersion::NO_INITIALIZE];
    match asked(server) {
        None => ClientLifecycleMode::Auto {
            preferred_versions,
            legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
        },
        Some(version) if version == ProtocolVersion::NO_INITIALIZE => {
            ClientLifecycleMode::Discover { preferred_versions }
        }
        Some(_) => ClientLifecycleMode::Initialize,
    }
}

/// Describes a failed start; of two attempts the second one.
fn describe(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => describe(fallback),
        ClientInitializeError::ConnectionClosed(_) => "it closed the connection".to_owned(),
        ClientInitializeError::TransportError { error, .. } => format!("no connection: {}", innermost(error)),
        ClientInitializeError::JsonRpcError(error) => format!("it refused the connection: {}", error.message),
        other => other.to_string(),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}
