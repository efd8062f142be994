//! `runs rm` and `runs prune`: remove stored runs, after showing what would go.

use std::io::{IsTerminal, Write};

use color_eyre::eyre::eyre;

use super::exit::Exit;
use super::text::{eprint_line, print, size};
use crate::app::text::plural;
use crate::model::{Millis, RunId};
use crate::runtime::Review;
use crate::store::{DataDir, Look, RunListing, StoreError};

const MS_PER_DAY: u64 = 24 * 60 * 60 * 1000;

/// `tama-tui runs rm`.
#[derive(Debug, clap::Args)]
pub(super) struct Rm {
    /// The runs: any unique part of each id
    #[arg(required = true)]
    runs: Vec<String>,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// `tama-tui runs prune`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true).args(["keep", "older"])))]
pub(super) struct Prune {
    /// Keep the N newest runs
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Remove only runs that started more than DAYS days ago
    #[arg(long, value_name = "DAYS")]
    older: Option<u64>,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Removes the named runs.
pub(super) fn rm(args: &Rm, data: &DataDir) -> color_eyre::Result<Exit> {
    let all = data.runs().map_err(|error| eyre!("failed to {error}"))?;
    let mut wanted: Vec<RunId> = Vec::new();
    for part in &args.runs {
        let folder = data.find(part).map_err(|error| eyre!("failed to {error}"))?;
        if folder.is_held() {
            return Err(eyre!(
                "failed to remove run {}: a process has it open, and nothing was removed. Close it first, or leave the \
                 run out.",
                folder.id()
            ));
        }
        if !wanted.contains(folder.id()) {
            wanted.push(folder.id().clone());
        }
    }
    let chosen: Vec<&RunListing> = all.iter().filter(|run| wanted.contains(&run.id)).collect();
    remove(&chosen, &all, data, args.yes)
}

/// Removes old runs: those that are neither live nor hold changes that nobody decided on.
pub(super) fn prune(args: &Prune, data: &DataDir, now: Millis) -> color_eyre::Result<Exit> {
    let all = data.runs().map_err(|error| eyre!("failed to {error}"))?;
    let before = args.older.map(|days| now.0.saturating_sub(days.saturating_mul(MS_PER_DAY)));
    let mut chosen = Vec::new();
    for run in all.iter().skip(args.keep.unwrap_or(0)) {
        let why_kept = match &run.manifest {
            Ok(manifest) if before.is_some_and(|before| manifest.started.0 >= before) => continue,
            _ if run.held => "a process has it open".to_owned(),
            Ok(manifest) if manifest.held > 0 => format!("it holds {}", plural_of(manifest.held, "change")),
            Ok(_) => {
                chosen.push(run);
                continue;
            }
            Err(_) => "its manifest can't be read".to_owned(),
        };
        eprint_line(&format!("kept {}: {why_kept}", run.id));
    }
    remove(&chosen, &all, data, args.yes)
}

/// Shows the runs, asks, and removes them.
fn remove(chosen: &[&RunListing], all: &[RunListing], data: &DataDir, yes: bool) -> color_eyre::Result<Exit> {
    if chosen.is_empty() {
        print("Nothing to remove.\n")?;
        return Ok(Exit::Done);
    }
    let lines: Vec<String> = chosen.iter().map(|run| format!("  {}\n", describe(run, chosen, all))).collect();
    let bytes = chosen.iter().map(|run| run.bytes).sum();
    let what = format!("{}, {}", plural(chosen.len(), "run"), size(bytes));
    print(&format!("{what}; what a removed run did can't be undone any more:\n{}", lines.concat()))?;
    if !yes {
        if !std::io::stdin().is_terminal() {
            return Ok(refuse_unasked());
        }
        if !ask(&format!("Remove {what}?"))? {
            print("Nothing was removed.\n")?;
            return Ok(Exit::Cancelled);
        }
    }
    let mut failed = 0;
    for run in chosen {
        match remove_one(run, data) {
            Ok(()) => print(&format!("removed {}\n", run.id))?,
            Err(error) => {
                failed += 1;
                eprint_line(&format!("failed to {error}"));
            }
        }
    }
    data.remove_unused_store().map_err(|error| eyre!("failed to {error}"))?;
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}

fn refuse_unasked() -> Exit {
    eprint_line("failed to remove them: nobody is there to say yes, and nothing was removed. For scripts add --yes.");
    Exit::Denied
}

fn ask(question: &str) -> std::io::Result<bool> {
    let mut out = std::io::stderr().lock();
    write!(out, "{question} [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
}

fn remove_one(run: &RunListing, data: &DataDir) -> Result<(), StoreError> {
    let review = Review::of_run(&run.folder);
    data.remove(&run.folder)?;
    if let Some(Err(error)) = review.map(|review| review.remove()) {
        eprint_line(&format!("{}: the folder with its held changes could not be removed: {error}", run.id));
    }
    Ok(())
}

/// A run that would go, and what goes with it.
fn describe(run: &RunListing, chosen: &[&RunListing], all: &[RunListing]) -> String {
    let mut parts = vec![run.id.to_string()];
    if let Ok(manifest) = &run.manifest {
        parts.push(manifest.name.clone());
    }
    parts.push(size(run.bytes));
    parts.extend(undoable(run));
    if let Some(held) = run.manifest.as_ref().ok().map(|manifest| manifest.held).filter(|held| *held > 0) {
        parts.push(format!("{} HELD, which are nowhere else", plural_of(held, "change")));
    }
    let is_gone = |id: &RunId| chosen.iter().any(|run| run.id == *id);
    for fork in all.iter().filter(|other| is_fork_of(other, &run.id) && !is_gone(&other.id)) {
        parts.push(format!("run {} was forked from it, and can't undo what it inherited", fork.id));
    }
    parts.join(" · ")
}

/// The number of changes that could still be undone; `None`: there are none.
fn undoable(run: &RunListing) -> Option<String> {
    if run.manifest.as_ref().is_ok_and(|manifest| manifest.actions == 0 && !manifest.is_behind()) {
        return None;
    }
    let Ok(Look { log, .. }) = run.folder.look() else { return Some("its changes can't be read".to_owned()) };
    let count = log.with(|state| state.ledger.heads().filter(|head| head.is_applied() && head.undoable).count());
    (count > 0).then(|| format!("{} can still be undone", plural(count, "change")))
}

fn is_fork_of(run: &RunListing, parent: &RunId) -> bool {
    let lineage = run.manifest.as_ref().ok().and_then(|manifest| manifest.provenance.lineage.as_ref());
    lineage.is_some_and(|lineage| lineage.parent == *parent)
}

fn plural_of(count: u64, one: &str) -> String {
    plural(usize::try_from(count).unwrap_or(usize::MAX), one)
}
