//! A connection to a server that answers.

use rmcp::RoleClient;
use rmcp::model::{CallToolRequestParams, ClientConfig};
use rmcp::service::{RunningService, ServiceError};

use super::super::call::{McpCall, RemoteAnswer};
use super::answer::answer_of;
use super::list::{Listed, listed};
use super::watched::Faults;
use crate::effects::confine::Service;
use crate::effects::mask::Masker;

pub(super) type Client = RunningService<RoleClient, ClientConfig>;

/// A connection, and the program behind it, if there is one.
pub(super) struct Connection {
    client: Client,
    program: Option<(Service, Faults)>,
    /// Masks what the server was given.
    masker: Masker,
}

/// A question that got no answer.
pub(super) enum NoAnswer {
    /// The server refused it, and still answers.
    Refused(String),
    /// The connection is of no use any more.
    Lost(String),
}

impl Connection {
    pub fn new(client: Client, program: Option<(Service, Faults)>, masker: Masker) -> Self {
        Self { client, program, masker }
    }

    /// True when it is of no use any more.
    pub fn is_over(&self) -> bool {
        self.client.is_closed()
            || self.client.is_transport_closed()
            || self.program.as_ref().is_some_and(|(program, _)| program.has_ended())
    }

    /// Asks for the tools.
    pub async fn list(&self) -> Result<Vec<Listed>, NoAnswer> {
        let tools = self.client.list_all_tools().await.map_err(no_answer)?;
        Ok(tools.into_iter().map(listed).collect())
    }

    /// Calls a tool.
    pub async fn call(&self, call: &McpCall) -> Result<RemoteAnswer, NoAnswer> {
        let params = CallToolRequestParams::new(call.tool.clone()).with_arguments(call.args.clone());
        let answer = answer_of(&self.client.call_tool(params).await.map_err(no_answer)?);
        let mask = |text: String| self.masker.mask(&text).into_owned();
        Ok(RemoteAnswer { text: mask(answer.text), result: answer.result.map(mask), ..answer })
    }

    /// Ends the connection and the program, and says how it ended. `why`: the reason to end it.
    pub async fn end(self, why: &str) -> String {
        let faults = self.program.as_ref().and_then(|(_, faults)| faults.describe());
        let Self { mut client, program, masker } = self;
        let text = match program {
            Some((program, _)) => program.why_ended(why, faults).await,
            None => why.to_owned(),
        };
        // A server that does not listen must not hold this up.
        let _ = client.close_with_timeout(std::time::Duration::from_secs(2)).await;
        masker.mask(&text).into_owned()
    }
}

fn no_answer(error: ServiceError) -> NoAnswer {
    match error {
        ServiceError::McpError(error) => NoAnswer::Refused(error.message.into_owned()),
        ServiceError::UnexpectedResponse => NoAnswer::Refused("its answer is none to this question".into()),
        ServiceError::InputRequiredRoundsExceeded { .. } => {
            NoAnswer::Refused("it asks for a person's input, which can't be given here".into())
        }
        ServiceError::TransportClosed | ServiceError::Cancelled { .. } => {
            NoAnswer::Lost("it closed the connection".into())
        }
        other => NoAnswer::Lost(other.to_string()),
    }
}
