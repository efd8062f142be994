//! Questions before something destructive is done.
//!
//! A destructive command passes through two types: an [`Ask`] holds it and shows what it will do, and only a key
//! turns it into a [`Confirmed`], which gives the command out. The key does so once the end of the question was in
//! view. Pasted text is no key, so it confirms nothing.

use unicode_width::UnicodeWidthStr;

use super::text::wrapped_under;
use super::{Command, DiffView, Key, Reading};
use crate::model;

/// Widest prose that is comfortable to read.
const WIDE: usize = 90;
/// Columns and rows of the screen beside the text.
const EDGE: (usize, usize) = (4, 4);

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
/// For a question about cancelling or quitting, where a Cancel button would be ambiguous.
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
    reading: Reading,
    /// The lines as they fit the screen.
    fitted: Vec<String>,
    /// The columns that they fit.
    columns: usize,
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
        Self {
            title: title.into(),
            lines,
            key: Key::Enter,
            buttons,
            back: None,
            or_yes: false,
            commands,
            reading: Reading::default(),
            fitted: Vec::new(),
            columns: 0,
        }
    }

    /// Asks for `y`: the command has no undo.
    pub(super) fn yes(title: impl Into<String>, buttons: Buttons, lines: Vec<String>, commands: Vec<Command>) -> Self {
        Self { key: Key::Char('y'), ..Self::enter(title, buttons, lines, commands) }
    }

    /// Takes `y` for Enter too.
    pub(super) fn or_yes(self) -> Self {
        Self { or_yes: true, ..self }
    }

    /// True when it was asked over the table of tries.
    pub(super) fn is_about_tries(&self) -> bool {
        matches!(self.commands[..], [Command::Run(model::Command::KeepTry { .. } | model::Command::Cancel)])
    }

    /// True for the key that confirms.
    pub(super) fn takes(&self, key: Key) -> bool {
        key == self.key || (self.or_yes && key == Key::Char('y'))
    }

    /// Confirms, if it is the right key and the end of the question was in view.
    ///
    /// # Errors
    ///
    /// The question itself, when the key is another one, or when there is more to read.
    pub fn confirm(self, key: Key) -> Result<Confirmed, Box<Self>> {
        if self.takes(key) && self.reading.is_done() { Ok(Confirmed(self.commands)) } else { Err(Box::new(self)) }
    }

    /// Lays it out for a screen of that size.
    pub(super) fn refresh(&mut self, (width, height): (u16, u16)) {
        let columns = usize::from(width).saturating_sub(EDGE.0).clamp(8, WIDE);
        if self.columns != columns {
            self.columns = columns;
            self.fitted = self.lines.iter().flat_map(|line| wrapped_under(line, columns)).collect();
        }
        self.reading.fit(self.fitted.len(), usize::from(height).saturating_sub(EDGE.1).max(1));
    }

    /// The lines in view.
    #[must_use]
    pub fn window(&self) -> &[String] {
        self.fitted.get(self.reading.range()).unwrap_or_default()
    }

    /// Columns of the longest line, in view or not.
    #[must_use]
    pub fn widest(&self) -> usize {
        self.fitted.iter().map(|line| line.width()).max().unwrap_or(0)
    }

    /// All lines as they fit the screen.
    pub(super) fn fitted(&self) -> &[String] {
        &self.fitted
    }

    /// The place in its lines.
    #[must_use]
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    pub(super) fn reading_mut(&mut self) -> &mut Reading {
        &mut self.reading
    }
}
