//! The keys of the run list, declared once: key handling, help and footer come from this table.

use std::fmt::Write as _;

use super::RunList;
use crate::app::Key;
use crate::app::keys::sequence;

/// A verb of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListAction {
    /// One line down.
    Down,
    /// One line up.
    Up,
    /// To the newest run.
    Top,
    /// To the oldest run.
    Bottom,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
    /// Opens the run.
    Open,
    /// Resumes the run.
    Resume,
    /// Starts a new run.
    New,
    /// Filters the list.
    Search,
    /// Shows every run again.
    ShowAll,
    /// Reads the list again.
    Reload,
    /// Shows the keys.
    Help,
    /// Leaves the program.
    Quit,
    /// Stops the program as a job of the shell.
    Suspend,
}

/// One verb.
#[derive(Debug, Clone, Copy)]
pub struct ListVerb {
    /// Its action.
    pub action: ListAction,
    /// Its name, a word or two.
    pub name: &'static str,
    /// Its effect, in one line.
    pub doc: &'static str,
    /// Its keys; each is one key, or a prefix and one that follows.
    pub keys: &'static [&'static [Key]],
    /// True when the footer offers it.
    pub hint: bool,
    /// Says why it can't be done now; `Ok` when it can.
    pub available: fn(&RunList) -> Result<(), String>,
}

impl ListVerb {
    /// Its first key, as the footer writes it.
    #[must_use]
    pub fn keys_text(&self) -> String {
        self.keys.first().map(|keys| sequence(keys)).unwrap_or_default()
    }

    /// All its keys, as the help writes them.
    #[must_use]
    pub fn all_keys(&self) -> String {
        self.keys.iter().map(|keys| sequence(keys)).collect::<Vec<_>>().join(" ")
    }
}

/// Every verb, in the order of the help; the footer offers its hints in this order.
pub static LIST_VERBS: &[ListVerb] = &[
    hint(ListAction::Open, "open", "open the run; quitting it ends the program", &[&[Key::Enter]], can_open),
    hint(
        ListAction::Resume,
        "resume",
        "continue an interrupted run; shows first what it would do",
        &[&[c('c')]],
        can_resume,
    ),
    hint(ListAction::New, "new run", "start a run of this folder's pipeline", &[&[c('n')]], has_pipeline),
    hint(ListAction::Search, "find", "show the runs that match: id, name, status, task", &[&[c('/')]], has_rows),
    hint(ListAction::ShowAll, "all runs", "show every run again", &[&[Key::Esc]], is_filtered),
    verb(ListAction::Down, "down", "one line down", &[&[c('j')], &[Key::Down]]),
    verb(ListAction::Up, "up", "one line up", &[&[c('k')], &[Key::Up]]),
    verb(ListAction::Top, "newest", "to the newest run", &[&[c('g'), c('g')], &[Key::Home]]),
    verb(ListAction::Bottom, "oldest", "to the oldest run", &[&[c('G')], &[Key::End]]),
    verb(ListAction::PageDown, "page down", "a page down", &[&[Key::Ctrl('d')], &[Key::PageDown]]),
    verb(ListAction::PageUp, "page up", "a page up", &[&[Key::Ctrl('u')], &[Key::PageUp]]),
    verb(ListAction::Reload, "reload", "read the list again", &[&[c('r')]]),
    hint(ListAction::Quit, "quit", "quit", &[&[c('q')], &[Key::Ctrl('c')]], always),
    verb(ListAction::Suspend, "suspend", "suspend the program", &[&[Key::Ctrl('z')]]),
    hint(ListAction::Help, "help", "every key", &[&[c('?')]], always),
];

/// The keys of the run list as Markdown.
#[must_use]
pub fn list_markdown() -> String {
    let mut out = String::from("| Run list | |\n|---|---|\n");
    for verb in LIST_VERBS {
        let keys: Vec<String> = verb.keys.iter().map(|keys| format!("`{}`", sequence(keys))).collect();
        let _ = writeln!(out, "| {} | {} |", keys.join(" "), verb.doc);
    }
    out
}

/// The meaning of a key, after the prefix that was pressed before it.
pub(super) enum Meaning {
    Verb(&'static ListVerb),
    Prefix,
    Nothing,
}

/// Finds the meaning of a key.
pub(super) fn meaning(prefix: Option<Key>, key: Key) -> Meaning {
    let pressed: &[Key] = &prefix.map_or_else(|| vec![key], |prefix| vec![prefix, key]);
    let starts = |keys: &&[Key]| keys.len() > pressed.len() && keys.starts_with(pressed);
    match LIST_VERBS.iter().find(|verb| verb.keys.contains(&pressed)) {
        Some(verb) => Meaning::Verb(verb),
        None if LIST_VERBS.iter().flat_map(|verb| verb.keys).any(starts) => Meaning::Prefix,
        None => Meaning::Nothing,
    }
}

type When = fn(&RunList) -> Result<(), String>;

#[expect(clippy::unnecessary_wraps, reason = "one signature for all")]
fn always(_: &RunList) -> Result<(), String> {
    Ok(())
}

fn has_rows(list: &RunList) -> Result<(), String> {
    if list.setup.rows.is_empty() { Err("there are no runs".into()) } else { Ok(()) }
}

fn is_filtered(list: &RunList) -> Result<(), String> {
    if list.filter.is_empty() { Err("every run is shown".into()) } else { Ok(()) }
}

fn has_pipeline(list: &RunList) -> Result<(), String> {
    let why = "there is no pipeline.toml or tama.toml in this folder: tama-tui init writes a pipeline";
    if list.setup.pipeline.is_some() { Ok(()) } else { Err(why.into()) }
}

/// A run can be opened unless another process has it open, or its manifest can't be read.
fn can_open(list: &RunList) -> Result<(), String> {
    list.selected().ok_or("no run is selected")?.can_open()
}

/// A run can be resumed when it stopped before its end.
fn can_resume(list: &RunList) -> Result<(), String> {
    let row = list.selected().ok_or("no run is selected")?;
    list.setup.not_resumed.map_or(Ok(()), |why| Err(why.to_owned()))?;
    row.can_resume()
}

const fn c(letter: char) -> Key {
    Key::Char(letter)
}

const fn verb(action: ListAction, name: &'static str, doc: &'static str, keys: &'static [&'static [Key]]) -> ListVerb {
    ListVerb { action, name, doc, keys, hint: false, available: always }
}

/// A verb that the footer offers while it is available.
const fn hint(
    action: ListAction,
    name: &'static str,
    doc: &'static str,
    keys: &'static [&'static [Key]],
    available: When,
) -> ListVerb {
    ListVerb { action, name, doc, keys, hint: true, available }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things() {
        let all: Vec<&[Key]> = LIST_VERBS.iter().flat_map(|verb| verb.keys).copied().collect();
        for (at, keys) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(keys), "{} is bound twice", sequence(keys));
            assert!(keys.len() == 1 || !all.contains(&&keys[..1]), "{} is a prefix and a verb", keys[0]);
        }
    }

    #[test]
    fn every_key_is_found_again() {
        for verb in LIST_VERBS {
            for keys in verb.keys {
                let found = match keys {
                    [key] => meaning(None, *key),
                    [prefix, key] => {
                        assert!(matches!(meaning(None, *prefix), Meaning::Prefix));
                        meaning(Some(*prefix), *key)
                    }
                    _ => Meaning::Nothing,
                };
                assert!(matches!(found, Meaning::Verb(found) if found.action == verb.action), "{}", verb.name);
            }
        }
        assert!(matches!(meaning(None, Key::Char('x')), Meaning::Nothing));
    }
}
