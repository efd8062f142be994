//! The one way the state changes: a message in, commands out.

use super::act::past;
use super::glance::{self, Glance};
use super::keys::{self, Meaning, Verb};
use super::state::Said;
use super::{AgentPicture, Command, EditorInput, Key, Msg, Pane, Popup, State};
use super::{act, search};
use crate::model;

/// Takes a message in; returns what the loop must do.
pub fn update(state: &mut State, msg: Msg) -> Vec<Command> {
    match msg {
        Msg::Tick(now) => return tick(state, now),
        Msg::Clock(now) => return clock(state, now),
        Msg::AgentDrew(picture) => return drew(state, picture),
        Msg::Key(_) | Msg::Paste(_) | Msg::Mouse(_) | Msg::Agent(_) => key_came(state),
        _ => {}
    }
    state.dirty = true;
    let selected = state.selected();
    let mut changed = false;
    let mut commands = match msg {
        Msg::Key(key) => press(state, key),
        Msg::Paste(text) => paste(state, text),
        Msg::Mouse(mouse) => act::mouse(state, mouse),
        Msg::Resize { width, height } => {
            state.size = (width, height);
            Vec::new()
        }
        Msg::Update(update) => {
            let (commands, concerns) = act::take_in(state, update);
            changed = concerns;
            commands
        }
        Msg::Agent(input) => act::agent_input(state, input),
        Msg::AgentBegan(name) => {
            act::agent_began(state, &name);
            Vec::new()
        }
        Msg::AgentEnded(end) => {
            act::agent_ended(state, &end);
            Vec::new()
        }
        Msg::EditorDone { text } => act::editor_done(state, text),
        Msg::ExternalDone(result) => act::outside_done(state, result),
        Msg::Tick(_) | Msg::Clock(_) | Msg::AgentDrew(_) => Vec::new(),
    };
    commands = past::hold_back(state, commands);
    commands = act::hold_changes(state, commands);
    search::follow_popup(state);
    if let Some(checking) = state.checking
        && commands.iter().any(past::waits_for_check)
    {
        state.say(format!("waits until the run's log is checked ({})", checking.progress()));
    }
    if commands.iter().any(is_answered_by_a_note) {
        state.said = Said::Notes;
    }
    state.rollback.ask(&commands);
    if state.selected() != selected {
        state.preview.want(state.selected());
        state.forget_refusal();
    }
    commands.extend(settle(state, changed));
    commands
}

/// True when the answer to a command is a note, which the footer shows too.
fn is_answered_by_a_note(command: &Command) -> bool {
    matches!(command, Command::Run(model::Command::WriteBack | model::Command::SaveEdit { .. }))
}

/// Brings the panels up to the selection, the events and the size.
fn settle(state: &mut State, changed: bool) -> Vec<Command> {
    let span = state.selected();
    // Rollback's rows decide how high it is; without any, the keys go to the tree.
    state.rollback.list(&state.run, span);
    if state.focus == Pane::Rollback && !state.has_rollback() {
        state.focus = Pane::Tree;
    }
    let questions: Vec<model::Command> = Pane::EVERY
        .iter()
        .flat_map(|pane| {
            let (model, scene) = state.changed_panel(*pane, changed);
            model.refresh(&scene)
        })
        .collect();
    let (area, approvals) = (state.diff_area(), state.asked.pending(&state.run));
    match &mut state.popup {
        Some(Popup::Diff(view)) => {
            let mark = if state.rollback.marked().contains(&view.action) { " · marked" } else { "" };
            let word = format!("{}{mark}", state.rollback.word(&state.run, view.action));
            view.refresh(&state.run, word, area);
        }
        Some(Popup::Ask(ask)) => ask.refresh(state.size),
        Some(Popup::Plan(plan)) => plan.refresh(&state.run, state.size),
        Some(Popup::Approval(view)) => {
            let number = approvals.iter().position(|span| *span == view.span()).unwrap_or_default() + 1;
            view.refresh(&state.run, state.shell.as_ref(), state.size, (number, approvals.len().max(1)));
        }
        _ => {}
    }
    questions.into_iter().map(Command::Run).collect()
}

/// The time before each message: what is shown then is as of now. Nothing is drawn for it.
fn clock(state: &mut State, now: model::Millis) -> Vec<Command> {
    state.clock = state.clock.max(now);
    state.asked.set_clock(now);
    if state.is_live() {
        state.now = state.now.max(now);
    }
    Vec::new()
}

/// Time passes: durations of what runs grow, a settled selection asks for its plan, and an approval opens once no key
/// came for a while.
fn tick(state: &mut State, now: model::Millis) -> Vec<Command> {
    state.asked.set_clock(now);
    if state.is_live() && !state.active.is_empty() {
        // The clock told the same time before it: a tick is when that is drawn.
        state.now = state.now.max(now);
        state.dirty = true;
    }
    let may = keys::verb(keys::UiAction::Retry).available;
    let due = state.preview.take_due().filter(|_| may(state).is_ok());
    if due.is_some() {
        state.preview.sent();
    }
    let mut commands: Vec<Command> = due.map(|span| Command::Run(model::Command::Plan { span })).into_iter().collect();
    let opened = act::open_approval(state);
    if !opened.is_empty() {
        state.dirty = true;
        commands.extend(opened);
        commands.extend(settle(state, false));
    }
    commands
}

/// The agent drew, which can be many times between two frames: no other panel follows it.
fn drew(state: &mut State, picture: AgentPicture) -> Vec<Command> {
    if let Some(agent) = &mut state.agent {
        agent.take_picture(picture);
        state.dirty = true;
    }
    Vec::new()
}

/// A person is there: what would open by itself waits, and the agent's bell was heard.
fn key_came(state: &mut State) {
    state.asked.key_came();
    if let Some(agent) = &mut state.agent {
        agent.hear();
    }
}

/// A key was pressed. One that neither changes nor says anything is answered: none is silent.
fn press(state: &mut State, key: Key) -> Vec<Command> {
    let before = Glance::of(state);
    state.message = None;
    state.said = Said::Plain;
    let now = state.clock;
    if state.agent.as_mut().is_some_and(|agent| agent.was_for_agent(now)) {
        state.refuse(format!("{key}: the agent has just ended, and no key goes to it any more; press it again"));
        return Vec::new();
    }
    let popup = state.popup.is_some();
    let place = (state.selected(), state.focus);
    let (commands, verb) = act_on(state, key);
    let now = (state.selected(), state.focus);
    state.trail.leave(place, now, verb.map(|verb| verb.action));
    if commands.is_empty() && state.message.is_none() && Glance::of(state) == before {
        match verb {
            Some(verb) => state.refuse(format!("{key} {}: {}", verb.name, glance::no_change(verb.action))),
            None if popup => state.refuse(format!("{key}: nothing more here; Esc closes")),
            None => state
                .refuse(format!("{key}: no such key here, {} shows all", keys::verb(keys::UiAction::Help).keys_text())),
        }
    }
    commands
}

/// Gives a key to what takes it: a search being typed, then the popup, then the panel; returns its verb there.
fn act_on(state: &mut State, key: Key) -> (Vec<Command>, Option<&'static Verb>) {
    const INTERRUPT: Key = Key::Ctrl('c');
    let nothing = || (Vec::new(), None);
    // A popup that opened after the prefix takes the key that follows.
    let prefix = state.pending.take().filter(|prefix| *prefix == INTERRUPT || state.popup.is_none());
    match prefix {
        Some(prefix) => match keys::meaning(state.focus, Some(prefix), key) {
            Some(Meaning::Verb(verb)) => return (perform(state, verb, key), Some(verb)),
            _ if prefix != INTERRUPT => {
                if key != Key::Esc {
                    state.refuse(format!("{key}: no such key after {prefix}, {prefix} shows which there are"));
                }
                return nothing();
            }
            // An interrupt that isn't repeated is forgotten.
            _ => {}
        },
        None if key == INTERRUPT => {
            state.pending = Some(key);
            state.say("Ctrl-c again quits");
            return nothing();
        }
        None => {}
    }
    if state.search.is_some() {
        search::key(state, key);
        return nothing();
    }
    if state.popup.is_some() {
        return (act::popup_key(state, key), None);
    }
    match keys::meaning(state.focus, None, key) {
        Some(Meaning::Verb(verb)) => (perform(state, verb, key), Some(verb)),
        Some(Meaning::Prefix) => {
            state.pending = Some(key);
            nothing()
        }
        None => nothing(),
    }
}

/// Does what a verb says, or says why it can't be done.
fn perform(state: &mut State, verb: &Verb, key: Key) -> Vec<Command> {
    match (verb.available)(state) {
        Ok(()) => act::perform(state, verb.action),
        Err(why) => {
            state.refuse(format!("{key} {}: {why}", verb.name));
            Vec::new()
        }
    }
}

/// Pasted text goes where text is typed, and nowhere else: it never acts as keys.
fn paste(state: &mut State, text: String) -> Vec<Command> {
    if state.search.is_some() {
        search::paste(state, &text);
        return Vec::new();
    }
    if let Some(Popup::Editor(editor)) = &mut state.popup {
        editor.touched = true;
        editor.leaving = false;
        return vec![Command::EditorInput(EditorInput::Paste(text))];
    }
    if let Some(Popup::Palette(palette)) = &mut state.popup {
        for letter in text.lines().next().unwrap_or_default().chars() {
            palette.push(letter);
        }
        return Vec::new();
    }
    state.refuse("pasted text is never taken as keys");
    Vec::new()
}

impl State {
    /// Lines inside the panel that has the focus.
    pub(super) fn focus_height(&self) -> usize {
        self.height(self.focus)
    }

    /// Selects a span by hand: following ends.
    pub(super) fn go_to(&mut self, span: model::SpanId) {
        self.tree.follow = false;
        let height = self.height(Pane::Tree);
        self.tree.select(span, height);
    }
}
