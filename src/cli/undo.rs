//! `undo`: undoes the actions of a stored run, newest first.

use std::path::PathBuf;
use std::sync::Arc;

use color_eyre::eyre::eyre;

use super::data;
use super::exit::Exit;
use super::global::Global;
use super::outcome::UndoOutcome;
use super::run_name::RunName;
use super::stored::{Stored, find_span};
use super::summary::undo_line;
use super::text::{eprint_line, print, print_json};
use super::unfinished::UnfinishedCommand;
use crate::effects::Masker;
use crate::effects::confine::{Shell, ShellPaths};
use crate::effects::remote::Remotes;
use crate::effects::tools::Compensator;
use crate::model::{KeyKind, LedgerEntry, RunState, Seq, SpanId};
use crate::rollback::{predict_not_applied, preview, undo_list, without_inherited_memory};
use crate::runtime::hidden_folders;
use crate::store::DataDir;
use crate::world::Scope;

/// `tama-tui undo`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: any unique part of its id
    run: String,
    /// Undo only this span and those below it: s12, or a path such as editor/writer#2 [default: the whole run]
    #[arg(long)]
    span: Option<String>,
    /// Undo only the actions after this one, which stays: its number, as `runs show` lists it (38)
    #[arg(long, value_name = "SEQ", value_parser = parse_seq)]
    to: Option<Seq>,
    /// Keep this action, by its number, and undo the others (may be given more than once)
    #[arg(long, value_name = "SEQ", value_parser = parse_seq)]
    skip: Vec<Seq>,
    /// The run's workspace, or where it is now: undoes a run that was made elsewhere too
    #[arg(long, value_name = "PATH")]
    workspace: Option<PathBuf>,
    /// Undo despite conflicts; later changes by others are lost
    #[arg(long)]
    force: bool,
    /// Print what would be undone; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Undoes the actions; the exit code says whether all, some or none were undone.
pub(super) async fn run(args: Args, global: &Global) -> color_eyre::Result<Exit> {
    let data = data::open_existing(global)?;
    let workspace = args.workspace.as_deref();
    let stored = if args.dry_run {
        Stored::look(&data, &args.run, workspace)?
    } else {
        Stored::open(&data, &args.run, workspace).await?
    };
    let span = args.span.as_deref().map_or(Ok(SpanId::RUN), |written| find_span(&stored.log, written))?;
    let mut wanted = stored.log.with(|state| select_actions(state, span, &args))?;
    if args.dry_run {
        // The real undo resolves these first.
        let gone = predict_not_applied(&stored.log, &stored.world);
        wanted.retain(|action| !gone.contains(action));
    }
    let (undoes, inherited) = stored.log.with(|state| without_inherited_memory(state, wanted.clone()));
    let mut report = if args.dry_run {
        preview(&stored.log, &stored.world, &undoes, args.force)
    } else {
        let _guard = stored.world.lock(&Scope::All, "undo").await;
        let masker = Arc::new(Masker::from_env());
        let shell = undo_shell(&stored, &data, &wanted);
        let remotes = Remotes::new(shell.clone(), masker.clone());
        let by = Compensator::new(shell, masker).with_remotes(remotes.clone());
        let report = undo_list(&stored.log, &stored.world, &by, &undoes, args.force).await;
        // The servers that were asked are gone before the program ends.
        remotes.close().await;
        report
    };
    report.left.extend(inherited);
    let unfinished = stored.log.with(|state| UnfinishedCommand::list_interrupted(state, span, args.to));
    let outcome = UndoOutcome { wanted, report, unfinished, dry_run: args.dry_run, force: args.force };
    if args.json {
        print_json(&stored.log.with(|state| outcome.to_json(state))?)?;
    } else {
        print(&stored.log.with(|state| outcome.to_text(state)))?;
    }
    if !args.dry_run {
        let name = RunName::of(&stored.folder);
        let line = stored.log.with(|state| undo_line(state, &name, outcome.extent(state), outcome.left_unasked(state)));
        stored.close()?;
        eprint_line(&line);
    }
    Ok(outcome.exit())
}

/// The shell for undo commands; probes the sandbox only when there is an undo command to run.
fn undo_shell(stored: &Stored, data: &DataDir, wanted: &[Seq]) -> Shell {
    let compensation = |action: &Seq| {
        let is_one = |entry: &LedgerEntry| entry.record.key.kind == KeyKind::Compensation;
        stored.log.with(|state| state.ledger.get(*action).is_some_and(is_one))
    };
    let workspace = stored.world.root().to_owned();
    if !wanted.iter().any(compensation) {
        return Shell::unconfined(workspace);
    }
    Shell::probe(ShellPaths { workspace, hidden: hidden_folders(data.path()), scratch: None })
}

fn parse_seq(written: &str) -> Result<Seq, String> {
    let number = written.trim_start_matches('#').parse().map(Seq);
    number.map_err(|_| "expected the number of an action, such as 38".to_owned())
}

/// Selects the applied actions of a span and below to undo, newest first.
fn select_actions(state: &RunState, span: SpanId, args: &Args) -> color_eyre::Result<Vec<Seq>> {
    if let Some(to) = args.to.filter(|to| *to > state.last) {
        return Err(eyre!(
            "failed to find {to}: this run ends at {}. `tama-tui runs show` lists the actions.",
            state.last
        ));
    }
    if let Some(unknown) = args.skip.iter().find(|skip| state.ledger.get(**skip).is_none()) {
        return Err(eyre!("failed to skip {unknown}: there is no such action. `tama-tui runs show` lists them."));
    }
    let actions = state.actions(span, true).into_iter();
    let applied = |action: &Seq| state.ledger.get(*action).is_some_and(crate::model::LedgerEntry::is_applied);
    let asked = |action: &Seq| args.to.is_none_or(|to| *action > to) && !args.skip.contains(action);
    Ok(actions.filter(applied).filter(asked).collect())
}
