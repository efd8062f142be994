//! The one way the state changes: a message in, commands out.

use super::act;
use super::keys::{self, Meaning, Verb};
use super::state::Said;
use super::{Command, EditorInput, Key, Msg, Pane, Popup, State, TEXT_MARGIN};
use crate::model;

/// Takes a message in; returns what the loop must do.
pub fn update(state: &mut State, msg: Msg) -> Vec<Command> {
    if let Msg::Tick(now) = msg {
        return tick(state, now);
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
        Msg::EditorDone { text } => act::editor_done(state, text),
        Msg::ExternalDone(result) => act::outside_done(state, result),
        Msg::Tick(_) => Vec::new(),
    };
    if commands.iter().any(is_answered_by_a_note) {
        state.said = Said::Notes;
    }
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
    // Rollback's rows decide how high it is.
    state.rollback.list(&state.run, span);
    let layout = state.layout();
    let detail = layout.detail;
    let inspect = !state.run.trace.is_empty() && state.detail.want(span, changed);
    if let Some(text) = state.streams.get(&span).filter(|_| inspect && !changed) {
        state.detail.stream(text);
    }
    let columns = detail.inner().width.saturating_sub(TEXT_MARGIN);
    state.detail.refresh(usize::from(columns), detail.lines());
    state.rollback.refresh(&state.run, span, layout.rollback.lines());
    state.log.refresh(state.height(Pane::Log));
    if let Some(Popup::Diff(view)) = &mut state.popup {
        let word = state.rollback.word(&state.run, view.action).to_string();
        view.refresh(&state.run, word, state.size);
    }
    if inspect { vec![Command::Run(model::Command::Inspect { span })] } else { Vec::new() }
}

/// Time passes: durations of what runs grow, and a settled selection asks for its plan.
fn tick(state: &mut State, now: model::Millis) -> Vec<Command> {
    if state.is_live() && !state.active.is_empty() && now > state.now {
        state.now = now;
        state.dirty = true;
    }
    let may = keys::verb(keys::UiAction::Retry).available;
    let due = state.preview.take_due().filter(|_| may(state).is_ok());
    if due.is_some() {
        state.preview.sent();
    }
    due.map(|span| Command::Run(model::Command::Plan { span })).into_iter().collect()
}

fn press(state: &mut State, key: Key) -> Vec<Command> {
    const INTERRUPT: Key = Key::Ctrl('c');
    state.message = None;
    state.said = Said::Plain;
    match state.pending.take() {
        Some(prefix) => match keys::meaning(state.focus, Some(prefix), key) {
            Some(Meaning::Verb(verb)) => return perform(state, verb, key),
            _ if prefix != INTERRUPT => {
                if key != Key::Esc {
                    state.say(format!("{prefix}{key} means nothing"));
                }
                return Vec::new();
            }
            // An interrupt that isn't repeated is forgotten.
            _ => {}
        },
        None if key == INTERRUPT => {
            state.pending = Some(key);
            state.say("Ctrl-c again quits");
            return Vec::new();
        }
        None => {}
    }
    if state.popup.is_some() {
        return act::popup_key(state, key);
    }
    if state.search.is_some() {
        act::search_key(state, key);
        return Vec::new();
    }
    match keys::meaning(state.focus, None, key) {
        Some(Meaning::Verb(verb)) => perform(state, verb, key),
        Some(Meaning::Prefix) => {
            state.pending = Some(key);
            Vec::new()
        }
        None => {
            state.say(format!("{key} means nothing here: ? shows the keys"));
            Vec::new()
        }
    }
}

/// Does what a verb says, or says why it can't be done.
fn perform(state: &mut State, verb: &Verb, key: Key) -> Vec<Command> {
    match (verb.available)(state) {
        Ok(()) => act::perform(state, verb.action),
        Err(why) => {
            state.say(format!("{key} {}: {why}", verb.name));
            Vec::new()
        }
    }
}

/// Pasted text goes where text is typed, and nowhere else: it never acts as keys.
fn paste(state: &mut State, text: String) -> Vec<Command> {
    if let Some(Popup::Editor(editor)) = &mut state.popup {
        editor.touched = true;
        editor.leaving = false;
        return vec![Command::EditorInput(EditorInput::Paste(text))];
    }
    match &mut state.search {
        Some(search) if state.popup.is_none() => {
            search.text.push_str(text.lines().next().unwrap_or_default());
            act::search_changed(state);
        }
        _ => state.say("pasted text is never taken as keys"),
    }
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
