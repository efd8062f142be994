//! `apply` and `discard`: decide on the changes of an agent that are held, also after it has ended.

use std::collections::BTreeSet;
use std::path::PathBuf;

use color_eyre::eyre::eyre;
use serde_json::{Value as Json, json};

use super::data;
use super::exit::Exit;
use super::global::Global;
use super::held_list::{held_change, held_json};
use super::run_name::RunName;
use super::stored::Stored;
use super::summary::undo_line;
use super::text::{eprint_line, key_name, print, print_json, shorten_reason, to_lines};
use crate::app::text::plural;
use crate::model::{HeldChoice, RunState, Seq, SpanId};
use crate::rollback::{HeldReport, apply_held, discard_held};
use crate::runtime::Review;
use crate::world::{Scope, World};

/// `tama-tui apply` and `tama-tui discard`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: any unique part of its id
    run: String,
    /// Only these files and folders, with what can't go without them [default: all]
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// The run's workspace, or where it is now
    #[arg(long, value_name = "PATH")]
    workspace: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Applies or discards held changes; the exit code says whether all, some or none were.
pub(super) async fn run(args: Args, choice: HeldChoice, global: &Global) -> color_eyre::Result<Exit> {
    let data = data::open_existing(global)?;
    let stored = Stored::open(&data, &args.run, args.workspace.as_deref()).await?;
    let chosen = stored.log.with(|state| choose(state, &stored.world, &args.paths, choice))?;
    let review = Review::of_run(&stored.folder);
    let guard = stored.world.lock(&Scope::All, "review").await;
    let report = match choice {
        _ if chosen.is_empty() => HeldReport::default(),
        HeldChoice::Apply => {
            let layer = review.as_ref().and_then(Review::layer).zip(stored.rules.as_ref());
            apply_held(&stored.log, &stored.world, layer.as_ref().map(|(layer, rules)| (layer, *rules)), &chosen).await
        }
        HeldChoice::Discard => discard_held(&stored.log, &stored.world, &chosen).await,
    };
    drop(guard);
    let outcome = Outcome { chosen, report, choice };
    if args.json {
        print_json(&stored.log.with(|state| outcome.to_json(state)))?;
    } else {
        print(&stored.log.with(|state| outcome.to_text(state)))?;
    }
    if let Some(review) = &review {
        stored.log.with(|state| review.clean(state));
    }
    let name = RunName::of(&stored.folder);
    let line = stored.log.with(|state| {
        let undoable = state.trace.get(SpanId::RUN).is_some_and(|run| run.counts.undoable > 0);
        undo_line(state, &name, outcome.extent(), undoable)
    });
    stored.close()?;
    eprint_line(&line);
    Ok(outcome.exit())
}

/// Selects held actions by their paths, with those that can't go without them.
fn choose(state: &RunState, world: &World, paths: &[String], choice: HeldChoice) -> color_eyre::Result<BTreeSet<Seq>> {
    let all = state.all_held();
    if paths.is_empty() {
        return Ok(all);
    }
    let mut wanted = BTreeSet::new();
    for path in paths {
        let trimmed = path.trim_end_matches('/');
        let name = world.key(trimmed).map_or_else(|_| trimmed.to_owned(), |key| key.name);
        let is_it = |held: &str| held == name || held.strip_prefix(&name).is_some_and(|rest| rest.starts_with('/'));
        let found: Vec<Seq> = all
            .iter()
            .copied()
            .filter(|seq| state.ledger.get(*seq).is_some_and(|entry| is_it(&entry.record.key.name)))
            .collect();
        if found.is_empty() {
            return Err(eyre!(
                "failed to find a held change of {path}. `tama-tui runs show` lists them; paths are relative to the workspace."
            ));
        }
        wanted.extend(found);
    }
    Ok(state.ledger.held_together(&all, &wanted, choice))
}

/// The chosen changes, and the report on them.
struct Outcome {
    chosen: BTreeSet<Seq>,
    report: HeldReport,
    choice: HeldChoice,
}

impl Outcome {
    fn exit(&self) -> Exit {
        match (self.report.done.len(), self.chosen.len()) {
            (done, all) if done == all => Exit::Done,
            (0, _) => Exit::NoneUndone,
            _ => Exit::SomeUndone,
        }
    }

    fn did(&self) -> &'static str {
        match self.choice {
            HeldChoice::Apply => "applied",
            HeldChoice::Discard => "discarded",
        }
    }

    /// How far it went, for the line at the end.
    fn extent(&self) -> &'static str {
        match (self.choice, self.exit()) {
            _ if self.chosen.is_empty() => "holds nothing",
            (HeldChoice::Apply, Exit::Done) => "applied",
            (HeldChoice::Apply, Exit::NoneUndone) => "not applied",
            (HeldChoice::Apply, _) => "partly applied",
            (HeldChoice::Discard, Exit::Done) => "discarded",
            (HeldChoice::Discard, Exit::NoneUndone) => "not discarded",
            (HeldChoice::Discard, _) => "partly discarded",
        }
    }

    fn to_json(&self, state: &RunState) -> Json {
        let done: BTreeSet<Seq> = self.report.done.iter().copied().collect();
        let done: Vec<Json> = state.ledger.changes(&done).filter_map(|seq| held_change(state, seq)).collect();
        let left = self.report.left.iter().map(|left| {
            let path = state.ledger.get(left.action).map(|entry| entry.record.key.name.clone());
            json!({ "seq": left.action, "path": path, "why": left.why })
        });
        json!({ self.did(): done, "left": left.collect::<Vec<_>>(), "held": held_json(state), "exit": self.exit().code() })
    }

    fn to_text(&self, state: &RunState) -> String {
        let key = |seq: Seq| state.ledger.get(seq).map_or_else(String::new, |entry| key_name(&entry.record.key));
        let done: BTreeSet<Seq> = self.report.done.iter().copied().collect();
        let mut lines: Vec<String> =
            state.ledger.changes(&done).map(|seq| format!("{} {} · {seq}", self.did(), key(seq))).collect();
        let left = self.report.left.iter();
        lines.extend(
            left.map(|left| format!("held {} {}: {}", left.action, key(left.action), shorten_reason(&left.why))),
        );
        lines.push(match self.chosen.len() {
            0 => "nothing is held".to_owned(),
            all => format!("{} of {} {}", self.report.done.len(), plural(all, "action"), self.did()),
        });
        to_lines(&lines)
    }
}
