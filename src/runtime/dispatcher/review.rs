//! Held changes of an agent of another program: applied and discarded as the user says, also while it lives.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use super::super::refusal::{Refusal, ReleaseRefusal};
use super::Dispatcher;
use super::reversal::Undoing;
use crate::model::{HeldChoice, PlanLeave, Release, Seq, SpanId, TraceBody, UndoReport, first_names};
use crate::rollback::{ActError, HeldReport, apply_held, discard_held, look};
use crate::world::Scope;

/// The name under which it takes the locks.
const REVIEW: &str = "review";
/// Paths named in one line.
const NAMED: usize = 20;

impl Dispatcher {
    /// The held changes of an agent of another program that a decision is about; `None`: it is about something else.
    pub(super) fn reviewed(&self, span: SpanId, how: &Release) -> Option<(BTreeSet<Seq>, HeldChoice)> {
        self.services.commands.review.as_ref()?;
        let (only, choice) = match how {
            Release::Apply { only, .. } => (only, HeldChoice::Apply),
            Release::Discard { only } => (only, HeldChoice::Discard),
            _ => return None,
        };
        let chosen = self.log.with(|state| {
            let all: BTreeSet<Seq> = state.held.values().flatten().copied().collect();
            let within = state.held.iter().filter(|(held, _)| state.trace.is_within(**held, span));
            let below: BTreeSet<Seq> = within.flat_map(|(_, actions)| actions).copied().collect();
            let wanted = if only.is_empty() { below } else { only.iter().copied().collect() };
            state.ledger.held_together(&all, &wanted, choice)
        });
        Some((chosen, choice))
    }

    /// Applies or discards held changes of an agent, in a task beside the run.
    pub(super) fn decide_on_review(
        &mut self,
        span: SpanId,
        chosen: BTreeSet<Seq>,
        choice: HeldChoice,
    ) -> Result<(), Refusal> {
        self.check_undo()?;
        if chosen.is_empty() {
            return Err(ReleaseRefusal::NoChangesHeld.into());
        }
        let Some(review) = self.services.commands.review.clone() else {
            return Err(ReleaseRefusal::NoChangesHeld.into());
        };
        let (log, services) = (self.log.clone(), self.services.clone());
        let agent = self.services.agent.clone();
        let task = tokio::spawn(async move {
            let _guard = services.world.lock(&Scope::All, REVIEW).await;
            let (world, rules) = (&services.world, &services.commands.rules);
            let layer = review.layer();
            // What the agent did meanwhile is its own action, on top of these.
            if let (Some(layer), Some(program), Some(_)) = (&layer, review.program(), world.view())
                && let Err(error) = look(&log, world, layer, rules, program).await
            {
                return all_left(&chosen, &error);
            }
            let report = match choice {
                HeldChoice::Apply => apply_held(&log, world, layer.as_ref().map(|layer| (layer, rules)), &chosen).await,
                HeldChoice::Discard => discard_held(&log, world, &chosen).await,
            };
            let text = log.with(|state| told(&names(state, &report.done), choice, &report));
            log.append(vec![TraceBody::Note { span: Some(span), error: !report.left.is_empty(), text }]);
            if let (HeldChoice::Discard, Some(agent), false) = (choice, agent, report.done.is_empty()) {
                let what = log.with(|state| first_names(&names(state, &report.done), NAMED));
                agent.add_notice(format!("The user discarded changes of yours. These are as they were before: {what}"));
            }
            if world.view().is_none() {
                log.with(|state| review.clean(state));
            }
            UndoReport { left: report.left, ..UndoReport::default() }
        });
        self.reversal.undo(Undoing::new(task, CancellationToken::new(), vec![span], None));
        Ok(())
    }
}

fn all_left(chosen: &BTreeSet<Seq>, error: &ActError) -> UndoReport {
    let why = format!("failed to {error}");
    let left = chosen.iter().map(|action| PlanLeave { action: *action, why: why.clone() }).collect();
    UndoReport { left, ..UndoReport::default() }
}

fn names(state: &crate::model::RunState, actions: &[Seq]) -> Vec<String> {
    let found = actions.iter().filter_map(|action| state.ledger.get(*action));
    let names: BTreeSet<String> = found.map(|entry| entry.record.key.to_string()).collect();
    names.into_iter().collect()
}

/// One line about what became of held changes.
fn told(names: &[String], choice: HeldChoice, report: &HeldReport) -> String {
    let did = match choice {
        HeldChoice::Apply => "applied",
        HeldChoice::Discard => "discarded",
    };
    let done =
        if names.is_empty() { format!("nothing {did}") } else { format!("{did}: {}", first_names(names, NAMED)) };
    match &report.left[..] {
        [] => done,
        [one] => format!("{done}; {} stays held: {}", one.action, one.why),
        [one, ..] => format!("{done}; {} stay held; {}: {}", report.left.len(), one.action, one.why),
    }
}
