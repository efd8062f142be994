//! Looking at what an action changed, and going to who wrote its key.

use crate::app::diff::{self, DiffView};
use crate::app::{Choice, Command, Item, Key, Lines, Menu, Pane, Popup, State, UiAction, keys, safe};
use crate::model::{self, ActionDiff, DiffSides, Seq, Writer};

/// Opens the diff of the action under the cursor.
pub(super) fn open(state: &mut State) -> Vec<Command> {
    let Some(action) = state.action_here() else {
        state.say("no action here");
        return Vec::new();
    };
    // In State a key is looked at as a whole, and a line of its history as a change.
    if state.focus == Pane::State && state.panels.world.is_on_key() {
        return show(state, action, DiffSides::Content, None);
    }
    open_action(state, action)
}

/// Opens the diff of an action.
pub(in crate::app) fn open_action(state: &mut State, action: Seq) -> Vec<Command> {
    // The cursor stays on what is looked at, whatever happens meanwhile.
    let height = state.height(Pane::Rollback);
    state.rollback.pick(action, height);
    show(state, action, DiffSides::Action, None)
}

/// Marks the selected span, to be compared with another one, or no longer.
pub(super) fn mark(state: &mut State) {
    let span = state.selected();
    let label = safe::line(&state.run.trace.label(span)).into_owned();
    let key = keys::verb(UiAction::Show(Pane::Diff)).keys_text();
    if state.panels.compare.mark(span) {
        state.say(format!("{label} is marked: select another span, {key} shows what differs"));
    } else {
        state.say(format!("{label} is not marked any more"));
    }
}

/// Opens a diff; `back` is what it goes back to.
pub(super) fn show(state: &mut State, action: Seq, sides: DiffSides, back: Option<Menu>) -> Vec<Command> {
    state.popup = Some(Popup::Diff(Box::new(DiffView::new(action, sides, back))));
    vec![Command::Run(model::Command::Diff { action, sides })]
}

/// A diff came.
pub(super) fn take(state: &mut State, diff: &ActionDiff) {
    if let Some(Popup::Diff(view)) = &mut state.popup {
        view.fill(diff);
    }
}

/// A key while a diff is shown.
pub(super) fn key(state: &mut State, mut view: Box<DiffView>, key: Key) -> Vec<Command> {
    // Of a list of actions, the next one can be shown, and this one decided on.
    let is_listed = view.back.is_none() && view.sides == DiffSides::Action;
    match key {
        Key::Char('j') | Key::Down => view.scroll(1),
        Key::Char('k') | Key::Up => view.scroll(-1),
        Key::PageDown | Key::Ctrl('d') => view.page(1),
        Key::PageUp | Key::Ctrl('u') => view.page(-1),
        Key::Home | Key::Char('g') => view.top = 0,
        Key::End | Key::Char('G') => view.scroll(isize::MAX),
        Key::Char('v') => view.wrap = !view.wrap,
        Key::Char('n' | 'l') | Key::Right if is_listed => return next(state, *view, true),
        Key::Char('N' | 'h') | Key::Left if is_listed => return next(state, *view, false),
        Key::Char('c') if is_listed => return decide(state, view, UiAction::Continue),
        Key::Char('D') if is_listed => return decide(state, view, UiAction::Drop),
        Key::Char(' ') if is_listed => match (keys::verb(UiAction::Mark).available)(state) {
            Ok(()) => state.rollback.toggle_mark(view.action),
            Err(why) => state.say(why),
        },
        Key::Char('w') => {
            write(state, view.action);
            return Vec::new();
        }
        Key::Esc | Key::Enter | Key::Char('q' | 'd') => {
            state.popup = view.back.map(Popup::Menu);
            return Vec::new();
        }
        _ => {}
    }
    state.popup = Some(Popup::Diff(view));
    Vec::new()
}

/// Applies or discards held changes while one of them is shown; it stays shown unless a question comes first.
fn decide(state: &mut State, view: Box<DiffView>, action: UiAction) -> Vec<Command> {
    let verb = keys::verb(action);
    let commands = match (verb.available)(state) {
        Ok(()) => super::perform(state, action),
        Err(why) => {
            state.say(format!("{}: {why}", verb.name));
            Vec::new()
        }
    };
    match &mut state.popup {
        Some(Popup::Ask(ask)) => ask.back = Some(view),
        Some(_) => {}
        None => state.popup = Some(Popup::Diff(view)),
    }
    commands
}

/// The diff of the next action in the list, or of the one before.
fn next(state: &mut State, view: DiffView, forward: bool) -> Vec<Command> {
    let height = state.height(Pane::Rollback);
    state.rollback.step_lines(if forward { 1 } else { -1 }, height);
    let Some(action) = state.rollback.selected().filter(|action| *action != view.action) else {
        state.say(if forward { "this is the oldest action in the list" } else { "this is the newest action" });
        state.popup = Some(Popup::Diff(Box::new(view)));
        return Vec::new();
    };
    let commands = show(state, action, DiffSides::Action, None);
    if let Some(Popup::Diff(shown)) = &mut state.popup {
        shown.wrap = view.wrap;
    }
    commands
}

/// Goes to who wrote an action's key before, or offers whom to go to.
pub(super) fn write(state: &mut State, action: Seq) {
    let run = &state.run;
    let before = match run.ledger.writer_before(action) {
        Writer::Action(by) => Some((by, "who wrote it before")),
        Writer::Outside { since } => Some((since, "who wrote it before another program or person")),
        Writer::Nobody => None,
    };
    let after = run.ledger.writer_after(action);
    let key = run.ledger.get(action).map(|entry| safe::line(&entry.record.key.to_string()).into_owned());
    let key = key.unwrap_or_default();
    match (before, after) {
        (None, None) => state.say(format!("nobody else in this run wrote {key}")),
        (Some((by, _)), None) => jump(state, by),
        (before, Some(after)) => {
            let item = |letter: char, what: &str, to: Seq| {
                let label = safe::line(&format!("{what}: {}", diff::who(run, to))).into_owned();
                Item::new(Key::Char(letter), label, Choice::Jump(to))
            };
            let mut items: Vec<Item> = before.into_iter().map(|(by, what)| item('b', what, by)).collect();
            items.extend([item('a', "who wrote it after", after), item('s', "this action itself", action)]);
            state.popup = Some(Popup::Menu(Menu::new(format!("Go to who wrote {key}"), Vec::new(), items)));
        }
    }
}

/// Selects the span of the tool that did an action, with the action under Rollback's cursor.
pub(super) fn jump(state: &mut State, action: Seq) {
    let Some(entry) = state.run.ledger.get(action) else { return };
    let span = entry.record.tool_span;
    let line = format!("{} wrote {}", diff::who(&state.run, action), entry.record.key);
    state.popup = None;
    state.go_to(span);
    state.show(Pane::Tree);
    if state.layout().stacked {
        state.lower = Pane::Rollback;
    }
    let height = state.height(Pane::Rollback);
    state.rollback.refresh(&state.run, span, height);
    state.rollback.pick(action, height);
    state.say(safe::line(&line));
}
