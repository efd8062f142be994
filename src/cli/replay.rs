//! `replay`: opens a past run in the debugger.

use std::io::{self, BufRead, Write};
use std::path::Path;

use color_eyre::eyre::eyre;

use super::exit::Exit;
use super::global::Global;
use super::terminal::require_terminal;
use super::text::print;
use super::{data, runs, screen};
use crate::model::{Breakpoint, Command};
use crate::pipeline;
use crate::runtime::{self, Mode};
use crate::store::{DataDir, RunFolder, StoreError};

/// `tama-tui replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Any unique part of the run's id; a list to pick from when left out
    run: Option<String>,
}

/// Opens the run under the screen.
pub(super) async fn run(args: &Args, global: &Global) -> color_eyre::Result<Exit> {
    let data = data::open_existing(global)?;
    let named = args.run.as_deref();
    // A run in use is the more important error; a missing terminal comes second.
    if let Some(found) = named.and_then(|part| data.find(part).ok()) {
        check_free(Ok(found))?;
    }
    require_terminal("runs show", Path::new(named.unwrap_or("RUN")))?;
    let Some(folder) = pick_run(named, &data)? else { return Ok(Exit::Done) };
    let breakpoints = load_breakpoints(&folder);
    let mode = Mode::Debug { step: false, breakpoints: breakpoints.clone() };
    let (stops, beside) = (breakpoints.clone(), data.clone());
    let session = async move {
        let session = runtime::open(folder, &data, mode).await?;
        // A past run passes no gates; its retries do.
        drop(session.engine.commands.send(Command::SetBreakpoints(stops)));
        Ok(session)
    };
    screen::show(session, beside, breakpoints, false, global).await
}

/// Loads the breakpoints that the run's pipeline has today; none when it can't be read any more.
fn load_breakpoints(folder: &RunFolder) -> Vec<Breakpoint> {
    let file = folder.manifest().ok().and_then(|manifest| manifest.pipeline_file);
    let loaded = file.and_then(|file| pipeline::check(Path::new(&file)).ok());
    loaded.map(|loaded| loaded.pipeline.breakpoints).unwrap_or_default()
}

/// Fails when another process has the run open; checked before the screen opens.
fn check_free(found: Result<RunFolder, StoreError>) -> color_eyre::Result<RunFolder> {
    let checked = found.and_then(|folder| folder.check_free().map(|()| folder));
    checked.map_err(|error| eyre!("failed to {error}"))
}

/// Finds the named run, or asks for one from a list; `None` when there are no runs.
fn pick_run(named: Option<&str>, data: &DataDir) -> color_eyre::Result<Option<RunFolder>> {
    let find = |part: &str| check_free(data.find(part)).map(Some);
    if let Some(part) = named {
        return find(part);
    }
    runs::print_runs(data)?;
    let newest = data.runs().map_err(|error| eyre!("failed to {error}"))?.into_iter().next();
    let Some(newest) = newest else { return Ok(None) };
    print(&format!("\nWhich run? Any part of its id, or Enter for {}: ", newest.id))?;
    io::stdout().flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    match line.trim() {
        "" => check_free(Ok(newest.folder)).map(Some),
        part => find(part),
    }
}
