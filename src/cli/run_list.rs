//! The run list: `tama-tui` alone, and `replay` without a run.

use std::io::Write;
use std::path::{Path, PathBuf};

use color_eyre::eyre::eyre;

use super::exit::Exit;
use super::global::Global;
use super::terminal::is_terminal;
use super::text::print;
use super::{data, debug, replay, runs, screen};
use crate::app::{ListSetup, RunList, RunRow};
use crate::model::{Millis, RunSource};
use crate::pipeline;
use crate::store::{DataDir, Manifest, RunListing};
use crate::term::{self, Picked};

/// The files that a new run may be started of; the first one that is there counts.
const PIPELINES: [&str; 2] = ["pipeline.toml", "tama.toml"];

/// The pipeline in this folder.
fn pipeline_here() -> Option<&'static Path> {
    PIPELINES.into_iter().map(Path::new).find(|file| file.exists())
}

/// `tama-tui` alone: the runs of this folder and a new one; without runs and pipeline, how to begin.
pub(super) async fn welcome(global: &Global) -> color_eyre::Result<Exit> {
    let data = match data::open_existing(global) {
        // A folder that somebody named must be there.
        Err(report) if global.data_dir.is_some() => return Err(report),
        opened => opened.ok(),
    };
    if data.is_none() && pipeline_here().is_none() {
        // A closed stderr leaves no way to report it.
        let _ = std::io::stderr().lock().write_all(NOTHING_HERE.as_bytes());
        return Ok(Exit::Usage);
    }
    if is_terminal() {
        return run(data, global).await;
    }
    if let Some(data) = data {
        runs::print_runs(&data)?;
    }
    if let Some(file) = pipeline_here() {
        print(&format!("\n`tama-tui .` starts a new run of {}.\n", file.display()))?;
    }
    Ok(Exit::Done)
}

const NOTHING_HERE: &str = "There is no pipeline.toml and no tama.toml in this folder, and no run.

    tama-tui init               writes a small pipeline here, which runs offline
    tama-tui init --from wreck  writes the demo: an agent wrecks a folder, you undo it
    tama-tui PIPELINE           runs a pipeline.toml or tama.toml that is elsewhere (or its folder)

`tama-tui --help` lists the other commands.
";

/// `replay` without a run: the list to choose from, or a table where there is no terminal.
pub(super) async fn choose(global: &Global) -> color_eyre::Result<Exit> {
    let data = data::open_existing(global)?;
    if is_terminal() { run(Some(data), global).await } else { runs::print_runs(&data) }
}

/// Shows the list; opens the chosen run, or starts a new one.
async fn run(data: Option<DataDir>, global: &Global) -> color_eyre::Result<Exit> {
    if screen::notify_or_print_fault(global).is_none() {
        return Ok(Exit::Usage);
    }
    // The first reading says why the folder can't be read; later ones keep quiet.
    let rows = data.as_ref().map(read_rows).transpose()?.unwrap_or_default();
    let folder = data.as_ref().map_or_else(PathBuf::new, |data| data.path().to_owned());
    let setup = ListSetup {
        rows,
        pipeline: pipeline_name(),
        not_resumed: None,
        folder: shorten_home(&folder),
        now: screen::now(),
        size: (80, 24),
    };
    let load = || (data.as_ref().and_then(|data| read_rows(data).ok()).unwrap_or_default(), screen::now());
    let picked = term::pick_run(RunList::new(setup), load, screen::theme(global)).await;
    match picked.map_err(|error| eyre!("failed to {error}"))? {
        Picked::Open(run) => Box::pin(replay::run(&run, global)).await,
        Picked::Resume(run) => Box::pin(replay::resume(&run, global)).await,
        Picked::New => {
            let file = pipeline_here().unwrap_or(Path::new("."));
            debug::run(debug::Args::default(), file, global).await
        }
        Picked::Exit(code) => Ok(Exit::Code(u8::try_from(code).unwrap_or(1))),
    }
}

/// The name of the pipeline in this folder; its file's name when it has faults, which starting it prints.
fn pipeline_name() -> Option<String> {
    let file = pipeline_here()?;
    let name = pipeline::check(file).map(|loaded| loaded.pipeline.name);
    Some(name.unwrap_or_else(|_| file.display().to_string()))
}

fn shorten_home(folder: &Path) -> String {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.parent().is_some());
    let below = home.and_then(|home| folder.strip_prefix(home).ok().map(Path::to_owned));
    below.map_or_else(|| folder.display().to_string(), |below| format!("~/{}", below.display()))
}

fn read_rows(data: &DataDir) -> color_eyre::Result<Vec<RunRow>> {
    let runs = data.runs().map_err(|error| eyre!("failed to {error}"))?;
    Ok(runs.iter().map(row).collect())
}

/// The start and the time that it worked, without waiting; `None`: nobody knows.
fn shown_end(manifest: &Manifest) -> Option<Millis> {
    let worked = manifest.work_ms.filter(|_| !manifest.is_behind());
    worked.map(|work| Millis(manifest.started.0 + work)).or(manifest.ended)
}

fn row(run: &RunListing) -> RunRow {
    let id = run.id.to_string();
    match &run.manifest {
        Ok(manifest) => RunRow {
            id,
            name: manifest.name.clone(),
            task: runs::task_of(manifest),
            status: Ok(manifest.status),
            held_by: run.held.then_some(manifest.pid),
            is_foreign: run.foreign.is_some(),
            is_wrapped: manifest.provenance.source == RunSource::Wrapped,
            started: manifest.started,
            ended: shown_end(manifest),
            changes: manifest.actions,
            tokens: manifest.tokens.input + manifest.tokens.output,
            cost: manifest.cost_microusd,
        },
        Err(error) => RunRow::unreadable(id, format!("failed to {error}")),
    }
}
