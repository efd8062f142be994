//! `replay`: opens a past run in the debugger.

use std::path::{Path, PathBuf};

use color_eyre::eyre::eyre;
use futures::FutureExt;
use tokio::sync::mpsc;

use super::exit::Exit;
use super::global::Global;
use super::screen::{Reopen, Shown};
use super::terminal::require_terminal;
use super::{data, screen, tama_db};
use crate::model::{Breakpoint, Command, Update};
use crate::pipeline;
use crate::runtime::{self, Mode, Session, SessionError};
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
    let data = data::open_existing(global)?;
    require_terminal("runs show", Path::new(named))?;
    let folder = data.find(named).map_err(|error| eyre!("failed to {error}"))?;
    let breakpoints = load_breakpoints(&folder);
    let (news, early) = mpsc::channel(EARLY);
    let open = Open { folder, data: data.clone(), breakpoints: breakpoints.clone() };
    let again = open.clone();
    let reopen: Reopen = Box::new(move |workspace, news| again.clone().session(Some(workspace), news).boxed());
    let shown = Shown { early, data, breakpoints, live: false, reopen: Some(reopen), agent: None };
    screen::show(open.session(None, news), shown, global).await
}

/// Opens one run.
#[derive(Clone)]
pub(super) struct Open {
    pub folder: RunFolder,
    pub data: DataDir,
    pub breakpoints: Vec<Breakpoint>,
}

impl Open {
    /// Opens the run; `confirmed`: the workspace that its user has confirmed.
    pub async fn session(
        self,
        confirmed: Option<PathBuf>,
        news: mpsc::Sender<Update>,
    ) -> Result<Session, SessionError> {
        let Self { folder, data, breakpoints } = self;
        let mode = Mode::Debug { step: false, breakpoints: breakpoints.clone() };
        // A screen that is closed ends the opening.
        let watch = move |update| news.blocking_send(update).is_ok();
        let session = runtime::open_watched(folder, &data, mode, confirmed, watch).await?;
        // A past run passes no gates; its retries do.
        drop(session.engine.commands.send(Command::SetBreakpoints(breakpoints)));
        Ok(session)
    }
}

/// Loads the breakpoints that the run's pipeline has today; none when it can't be read any more, or the run was made
/// elsewhere.
fn load_breakpoints(folder: &RunFolder) -> Vec<Breakpoint> {
    let own = folder.manifest().ok().filter(|_| folder.foreign().is_none());
    let file = own.and_then(|manifest| manifest.pipeline_file);
    let loaded = file.and_then(|file| pipeline::check(Path::new(&file)).ok());
    loaded.map(|loaded| loaded.pipeline.breakpoints).unwrap_or_default()
}
