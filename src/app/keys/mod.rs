//! The key table: every verb, declared once. Key handling, help, footer and the README's table come from it.

mod bind;
mod table;
mod when;

use std::fmt::Write as _;

pub use bind::{BindError, Binding, bind, parse_keys, use_verbs, verbs};
pub use table::VERBS;
pub(super) use when::{always, drivable, has_agent, is_resumable, listed};

use super::{Key, Pane, State};

/// Declares the verbs' enum and the list of all of them.
macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// A verb that keys are bound to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum UiAction {
            $($(#[$doc])* $name,)+
            /// Shows a panel, and gives it the focus.
            Show(Pane),
        }

        const PLAIN: &[UiAction] = &[$(UiAction::$name),+];

        impl UiAction {
            /// Every verb.
            pub const ALL: &[UiAction] = &{
                let mut all = [Self::Show(Pane::Tree); PLAIN.len() + Pane::COUNT];
                let mut at = 0;
                while at < PLAIN.len() {
                    all[at] = PLAIN[at];
                    at += 1;
                }
                while at < all.len() {
                    all[at] = Self::Show(Pane::EVERY[at - PLAIN.len()]);
                    at += 1;
                }
                all
            };
        }
    };
}

actions! {
    /// One line down.
    Down,
    /// One line up.
    Up,
    /// Folds, or goes to the parent.
    Fold,
    /// Unfolds, or goes to the first child.
    Unfold,
    /// To the first line.
    Top,
    /// To the last line.
    Bottom,
    /// Half a page down.
    PageDown,
    /// Half a page up.
    PageUp,
    /// Scrolls the other pane down.
    OtherDown,
    /// Scrolls the other pane up.
    OtherUp,
    /// To the next pane.
    NextPane,
    /// To the previous pane.
    PrevPane,
    /// Gives the panel with the focus the whole screen.
    Zoom,
    /// Shows every panel again.
    Unzoom,
    /// Opens what is selected.
    Open,
    /// Closes what is open.
    Back,
    /// Goes back to where the last jump began.
    WayBack,
    /// Filters the tree, or finds a text in another panel.
    Search,
    /// To the next match.
    NextMatch,
    /// To the previous match.
    PrevMatch,
    /// To the next span that needs approval.
    NextApproval,
    /// To the previous span that needs approval.
    PrevApproval,
    /// To the next error.
    NextError,
    /// To the previous error.
    PrevError,
    /// To the next paused span.
    NextPaused,
    /// To the previous paused span.
    PrevPaused,
    /// To the next running span.
    NextRunning,
    /// To the previous running span.
    PrevRunning,
    /// To the next try of the same path.
    NextTry,
    /// To the previous try of the same path.
    PrevTry,
    /// To the moment one event earlier.
    EventBack,
    /// To the moment one event later.
    EventOn,
    /// To the moment at which the span before began.
    SpanBack,
    /// To the moment at which the next span began.
    SpanOn,
    /// Folds everything but the path.
    OnlyPath,
    /// Opens everything.
    OpenAll,
    /// Follows the newest span, or not.
    Follow,
    /// Continues the paused span.
    Continue,
    /// Continues every paused span.
    ContinueAll,
    /// Pauses the run.
    Pause,
    /// To the next stop in this branch.
    Step,
    /// To the next stop at this depth or above.
    StepOver,
    /// To the end of this agent.
    StepOut,
    /// Edits what is sent.
    Edit,
    /// Edits it in `$EDITOR`.
    EditOutside,
    /// Writes an edited prompt into its file.
    WriteBack,
    /// Answers in its place.
    Answer,
    /// Discards a command's held changes.
    Drop,
    /// Retries the span.
    Retry,
    /// Retries it several times, with several models.
    RetryTimes,
    /// Shows what a fork at the span would do.
    Fork,
    /// Undoes one action.
    Undo,
    /// Undoes the span.
    UndoSpan,
    /// Redoes one action.
    Redo,
    /// Lists this span's actions only, or all below too.
    ThisSpan,
    /// Leaves an action.
    Skip,
    /// Marks an action, or not.
    Mark,
    /// Undoes over a conflict.
    Force,
    /// Shows what an action changed.
    Diff,
    /// Goes to who wrote an action's key.
    WhoWrote,
    /// Marks a span, to be compared with another one.
    Compare,
    /// Sets a breakpoint.
    Break,
    /// Lists the breakpoints.
    Breakpoints,
    /// Copies.
    Copy,
    /// Wraps long lines, or not.
    Wrap,
    /// Cancels the run.
    Cancel,
    /// Lists every verb by name.
    Palette,
    /// Shows the keys.
    Help,
    /// Quits.
    Quit,
    /// Quits without asking.
    QuitNow,
    /// Suspends the program.
    Suspend,
}

impl UiAction {
    /// Its name in the settings: `page-down`.
    #[must_use]
    pub fn id(self) -> String {
        let name = match self {
            Self::Drop => return "discard".to_owned(),
            Self::Show(pane) => return format!("show-{}", pane.row().word),
            plain => format!("{plain:?}"),
        };
        let mut id = String::new();
        for letter in name.chars() {
            if letter.is_ascii_uppercase() && !id.is_empty() {
                id.push('-');
            }
            id.push(letter.to_ascii_lowercase());
        }
        id
    }
}

/// Verbs that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Moving about.
    Move,
    /// Going back in time.
    Time,
    /// Finding.
    Find,
    /// Driving the run.
    Run,
    /// Undo and retry.
    Undo,
    /// Everything else.
    Program,
}

impl Group {
    /// Every group, in the order of the help.
    pub const ALL: [Group; 6] = [Self::Move, Self::Time, Self::Find, Self::Run, Self::Undo, Self::Program];

    /// Its heading.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Move => "Move",
            Self::Time => "Time",
            Self::Find => "Find",
            Self::Run => "Run",
            Self::Undo => "Undo",
            Self::Program => "Program",
        }
    }
}

/// Where a verb's keys work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// In every pane.
    Anywhere,
    /// In Rollback only.
    Rollback,
    /// Where an action is under the cursor: in Rollback and in State.
    Actions,
}

impl Context {
    /// True when the keys work while a pane has the focus.
    #[must_use]
    pub fn has(self, pane: Pane) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Rollback => pane == Pane::Rollback,
            Self::Actions => matches!(pane, Pane::Rollback | Pane::State),
        }
    }

    /// The words before the effect of a verb: `in Rollback: `.
    #[must_use]
    pub fn place(self) -> &'static str {
        match self {
            Self::Anywhere => "",
            Self::Rollback => "in Rollback: ",
            Self::Actions => "in Rollback and State: ",
        }
    }
}

/// Says why something can't be done now; `Ok` when it can.
pub type Available = fn(&State) -> Result<(), String>;

/// One verb.
#[derive(Debug, Clone, Copy)]
pub struct Verb {
    /// The verb's action.
    pub action: UiAction,
    /// Its name, a word or two.
    pub name: &'static str,
    /// Its effect, in one line.
    pub doc: &'static str,
    /// Where the help lists it.
    pub group: Group,
    /// Where its keys work.
    pub context: Context,
    /// Its keys; each is one key, or a prefix and one that follows.
    pub keys: &'static [&'static [Key]],
    /// Says why it can't be done now; `Ok` when it can.
    pub available: Available,
}

impl Verb {
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

/// The meaning of a key.
#[derive(Debug, Clone, Copy)]
pub enum Meaning {
    /// A verb.
    Verb(&'static Verb),
    /// It starts a sequence.
    Prefix,
}

/// Finds the meaning of a key in a pane, after the prefix that was pressed before it.
#[must_use]
pub fn meaning(pane: Pane, prefix: Option<Key>, key: Key) -> Option<Meaning> {
    let here = || verbs().iter().filter(|verb| verb.context.has(pane));
    if let Some(prefix) = prefix {
        return here().find(|verb| verb.keys.contains(&&[prefix, key][..])).map(Meaning::Verb);
    }
    let single = here().find(|verb| verb.keys.contains(&&[key][..])).map(Meaning::Verb);
    let starts = || here().any(|verb| verb.keys.iter().any(|keys| keys.len() > 1 && keys[0] == key));
    single.or_else(|| starts().then_some(Meaning::Prefix))
}

/// Lists the keys that can follow a prefix.
#[must_use]
pub fn following(prefix: Key) -> Vec<(Key, &'static Verb)> {
    let pairs = verbs().iter().flat_map(|verb| verb.keys.iter().map(move |keys| (*keys, verb)));
    pairs
        .filter_map(|(keys, verb)| if let [first, second] = keys { Some((*first, *second, verb)) } else { None })
        .filter(|(first, ..)| *first == prefix)
        .map(|(_, second, verb)| (second, verb))
        .collect()
}

/// The verb of an action.
///
/// A test holds that each action has one; the first verb stands in for what can't happen.
#[must_use]
pub fn verb(action: UiAction) -> &'static Verb {
    verbs().iter().find(|verb| verb.action == action).unwrap_or(&VERBS[0])
}

/// The verbs of a group, in the order of the help.
pub fn in_group(group: Group) -> impl Iterator<Item = &'static Verb> {
    verbs().iter().filter(move |verb| verb.group == group)
}

/// The help, line by line: a heading (no verb) or a verb.
#[must_use]
pub fn help_lines() -> Vec<(String, Option<&'static Verb>)> {
    let lines = |group: Group| {
        let verbs = in_group(group).map(|verb| (verb.all_keys(), Some(verb)));
        std::iter::once((group.name().to_owned(), None)).chain(verbs)
    };
    Group::ALL.into_iter().flat_map(lines).collect()
}

/// The key table as Markdown, for the README.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::new();
    for group in Group::ALL {
        let _ = writeln!(out, "| {} | |\n|---|---|", group.name());
        for verb in in_group(group) {
            let keys: Vec<String> =
                verb.keys.iter().map(|keys| format!("`{}`", sequence(keys).replace('|', "\\|"))).collect();
            let place = verb.context.place();
            let _ = writeln!(out, "| {} | {place}{} |", keys.join(" "), verb.doc);
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// Writes a key, or a prefix and the key that follows it: `]e`, `Ctrl-c Ctrl-c`.
#[must_use]
pub fn sequence(keys: &[Key]) -> String {
    let plain = keys.iter().all(|key| matches!(key, Key::Char(letter) if *letter != ' '));
    let names: Vec<String> = keys.iter().map(Key::to_string).collect();
    names.join(if plain { "" } else { " " })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_action_has_exactly_one_verb() {
        for action in UiAction::ALL {
            assert_eq!(VERBS.iter().filter(|verb| verb.action == *action).count(), 1, "{action:?}");
        }
        assert_eq!(VERBS.len(), UiAction::ALL.len());
    }

    #[test]
    fn no_key_means_two_things_and_none_is_shadowed_by_a_prefix() {
        let mut seen = HashSet::new();
        for verb in VERBS {
            assert!(!verb.keys.is_empty(), "{}", verb.name);
            for keys in verb.keys {
                assert!(seen.insert(*keys), "{} is bound twice", sequence(keys));
                assert!(matches!(keys.len(), 1 | 2));
            }
        }
        for keys in seen.iter().filter(|keys| keys.len() == 2) {
            assert!(!seen.contains(&keys[..1]), "{} is a prefix and a verb", keys[0]);
        }
    }

    #[test]
    fn docs_are_one_plain_line() {
        for verb in VERBS {
            assert!(!verb.doc.contains('\n') && !verb.doc.ends_with('.') && verb.doc.len() < 90, "{}", verb.doc);
        }
    }

    #[test]
    fn every_key_is_found_again() {
        for verb in VERBS {
            let pane = if verb.context == Context::Anywhere { Pane::Tree } else { Pane::Rollback };
            for keys in verb.keys {
                let found = match keys {
                    [key] => meaning(pane, None, *key),
                    [prefix, key] => {
                        assert!(matches!(meaning(pane, None, *prefix), Some(Meaning::Prefix)));
                        assert!(following(*prefix).iter().any(|(second, _)| second == key));
                        meaning(pane, Some(*prefix), *key)
                    }
                    _ => None,
                };
                assert!(matches!(found, Some(Meaning::Verb(found)) if found.action == verb.action));
            }
        }
        assert!(meaning(Pane::Tree, None, Key::Char('x')).is_none());
    }

    #[test]
    fn the_markdown_has_every_verb() {
        let markdown = markdown();
        for verb in VERBS {
            assert!(markdown.contains(verb.doc), "{}", verb.name);
        }
    }
}
