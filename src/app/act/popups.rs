//! Keys while a popup lies over the panels.

use super::{answering, approving, breaks, by_hand, editing, looking, moves, palette, perform, trying};
use crate::app::{
    Ask, Choice, Command, Editor, EditorInput, Entry, Help, Key, Menu, Place, PlanAsk, Popup, Purpose, State, Then,
    TriesTable, help, keys, search,
};

/// A key goes to the popup; `/` begins a search of it, whatever it is.
pub(in crate::app) fn popup_key(state: &mut State, key: Key) -> Vec<Command> {
    // In a question a letter is an answer.
    let is_text = matches!(state.popup, Some(Popup::Editor(_) | Popup::Approval(_) | Popup::Palette(_)));
    match key {
        Key::Char('/') if !is_text => {
            search::start(state, Place::Popup);
            return Vec::new();
        }
        Key::Char('n' | 'N') if !is_text && !state.find(Place::Popup).is_empty() => {
            search::next(state, Place::Popup, key == Key::Char('n'));
            return Vec::new();
        }
        _ => {}
    }
    match state.popup.take() {
        None => Vec::new(),
        Some(Popup::Help(help)) => {
            state.popup = scrolled(help, key, help::end(state.size, state.focus)).map(Popup::Help);
            Vec::new()
        }
        Some(Popup::Entry(entry)) => entry_key(state, entry, key),
        Some(Popup::Ask(ask)) => ask_key(state, ask, key),
        Some(Popup::Plan(plan)) => plan_key(state, plan, key),
        Some(Popup::Menu(menu)) => menu_key(state, menu, key),
        Some(Popup::Breakpoints(list)) => breaks::key(state, list.cursor, key),
        Some(Popup::Editor(editor)) => editor_key(state, editor, key),
        Some(Popup::Diff(view)) => looking::key(state, view, key),
        Some(Popup::Approval(view)) => answering::key(state, view, key),
        Some(Popup::TriesForm(form)) => trying::form_key(state, form, key),
        Some(Popup::Palette(typed)) => palette::key(state, typed, key),
        Some(Popup::Tries(table)) => trying::table_key(state, table, key),
    }
}

fn is_no(key: Key) -> bool {
    matches!(key, Key::Esc | Key::Char('n' | 'q'))
}

fn scrolled(Help { top }: Help, key: Key, end: usize) -> Option<Help> {
    const PAGE: usize = 10;
    let top = match key {
        Key::Char('j') | Key::Down => top + 1,
        Key::Char('k') | Key::Up => top.saturating_sub(1),
        Key::PageDown | Key::Ctrl('d') | Key::Char(' ') => top + PAGE,
        Key::PageUp | Key::Ctrl('u') => top.saturating_sub(PAGE),
        Key::Home | Key::Char('g') => 0,
        Key::End | Key::Char('G') => usize::MAX,
        Key::Esc | Key::Enter | Key::Char('q' | '?') => return None,
        _ => top,
    };
    Some(Help { top: top.min(end) })
}

/// A key of a question: its own one confirms, once the end was in view.
fn ask_key(state: &mut State, mut ask: Ask, key: Key) -> Vec<Command> {
    if is_no(key) {
        let over_tries = state.tries.is_some() && ask.is_about_tries();
        let table = over_tries.then(|| Popup::Tries(TriesTable::default()));
        state.popup = ask.back.map(Popup::Diff).or(table);
        return Vec::new();
    }
    let more = if ask.takes(key) { ask.reading_mut().read_on(key) } else { None };
    if let Some(more) = more {
        state.say(more);
    } else {
        match ask.confirm(key) {
            Ok(confirmed) => return confirmed.into_commands(),
            Err(left) => ask = *left,
        }
        ask.reading_mut().key(key);
    }
    state.popup = Some(Popup::Ask(ask));
    Vec::new()
}

fn plan_key(state: &mut State, mut plan: Box<PlanAsk>, key: Key) -> Vec<Command> {
    match key {
        key if key == plan.key() => match plan.reading_mut().read_on(key) {
            Some(more) => state.say(more),
            None => match plan.confirm() {
                Ok(confirmed) => {
                    // A retry is followed on the screen.
                    state.tree.follow = true;
                    return confirmed.into_commands();
                }
                Err(left) => plan = left,
            },
        },
        Key::Enter => state.say("the run may do other things now (rights): y retries"),
        key if is_no(key) => return Vec::new(),
        Key::Char(' ') if !plan.plan.readers.is_empty() => plan.with_readers = !plan.with_readers,
        Key::Char('e') if plan.takes_edits(&state.run) => {
            by_hand::menu(state, plan.plan.span, Then::Retry, false);
            return Vec::new();
        }
        key => plan.reading_mut().key(key),
    }
    state.popup = Some(Popup::Plan(plan));
    Vec::new()
}

fn entry_key(state: &mut State, mut entry: Entry, key: Key) -> Vec<Command> {
    let size = state.size;
    let page = isize::try_from(Entry::height(size)).unwrap_or(1);
    match key {
        Key::Esc | Key::Enter | Key::Char('q') => return Vec::new(),
        Key::Char('y') => {
            state.say("line copied");
            let text = entry.text.clone();
            state.popup = Some(Popup::Entry(entry));
            return vec![Command::Copy(text)];
        }
        Key::Char('l') | Key::Right if entry.span.is_some() => {
            moves::to_span(state, entry.span);
            return Vec::new();
        }
        Key::Char('j') | Key::Down => entry.scroll(1, size),
        Key::Char('k') | Key::Up => entry.scroll(-1, size),
        Key::PageDown | Key::Ctrl('d') | Key::Char(' ') => entry.scroll(page, size),
        Key::PageUp | Key::Ctrl('u') => entry.scroll(-page, size),
        Key::Home | Key::Char('g') => entry.top = 0,
        Key::End | Key::Char('G') => entry.scroll(isize::MAX, size),
        _ => {}
    }
    state.popup = Some(Popup::Entry(entry));
    Vec::new()
}

/// Lines of a page of a menu's reasons.
const MENU_PAGE: isize = 4;

fn menu_key(state: &mut State, mut menu: Menu, key: Key) -> Vec<Command> {
    let last = menu.items.len().saturating_sub(1);
    let chosen = match key {
        Key::Esc => return menu.back.map_or_else(Vec::new, |back| choose(state, *back)),
        Key::Enter => match menu.by_letter {
            Some(why) => {
                state.say(why);
                None
            }
            None => Some(menu.cursor),
        },
        _ => menu.items.iter().position(|item| item.key == key),
    };
    if let Some(at) = chosen.filter(|at| *at <= last && !menu.items.is_empty()) {
        if let Choice::Diff(action, sides) = menu.items[at].choice {
            return looking::show(state, action, sides, Some(menu));
        }
        return choose(state, menu.items.swap_remove(at).choice);
    }
    match key {
        Key::Down | Key::Char('j') => menu.cursor = (menu.cursor + 1).min(last),
        Key::Up | Key::Char('k') => menu.cursor = menu.cursor.saturating_sub(1),
        Key::PageDown | Key::Ctrl('d') => menu.scroll(MENU_PAGE, state.size),
        Key::PageUp | Key::Ctrl('u') => menu.scroll(-MENU_PAGE, state.size),
        _ => {}
    }
    state.popup = Some(Popup::Menu(menu));
    Vec::new()
}

fn choose(state: &mut State, choice: Choice) -> Vec<Command> {
    match choice {
        Choice::Send(command) => return vec![Command::Run(command)],
        Choice::Act(action) => {
            // The selection may have moved for this menu; the panels follow at once.
            let (span, height) = (state.selected(), state.height(crate::app::Pane::Rollback));
            state.rollback.refresh(&state.run, span, height);
            match (keys::verb(action).available)(state) {
                Ok(()) => return perform(state, action),
                Err(why) => state.refuse(why),
            }
        }
        Choice::Ask(ask) => state.popup = Some(Popup::Ask(ask)),
        Choice::Skip(action) => {
            if !state.rollback.skipped().contains(&action) {
                state.rollback.toggle_skip(action);
            }
        }
        Choice::Jump(action) => looking::jump(state, action),
        Choice::Diff(action, sides) => return looking::show(state, action, sides, None),
        Choice::Break(breakpoint) => return breaks::set(state, breakpoint),
        Choice::Decide(resuming) => state.popup = Some(resuming.popup(&state.run)),
        Choice::ByHand { span, then } => by_hand::menu(state, span, then, false),
        Choice::Models { span, then } => by_hand::models(state, span, then),
        choice => return edit_by_hand(state, choice),
    }
    Vec::new()
}

/// The choices about an edit by hand.
fn edit_by_hand(state: &mut State, choice: Choice) -> Vec<Command> {
    match choice {
        Choice::EditPart { span, part, then, outside } => by_hand::fetch(state, (span, part), then, outside),
        Choice::EditPrompt { span, outside } => editing::fetch_for(state, span, outside),
        Choice::SetPart { span, part, text, then } => by_hand::take(state, (span, part), then, (text, true)),
        Choice::DropEdits { span, then } => by_hand::drop_all(state, span, then),
        Choice::GoOn { span, then } => by_hand::go_on(state, span, then),
        _ => Vec::new(),
    }
}

/// Keys of the editor that the app handles; all others go to the text area.
fn editor_key(state: &mut State, mut editor: Editor, key: Key) -> Vec<Command> {
    let leaving = std::mem::take(&mut editor.leaving);
    let commands = match key {
        Key::Ctrl('s') => vec![Command::EditorTake],
        Key::Esc if !editor.touched || leaving => {
            return match editor.purpose {
                Purpose::ByHand { then, .. } if then != Then::Nothing => by_hand::go_on(state, editor.span, then),
                _ => approving::reopen(state, editor.span),
            };
        }
        Key::Esc => {
            editor.leaving = true;
            state.say(format!("changed: Esc again discards it, Ctrl-s: {}", editor.purpose.word()));
            Vec::new()
        }
        Key::Ctrl('t') => {
            if let Purpose::Edit { scopes, chosen } = &mut editor.purpose {
                *chosen = (*chosen + 1) % scopes.len().max(1);
            }
            Vec::new()
        }
        key => {
            editor.touched |= changes_text(key);
            vec![Command::EditorInput(EditorInput::Key(key))]
        }
    };
    state.popup = Some(Popup::Editor(editor));
    commands
}

fn changes_text(key: Key) -> bool {
    !matches!(key, Key::Up | Key::Down | Key::Left | Key::Right | Key::Home | Key::End | Key::PageUp | Key::PageDown)
}
