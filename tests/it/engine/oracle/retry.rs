//! A retry with a changed outcome: the plan, the change, and what the run says to it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use tama_tui::model::{
    Command, EditScope, Generation, RetryPlan, RunState, RunStatus, Seq, SpanId, SpanKind, SpanSpec, SpanStatus,
    TraceBody,
};

use super::case::{Case, Change};
use super::choose::{choose, is_in_branch};
use super::edit::{edited_prompt, end_edits};
use super::edit_choice::choose_edit;
use super::generate::changed_reply;
use super::rng::Rng;
use super::run::Run;
use super::tools::command_number;

/// Plans that are asked for anew when the run moved on.
const PLANS: usize = 200;

/// A retry that was carried out.
pub struct Retried {
    pub plan: RetryPlan,
    /// Paths that run again.
    pub set: BTreeSet<String>,
    /// The calls before it that no retry had replaced; true for those that had ended.
    before: BTreeMap<String, bool>,
    generation: Generation,
    /// True when nothing runs otherwise than before.
    is_unchanged: bool,
    /// True when the run had come to its end.
    pub at_end: bool,
}

/// Retries a span chosen at random, with a changed outcome, or with an edit (`is_edited`). Adds the change that was made;
/// `None`: the run refused, with a reason that holds.
pub async fn retry(
    run: &mut Run,
    case: &Case,
    rng: &mut Rng,
    changes: &mut Vec<Change>,
    is_edited: bool,
) -> Result<Option<Retried>, String> {
    let held = run.held(case);
    let span = choose(rng, &run.state, held, case.shares);
    let label = run.state.trace.path(span);
    let mut plan = plan(run, span).await?;
    let change = if is_edited {
        Some(Change::Edit(choose_edit(rng, case, run, &plan, changes.len() + 1)))
    } else {
        change(rng, case, run, &plan, changes.len() + 1)
    };
    let edits = change.as_ref().and_then(Change::edit).map(|edit| Box::new(edit.for_retry()));
    let earlier = changes.len();
    // A branch that reads what those beside it changed does other things in another order.
    let meets = plan.reruns.iter().any(|span| is_in_branch(&run.state, *span));
    changes.extend(change.clone());
    case.write_changes(run.folder.path(), changes, true);
    if let Some(Change::PromptEdit(name)) = &change {
        edit(run, &plan, name).await?;
    }
    for _ in 0..PLANS {
        let at = run.events.len();
        let at_end = run.has_ended() && run.state.status != RunStatus::Cancelled;
        run.refused.clear();
        run.plan = None;
        let shown = Box::new(plan.clone());
        run.send(match edits.clone() {
            None => Command::Retry { plan: shown, with_readers: true },
            Some(edits) => Command::RetryEdited { plan: shown, edits, with_readers: true },
        });
        run.until(&format!("the retry of {label}"), |run| is_answered(run, at)).await?;
        if let Some(found) = began(run, at) {
            let (before, generation, set) = found;
            let is_same = changes.len() == earlier && !(case.shares && meets);
            // The calls of the other model that run anew are the usual one's now.
            let was_edited = changes[..earlier].iter().any(|change| change.edit().is_some());
            end_edits(changes, &set, earlier, generation);
            let is_unchanged = is_same && !was_edited;
            run.holds = false;
            return Ok(Some(Retried { plan, set, before, generation, is_unchanged, at_end }));
        }
        let why = run.refused.join("; ");
        if why.contains("look at the new plan") || why.contains("is using the workspace") {
            if why.contains("using") {
                // Whatever holds it goes on, and says so.
                run.step().await?;
            }
            plan = self::plan(run, span).await?;
            continue;
        }
        changes.truncate(earlier);
        case.write_changes(run.folder.path(), changes, true);
        let keeps = matches!(change, Some(Change::PromptEdit(_)));
        if why.contains("was changed since") && !keeps && is_blocked(&run.state, &plan) {
            return Ok(None);
        }
        if why.contains("was replaced") {
            return Ok(None);
        }
        return Err(format!("the retry of {label} was refused: {why}"));
    }
    Err(format!("the retry of {label} found another plan each time"))
}

pub async fn plan(run: &mut Run, span: SpanId) -> Result<RetryPlan, String> {
    run.plan = None;
    run.refused.clear();
    run.send(Command::Plan { span });
    run.until("the plan", |run| run.plan.is_some() || run.refused.iter().any(|why| why.contains("plan the retry")))
        .await?;
    run.plan.take().ok_or_else(|| run.refused.join("; "))
}

/// Another outcome for a call that the plan runs again; mostly of the span itself, or the first below it.
pub fn change(rng: &mut Rng, case: &Case, run: &Run, plan: &RetryPlan, number: usize) -> Option<Change> {
    let trace = &run.state.trace;
    let kind = |span: &SpanId| trace.get(*span).map(|found| found.kind);
    let set: Vec<SpanId> = plan.reruns.clone();
    let agents: Vec<SpanId> = set.iter().copied().filter(|span| kind(span) == Some(SpanKind::Agent)).collect();
    if !agents.is_empty() && rng.chance(25) && (case.shares || run.has_ended()) {
        let name = trace.name(*rng.pick(&agents)).to_owned();
        let has_prompt = case.agents.iter().any(|agent| agent.name == name && agent.prompt.is_some());
        let all = (1..trace.len()).map(|at| SpanId(u32::try_from(at).unwrap()));
        let mut others = all.filter(|span| trace.name(*span) == name && !set.contains(span));
        let is_whole = others.all(|span| trace.get(span).is_none_or(|found| found.status == SpanStatus::Undone));
        if has_prompt && is_whole {
            return Some(if rng.chance(50) { Change::PromptFile(name) } else { Change::PromptEdit(name) });
        }
    }
    let calls: Vec<SpanId> = set.iter().copied().filter(|span| kind(span) != Some(SpanKind::Agent)).collect();
    if calls.is_empty() || rng.chance(10) {
        return None;
    }
    let call = if rng.chance(70) { calls[0] } else { *rng.pick(&calls) };
    let call = if calls.contains(&plan.span) && rng.chance(70) { plan.span } else { call };
    if kind(&call) == Some(SpanKind::Tool) {
        return arguments_of(run, call).and_then(|(_, args)| command_number(&args)).map(Change::Flag);
    }
    let agent = trace.path(trace.agent_of(call));
    let visit = trace.get(call).map_or(1, |found| found.visit);
    let spot = case.spots.iter().find(|spot| spot.agent == agent && spot.call == visit)?;
    Some(Change::Reply(changed_reply(rng, case, spot, number)))
}

/// The tool that a span runs, and its arguments.
pub fn arguments_of(run: &Run, span: SpanId) -> Option<(String, Json)> {
    let args = run.events.iter().find_map(|event| match &event.body {
        TraceBody::SpanStarted(start) if start.span == span => match &start.spec {
            SpanSpec::Tool { args, .. } => Some(*args),
            _ => None,
        },
        _ => None,
    })?;
    let text = run.session.log.recorder().text(args).ok()?;
    Some((run.state.trace.name(span).to_owned(), serde_json::from_str(&text).ok()?))
}

/// Edits a prompt as a user does, for the tries that follow.
async fn edit(run: &mut Run, plan: &RetryPlan, name: &str) -> Result<(), String> {
    let agent = plan.reruns.iter().copied().find(|span| run.state.trace.name(*span) == name).ok_or("no such agent")?;
    let text = edited_prompt(name);
    let at = run.events.len();
    run.send(Command::SaveEdit { span: agent, text, scope: EditScope::Agent });
    let is_edit = |body: &TraceBody| matches!(body, TraceBody::PromptEdited { .. });
    run.until("the edit", |run| run.events[at..].iter().any(|event| is_edit(&event.body))).await
}

fn is_answered(run: &Run, since: usize) -> bool {
    let began = run.events[since..].iter().any(|event| matches!(event.body, TraceBody::Invalidated { .. }));
    // A stop that was let go at the same moment may be refused too.
    let about_stop = |why: &String| why.contains("nothing is paused") || why.contains("are being undone");
    began || run.refused.iter().any(|why| !about_stop(why))
}

type Before = (BTreeMap<String, bool>, Generation, BTreeSet<String>);

/// Looks at the run as it was when the retry began, if it did.
fn began(run: &Run, since: usize) -> Option<Before> {
    let at =
        since + run.events[since..].iter().position(|event| matches!(event.body, TraceBody::Invalidated { .. }))?;
    let TraceBody::Invalidated { generation, paths, .. } = &run.events[at].body else { return None };
    let calls = super::outcome::surviving(&run.events[..at]);
    let is_call = |kind: SpanKind| matches!(kind, SpanKind::Llm | SpanKind::Tool);
    let calls = calls.into_iter().filter(|(_, told)| is_call(told.start.spec.kind()));
    let before = calls.map(|(path, told)| (path, told.end.is_some_and(|end| end.is_own()))).collect();
    Some((before, *generation, paths.iter().cloned().collect()))
}

/// True when something that stays was done after an action of the plan, at its key or around it.
fn is_blocked(state: &RunState, plan: &RetryPlan) -> bool {
    use tama_tui::model::ActionOp::Append;
    let undone: BTreeSet<Seq> = plan.undoes.iter().copied().collect();
    let entries = state.ledger.entries();
    let later = |seq: Seq| entries.iter().filter(move |entry| entry.seq > seq && entry.is_applied());
    let blocks = |action: Seq| {
        let Some(entry) = state.ledger.get(action) else { return false };
        let key = &entry.record.key;
        later(action).filter(|other| !undone.contains(&other.seq)).any(|other| {
            let near = &other.record.key;
            let commute = entry.record.op == Append && other.record.op == Append;
            (near.same_place(key) && !commute) || near.is_inside(key) || key.is_inside(near)
        })
    };
    undone.iter().any(|action| blocks(*action))
}

impl Retried {
    /// Compares the calls that were really made since with the plan.
    pub fn check_calls(&self, run: &Run) -> Result<(), String> {
        let mut wrong = Vec::new();
        let answered = |path: &str| self.before.get(path) == Some(&true) && !self.set.contains(path);
        let mut made: BTreeSet<String> = BTreeSet::new();
        for event in &run.events {
            let TraceBody::SpanStarted(start) = &event.body else { continue };
            if start.generation != self.generation || start.spec.kind() == SpanKind::Agent {
                continue;
            }
            if answered(&start.path) {
                wrong.push(format!("{} ran again, and is not in the plan", start.path));
            }
            if !made.insert(start.path.clone()) {
                wrong.push(format!("{} ran twice", start.path));
            }
        }
        // Each call that was sent has a span of its own: none is sent twice for one, or behind the record's back.
        let sent = run.sent.paths();
        let mut spans: BTreeMap<&String, usize> = BTreeMap::new();
        for event in &run.events {
            if let TraceBody::SpanStarted(start) = &event.body {
                *spans.entry(&start.path).or_default() += 1;
            }
        }
        for path in sent.iter().collect::<BTreeSet<_>>() {
            let (times, spans) = (sent.iter().filter(|other| *other == path).count(), spans.get(path).copied());
            if times > spans.unwrap_or(0) {
                wrong.push(format!("{path} was sent {times} times, and has {spans:?} spans"));
            }
        }
        if self.at_end && self.is_unchanged {
            let planned: BTreeSet<&String> = self.set.iter().filter(|path| self.before.contains_key(*path)).collect();
            let really: BTreeSet<&String> = made.iter().collect();
            if planned != really {
                wrong.push(format!("the plan has the calls {planned:?}, and these were made: {really:?}"));
            }
        }
        if self.at_end {
            let reused = self.before.iter().filter(|(path, ended)| **ended && !self.set.contains(*path)).count();
            if reused != self.plan.from_journal {
                wrong.push(format!("{reused} calls are reused, and the plan says {}", self.plan.from_journal));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }
}
