//! Popups over the panels: questions, menus, lists, the editor. A popup takes every key until it is closed.

use super::{Approval, Ask, DiffView, Entry, Help, Key, Palette, PlanAsk, Resuming, TriesForm, TriesTable, UiAction};
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
    /// The tries to ask for.
    TriesForm(Box<TriesForm>),
    /// Every verb by name.
    Palette(Palette),
    /// The tries under way (in [`super::State::tries`]).
    Tries(TriesTable),
}

/// The list of breakpoints (in [`super::State::breakpoints`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BreakList {
    /// The one under the cursor.
    pub cursor: usize,
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
    /// Goes on to the next question of a resume, or to the resume.
    Decide(Box<Resuming>),
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
    /// It is the condition of a breakpoint.
    Condition(Breakpoint),
}

impl Purpose {
    /// The word for the key that takes the text.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Edit { .. } => "save",
            Self::Answer => "answer",
            Self::Deny => "deny",
            Self::Condition(_) => "set",
        }
    }
}

/// A text being edited. The text itself is kept by the text area of the terminal's side, which starts with
/// `initial` and gets what the app doesn't handle as [`super::Command::EditorInput`].
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
            Purpose::Answer | Purpose::Deny | Purpose::Condition(_) => None,
        }
    }
}
