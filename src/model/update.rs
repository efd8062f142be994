//! Updates: messages from a run to the screen or the command line.

use serde::{Deserialize, Serialize};

use super::{
    ActionDiff, Comparison, DiffBody, EditPart, EditScope, ForkOutlook, Moment, ResumePlan, RunState, Seq, ShellMode,
    SpanId, TraceEvent, TriesReport,
};

/// A message from a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// Committed events, in order of their seq.
    Events(Vec<TraceEvent>),
    /// More text of a streaming response; has no seq, may be dropped.
    Chunk {
        /// The llm span.
        span: SpanId,
        /// The text.
        text: String,
    },
    /// More of the reasoning of a streaming response; has no seq, may be dropped.
    Reasoning {
        /// The llm span.
        span: SpanId,
        /// The text.
        text: String,
    },
    /// The run's state, in the place of all before it: of a past run, whose events follow for the log.
    State(Box<RunState>),
    /// The log of a past run is being checked.
    Checking(Checking),
    /// The log of a past run is checked: its damage, a line each.
    Checked(Vec<String>),
    /// The channel was full: so many events are behind, and are read from the store.
    Lag(u64),
    /// Answer to [`super::Command::Inspect`].
    Detail(SpanDetail),
    /// Answer to [`super::Command::Edit`] and [`super::Command::EditPart`].
    Editable(Editable),
    /// Answer to [`super::Command::Plan`].
    Plan(RetryPlan),
    /// Answer to [`super::Command::PlanFork`].
    Fork(Box<ForkOutlook>),
    /// Answer to [`super::Command::PlanResume`].
    Resume(Box<ResumePlan>),
    /// Answer to [`super::Command::Diff`].
    Diff(ActionDiff),
    /// Answer to [`super::Command::Compare`].
    Comparison(Box<Comparison>),
    /// Answer to [`super::Command::Moment`].
    Moment(Box<Moment>),
    /// The report of an undo or redo.
    Undo(UndoReport),
    /// A series of tries, as far as it is.
    Tries(Box<TriesReport>),
    /// The models that tries can be made with: a role or model, and the model that it stands for.
    Models(Vec<(String, String)>),
    /// A line that the footer says at the start; the log has more about it.
    Notice(String),
    /// A command was refused; one line that says why and what to do.
    Refused(String),
    /// The commands that this run accepts.
    Abilities(Abilities),
    /// The run was made elsewhere: nothing of it is changed before [`super::Command::ConfirmWorkspace`].
    MadeElsewhere(MadeElsewhere),
    /// The run is only looked at: it is in use elsewhere, or can't be written.
    LookedAt,
    /// The run is opened anew, as its user has confirmed its workspace: its state and its events follow once more.
    OpenedAnew,
    /// How commands run here.
    Shell(ShellMode),
    /// The edits that are not in any file.
    Edits(Vec<UnwrittenEdit>),
    /// Subjects of calls and branches; not stored with their events.
    Subjects(Vec<SpanSubject>),
    /// The run's engine stopped; nothing follows.
    Closed,
}

/// How far the check of a log is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checking {
    /// Rows that are checked.
    pub rows: u64,
    /// How many there should be; 0 when that is not known.
    pub of: u64,
}

impl Checking {
    /// Formats it: `43 %`, or the rows where nobody knows how many there are.
    #[must_use]
    pub fn progress(self) -> String {
        match (self.rows * 100).checked_div(self.of) {
            Some(percent) => format!("{} %", percent.min(100)),
            None if self.rows == 0 => "…".to_owned(),
            None => format!("{} rows", self.rows),
        }
    }
}

/// The subject of a call that has not run yet, or of a branch of a fan-out, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanSubject {
    /// The span.
    pub span: SpanId,
    /// Its command, path, key, or item.
    pub text: String,
    /// True for a path.
    pub is_path: bool,
}

/// The commands that a run accepts; `Err` says what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abilities {
    /// Pausing, releasing, editing.
    pub pause: Result<(), String>,
    /// Undo and redo.
    pub undo: Result<(), String>,
    /// Retry.
    pub retry: Result<(), String>,
}

/// A run that was made elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeElsewhere {
    /// The workspace that it names.
    pub workspace: String,
    /// The reason why it counts as made elsewhere.
    pub why: String,
}

/// Texts of one span, for Detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanDetail {
    /// The span.
    pub span: SpanId,
    /// Its path.
    pub path: String,
    /// Parts, in reading order.
    pub sections: Vec<Section>,
}

/// One part of Detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// `system`, `messages`, `response`, `arguments`, `result`, `input`, `output`, `error`, …
    pub title: String,
    /// Beside the title: the prompt's file, the model, a count.
    pub note: String,
    /// The text.
    pub body: SectionBody,
    /// True if it is shown folded at first.
    pub folded: bool,
}

/// The text of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionBody {
    /// Prose.
    Text(String),
    /// JSON, pretty-printed.
    Json(String),
    /// An error.
    Error(String),
    /// A conversation: role and text of each message.
    Messages(Vec<(String, String)>),
    /// Name and value pairs.
    Facts(Vec<(String, String)>),
    /// Changes, in order.
    Changes(Vec<KeyChange>),
}

/// A change of one key, made or still to be made. All texts are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// Git's letter: A, M, D or R.
    pub letter: char,
    /// The key; of a rename both paths.
    pub key: String,
    /// From the earlier to the later state, as text: `812 B → 1.9 kB`.
    pub change: String,
    /// Remarks, line by line.
    pub notes: Vec<String>,
    /// The content; `None`: the change is only listed.
    pub body: Option<DiffBody>,
}

/// A text the user may edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editable {
    /// The span.
    pub span: SpanId,
    /// The name of the edited thing, for the title.
    pub title: String,
    /// The text.
    pub text: String,
    /// The scopes that can be chosen, the default first.
    pub scopes: Vec<EditScope>,
    /// File extension for `$EDITOR` (`md` or `json`).
    pub extension: &'static str,
    /// The part of a past span that is edited for a retry or fork; `None`: what is sent.
    pub part: Option<EditPart>,
}

/// An edited prompt that is in no file yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnwrittenEdit {
    /// The agent's name, or `agent.step`.
    pub agent: String,
    /// The prompt's file; none for a prompt that stands in the pipeline's own file.
    pub file: Option<String>,
}

/// The plan of a retry, shown before it happens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RetryPlan {
    /// The span asked for.
    pub span: SpanId,
    /// Actions it undoes, in order (newest first).
    pub undoes: Vec<Seq>,
    /// Actions it leaves, and why.
    pub leaves: Vec<PlanLeave>,
    /// Spans that rerun, oldest first.
    pub reruns: Vec<SpanId>,
    /// Agent names among them, for a line (`writer#2, reviewer#2`).
    pub rerun_names: Vec<String>,
    /// Ancestors that continue.
    pub reopens: Vec<SpanId>,
    /// Concurrent spans that read what is undone (rerun too unless the user keeps them).
    pub readers: Vec<SpanId>,
    /// Recorded outcomes that answer again.
    pub from_journal: usize,
    /// Tokens of those of them that are model calls.
    #[serde(default)]
    pub saved_tokens: u64,
    /// Their cost, in millionths of a US dollar.
    #[serde(default)]
    pub saved_cost: u64,
    /// Model calls among the rerun spans.
    #[serde(default)]
    pub calls: usize,
    /// Tokens the rerun spans took the last time.
    pub tokens: u64,
    /// The cost of the rerun spans the last time, in millionths of a US dollar.
    #[serde(default)]
    pub cost: u64,
    /// Prompt files that changed on disk since the run started, and edits, by agent.
    pub changed: Vec<String>,
    /// Changes since the run in what it may do: policy, tools, network, limits, providers, workspace.
    #[serde(default)]
    pub authority: Vec<String>,
    /// Spans of the set that still run and are cancelled.
    pub cancels: usize,
    /// Effects undone before, of spans that don't rerun: they stay undone. Oldest first.
    #[serde(default)]
    pub undone_outside: Vec<Seq>,
    /// Tools from before the span that really run again: another program's agent can only begin anew.
    #[serde(default)]
    pub again: Vec<SpanId>,
}

/// An action that a retry leaves as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLeave {
    /// The action.
    pub action: Seq,
    /// Why.
    pub why: String,
}

/// The report of an undo or redo.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UndoReport {
    /// Actions undone, in order.
    pub undone: Vec<Seq>,
    /// Those of them that were undone by an undo command: nothing of them could be read back.
    #[serde(default)]
    pub compensated: Vec<Seq>,
    /// Actions redone.
    pub redone: Vec<Seq>,
    /// Actions left as they are, and why.
    pub left: Vec<PlanLeave>,
    /// The conflict that stopped it.
    pub conflict: Option<Conflict>,
    /// The touched world, compared with the record by a second reading.
    #[serde(rename = "certificate")]
    pub read_back: ReadBack,
}

/// The state of a key is not what the action left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// The action that can't be undone.
    pub action: Seq,
    /// Its key, for people.
    pub key: String,
    /// The origin of the change.
    pub by: ConflictBy,
}

/// The origin of a later change of a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum ConflictBy {
    /// Later actions: undo these first, in this order.
    Actions {
        /// Newest first.
        first: Vec<(Seq, SpanId)>,
    },
    /// A later action that can't be undone.
    #[serde(rename = "permanent")]
    NoUndo {
        /// The action.
        action: Seq,
        /// Its agent's span.
        span: SpanId,
    },
    /// Another program or person.
    Outside {
        /// The present state.
        found: String,
    },
    /// A program that has it open, and would lose what it writes.
    Open {
        /// Its name and process id.
        program: String,
    },
}

/// The second, independent reading of every touched key: "restored n/n, read back".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadBack {
    /// Keys that are as the record says they were.
    pub restored: usize,
    /// Keys touched.
    pub total: usize,
    /// The differences, one line for each key.
    pub differs: Vec<String>,
}
