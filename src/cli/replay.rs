//! `replay`: opens a past run in the debugger.

use std::path::Path;

use color_eyre::eyre::eyre;
use tokio::sync::mpsc;

use super::exit::Exit;
use super::global::Global;
use super::terminal::require_terminal;
use super::{data, screen};
use crate::model::{Breakpoint, Command};
use crate::pipeline;
use crate::runtime::{self, Mode};
use crate::store::RunFolder;

/// News of the opening that may wait for the screen.
const EARLY: usize = 8;

/// `tama-tui replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Any unique part of the run's id; a list to choose from when left out
    pub run: Option<String>,
}

/// Opens the run that a part of its id names under the screen.
pub(super) async fn run(named: &str, global: &Global) -> color_eyre::Result<Exit> {
    let data = data::open_existing(global)?;
    let found = data.find(named);
    // A run in use is the more important error; a missing terminal comes second.
    if let Ok(folder) = &found {
        check_free(folder)?;
    }
    require_terminal("runs show", Path::new(named))?;
    let folder = found.map_err(|error| eyre!("failed to {error}"))?;
    let breakpoints = load_breakpoints(&folder);
    let mode = Mode::Debug { step: false, breakpoints: breakpoints.clone() };
    let (stops, beside) = (breakpoints.clone(), data.clone());
    let (news, early) = mpsc::channel(EARLY);
    let session = async move {
        // A screen that is closed ends the opening.
        let watch = move |update| news.blocking_send(update).is_ok();
        let session = runtime::open_watched(folder, &data, mode, watch).await?;
        // A past run passes no gates; its retries do.
        drop(session.engine.commands.send(Command::SetBreakpoints(stops)));
        Ok(session)
    };
    screen::show(session, early, beside, breakpoints, false, global).await
}

/// Loads the breakpoints that the run's pipeline has today; none when it can't be read any more.
fn load_breakpoints(folder: &RunFolder) -> Vec<Breakpoint> {
    let file = folder.manifest().ok().and_then(|manifest| manifest.pipeline_file);
    let loaded = file.and_then(|file| pipeline::check(Path::new(&file)).ok());
    loaded.map(|loaded| loaded.pipeline.breakpoints).unwrap_or_default()
}

/// Fails when another process has the run open; checked before the screen opens.
fn check_free(folder: &RunFolder) -> color_eyre::Result<()> {
    folder.check_free().map_err(|error| eyre!("failed to {error}"))
}
