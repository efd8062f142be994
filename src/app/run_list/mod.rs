//! The run list: the stored runs, newest first, before one is opened. A small screen of its own.

mod act;
mod keys;
mod rows;

pub use keys::{LIST_VERBS, ListVerb, list_markdown};
pub use rows::{RunColumn, RunRow, RunWord};

use super::{Key, Msg, Scroll};
use crate::model::Millis;

/// Lines around the rows: the header, the border with the names of the columns, the lower border, the footer.
const AROUND: u16 = 5;

/// A request to the loop around the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListCommand {
    /// Open this run in the debugger.
    Open(String),
    /// Open this run, and show how it would continue.
    Resume(String),
    /// Start a run of the pipeline here.
    New,
    /// Read the list again.
    Reload,
    /// Stop as a job of the shell does.
    Suspend,
    /// Leave the program.
    Quit,
}

/// The options of a list.
#[derive(Debug, Clone, Default)]
pub struct ListSetup {
    /// The runs, newest first.
    pub rows: Vec<RunRow>,
    /// The pipeline that a new run is started of, if there is one here.
    pub pipeline: Option<String>,
    /// Why none of the runs can be resumed; `None`: those that were interrupted can.
    pub not_resumed: Option<&'static str>,
    /// The folder that keeps the runs.
    pub folder: String,
    /// The time now.
    pub now: Millis,
    /// The terminal's columns and lines.
    pub size: (u16, u16),
}

/// The list's state.
#[derive(Debug, Clone, Default)]
pub struct RunList {
    setup: ListSetup,
    /// The rows that the search leaves, as places in all rows.
    shown: Vec<usize>,
    scroll: Scroll,
    filter: String,
    /// True while the filter is being typed.
    typing: bool,
    /// A prefix key that was pressed and waits for the next.
    pending: Option<Key>,
    /// The first line in view of the help, while it is shown.
    help: Option<usize>,
    message: Option<String>,
}

impl RunList {
    /// The list with its cursor on the newest run.
    #[must_use]
    pub fn new(setup: ListSetup) -> Self {
        let mut list = Self { setup, ..Self::default() };
        list.refilter();
        list
    }

    /// Takes a message in; returns what the loop must do.
    pub fn update(&mut self, msg: Msg) -> Option<ListCommand> {
        act::update(self, msg)
    }

    /// Replaces the rows; the cursor stays on its run.
    pub fn fill(&mut self, rows: Vec<RunRow>, now: Millis) {
        self.setup.now = now;
        let at = self.selected().map(|row| row.id.clone());
        self.setup.rows = rows;
        self.refilter();
        if let Some(at) = self.shown.iter().position(|row| Some(&self.setup.rows[*row].id) == at.as_ref()) {
            self.go(at);
        }
    }

    /// The run under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<&RunRow> {
        self.shown.get(self.scroll.cursor).and_then(|row| self.setup.rows.get(*row))
    }

    /// The rows in view, each with true when the cursor is on it.
    pub fn in_view(&self) -> impl Iterator<Item = (&RunRow, bool)> {
        let range = self.scroll.range(self.shown.len(), self.height());
        range.map(|at| (&self.setup.rows[self.shown[at]], at == self.scroll.cursor))
    }

    /// The columns that fit, with their widths.
    #[must_use]
    pub fn columns(&self) -> Vec<(RunColumn, usize)> {
        let rows: Vec<&RunRow> = self.shown.iter().map(|row| &self.setup.rows[*row]).collect();
        rows::fitting(&rows, usize::from(self.setup.size.0.saturating_sub(4)), self.setup.now)
    }

    /// A cell of a row.
    #[must_use]
    pub fn cell(&self, row: &RunRow, column: RunColumn) -> String {
        row.cell(column, self.setup.now)
    }

    /// The line at the top: the folder, the runs, the live ones.
    #[must_use]
    pub fn header(&self) -> Vec<String> {
        let all = self.setup.rows.len();
        let live = self.setup.rows.iter().filter(|row| row.word().is_live()).count();
        let runs = super::text::plural(all, "run");
        let mut parts = vec!["tama-tui".to_owned(), if live > 0 { format!("{runs}, {live} live") } else { runs }];
        if !self.filter.is_empty() {
            parts.push(format!("{} match \u{201c}{}\u{201d}", self.shown.len(), self.filter));
        }
        parts.push(self.setup.folder.clone());
        parts
    }

    /// Lines that stand in the place of rows when there are none.
    #[must_use]
    pub fn empty_text(&self) -> Vec<String> {
        let text = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        match (&self.setup.pipeline, self.setup.rows.is_empty()) {
            (_, false) if self.shown.is_empty() => text(&["No run matches.", "", "Esc shows all."]),
            (_, false) => Vec::new(),
            (Some(name), true) => vec![
                "No runs yet.".to_owned(),
                String::new(),
                format!("Press n to start {name}. It runs in the debugger."),
            ],
            (None, true) => text(&[
                "No runs yet, and no pipeline.toml or tama.toml in this folder.",
                "",
                "tama-tui init               writes a small pipeline here, which runs offline",
                "tama-tui init --from wreck  writes the demo: an agent wrecks a folder, you undo it",
                "tama-tui PIPELINE           runs a pipeline in the debugger",
            ]),
        }
    }

    /// The line at the bottom: an answer or the filter on the left, keys with their verbs on the right.
    #[must_use]
    pub fn footer(&self) -> (String, Vec<(String, String)>) {
        let own =
            |keys: &[(&str, &str)]| keys.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned())).collect();
        if self.help.is_some() {
            return (String::new(), own(&[("j k", "scroll"), ("Esc", "close")]));
        }
        if self.typing {
            return (format!("filter: {}", self.filter), own(&[("Enter", "keep"), ("Esc", "all runs")]));
        }
        (self.message.clone().unwrap_or_default(), self.hints())
    }

    /// Keys that work now, with their names: those that matter most first.
    fn hints(&self) -> Vec<(String, String)> {
        let works = LIST_VERBS.iter().filter(|verb| verb.hint && (verb.available)(self).is_ok());
        let name = |verb: &ListVerb| match (&self.setup.pipeline, verb.action) {
            (Some(name), keys::ListAction::New) => format!("start {name}"),
            _ => verb.name.to_owned(),
        };
        works.map(|verb| (verb.keys_text(), name(verb))).collect()
    }

    /// The lines of the help in view, while it is shown: keys and their verbs.
    #[must_use]
    pub fn help(&self) -> Option<&'static [ListVerb]> {
        self.help.map(|top| &LIST_VERBS[top.min(LIST_VERBS.len())..])
    }

    /// True while the filter is being typed.
    #[must_use]
    pub fn is_typing(&self) -> bool {
        self.typing
    }

    /// Rows that fit.
    fn height(&self) -> usize {
        usize::from(self.setup.size.1.saturating_sub(AROUND))
    }

    fn go(&mut self, line: usize) {
        self.scroll.go(line, self.shown.len(), self.height());
    }

    /// Finds the rows that the filter leaves; the cursor goes to the first.
    fn refilter(&mut self) {
        let rows = self.setup.rows.iter().enumerate();
        self.shown = rows.filter(|(_, row)| row.matches(&self.filter)).map(|(at, _)| at).collect();
        self.scroll = Scroll::default();
    }
}
