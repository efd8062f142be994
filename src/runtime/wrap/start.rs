//! Starts a run that watches an agent of another program.

use std::path::PathBuf;
use std::sync::Arc;

use super::line::{AgentLine, AgentScreen};
use super::model_call::AgentModels;
use super::upstream;
use crate::effects::confine::TerminalSize;
use crate::effects::gateway::{StartError, UpstreamError};
use crate::effects::llm::{LlmError, ScriptModel};
use crate::model::{Provenance, RunSource};
use crate::pipeline::{Loaded, Pipeline, Policy, Wrapped};
use crate::runtime::engine::Mode;
use crate::runtime::review::check_review;
use crate::runtime::session::{ModelSource, Session, SessionError, StartAs, hidden_folders, start_as};
use crate::store::DataDir;

/// An agent of another program, and where it works.
pub struct WrapSetup {
    /// Its name in the tree.
    pub name: String,
    /// How it is started.
    pub wrapped: Wrapped,
    /// The rules that let its tools run, ask, or are denied.
    pub policy: Policy,
    /// The workspace, absolute.
    pub workspace: PathBuf,
    /// Its task, for the list of runs.
    pub task: String,
    /// The size of its terminal; `None`: it gets none.
    pub size: Option<TerminalSize>,
}

/// The reason why an agent was not started; it follows "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum WrapError {
    /// The session.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The gateway or the server of hooks.
    #[error(transparent)]
    Server(#[from] StartError),
    /// The address of a provider.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// An address of `--upstream` for a service that is not known.
    #[error("read --upstream {given}: {name} is none of anthropic, openai, google")]
    UpstreamName {
        /// The whole of it.
        given: String,
        /// The service that it names.
        name: String,
    },
    /// An address of a stored run that was not stored whole.
    #[error(
        "read the stored address {0}: the rest of it may be a secret, and is not stored. Wrap the agent again instead"
    )]
    UpstreamSecret(String),
    /// The line leads to no agent.
    #[error("start the agent: the run names none")]
    NotSetUp,
    /// A file of settings for the agent.
    #[error("write settings for the agent: {0}")]
    Settings(std::io::Error),
    /// There can be no overlay over the workspace.
    #[error(
        "hold the agent's changes: there can be no overlay over the workspace: {0}. Without --review they are made at once, \
         and each can be undone; `tama-tui doctor` says more"
    )]
    Review(String),
}

/// Starts the run of an agent. Must be called within a tokio runtime.
///
/// # Errors
/// When the workspace, the store or the servers are not usable.
pub async fn start_wrapped(setup: WrapSetup, data: &DataDir, mode: Mode) -> Result<(Session, AgentScreen), WrapError> {
    if setup.wrapped.review {
        check_review(&setup.workspace, hidden_folders(data.path())).map_err(WrapError::Review)?;
    }
    let (line, screen) = AgentLine::new(&setup.name, setup.size);
    line.set_up(setup.wrapped.clone(), setup.workspace.clone());
    line.serve().await?;
    let line = Arc::new(line);
    let models = agent_models(&line);
    let wrapped = Wrapped { upstreams: upstream::to_store(&setup.wrapped.upstreams), ..setup.wrapped };
    let loaded = Loaded {
        pipeline: Pipeline { policy: setup.policy, ..Pipeline::wrapped(&setup.name, wrapped) },
        base: setup.workspace.clone(),
        file: PathBuf::new(),
        workspace: setup.workspace,
        warnings: Vec::new(),
    };
    let wishes = StartAs { provenance: Provenance { source: RunSource::Wrapped, lineage: None }, agent: Some(line) };
    Ok((start_as(loaded, data, setup.task, mode, models, wishes)?, screen))
}

/// Answers the model calls of an agent: by its script, or by sending them on.
pub(in super::super) fn agent_models(line: &Arc<AgentLine>) -> ModelSource {
    let line = line.clone();
    Box::new(move |_| {
        let script = line.script().map_err(|error| LlmError::new(error.to_string()))?;
        let script = script.as_deref().map(ScriptModel::open).transpose()?.map(Arc::new);
        Ok(Arc::new(AgentModels { line: line.clone(), script }))
    })
}
