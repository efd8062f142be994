//! Popups over the panels: questions, menus, lists, the editor. A popup takes every key until it is closed.

use super::text::wrapped_under;
use super::{
    Approval, Ask, DiffView, Entry, Help, Key, Palette, PlanAsk, Resuming, Then, TriesForm, TriesTable, UiAction,
};
use crate::model::{self, Breakpoint, DiffSides, EditPart, EditScope, Seq, SpanId};

/// A popup over the panels.
#[derive(Debug, Clone, PartialEq)]
pub enum Popup {
    /// Every key.
    Help(Help),
    /// A question that wants a key.
    Ask(Ask),
    /// The plan of a retry, which wants Enter.
    Plan(Box<PlanAsk>),
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
    /// The choice that Esc makes; `None`: it closes the menu.
    pub back: Option<Box<Choice>>,
    /// Why Enter chooses nothing, and only the letter of a choice does.
    pub by_letter: Option<&'static str>,
    /// The first of the reasons in view, where not all fit above the choices.
    pub(super) top: usize,
}

/// Columns and rows of the screen beside the text of a menu, and the widest prose that is comfortable to read.
const MENU_EDGE: (usize, usize) = (4, 4);
const MENU_WIDE: usize = 90;

impl Menu {
    pub(super) fn new(title: impl Into<String>, lines: Vec<String>, items: Vec<Item>) -> Self {
        Self { title: title.into(), lines, items, cursor: 0, back: None, by_letter: None, top: 0 }
    }

    /// The reasons in view on a screen of that size, and how many lines are above and below. The choices are always in
    /// view.
    #[must_use]
    pub fn reasons(&self, (width, height): (u16, u16)) -> (Vec<String>, usize, usize) {
        let columns = usize::from(width).saturating_sub(MENU_EDGE.0).clamp(8, MENU_WIDE);
        let mut lines: Vec<String> = self.lines.iter().flat_map(|line| wrapped_under(line, columns)).collect();
        let room = usize::from(height).saturating_sub(MENU_EDGE.1 + self.items.len() + 1).max(1);
        let above = self.top.min(lines.len().saturating_sub(room));
        let below = lines.len().saturating_sub(above + room);
        lines.drain(..above);
        lines.truncate(room);
        (lines, above, below)
    }

    /// Scrolls the reasons.
    pub(super) fn scroll(&mut self, by: isize, size: (u16, u16)) {
        let (shown, above, below) = self.reasons(size);
        self.top = above.saturating_add_signed(by).min(above + below + shown.len());
        self.top = self.reasons(size).1;
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
    /// Offers the parts of a span to edit by hand.
    ByHand {
        /// The span.
        span: SpanId,
        /// The place after it.
        then: Then,
    },
    /// Edits a part of a span by hand.
    EditPart {
        /// The span.
        span: SpanId,
        /// The part.
        part: EditPart,
        /// The place after it.
        then: Then,
        /// True for `$EDITOR`.
        outside: bool,
    },
    /// Edits the prompt of a span's agent, for its next calls.
    EditPrompt {
        /// The span.
        span: SpanId,
        /// True for `$EDITOR`.
        outside: bool,
    },
    /// Offers the models that can be tried.
    Models {
        /// The span.
        span: SpanId,
        /// The place after it.
        then: Then,
    },
    /// Sets a part of a span.
    SetPart {
        /// The span.
        span: SpanId,
        /// The part.
        part: EditPart,
        /// Its text.
        text: String,
        /// The place after it.
        then: Then,
    },
    /// Drops the edits of a span.
    DropEdits {
        /// The span.
        span: SpanId,
        /// The place after it.
        then: Then,
    },
    /// Shows the plan of a retry or fork with the edits there are.
    GoOn {
        /// The span.
        span: SpanId,
        /// The plan.
        then: Then,
    },
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
    /// It is a part of a span that ran, for a retry or fork of it.
    ByHand {
        /// The part.
        part: EditPart,
        /// The place after it.
        then: Then,
    },
}

impl Purpose {
    /// The word for the key that takes the text.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Edit { .. } | Self::ByHand { .. } => "save",
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

/// The end of a prompt's title, while the edit holds for all that follows.
const FOR_ALL: &str = ", from its next call on";

impl Editor {
    /// The title, with how long the edit lasts where that can be chosen.
    #[must_use]
    pub fn full_title(&self) -> String {
        let title = &self.title;
        match (&self.purpose, self.scope()) {
            (Purpose::Edit { scopes, .. }, _) if scopes.len() < 2 => title.clone(),
            (_, Some(EditScope::Retry)) => {
                format!("{}, for the next retry or fork only", title.strip_suffix(FOR_ALL).unwrap_or(title))
            }
            (_, Some(EditScope::Agent)) if !title.ends_with(FOR_ALL) => {
                format!("{title} · for the rest of this agent's try")
            }
            (_, Some(EditScope::Call)) => format!("{title} · for this call only"),
            _ => title.clone(),
        }
    }

    /// The chosen scope of an edit.
    #[must_use]
    pub fn scope(&self) -> Option<EditScope> {
        match &self.purpose {
            Purpose::Edit { scopes, chosen } => scopes.get(*chosen).copied(),
            Purpose::Answer | Purpose::Deny | Purpose::Condition(_) | Purpose::ByHand { .. } => None,
        }
    }
}
