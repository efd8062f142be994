//! `replay`: opens a past run in the debugger.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use color_eyre::eyre::eyre;
use futures::FutureExt;
use tokio::sync::mpsc;

use super::breakpoints::OwnBreakpoints;
use super::exit::Exit;
use super::global::Global;
use super::screen::{Reopen, Shown};
use super::terminal::require_terminal;
use super::{data, screen, tama_db, text};
use crate::effects::confine::TerminalSize;
use crate::model::{Breakpoint, Command, RunSource, Update};
use crate::pipeline;
use crate::runtime::{self, AgentLine, AgentScreen, Mode, Session, SessionError};
use crate::store::{DataDir, RunFolder};

/// News of the opening that may wait for the screen.
const EARLY: usize = 8;

/// `tama-tui replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Any unique part of the run's id; a list to choose from when left out
    pub run: Option<String>,
    #[command(flatten)]
    pub tama: tama_db::Args,
}

/// Opens the run that a part of its id names under the screen.
pub(super) async fn run(named: &str, global: &Global) -> color_eyre::Result<Exit> {
    open(named, false, global).await
}

/// Opens an interrupted run under the screen, and shows how it would continue.
pub(super) async fn resume(named: &str, global: &Global) -> color_eyre::Result<Exit> {
    open(named, true, global).await
}

async fn open(named: &str, resumes: bool, global: &Global) -> color_eyre::Result<Exit> {
    let data = data::open_existing(global)?;
    require_terminal("runs show", Path::new(named))?;
    let folder = data.find(named).map_err(|error| eyre!("failed to {error}"))?;
    let own = load_breakpoints(&folder, &data);
    let (breakpoints, fault) = own.as_ref().map(OwnBreakpoints::load).unwrap_or_default();
    if let Some(fault) = fault {
        text::eprint_line(&format!("warning: {fault}"));
    }
    let (news, early) = mpsc::channel(EARLY);
    let (line, agent) = agent_of(&folder).unzip();
    let open = Open { folder, data: data.clone(), breakpoints: breakpoints.clone(), line: line.map(Arc::new) };
    let again = open.clone();
    let reopen: Reopen = Box::new(move |workspace, news| again.clone().session(Some(workspace), news).boxed());
    let first = resumes.then_some(Command::PlanResume);
    let shown = Shown { early, data, breakpoints, own, live: false, first, reopen: Some(reopen), agent };
    Box::pin(screen::show(open.session(None, news), shown, global)).await
}

/// Opens one run.
#[derive(Clone)]
pub(super) struct Open {
    pub folder: RunFolder,
    pub data: DataDir,
    pub breakpoints: Vec<Breakpoint>,
    /// The line to the agent of another program that a retry starts.
    pub line: Option<Arc<AgentLine>>,
}

/// The line to a past run's agent, if that is one of another program.
fn agent_of(folder: &RunFolder) -> Option<(AgentLine, AgentScreen)> {
    let manifest = folder.manifest().ok().filter(|manifest| manifest.provenance.source == RunSource::Wrapped)?;
    Some(AgentLine::new(&manifest.name, Some(TerminalSize { rows: 24, columns: 80 })))
}

impl Open {
    /// Opens the run; `confirmed`: the workspace that its user has confirmed.
    pub async fn session(
        self,
        confirmed: Option<PathBuf>,
        news: mpsc::Sender<Update>,
    ) -> Result<Session, SessionError> {
        let Self { folder, data, breakpoints, line } = self;
        let mode = Mode::Debug { step: false, breakpoints: breakpoints.clone() };
        // A screen that is closed ends the opening.
        let watch = move |update| news.blocking_send(update).is_ok();
        let session = runtime::open_watched(folder, &data, mode, confirmed, line, watch).await?;
        // A past run passes no gates; its retries do.
        drop(session.engine.commands.send(Command::SetBreakpoints(breakpoints)));
        Ok(session)
    }
}

/// Loads the breakpoints that the run's pipeline has today, and the user's own; none when the run was made elsewhere.
fn load_breakpoints(folder: &RunFolder, data: &DataDir) -> Option<OwnBreakpoints> {
    let manifest = folder.manifest().ok().filter(|_| folder.foreign().is_none())?;
    let loaded = manifest.pipeline_file.and_then(|file| pipeline::check(Path::new(&file)).ok());
    let shared = loaded.map(|loaded| loaded.pipeline.breakpoints).unwrap_or_default();
    Some(OwnBreakpoints::new(data.path(), &manifest.name, &shared))
}
