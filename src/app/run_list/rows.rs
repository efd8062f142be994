//! The rows of the run list and their columns.

use unicode_width::UnicodeWidthStr;

use crate::app::{safe, text};
use crate::model::{Millis, RunStatus};

/// One stored run, from its manifest alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// The whole id.
    pub id: String,
    /// The pipeline's name.
    pub name: String,
    /// The task.
    pub task: String,
    /// The status when the manifest was written; `Err` says why it can't be read.
    pub status: Result<RunStatus, String>,
    /// The process that has it open now.
    pub held_by: Option<u32>,
    /// True if it counts as made elsewhere.
    pub is_foreign: bool,
    /// True if it watched an agent of another program.
    pub is_wrapped: bool,
    /// When it started.
    pub started: Millis,
    /// When it ended, while it is ended; of a closed run without one, the counts are not known either.
    pub ended: Option<Millis>,
    /// Actions recorded.
    pub changes: u64,
    /// Tokens in and out.
    pub tokens: u64,
    /// Cost in millionths of a US dollar; 0 when no prices are known.
    pub cost: u64,
}

/// The state of a run in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunWord {
    /// Another process runs it.
    Live,
    /// Another process has it open; it runs no more.
    Open,
    /// It is closed.
    Closed(RunStatus),
    /// Its manifest can't be read.
    Unreadable,
}

impl RunWord {
    /// True while another process has the run.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Live | Self::Open)
    }

    /// The word and its glyph.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Live => "● live",
            Self::Open => "● open",
            Self::Closed(RunStatus::Ok) => "✓ finished",
            Self::Closed(RunStatus::Failed) => "✗ failed",
            Self::Closed(RunStatus::Cancelled) => "■ cancelled",
            Self::Closed(RunStatus::Interrupted | RunStatus::Running) => "↯ interrupted",
            Self::Unreadable => "? unreadable",
        }
    }
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunColumn {
    /// The id.
    Run,
    /// The pipeline.
    Name,
    /// The state.
    Status,
    /// Time since the start.
    Age,
    /// Time from start to end.
    Took,
    /// Actions.
    Changes,
    /// Tokens.
    Tokens,
    /// Cost.
    Cost,
    /// The task.
    Task,
}

/// Columns in their order on the screen.
const COLUMNS: [RunColumn; 9] = [
    RunColumn::Run,
    RunColumn::Name,
    RunColumn::Status,
    RunColumn::Age,
    RunColumn::Took,
    RunColumn::Changes,
    RunColumn::Tokens,
    RunColumn::Cost,
    RunColumn::Task,
];
/// Columns by what matters most: the first stays on the narrowest screen.
const RANKED: [RunColumn; 8] = [
    RunColumn::Status,
    RunColumn::Run,
    RunColumn::Name,
    RunColumn::Age,
    RunColumn::Tokens,
    RunColumn::Took,
    RunColumn::Cost,
    RunColumn::Changes,
];
/// Columns between two columns.
const GAP: usize = 2;
/// The task is shown from this width on.
const TASK: usize = 12;
/// A longer name is cut.
const NAME: usize = 24;

impl RunColumn {
    /// Its heading.
    #[must_use]
    pub fn head(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Name => "name",
            Self::Status => "status",
            Self::Age => "age",
            Self::Took => "took",
            Self::Changes => "changes",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
            Self::Task => "task",
        }
    }

    /// True for numbers, which end at the same column.
    #[must_use]
    pub fn is_right(self) -> bool {
        matches!(self, Self::Age | Self::Took | Self::Changes | Self::Tokens | Self::Cost)
    }
}

impl RunRow {
    /// A run whose manifest can't be read.
    #[must_use]
    pub fn unreadable(id: String, why: String) -> Self {
        let (name, task) = (String::new(), String::new());
        let (started, changes, tokens, cost) = (Millis(0), 0, 0, 0);
        let (status, held_by, is_foreign, is_wrapped, ended) = (Err(why), None, false, false, None);
        Self { id, name, task, status, held_by, is_foreign, is_wrapped, started, ended, changes, tokens, cost }
    }

    /// Its state.
    #[must_use]
    pub fn word(&self) -> RunWord {
        match (&self.status, self.held_by) {
            (Err(_), _) => RunWord::Unreadable,
            (Ok(RunStatus::Running), Some(_)) => RunWord::Live,
            (Ok(_), Some(_)) => RunWord::Open,
            (Ok(status), None) => RunWord::Closed(*status),
        }
    }

    /// Says why it can't be opened; `Ok` when it can.
    pub(super) fn can_open(&self) -> Result<(), String> {
        self.status.as_ref().map(|_| ()).map_err(|why| safe::line(why).into_owned())
    }

    /// Says why it can't be resumed; `Ok` when it can.
    pub(super) fn can_resume(&self) -> Result<(), String> {
        self.can_open()?;
        match self.word() {
            RunWord::Live | RunWord::Open => Err(match self.held_by {
                Some(pid) => format!("another process ({pid}) has it open"),
                None => "another process has it open".to_owned(),
            }),
            RunWord::Closed(RunStatus::Ok | RunStatus::Failed) => {
                Err("it has come to its end: Enter opens it, and a span of it can be retried or forked".to_owned())
            }
            _ if self.is_wrapped => Err("only the agent's own program can continue it; Enter opens it".to_owned()),
            _ if self.is_foreign => Err("it was made elsewhere: Enter opens it, and asks about its folder".to_owned()),
            _ => Ok(()),
        }
    }

    /// The text of its state, and of where it was made.
    fn words(&self) -> String {
        let word = self.word().text();
        if self.is_foreign { format!("{word} (made elsewhere)") } else { word.to_owned() }
    }

    /// True when every word of the filter is in its id, name, state or task; upper and lower case are the same.
    pub(super) fn matches(&self, filter: &str) -> bool {
        let all = [&self.id, &self.name, &self.words()[..], &self.task].join(" ").to_lowercase();
        filter.to_lowercase().split_whitespace().all(|word| all.contains(word))
    }

    /// A cell, safe to show.
    pub(super) fn cell(&self, column: RunColumn, now: Millis) -> String {
        let readable = self.status.is_ok();
        let number = |text: String| if readable { text } else { String::new() };
        let some = |value: u64, text: fn(u64) -> String| match value {
            _ if self.is_uncounted() => "?".to_owned(),
            0 => String::new(),
            value => text(value),
        };
        match column {
            RunColumn::Run => safe::line(&self.id).into_owned(),
            RunColumn::Name => safe::line(&self.name).into_owned(),
            RunColumn::Status => self.words(),
            RunColumn::Age => number(text::age(now.0.saturating_sub(self.started.0))),
            RunColumn::Took if self.is_uncounted() => "?".to_owned(),
            RunColumn::Took => number(self.took(now).map(text::duration).unwrap_or_default()),
            RunColumn::Changes => some(self.changes, |changes| changes.to_string()),
            RunColumn::Tokens => some(self.tokens, text::count),
            RunColumn::Cost => some(self.cost, text::money),
            RunColumn::Task => match &self.status {
                Ok(_) => safe::line(self.task.lines().next().unwrap_or_default()).into_owned(),
                Err(why) => safe::line(why).into_owned(),
            },
        }
    }

    /// True when its process died before it wrote down how far it came: opening the run counts anew.
    fn is_uncounted(&self) -> bool {
        matches!(self.word(), RunWord::Closed(_)) && self.ended.is_none()
    }

    fn took(&self, now: Millis) -> Option<u64> {
        let end = if self.word() == RunWord::Live { Some(now) } else { self.ended };
        end.map(|end| end.0.saturating_sub(self.started.0))
    }
}

/// The columns that fit and say something, with their widths; the task takes what is left.
pub(super) fn fitting(rows: &[&RunRow], room: usize, now: Millis) -> Vec<(RunColumn, usize)> {
    let width = |column: RunColumn| {
        let widest = rows.iter().map(|row| row.cell(column, now).width()).max().unwrap_or(0);
        let most = if column == RunColumn::Name { NAME } else { usize::MAX };
        (widest > 0).then(|| widest.max(column.head().len()).min(most))
    };
    let mut left = room;
    let mut chosen = Vec::new();
    for column in RANKED {
        let Some(width) = width(column) else { continue };
        if chosen.is_empty() {
            left = left.saturating_sub(width);
        } else if width + GAP <= left {
            left -= width + GAP;
        } else {
            break;
        }
        chosen.push((column, width));
    }
    if left >= TASK + GAP && width(RunColumn::Task).is_some() {
        chosen.push((RunColumn::Task, left - GAP));
    }
    let place = |column: RunColumn| COLUMNS.iter().position(|known| *known == column);
    chosen.sort_by_key(|(column, _)| place(*column));
    chosen
}
