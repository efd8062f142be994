//! `undo`: takes back what a stored run did, newest first.

use std::sync::Arc;

use color_eyre::eyre::eyre;

use super::exit::Exit;
use super::stored::{Stored, find_span};
use super::text::{print, print_json, safe};
use super::{Global, data};
use crate::effects::Masker;
use crate::effects::confine::{Place, Shell};
use crate::effects::tools::Compensator;
use crate::model::{KeyKind, LedgerEntry, RunState, Seq, SpanId, UndoReport};
use crate::rollback::{preview, settles_away, undo_list, why_refused};
use crate::store::{Access, DataDir};
use crate::world::Scope;

/// `tama-tui undo`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: any unique part of its id
    run: String,
    /// Only what this span and those below it did: s12, or a path such as editor/writer#2 [default: the whole run]
    #[arg(long)]
    span: Option<String>,
    /// Only what came after this action, which stays
    #[arg(long, value_name = "SEQ", value_parser = seq)]
    to: Option<Seq>,
    /// Leave this action as it is, and go on with the others (may be given more than once)
    #[arg(long, value_name = "SEQ", value_parser = seq)]
    skip: Vec<Seq>,
    /// Undo over conflicts too: what others made of it since is lost
    #[arg(long)]
    force: bool,
    /// Say what would be undone, and touch nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Undoes, and tells by the exit code whether it was all, some or none.
pub(super) async fn run(args: Args, global: &Global) -> color_eyre::Result<Exit> {
    let data = data::existing(global)?;
    let access = if args.dry_run { Access::ReadOnly } else { Access::ReadWrite };
    let stored = Stored::open(&data, &args.run, access).await?;
    let span = args.span.as_deref().map_or(Ok(SpanId::RUN), |written| find_span(&stored.log, written))?;
    let mut wanted = stored.log.with(|state| applied(state, span, &args))?;
    if args.dry_run {
        // The real undo settles these first.
        let gone = settles_away(&stored.log, &stored.world);
        wanted.retain(|action| !gone.contains(action));
    }
    let report = if args.dry_run {
        preview(&stored.log, &stored.world, &wanted, args.force)
    } else {
        let _guard = stored.world.lock(Scope::All, "undo").await;
        let masker = Arc::new(Masker::from_env());
        let by = Compensator::new(shell_for(&stored, &data, &wanted), masker);
        undo_list(&stored.log, &stored.world, &by, &wanted, args.force).await
    };
    if args.json {
        print_json(&report)?;
    } else {
        print(&stored.log.with(|state| told(state, &wanted, &report, args.dry_run)))?;
    }
    if !args.dry_run {
        stored.close()?;
    }
    Ok(verdict(&wanted, &report))
}

/// What runs the commands that make up for actions; nothing is tried out where there are none.
fn shell_for(stored: &Stored, data: &DataDir, wanted: &[Seq]) -> Shell {
    let compensation = |action: &Seq| {
        let is_one = |entry: &LedgerEntry| entry.record.key.kind == KeyKind::Compensation;
        stored.log.with(|state| state.ledger.get(*action).is_some_and(is_one))
    };
    let workspace = stored.world.root().to_owned();
    if !wanted.iter().any(compensation) {
        return Shell::unconfined(workspace);
    }
    Shell::probe(Place { workspace, hidden: vec![data.path().to_owned()], scratch: None })
}

fn seq(written: &str) -> Result<Seq, String> {
    let number = written.trim_start_matches('#').parse().map(Seq);
    number.map_err(|_| "expected the number of an action, such as 38".to_owned())
}

/// The applied actions of a span and below that are to be undone, newest first.
fn applied(state: &RunState, span: SpanId, args: &Args) -> color_eyre::Result<Vec<Seq>> {
    if let Some(to) = args.to.filter(|to| *to > state.last) {
        return Err(eyre!(
            "there is no {to} in this run: it ends at {}. `tama-tui runs show` lists the actions.",
            state.last
        ));
    }
    if let Some(unknown) = args.skip.iter().find(|skip| state.ledger.get(**skip).is_none()) {
        return Err(eyre!("there is no action {unknown} to skip. `tama-tui runs show` lists them."));
    }
    let actions = state.actions(span, true).into_iter();
    let applied = |action: &Seq| state.ledger.get(*action).is_some_and(crate::model::LedgerEntry::is_applied);
    let asked = |action: &Seq| args.to.is_none_or(|to| *action > to) && !args.skip.contains(action);
    Ok(actions.filter(applied).filter(asked).collect())
}

fn verdict(wanted: &[Seq], report: &UndoReport) -> Exit {
    let undone = wanted.iter().filter(|action| report.undone.contains(action)).count();
    match undone {
        all if all == wanted.len() => Exit::Done,
        0 => Exit::NoneUndone,
        _ => Exit::SomeUndone,
    }
}

/// The report as lines.
fn told(state: &RunState, wanted: &[Seq], report: &UndoReport, dry_run: bool) -> String {
    let key = |action: Seq| state.ledger.get(action).map_or_else(String::new, |entry| entry.record.key.to_string());
    let becomes = |action: Seq| {
        let entry = state.ledger.get(action);
        entry.map_or_else(String::new, |entry| match (entry.record.key.kind, dry_run) {
            (KeyKind::Compensation, true) => "by its compensation".into(),
            (KeyKind::Compensation, false) => "compensated".into(),
            _ => format!("{} again", entry.record.old.summary()),
        })
    };
    let (undoes, undone) = if dry_run { ("would undo", "would be undone") } else { ("undid", "undone") };
    let mut lines: Vec<String> = Vec::new();
    lines
        .extend(report.undone.iter().map(|action| format!("{undoes} {action} {}: {}", key(*action), becomes(*action))));
    lines.extend(report.left.iter().map(|left| format!("left {} {}: {}", left.action, key(left.action), left.why)));
    if let Some(conflict) = &report.conflict {
        let action = conflict.action;
        lines.push(format!("stopped at {action}: {}", why_refused(conflict)));
        lines.push(format!("--skip {} leaves it and goes on; --force undoes it all the same", action.0));
    }
    let count = wanted.iter().filter(|action| report.undone.contains(action)).count();
    lines.push(if wanted.is_empty() {
        "nothing to undo".into()
    } else {
        format!("{count} of {} {undone}", wanted.len())
    });
    if !report.compensated.is_empty() {
        lines.push(format!(
            "{} of them compensated: what that did outside can't be read again",
            report.compensated.len()
        ));
    }
    let certificate = &report.certificate;
    if certificate.total > 0 {
        lines.push(format!("restored {}/{}", certificate.restored, certificate.total));
        lines.extend(certificate.differs.iter().map(|line| format!("differs: {line}")));
    }
    lines.push(String::new());
    safe(&lines.join("\n"))
}
