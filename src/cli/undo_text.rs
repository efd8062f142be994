//! The undo of one action in a few words: `would restore README.md (26 B)`, `deleted notes.md`.

use super::text::{key_name, shorten};
use crate::model::{ActionOp, KeyKind, KeyState, LedgerEntry, permissions};

/// Characters of a value.
const VALUE: usize = 80;

/// Describes the undo of an action, or (`would`) what it would do.
pub(super) fn undo_text(entry: &LedgerEntry, would: bool) -> String {
    let (verb, object) = match entry.record.key.kind {
        KeyKind::Memory => undo_of_memory(entry),
        KeyKind::Compensation => (Verb::Run, format!("the undo command of {}", key_name(&entry.record.key))),
        KeyKind::File | KeyKind::Directory | KeyKind::Symlink | KeyKind::External => undo_of_path(entry),
    };
    let verb = verb.form(would);
    if would { format!("would {verb} {object}") } else { format!("{verb} {object}") }
}

/// The verb for an undo.
#[derive(Debug, Clone, Copy)]
enum Verb {
    Restore,
    Delete,
    Remove,
    PutBack,
    Run,
}

impl Verb {
    fn form(self, infinitive: bool) -> &'static str {
        match (self, infinitive) {
            (Self::Restore, true) => "restore",
            (Self::Restore, false) => "restored",
            (Self::Delete, true) => "delete",
            (Self::Delete, false) => "deleted",
            (Self::Remove, true) => "remove",
            (Self::Remove, false) => "removed",
            (Self::PutBack, _) => "put back",
            (Self::Run, true) => "run",
            (Self::Run, false) => "ran",
        }
    }
}

fn undo_of_memory(entry: &LedgerEntry) -> (Verb, String) {
    let record = &entry.record;
    let name = key_name(&record.key);
    match (&record.old, record.op) {
        (_, ActionOp::Append) => {
            (Verb::Remove, format!("{} from the key {name}", shorten(&record.intended.summary(), VALUE)))
        }
        (KeyState::Absent, _) => (Verb::Delete, format!("the key {name}")),
        (old, _) => (Verb::PutBack, format!("the key {name} ({})", shorten(&old.summary(), VALUE))),
    }
}

fn undo_of_path(entry: &LedgerEntry) -> (Verb, String) {
    let name = key_name(&entry.record.key);
    match (&entry.record.old, entry.left()) {
        (KeyState::Absent, KeyState::Directory { .. }) => (Verb::Delete, format!("the folder {name}")),
        (KeyState::Absent, KeyState::Symlink { .. }) => (Verb::Delete, format!("the link {name}")),
        (KeyState::Absent, _) => (Verb::Delete, name),
        (KeyState::File { blob: old, mode, .. }, KeyState::File { blob: new, .. }) if old == new => {
            (Verb::Restore, format!("the permissions of {name} ({})", permissions(*mode)))
        }
        (KeyState::Directory { mode }, KeyState::Directory { .. }) => {
            (Verb::Restore, format!("the permissions of {name} ({})", permissions(*mode)))
        }
        (KeyState::Directory { .. }, _) => (Verb::Restore, format!("the folder {name}")),
        (old, _) => (Verb::Restore, format!("{name} ({})", shorten(&old.summary(), VALUE))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ActionRecord, ActionStatus, BlobHash, Key, Seq, SpanId, Undoability};

    fn entry(key: Key, op: ActionOp, old: KeyState, after: KeyState) -> LedgerEntry {
        let record = ActionRecord {
            span: SpanId(1),
            tool_span: SpanId(2),
            tool_name: "tama_bash".into(),
            key,
            op,
            old,
            intended: after.clone(),
            undo: Undoability::Undo,
        };
        LedgerEntry {
            seq: Seq(7),
            record: record.into(),
            status: ActionStatus::Applied,
            after,
            half_done: false,
            refused: false,
            kept: None,
            renamed: None,
            turned: None,
        }
    }

    #[test]
    fn each_undo_says_what_comes_back_or_goes() {
        let file = |content, mode| KeyState::File { blob: BlobHash([content; 16]), size: 26, mode };
        let text = |text: &str| KeyState::Text { text: text.into() };
        let (none, folder) = (|| KeyState::Absent, |mode| KeyState::Directory { mode });
        let link = KeyState::Symlink { target: "docs/notes.md".into() };
        let key = |kind, name: &str| Key { kind, name: name.into() };
        let set = |key, old, after| entry(key, ActionOp::Set, old, after);
        let cases = [
            (set(Key::file("a.md"), file(1, 0o644), none()), "restore a.md (26 B)", "restored a.md (26 B)"),
            (set(Key::file("a.md"), none(), file(1, 0o644)), "delete a.md", "deleted a.md"),
            (
                set(Key::file("a.sh"), file(1, 0o755), file(1, 0o644)),
                "restore the permissions of a.sh (rwxr-xr-x)",
                "restored the permissions of a.sh (rwxr-xr-x)",
            ),
            (set(Key::directory("d"), none(), folder(0o755)), "delete the folder d/", "deleted the folder d/"),
            (set(Key::directory("d"), folder(0o755), none()), "restore the folder d/", "restored the folder d/"),
            (
                set(key(KeyKind::Symlink, "l"), link.clone(), none()),
                "restore l (link to docs/notes.md)",
                "restored l (link to docs/notes.md)",
            ),
            (set(key(KeyKind::Symlink, "l"), none(), link), "delete the link l", "deleted the link l"),
            (
                set(Key::memory("outline"), text("intro"), text("fix")),
                "put back the key outline (\"intro\")",
                "put back the key outline (\"intro\")",
            ),
            (set(Key::memory("outline"), none(), text("fix")), "delete the key outline", "deleted the key outline"),
            (
                entry(Key::memory("log"), ActionOp::Append, none(), text("one")),
                "remove \"one\" from the key log",
                "removed \"one\" from the key log",
            ),
        ];
        for (entry, would, did) in cases {
            assert_eq!(undo_text(&entry, true), format!("would {would}"));
            assert_eq!(undo_text(&entry, false), did);
        }
    }
}
