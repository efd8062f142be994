//! Starts a run that watches an agent of another program.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::line::{AgentLine, AgentScreen};
use crate::effects::confine::TerminalSize;
use crate::effects::llm::Providers;
use crate::model::{Provenance, RunSource};
use crate::pipeline::{Loaded, Pipeline, Wrapped};
use crate::runtime::engine::Mode;
use crate::runtime::session::{ModelSource, Session, SessionError, StartAs, start_as};
use crate::store::DataDir;

/// An agent of another program, and where it works.
pub struct WrapSetup {
    /// Its name in the tree.
    pub name: String,
    /// How it is started.
    pub wrapped: Wrapped,
    /// The workspace, absolute.
    pub workspace: PathBuf,
    /// Its task, for the list of runs.
    pub task: String,
    /// The size of its terminal; `None`: it gets none.
    pub size: Option<TerminalSize>,
    /// Variables of its environment beside those of every command.
    pub variables: Vec<(OsString, OsString)>,
}

/// Starts the run of an agent.
///
/// # Errors
/// When the workspace or the store are not usable.
pub fn start_wrapped(setup: WrapSetup, data: &DataDir, mode: Mode) -> Result<(Session, AgentScreen), SessionError> {
    let (line, screen) = AgentLine::new(setup.size, setup.variables);
    let loaded = Loaded {
        pipeline: Pipeline::wrapped(&setup.name, setup.wrapped),
        base: setup.workspace.clone(),
        file: PathBuf::new(),
        workspace: setup.workspace,
        warnings: Vec::new(),
    };
    // It has none of its own: the agent calls its models itself.
    let models: ModelSource = Box::new(|pipeline| Ok(Arc::new(Providers::build(pipeline, std::path::Path::new("."))?)));
    let wishes =
        StartAs { provenance: Provenance { source: RunSource::Wrapped, lineage: None }, agent: Some(Arc::new(line)) };
    Ok((start_as(loaded, data, setup.task, mode, models, wishes)?, screen))
}
