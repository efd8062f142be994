//! One action as a row: its key, its change, who did it.

use super::Word;
use crate::app::safe;
use crate::model::{ActionOp, Compensation, KeyKind, KeyState, LedgerEntry, RunState, Seq, command_line};

/// One action, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionRow {
    /// The action.
    pub seq: Seq,
    /// Its key.
    pub key: String,
    /// The tool that did it.
    pub tool: String,
    /// Git's letter: A, M, D or R; a space for a call.
    pub letter: char,
    /// The kind of its key: `file`, `key`, `dir`, `link`, `call`, `cmd`.
    pub kind: &'static str,
    /// The agent whose tool did it.
    pub agent: String,
    /// `812 B → 1.9 kB`: the same before and after a look at the diff, which counts the lines.
    pub change: String,
    /// Its state in a word.
    pub word: Word,
    /// True on the row under the cursor.
    pub selected: bool,
    /// True when the user marked it.
    pub marked: bool,
}

impl ActionRow {
    /// The row of an action, as it stands.
    pub(super) fn new(run: &RunState, seq: Seq, word: Word) -> Option<Self> {
        let entry = run.ledger.get(seq)?;
        Some(Self {
            seq,
            key: safe::line(&entry.record.key.to_string()).into_owned(),
            tool: safe::line(&entry.record.tool_name).into_owned(),
            letter: entry.letter(),
            kind: kind(run, entry),
            agent: safe::line(&run.trace.label(entry.record.span)).into_owned(),
            change: safe::line(&change(run, entry)).into_owned(),
            word,
            selected: false,
            marked: false,
        })
    }
}

/// The change of an action's key.
fn change(run: &RunState, entry: &LedgerEntry) -> String {
    let record = &entry.record;
    let left = entry.left();
    let change = match record.op {
        ActionOp::External if record.key.kind == KeyKind::Compensation => undo_command(entry),
        _ => entry.change_text(),
    };
    match entry.renamed.and_then(|other| run.ledger.get(other)) {
        Some(other) if *left == KeyState::Absent => format!("→ {}", other.record.key),
        Some(other) if record.old == KeyState::Absent => format!("← {}", other.record.key),
        Some(other) => format!("← {}, over {}", other.record.key, record.old.summary()),
        None => change,
    }
}

/// The kind of an action's key, in a word of at most four letters.
fn kind(run: &RunState, entry: &LedgerEntry) -> &'static str {
    match entry.record.key.kind {
        KeyKind::Memory => "key",
        KeyKind::File => "file",
        KeyKind::Directory => "dir",
        KeyKind::Symlink => "link",
        KeyKind::Compensation | KeyKind::External if run.labels.command(entry.record.tool_span).is_some() => "cmd",
        KeyKind::Compensation | KeyKind::External => "call",
    }
}

/// The undo command of an action.
pub(in crate::app) fn undo_command(entry: &LedgerEntry) -> String {
    let text = |state: &KeyState| match state {
        KeyState::Text { text } => Some(text.clone()),
        _ => None,
    };
    let stored = text(&entry.record.intended).and_then(|json| serde_json::from_str::<Compensation>(&json).ok());
    let before = text(&entry.record.old);
    match stored.map(|stored| stored.command(before.as_deref(), text(&entry.after).as_deref())) {
        Some(Ok(argv)) => format!("undo command {}", command_line(&argv)),
        Some(Err(why)) => format!("no undo: {why}"),
        None => entry.record.old.summary(),
    }
}
