//! `runs`: the stored runs, newest first, from their manifests alone.

use clap::Subcommand;
use color_eyre::eyre::eyre;
use serde_json::{Value as Json, json};

use super::exit::Exit;
use super::global::Global;
use super::table::table;
use super::text::{cut, dollars, duration, moment, print, print_json, size};
use super::{data, export, recover, runs_diff, runs_html, runs_pack, runs_remove, show, tama_db};
use crate::model::{Millis, RunStatus};
use crate::store::{DataDir, Manifest, RunListing, StoreError};

const HEAD: [&str; 11] =
    ["run", "pipeline", "status", "started", "took", "spans", "changes", "tokens", "cost", "size", "task"];
/// Columns of numbers.
const RIGHT: [&str; 6] = ["took", "spans", "changes", "tokens", "cost", "size"];

/// `tama-tui runs`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Runs>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    tama: tama_db::Args,
}

#[derive(Debug, Subcommand)]
enum Runs {
    /// Show one run: its spans and its changes
    Show(show::Args),
    /// Write a run as a test that plays offline
    Export(export::Args),
    /// Move a damaged log aside, and keep every row that can be read
    #[command(alias = "salvage")]
    Recover(recover::Args),
    /// Write a run to one file, to open it elsewhere
    Pack(runs_pack::Pack),
    /// Open a file that `runs pack` wrote: the run is looked at, and counts as made elsewhere
    Open(runs_pack::Open),
    /// Write a run as one page to look at: nothing is loaded from elsewhere, secrets are masked
    Html(runs_html::Args),
    /// Compare two runs, or two spans
    Diff(runs_diff::Args),
    /// Remove runs
    Rm(runs_remove::Rm),
    /// Remove old runs
    Prune(runs_remove::Prune),
}

/// Lists the runs, or shows one.
pub(super) fn run(args: Args, global: &Global) -> color_eyre::Result<Exit> {
    let shown = if let Some(Runs::Show(show)) = &args.command { &show.tama } else { &args.tama };
    if let Some(database) = shown.open()? {
        return match args.command {
            Some(Runs::Show(show)) => show::run_imported(&show, &database),
            _ if args.json => tama_db::print_runs_json(&database),
            _ => tama_db::print_runs(&database),
        };
    }
    if let Some(Runs::Open(args)) = &args.command {
        return runs_pack::open(args, global);
    }
    let data = data::open_existing(global)?;
    match args.command {
        Some(Runs::Show(show)) => show::run(&show, &data),
        Some(Runs::Export(args)) => export::run(&args, &data),
        Some(Runs::Recover(args)) => recover::run(&args, &data),
        Some(Runs::Pack(args)) => runs_pack::pack(&args, &data),
        Some(Runs::Open(args)) => runs_pack::open(&args, global),
        Some(Runs::Html(args)) => runs_html::run(&args, &data),
        Some(Runs::Diff(args)) => runs_diff::run(&args, &data),
        Some(Runs::Rm(args)) => runs_remove::rm(&args, &data),
        Some(Runs::Prune(args)) => runs_remove::prune(&args, &data, now()),
        None if args.json => print_runs_json(&data),
        None => print_runs(&data),
    }
}

fn now() -> Millis {
    Millis(u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0))
}

fn read_runs(data: &DataDir) -> color_eyre::Result<Vec<RunListing>> {
    data.runs().map_err(|error| eyre!("failed to {error}"))
}

/// Prints the runs as a table.
pub(super) fn print_runs(data: &DataDir) -> color_eyre::Result<Exit> {
    let runs = read_runs(data)?;
    if runs.is_empty() {
        print("No runs yet.\n")?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
    print(&table(&HEAD, &RIGHT, &rows))?;
    Ok(Exit::Done)
}

fn row(run: &RunListing) -> Vec<String> {
    const TASK: usize = 40;
    let id = run.id.to_string();
    let manifest = match &run.manifest {
        Ok(manifest) => manifest,
        Err(error) => return unreadable_row(id, error, run.bytes),
    };
    // Opening the run counts anew.
    let known = |text: String| if manifest.is_behind() { "?".to_owned() } else { text };
    vec![
        id,
        manifest.name.clone(),
        shown_status(manifest.status, run.foreign.is_some()),
        moment(manifest.started),
        known(took(manifest)),
        known(manifest.spans.to_string()),
        known(changes(manifest)),
        known((manifest.tokens.input + manifest.tokens.output).to_string()),
        known(dollars(manifest.cost_microusd)),
        size(run.bytes),
        cut(&task_of(manifest), TASK),
    ]
}

/// The task of a run; of a fork with the run that it goes on from.
pub(super) fn task_of(manifest: &Manifest) -> String {
    match &manifest.provenance.lineage {
        Some(lineage) => format!("fork of {}: {}", lineage.parent, manifest.task),
        None => manifest.task.clone(),
    }
}

/// The number of a run's changes, and of those that are held.
fn changes(manifest: &Manifest) -> String {
    match manifest.held {
        0 => manifest.actions.to_string(),
        held => format!("{}, {held} held", manifest.actions),
    }
}

/// The word for a run's status, and whether it was made elsewhere.
pub(super) fn shown_status(status: RunStatus, is_foreign: bool) -> String {
    let word = status_word(status);
    if is_foreign { format!("{word} (made elsewhere)") } else { word.to_owned() }
}

/// The word for a run's status, as in the list on the screen.
pub(super) fn status_word(status: RunStatus) -> &'static str {
    if status == RunStatus::Ok { "finished" } else { status.name() }
}

/// The time that a run worked; of a run of an earlier version, that from its start to its end.
fn took(manifest: &Manifest) -> String {
    let whole = || manifest.ended.map(|ended| ended.0.saturating_sub(manifest.started.0));
    manifest.work_ms.or_else(whole).map_or_else(|| "-".to_owned(), duration)
}

/// The row of a run whose manifest can't be read; the reason is in the last column, without the run's path.
fn unreadable_row(id: String, error: &StoreError, bytes: u64) -> Vec<String> {
    const WHY: usize = 60;
    let why = match error {
        StoreError::Damaged(why) => why.split_once("manifest.json: ").map_or(why.as_str(), |(_, why)| why).to_owned(),
        StoreError::File { why, .. } => format!("manifest.json: {why}"),
        other => other.to_string(),
    };
    let mut row = vec![id, String::new(), "unreadable".to_owned()];
    row.resize(HEAD.len() - 2, String::new());
    row.extend([size(bytes), cut(&why, WHY)]);
    row
}

/// A manifest as JSON; counts that it does not know are null.
fn manifest_json(manifest: &Manifest) -> Json {
    let mut shown = json!(manifest);
    if manifest.is_behind() {
        for count in ["work_ms", "spans", "actions", "tokens", "cost_microusd"] {
            shown[count] = Json::Null;
        }
    }
    shown
}

fn print_runs_json(data: &DataDir) -> color_eyre::Result<Exit> {
    let describe = |run: &RunListing| match &run.manifest {
        Ok(manifest) => json!({
            "run": run.id, "bytes": run.bytes, "made_elsewhere": run.foreign.as_ref().map(ToString::to_string),
            "manifest": manifest_json(manifest),
        }),
        Err(error) => json!({ "run": run.id, "bytes": run.bytes, "error": format!("failed to {error}") }),
    };
    print_json(&read_runs(data)?.iter().map(describe).collect::<Vec<_>>())?;
    Ok(Exit::Done)
}
