//! Popups over the panels: questions, menus, lists, the editor. A popup takes every key until it is closed.
//!
//! A destructive command passes through two types: an [`Ask`] holds it and shows what it will do, and only a key
//! turns it into a [`Confirmed`], which gives the command out. Pasted text is no key, so it confirms nothing.

use super::{Approval, Command, DiffView, Entry, Help, Key, PlanAsk, UiAction};
use crate::model::{self, Breakpoint, DiffSides, EditScope, Seq, SpanId};

/// A popup over the panels.
#[derive(Debug, Clone, PartialEq)]
pub enum Popup {
    /// Every key.
    Help(Help),
    /// A question that wants a key.
    Ask(Ask),
    /// The plan of a retry, which wants Enter.
    Plan(PlanAsk),
    /// Choices.
    Menu(Menu),
    /// The breakpoints.
    Breakpoints(BreakList),
    /// A text being edited.
    Editor(Editor),
    /// The diff of an action.
    Diff(Box<DiffView>),
    /// A line of the Log in full.
    Entry(Entry),
    /// A tool that needs an approval.
    Approval(Box<Approval>),
}

/// The list of breakpoints (in [`super::State::breakpoints`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BreakList {
    /// The one under the cursor.
    pub cursor: usize,
}

/// The words on a question's two buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buttons {
    /// On the one that confirms.
    pub confirm: &'static str,
    /// On the one that closes the question.
    pub close: &'static str,
}

pub(super) const UNDO: Buttons = Buttons { confirm: "Undo", close: "Cancel" };
pub(super) const APPLY: Buttons = Buttons { confirm: "Apply", close: "Cancel" };
pub(super) const DISCARD: Buttons = Buttons { confirm: "Discard", close: "Cancel" };
pub(super) const YES: Buttons = Buttons { confirm: "Yes", close: "Cancel" };
/// For a question about cancelling, where a Cancel button would be ambiguous.
pub(super) const YES_NO: Buttons = Buttons { confirm: "Yes", close: "No" };

/// Something destructive that was asked for and not confirmed.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Ask {
    /// The question.
    pub title: String,
    /// The consequences, line by line.
    pub lines: Vec<String>,
    /// The key that confirms: Enter, or `y`.
    pub key: Key,
    /// The words on its buttons.
    pub buttons: Buttons,
    /// The diff that it was asked over, which is shown again when nothing is confirmed.
    pub(super) back: Option<Box<DiffView>>,
    /// True when `y` confirms as Enter does.
    or_yes: bool,
    commands: Vec<Command>,
}

/// Something destructive that was confirmed.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Confirmed(Vec<Command>);

impl Confirmed {
    pub(super) fn new(commands: Vec<Command>) -> Self {
        Self(commands)
    }

    /// The commands to carry out.
    #[must_use]
    pub fn into_commands(self) -> Vec<Command> {
        self.0
    }
}

impl Ask {
    /// Asks for Enter.
    pub(super) fn enter(
        title: impl Into<String>,
        buttons: Buttons,
        lines: Vec<String>,
        commands: Vec<Command>,
    ) -> Self {
        Self { title: title.into(), lines, key: Key::Enter, buttons, back: None, or_yes: false, commands }
    }

    /// Asks for `y`: the command has no undo.
    pub(super) fn yes(title: impl Into<String>, buttons: Buttons, lines: Vec<String>, commands: Vec<Command>) -> Self {
        Self { key: Key::Char('y'), ..Self::enter(title, buttons, lines, commands) }
    }

    /// Takes `y` for Enter too.
    pub(super) fn or_yes(self) -> Self {
        Self { or_yes: true, ..self }
    }

    /// Confirms, if it is the right key.
    ///
    /// # Errors
    ///
    /// The question itself, when the key is another one.
    pub fn confirm(self, key: Key) -> Result<Confirmed, Box<Self>> {
        let confirms = key == self.key || (self.or_yes && key == Key::Char('y'));
        if confirms { Ok(Confirmed(self.commands)) } else { Err(Box::new(self)) }
    }
}

/// Choices, each with its own key.
#[derive(Debug, Clone, PartialEq)]
pub struct Menu {
    /// The title.
    pub title: String,
    /// Why, line by line.
    pub lines: Vec<String>,
    /// The choices.
    pub items: Vec<Item>,
    /// The one under the cursor.
    pub cursor: usize,
}

impl Menu {
    pub(super) fn new(title: impl Into<String>, lines: Vec<String>, items: Vec<Item>) -> Self {
        Self { title: title.into(), lines, items, cursor: 0 }
    }
}

/// One choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its key.
    pub key: Key,
    /// The label.
    pub label: String,
    /// The choice.
    pub choice: Choice,
}

impl Item {
    pub(super) fn new(key: Key, label: impl Into<String>, choice: Choice) -> Self {
        Self { key, label: label.into(), choice }
    }
}

/// The consequence of a choice.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// Sends a command.
    Send(model::Command),
    /// Acts as that key would.
    Act(UiAction),
    /// Asks once more.
    Ask(Ask),
    /// Leaves an action.
    Skip(Seq),
    /// Goes to the span that did an action.
    Jump(Seq),
    /// Shows a diff, and then the menu again.
    Diff(Seq, DiffSides),
    /// Sets a breakpoint.
    Break(Breakpoint),
}

/// The use of an edited text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// It is sent instead of what the code asked for.
    Edit {
        /// The scopes that can be chosen.
        scopes: Vec<EditScope>,
        /// The chosen one.
        chosen: usize,
    },
    /// It is taken as the answer of the model, the tool, or the person.
    Answer,
    /// It is the word to the model with which a call is denied.
    Deny,
}

/// A text being edited. The text itself is kept by the text area of the terminal's side, which starts with
/// `initial` and gets what the app doesn't handle as [`Command::EditorInput`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editor {
    /// Grows by one with each editor: another number is another text area.
    pub id: u64,
    /// The span.
    pub span: SpanId,
    /// The title.
    pub title: String,
    /// The text it starts with.
    pub initial: String,
    /// The use of the text.
    pub purpose: Purpose,
    /// True once something was typed.
    pub touched: bool,
    /// Esc was pressed over a changed text: once more drops it.
    pub leaving: bool,
}

impl Editor {
    /// The chosen scope of an edit.
    #[must_use]
    pub fn scope(&self) -> Option<EditScope> {
        match &self.purpose {
            Purpose::Edit { scopes, chosen } => scopes.get(*chosen).copied(),
            Purpose::Answer | Purpose::Deny => None,
        }
    }
}
