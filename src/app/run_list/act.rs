//! The verbs of the run list.

use super::keys::{self, LIST_VERBS, ListAction, ListVerb, Meaning};
use super::{ListCommand, RunList};
use crate::app::{Key, Mouse, Msg};

/// Lines that the wheel scrolls.
const WHEEL: isize = 3;
/// The first row's line on the screen: below the header, the border and the names of the columns.
const FIRST: u16 = 3;

/// Takes a message in.
pub(super) fn update(list: &mut RunList, msg: Msg) -> Option<ListCommand> {
    match msg {
        Msg::Key(key) => press(list, key),
        Msg::Paste(text) => {
            paste(list, &text);
            None
        }
        Msg::Mouse(mouse) => {
            point(list, mouse);
            None
        }
        Msg::Resize { width, height } => {
            list.setup.size = (width, height);
            list.go(list.scroll.cursor);
            None
        }
        _ => None,
    }
}

fn press(list: &mut RunList, key: Key) -> Option<ListCommand> {
    list.message = None;
    if list.typing && key != Key::Ctrl('c') {
        type_key(list, key);
        return None;
    }
    if let Some(top) = list.help.take()
        && key != Key::Ctrl('c')
    {
        list.help = scrolled(top, key, list.height());
        return None;
    }
    let prefix = list.pending.take();
    match keys::meaning(prefix, key) {
        Meaning::Verb(verb) => perform(list, verb, key),
        Meaning::Prefix => {
            list.pending = Some(key);
            None
        }
        Meaning::Nothing => {
            if prefix.is_none() || key != Key::Esc {
                let pressed = prefix.map(|prefix| prefix.to_string()).unwrap_or_default();
                list.message = Some(format!("{pressed}{key} means nothing here: ? shows the keys"));
            }
            None
        }
    }
}

/// Runs a verb, or says why it can't be done.
fn perform(list: &mut RunList, verb: &ListVerb, key: Key) -> Option<ListCommand> {
    if let Err(why) = (verb.available)(list) {
        list.message = Some(format!("{key} {}: {why}", verb.name));
        return None;
    }
    let page = isize::try_from(list.height() / 2).unwrap_or(1).max(1);
    match verb.action {
        ListAction::Down => step(list, 1),
        ListAction::Up => step(list, -1),
        ListAction::PageDown => step(list, page),
        ListAction::PageUp => step(list, -page),
        ListAction::Top => list.go(0),
        ListAction::Bottom => list.go(usize::MAX),
        ListAction::Search => {
            list.filter.clear();
            list.refilter();
            list.typing = true;
        }
        ListAction::ShowAll => show_all(list),
        ListAction::Help => list.help = Some(0),
        ListAction::Open => return list.selected().map(|row| ListCommand::Open(row.id.clone())),
        ListAction::Resume => return list.selected().map(|row| ListCommand::Resume(row.id.clone())),
        ListAction::New => return Some(ListCommand::New),
        ListAction::Reload => {
            list.message = Some("the list was read again".into());
            return Some(ListCommand::Reload);
        }
        ListAction::Suspend => return Some(ListCommand::Suspend),
        ListAction::Quit => return Some(ListCommand::Quit),
    }
    None
}

/// The help's first line after a key; `None` for a key that closes it.
fn scrolled(top: usize, key: Key, height: usize) -> Option<usize> {
    // One line more than rows: the names of the columns are not shown.
    let last = LIST_VERBS.len().saturating_sub(height + 1);
    match key {
        Key::Char('j') | Key::Down => Some((top + 1).min(last)),
        Key::Char('k') | Key::Up => Some(top.saturating_sub(1)),
        _ => None,
    }
}

fn step(list: &mut RunList, by: isize) {
    list.go(list.scroll.cursor.saturating_add_signed(by));
}

/// While a filter is typed, every key is text; Enter keeps it, Esc shows every run again, arrows move.
fn type_key(list: &mut RunList, key: Key) {
    match key {
        Key::Enter => list.typing = false,
        Key::Esc => {
            list.typing = false;
            show_all(list);
        }
        Key::Down => step(list, 1),
        Key::Up => step(list, -1),
        Key::Backspace => {
            list.filter.pop();
            list.refilter();
        }
        Key::Char(letter) => {
            list.filter.push(letter);
            list.refilter();
        }
        _ => {}
    }
}

/// Clears the filter; the cursor stays on its run.
fn show_all(list: &mut RunList) {
    let at = list.shown.get(list.scroll.cursor).copied();
    list.filter.clear();
    list.refilter();
    list.go(at.unwrap_or(0));
}

fn paste(list: &mut RunList, text: &str) {
    if list.typing {
        list.filter.push_str(text.lines().next().unwrap_or_default());
        list.refilter();
    } else {
        list.message = Some("pasted text is never taken as keys".into());
    }
}

/// A press selects a row, the wheel scrolls.
fn point(list: &mut RunList, mouse: Mouse) {
    let (len, height) = (list.shown.len(), list.height());
    match mouse {
        Mouse::WheelDown { .. } => list.scroll.slide(WHEEL, len, height),
        Mouse::WheelUp { .. } => list.scroll.slide(-WHEEL, len, height),
        Mouse::Press { y, .. } => {
            let line = y.checked_sub(FIRST).map(usize::from).filter(|line| *line < height);
            if let Some(at) = line.map(|line| list.scroll.top + line).filter(|at| *at < len) {
                list.go(at);
            }
        }
    }
}
