//! Everything the screen shows.

use std::collections::{BTreeSet, HashMap};

use super::approvals::Approvals;
use super::{
    AgentPane, ByHandEdits, Detail, Finds, Key, Layout, Log, MorePanels, Pane, Panels, Popup, Preview, Rollback,
    Search, Slot, Streamed, Then, Timeline, Trail, Tree,
};
use crate::model::{
    Abilities, Breakpoint, Checking, EditPart, Editable, MadeElsewhere, Millis, PauseReason, RunState, RunStatus, Seq,
    Settler, ShellMode, SpanId, TriesReport, UnwrittenEdit,
};

/// The options of a session.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Shared and personal breakpoints.
    pub breakpoints: Vec<Breakpoint>,
    /// The terminal's columns and lines.
    pub size: (u16, u16),
    /// The time now.
    pub now: Millis,
    /// Follow the newest span from the start (a live run).
    pub follow: bool,
    /// The name of the agent of another program that the run watches, and whose terminal the screen shows.
    pub agent: Option<String>,
}

/// The kind of the footer's message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Said {
    /// It stands until the next key.
    #[default]
    Plain,
    /// It says why a key was refused; it stands until the next key.
    Refused,
    /// It tells of something refused, and is outdated as soon as the run or the selection moves on.
    Refusal,
    /// A key was pressed that notes answer: they are said too.
    Notes,
}

/// An edit that waits for its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fetching {
    /// The span.
    pub span: SpanId,
    /// The part of a span that ran; `None`: what is sent.
    pub part: Option<EditPart>,
    /// True for `$EDITOR`.
    pub outside: bool,
    /// The place after it.
    pub then: Then,
}

/// The screen's state.
#[expect(clippy::struct_excessive_bools, reason = "each says one thing about the run or the screen, by itself")]
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The run: the fold of its events.
    pub run: RunState,
    /// The span tree's view.
    pub tree: Tree,
    /// The panel that keys go to.
    pub focus: Pane,
    /// The panel beside the tree: several share that place.
    pub side: Pane,
    /// Which panel was chosen below the tree, for when the panels are stacked.
    pub lower: Pane,
    /// Texts of the selected span.
    pub detail: Detail,
    /// Its actions.
    pub rollback: Rollback,
    /// Lines about the debugger's own decisions.
    pub log: Log,
    /// The terminal of the agent of another program that the run watches.
    pub agent: Option<AgentPane>,
    /// The panels that only the frame knows.
    pub panels: MorePanels,
    /// The moment that is shown in the place of the run as it is now.
    pub timeline: Timeline,
    /// True while the panel with the focus takes the whole screen.
    pub zoom: bool,
    /// The popup over the panels, which takes the keys.
    pub popup: Option<Popup>,
    /// A prefix key that was pressed and waits for the next.
    pub pending: Option<Key>,
    /// A search being typed, in the footer: it takes all input.
    pub search: Option<Search>,
    /// The breakpoints as they were last sent.
    pub breakpoints: Vec<Breakpoint>,
    /// The abilities of this run; unknown until the run says them.
    pub abilities: Option<Abilities>,
    /// True if the run is only looked at, and can't be changed from here.
    pub is_looked_at: bool,
    /// A run that was made elsewhere, until the user has confirmed its workspace.
    pub foreign: Option<MadeElsewhere>,
    /// How commands run here; unknown until the run says so.
    pub shell: Option<ShellMode>,
    /// Edits that are in no file.
    pub edits: Vec<UnwrittenEdit>,
    /// The parts that came of responses that are still streaming, or were cut off.
    pub streams: HashMap<SpanId, Streamed>,
    /// The plan of a retry of the selected span.
    pub preview: Preview,
    /// The tries under way.
    pub tries: Option<Box<TriesReport>>,
    /// The models that can be tried: a role or model, and the model that it stands for.
    pub models: Vec<(String, String)>,
    /// The time now, from events and ticks.
    pub now: Millis,
    /// The terminal's columns and lines.
    pub size: (u16, u16),
    /// One line for the footer: why a key was refused, what an undo did.
    pub message: Option<String>,
    /// Events that are committed and not here yet.
    pub lag: u64,
    /// How far the check of a past run's log is, while it goes on.
    pub checking: Option<Checking>,
    /// True when the check of the log found damage.
    pub damaged: bool,
    /// A pause was asked for and is not confirmed.
    pub pausing: bool,
    /// The run's engine stopped.
    pub closed: bool,
    /// True when something changed since the last drawing; the loop clears it.
    pub dirty: bool,
    /// The last event that the panels know of; a past run's state comes before its events.
    pub(super) heard: Seq,
    /// Keeps the run small while it grows.
    pub(super) settler: Settler,
    /// Calls under way (not stopped at a gate).
    pub(super) active: BTreeSet<SpanId>,
    /// The places that jumps left.
    pub(super) trail: Trail,
    /// How often breakpoints stopped the run, by their labels.
    pub(super) hits: HashMap<String, usize>,
    /// The texts looked for.
    pub(super) finds: Finds,
    /// The time on the wall, as the loop says it before each message.
    pub(super) clock: Millis,
    /// The span a retry was asked for, until its plan comes.
    pub(super) retrying: Option<SpanId>,
    /// The span that tries were asked for, until their plan comes.
    pub(super) trying: Option<SpanId>,
    /// The edit that was asked for, until its text comes.
    pub(super) fetching: Option<Fetching>,
    /// The text that `$EDITOR` has open, and the place after it.
    pub(super) outside: Option<(Editable, Then)>,
    /// Edits by hand that no retry or fork has taken.
    pub(super) by_hand: ByHandEdits,
    /// How many editor popups there were.
    pub(super) editors: u64,
    /// The kind of the message.
    pub(super) said: Said,
    /// The approvals that were answered or put off here, and the time of the last key.
    pub(super) asked: Approvals,
}

impl State {
    /// The state before the first event.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let mut state = Self {
            side: Pane::Detail,
            lower: Pane::Detail,
            breakpoints: setup.breakpoints,
            size: setup.size,
            now: setup.now,
            asked: Approvals::starting(setup.now),
            dirty: true,
            agent: setup.agent.as_deref().map(AgentPane::new),
            ..Self::default()
        };
        if state.agent.is_some() {
            state.focus = Pane::Agent;
        }
        state.tree.follow = setup.follow;
        state.detail.wrap = true;
        state
    }

    /// Edits by hand that no retry or fork has taken.
    #[must_use]
    pub fn by_hand(&self) -> &ByHandEdits {
        &self.by_hand
    }

    /// The selected span.
    #[must_use]
    pub fn selected(&self) -> SpanId {
        self.tree.cursor()
    }

    /// Where the panels lie.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let panels = Panels {
            side: self.side,
            lower: self.below(),
            rows: self.has_rollback().then(|| self.rollback.seqs().len()),
            has_agent: self.agent.is_some(),
            focus: self.focus,
            zoom: self.zoom,
            has_strip: self.timeline.is_past(),
        };
        Layout::new(self.size, panels)
    }

    /// The panel below the tree when the panels are stacked: Rollback makes room when it is empty.
    #[must_use]
    pub fn below(&self) -> Pane {
        if self.lower == Pane::Rollback && !self.has_rollback() { self.side } else { self.lower }
    }

    /// True while Rollback takes room: it has rows, or it was narrowed to a span that has none of its own.
    pub(super) fn has_rollback(&self) -> bool {
        let narrowed = self.focus == Pane::Rollback && self.rollback.is_narrow();
        narrowed || !self.rollback.seqs().is_empty()
    }

    /// True while keys, pasted text and the mouse are for the agent's terminal.
    #[must_use]
    pub fn takes_agent_input(&self) -> bool {
        let is_over = self.popup.is_some() || self.search.is_some();
        self.focus == Pane::Agent && !is_over && self.agent.as_ref().is_some_and(AgentPane::types)
    }

    /// The lines and columns of the agent's terminal, while it is shown.
    #[must_use]
    pub fn agent_size(&self) -> Option<(u16, u16)> {
        let inside = self.layout().area(Pane::Agent).inner();
        (inside.width > 0 && inside.height > 0).then_some((inside.height, inside.width))
    }

    /// The panels that can have the focus now, in the order of Tab.
    pub(super) fn panes(&self) -> Vec<Pane> {
        let shown = |pane: &Pane| *pane != Pane::Rollback || self.has_rollback();
        let agent = self.agent.as_ref().map(|_| Pane::Agent);
        Pane::ALL.into_iter().filter(shown).chain(agent).collect()
    }

    /// Lines inside a panel.
    #[must_use]
    pub fn height(&self, pane: Pane) -> usize {
        self.layout().area(pane).lines()
    }

    /// True while the run is live. A past run whose end is not read yet isn't, and one that is live elsewhere isn't here;
    /// nor is one of which a moment of the past is shown.
    #[must_use]
    pub fn is_live(&self) -> bool {
        if self.timeline.is_past() {
            return false;
        }
        let runs = self.run.status == RunStatus::Running && !self.run.trace.is_empty();
        runs && self.checking.is_none() && !self.closed && !self.is_looked_at
    }

    /// True while the loop should send ticks: something runs (durations grow), a preview is due, or an approval waits
    /// to open by itself.
    #[must_use]
    pub fn wants_tick(&self) -> bool {
        (self.is_live() && !self.active.is_empty()) || self.preview.is_due() || self.approval_to_open().is_some()
    }

    /// How long a span has taken, in milliseconds.
    #[must_use]
    pub fn elapsed(&self, span: SpanId) -> u64 {
        self.run.trace.get(span).map_or(0, |found| found.end.unwrap_or(self.now).0.saturating_sub(found.start.0))
    }

    /// The paused span that a key means: what to release, and a paused span in it. That is the selection if it or
    /// something below it is paused, else what is paused in its agent, else the only paused span there is. A call that
    /// failed is meant only where the selection is it, above it or below it: other keys act on the selection then.
    #[must_use]
    pub fn paused_here(&self) -> Option<(SpanId, SpanId)> {
        let selected = self.selected();
        let is_of_selection =
            |paused: SpanId| self.run.trace.is_within(paused, selected) || self.run.trace.is_within(selected, paused);
        self.paused_near().filter(|(_, paused)| !self.is_at_error(*paused) || is_of_selection(*paused))
    }

    /// The question to a person that a key means: at the selection or below it, else in its agent, else the only one.
    #[must_use]
    pub fn asking_here(&self) -> Option<SpanId> {
        let trace = &self.run.trace;
        let within = |above: SpanId| trace.asking().find(|span| trace.is_within(*span, above));
        let agent = trace.agent_of(self.selected());
        let only = || trace.asking().next().filter(|_| trace.asking().count() == 1);
        within(self.selected()).or_else(|| (agent != SpanId::RUN).then(|| within(agent)).flatten().or_else(only))
    }

    /// The failed call that is stopped near the selection, and which the keys don't mean.
    pub(super) fn failed_near(&self) -> Option<SpanId> {
        let (_, paused) = self.paused_near()?;
        (self.is_at_error(paused) && self.paused_here().is_none()).then_some(paused)
    }

    /// True for a call that is stopped because it failed.
    pub(super) fn is_at_error(&self, span: SpanId) -> bool {
        matches!(self.run.trace.pause(span), Some((_, PauseReason::Error { .. })))
    }

    /// The paused span at the selection or below, else in its agent, else the only paused span there is.
    fn paused_near(&self) -> Option<(SpanId, SpanId)> {
        let trace = &self.run.trace;
        let selected = self.selected();
        let agent = trace.agent_of(selected);
        let within = |above: SpanId| trace.paused().find(|span| trace.is_within(*span, above));
        let only = || trace.paused().next().filter(|_| trace.paused().count() == 1);
        let in_agent = || (agent != SpanId::RUN).then(|| within(agent)).flatten();
        within(selected)
            .map(|paused| (selected, paused))
            .or_else(|| in_agent().or_else(only).map(|paused| (paused, paused)))
    }

    /// The tool whose command's held changes a key means, and their count: the one paused here, else the only one in
    /// its agent, else the only one there is.
    #[must_use]
    pub fn held_here(&self) -> Option<(SpanId, usize)> {
        let trace = &self.run.trace;
        // What an agent of another program left is decided on whenever the user likes.
        let waits = |span: SpanId| trace.pause(span).is_some() || self.run.is_reviewed(span);
        let held = || self.run.held.iter().filter(|(span, _)| waits(**span));
        let within = |above: SpanId| {
            let mut found = held().filter(|(span, _)| trace.is_within(**span, above));
            found.next().filter(|_| found.next().is_none())
        };
        let agent = trace.agent_of(self.selected());
        let found = within(self.selected()).or_else(|| within(agent)).or_else(|| within(SpanId::RUN));
        found.map(|(span, _)| (*span, self.run.held_changes(*span)))
    }

    /// The held changes of an agent of another program that belong to the selected span or its agent: its span.
    pub(in crate::app) fn reviewed_here(&self) -> Option<SpanId> {
        self.held_here().map(|(span, _)| span).filter(|span| self.run.is_reviewed(*span))
    }

    /// A command at or below a span whose held changes conflict with a later change, and that change.
    #[must_use]
    pub fn conflict_within(&self, above: SpanId) -> Option<(SpanId, String)> {
        let trace = &self.run.trace;
        trace.paused().filter(|span| trace.is_within(*span, above)).find_map(|span| match trace.pause(span) {
            Some((_, PauseReason::Conflict { conflict })) => Some((span, conflict.clone())),
            _ => None,
        })
    }

    /// How often a breakpoint stopped the run.
    #[must_use]
    pub fn break_hits(&self, breakpoint: &Breakpoint) -> usize {
        self.hits.get(&breakpoint.label()).copied().unwrap_or_default()
    }

    /// The action under the cursor of the panel with the focus; outside of State, that of Rollback.
    pub(in crate::app) fn action_here(&self) -> Option<Seq> {
        if self.focus == Pane::State { self.panels.world.action() } else { self.rollback.selected() }
    }

    /// Gives a panel the focus, and shows it.
    pub(super) fn show(&mut self, pane: Pane) {
        self.focus = pane;
        if let Some(agent) = &mut self.agent {
            agent.set_types(false);
        }
        if pane.slot() == Slot::Side {
            self.side = pane;
        }
        if matches!(pane.slot(), Slot::Side | Slot::Bottom) {
            self.lower = pane;
        }
    }

    /// Says something in the footer.
    pub(super) fn say(&mut self, message: impl Into<String>) {
        self.message = Some(message.into());
        self.said = Said::Plain;
    }

    /// Says in the footer why a key does nothing.
    pub(super) fn refuse(&mut self, why: impl Into<String>) {
        self.say(why);
        self.said = Said::Refused;
    }

    /// True when the footer's message says why something was refused.
    #[must_use]
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self.said, Said::Refused | Said::Refusal)
    }

    /// Says in the footer that the run refused something.
    pub(super) fn say_refused(&mut self, why: impl Into<String>) {
        self.say(why);
        self.said = Said::Refusal;
    }

    /// Clears a refusal: the footer says again which keys work now.
    pub(super) fn forget_refusal(&mut self) {
        if self.said == Said::Refusal {
            self.said = Said::Plain;
            self.message = None;
        }
    }
}
