//! Driving the run: continue, step, pause.

use super::{approving, holding};
use crate::app::{Choice, Command, Item, Key, Menu, Pane, Popup, State, UiAction, held_words, keys, safe};
use crate::model::{self, Release, RunState, SpanId};

/// The spans stopped at or below a span, by what lets them go.
#[derive(Debug, Default)]
struct Stops {
    /// Merely paused: a continue lets them go.
    free: usize,
    /// They need an approval.
    approvals: Vec<SpanId>,
    /// Their changes are held.
    held: Vec<SpanId>,
}

impl Stops {
    fn within(run: &RunState, above: SpanId) -> Self {
        let mut stops = Self::default();
        for span in run.trace.paused().filter(|span| run.trace.is_within(*span, above)) {
            if approving::needs_approval(run, span) {
                stops.approvals.push(span);
            } else if run.held.contains_key(&span) {
                stops.held.push(span);
            } else {
                stops.free += 1;
            }
        }
        stops
    }

    /// `2 need approval, 1 holds changes`: what a continue lets stand.
    fn left(&self) -> Option<String> {
        let verb = |count: usize, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {many}")),
        };
        let parts = [
            verb(self.approvals.len(), "needs approval", "need approval"),
            verb(self.held.len(), "holds changes", "hold changes"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// Continues what is paused here. Where nothing is merely paused it opens the approval, or applies held changes; asks
/// first in a conflict, and for an agent whose changes were undone.
pub(super) fn resume(state: &mut State) -> Vec<Command> {
    if keys::is_resumable(state) {
        return vec![Command::Run(model::Command::PlanResume)];
    }
    let Some((target, _)) = state.paused_here() else {
        if let Some(span) = state.asking_here() {
            return approving::open(state, span);
        }
        return state.reviewed_here().map(|span| holding::apply(state, span)).unwrap_or_default();
    };
    let stops = Stops::within(&state.run, target);
    if let (0, Some(span)) = (stops.free, stops.approvals.first()) {
        return approving::open(state, *span);
    }
    let held = if stops.free == 0 { stops.held.first().copied() } else { None };
    if held.is_some_and(|held| !state.run.trace.is_within(held, state.selected())) {
        return show_held(state, held);
    }
    if held.is_some() && stops.held.len() > 1 {
        state.say("several commands have held changes: select one");
        return Vec::new();
    }
    let agent = holding::stale_agent(state, target).filter(|_| state.conflict_within(held.unwrap_or(target)).is_none());
    match (agent, held) {
        (Some(agent), _) => {
            ask_stale(state, target, agent, held);
            Vec::new()
        }
        (None, Some(held)) => holding::apply(state, held),
        (None, None) => {
            if let Some(left) = stops.left() {
                state.say(format!("continued; left: {left}"));
            }
            vec![Command::Run(model::Command::Release { span: target, how: Release::Continue { notify_model: false } })]
        }
    }
}

/// True when a continue only opens an approval: nothing here is merely paused.
pub(in crate::app) fn opens_approval(state: &State) -> bool {
    let stops = state.paused_here().map(|(target, _)| Stops::within(&state.run, target));
    stops.is_some_and(|stops| stops.free == 0 && !stops.approvals.is_empty())
}

/// Opens the approval that Enter means in Spans: the selected span, or what is below it, needs one and nothing else.
pub(super) fn open_approval(state: &mut State) -> Option<Vec<Command>> {
    let may = (keys::verb(UiAction::Continue).available)(state).is_ok() && state.focus == Pane::Tree;
    if may && state.run.trace.is_asking(state.selected()) {
        return Some(approving::open(state, state.selected()));
    }
    let stops = Stops::within(&state.run, state.selected());
    let span = stops.approvals.first().filter(|_| may && stops.free == 0 && stops.held.is_empty())?;
    Some(approving::open(state, *span))
}

/// Goes to held changes elsewhere: they are applied only where they are seen.
fn show_held(state: &mut State, held: Option<SpanId>) -> Vec<Command> {
    if let Some(span) = held {
        state.go_to(span);
        state.show(Pane::Rollback);
        state.say(held_words(state, span).to_string());
    }
    Vec::new()
}

/// Continues everything that is merely paused, and says what it lets stand.
pub(super) fn resume_all(state: &mut State) -> Vec<Command> {
    let stops = Stops::within(&state.run, SpanId::RUN);
    let left = stops.left();
    if stops.free == 0 {
        state.say(format!("nothing is merely paused: {}", left.unwrap_or_default()));
        return Vec::new();
    }
    if let Some(left) = left {
        state.say(format!("continued; left: {left}"));
    }
    vec![Command::Run(model::Command::ReleaseAll)]
}

pub(super) fn pause(state: &mut State) -> Vec<Command> {
    state.pausing = true;
    vec![Command::Run(model::Command::Pause)]
}

/// Steps what is merely paused here.
pub(super) fn step(state: &mut State, how: Release) -> Vec<Command> {
    let Some((span, _)) = state.paused_here() else { return Vec::new() };
    let stops = Stops::within(&state.run, span);
    match (stops.free, stops.approvals.len()) {
        (0, 0) => state.say("its changes are held: c applies, D discards"),
        (0, _) => state.say("it needs an approval: c opens it"),
        _ => return vec![Command::Run(model::Command::Release { span, how })],
    }
    Vec::new()
}

/// Offers the choices of semantics.md, with the agent selected so that Rollback shows what was undone.
fn ask_stale(state: &mut State, target: SpanId, agent: SpanId, held: Option<SpanId>) {
    let choice = if let Some(held) = held {
        holding::applying(state, held, true)
    } else {
        let how = Release::Continue { notify_model: true };
        Choice::Send(model::Command::Release { span: target, how })
    };
    state.go_to(agent);
    let name = safe::line(&state.run.trace.label(agent)).into_owned();
    let label = match held {
        Some(_) => "apply its held changes, and tell the model what was undone",
        None => "continue, and tell the model what was undone",
    };
    let items = vec![
        Item::new(Key::Char('c'), label, choice),
        Item::new(Key::Char('r'), format!("retry {name}"), Choice::Act(UiAction::Retry)),
        Item::new(Key::Ctrl('r'), "redo the last undone action", Choice::Act(UiAction::Redo)),
    ];
    let lines = vec!["Some of its changes were undone; its model does not know.".to_owned()];
    state.popup = Some(Popup::Menu(Menu::new(format!("{name}: undone under it"), lines, items)));
}
