//! The changes that a stopped call would make, against the world as it is now.

use super::fields::section;
use crate::effects::Masker;
use crate::effects::tools::WorldCall;
use crate::model::{DiffBody, Key, KeyChange, Section, SectionBody, Seq};
use crate::rollback::apply_change;
use crate::runtime::diff::{Side, compare};
use crate::world::{Value, World, WorldError};

/// Larger files are not read only to be looked at.
const LARGEST_READ: u64 = 16_000_000;

/// The section about what a call would change: made by the very code that the call runs, and nothing is touched.
pub(super) fn would_change(call: WorldCall, world: &World, masker: &Masker) -> Section {
    match foresee(call, world, masker) {
        Ok(changes) => {
            let note = note(&changes);
            section("changes", &note, SectionBody::Changes(changes))
        }
        Err(Foreseen::Nothing(why)) => section("changes", "none", SectionBody::Text(why)),
        Err(Foreseen::Fails(why)) => section("changes", "none", SectionBody::Error(format!("would fail: {why}"))),
        Err(Foreseen::TooLarge(path)) => {
            section("changes", "", SectionBody::Text(format!("{path} is larger than 16 MB, and is not compared")))
        }
    }
}

/// Why there are no changes to show.
enum Foreseen {
    Nothing(String),
    Fails(String),
    TooLarge(String),
}

fn foresee(call: WorldCall, world: &World, masker: &Masker) -> Result<Vec<KeyChange>, Foreseen> {
    let values = call.keys.iter().map(|key| read(world, key)).collect::<Result<Vec<_>, _>>()?;
    let decision = (call.decide)(&values).map_err(|error| Foreseen::Fails(error.to_string()))?;
    if decision.changes.is_empty() {
        return Err(Foreseen::Nothing(decision.result));
    }
    let mut found: Vec<(Key, Value)> = call.keys.into_iter().zip(values).collect();
    let mut out = Vec::new();
    for change in decision.changes {
        let at = found.iter().position(|(key, _)| key.same_place(&change.key));
        let old = match at {
            Some(at) => found.remove(at).1,
            None => read(world, &change.key)?,
        };
        let new = apply_change(&change, &old, Seq(0));
        out.push(key_change(&change.key, &old, &new, masker));
        // A later change of the call finds what this one leaves.
        found.push((change.key, new));
    }
    Ok(out)
}

fn read(world: &World, key: &Key) -> Result<Value, Foreseen> {
    world.read_at_most(key, LARGEST_READ).map_err(|error| match error {
        WorldError::TooLarge { .. } => Foreseen::TooLarge(key.to_string()),
        error => Foreseen::Fails(error.to_string()),
    })
}

fn key_change(key: &Key, old: &Value, new: &Value, masker: &Masker) -> KeyChange {
    let (was, is) = (side(old), side(new));
    let letter = was.state.letter_to(&is.state);
    let change = was.state.describe_change(&is.state);
    let mut notes = Vec::new();
    let body = compare(&was, &is, masker, &mut notes);
    // A new folder, or an empty file, has nothing to compare.
    let body = (letter == 'M' || body != DiffBody::Same).then_some(body);
    KeyChange { letter, key: key.to_string(), change, notes, body }
}

fn side(value: &Value) -> Side {
    let bytes = match value {
        Value::File { bytes, .. } => Some(bytes.clone()),
        _ => None,
    };
    Side { state: value.state(), bytes }
}

/// `NOTES.md +41 -3`; with more than one change, how many they are.
fn note(changes: &[KeyChange]) -> String {
    let Some(last) = changes.last() else { return String::new() };
    let lines = match last.body {
        Some(DiffBody::Lines { added, removed, .. }) => format!(" +{added} -{removed}"),
        _ => String::new(),
    };
    let more = if changes.len() > 1 { format!(" · {} changes", changes.len()) } else { String::new() };
    format!("{}{lines}{more}", last.key)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value as Json, json};

    use super::*;
    use crate::effects::tools::{Prepared, Toolbox};
    use crate::model::LineIn;

    struct Bench {
        world: World,
        folder: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let world = World::open(folder.path(), None).unwrap();
            Self { world, folder }
        }

        fn put(&self, path: &str, bytes: &[u8]) {
            fs::write(self.folder.path().join(path), bytes).unwrap();
        }

        fn foresee(&self, tool: &str, args: &Json) -> Section {
            match Toolbox::for_workspace(self.world.root()).get(tool).unwrap().prepare(args) {
                Ok(Prepared::World(call)) => would_change(call, &self.world, &Masker::default()),
                Ok(_) => panic!("{tool} is no call of keys"),
                Err(error) => panic!("{error}"),
            }
        }

        /// The note and the lines: letter and key, then the lines with their signs.
        fn lines(&self, tool: &str, args: &Json) -> (String, Vec<String>) {
            let section = self.foresee(tool, args);
            (section.note.clone(), lines(&section.body))
        }
    }

    fn lines(body: &SectionBody) -> Vec<String> {
        let changes = match body {
            SectionBody::Changes(changes) => changes,
            SectionBody::Error(text) | SectionBody::Text(text) => return vec![text.clone()],
            other => panic!("{other:?}"),
        };
        let mut out = Vec::new();
        for change in changes {
            out.push(format!("{} {}", change.letter, change.key));
            match &change.body {
                Some(DiffBody::Lines { hunks, .. }) => {
                    let sign = |side| match side {
                        LineIn::Both => ' ',
                        LineIn::Old => '-',
                        LineIn::New => '+',
                    };
                    let lines = hunks.iter().flat_map(|hunk| &hunk.lines);
                    out.extend(lines.map(|line| format!("{}{}", sign(line.side), line.text)));
                }
                Some(DiffBody::Opaque { why, .. }) => out.push(why.clone()),
                Some(DiffBody::Same) => out.push("same".into()),
                None => {}
            }
        }
        out
    }

    #[test]
    fn a_write_is_compared_with_the_file_as_it_is_now() {
        let bench = Bench::new();
        let args = json!({ "path": "a.md", "content": "one\n2\n" });
        assert_eq!(
            bench.lines("tama_files_write", &args),
            ("a.md +2 -0".into(), vec!["A a.md".into(), "+one".into(), "+2".into()])
        );
        bench.put("a.md", b"one\ntwo\n");
        let changed = ["M a.md", " one", "-two", "+2"].map(str::to_owned).to_vec();
        assert_eq!(bench.lines("tama_write_file", &args), ("a.md +1 -1".into(), changed));
        bench.put("a.md", b"one\n2\n");
        assert_eq!(bench.lines("tama_files_write", &args).1, ["M a.md", "same"]);
        assert_eq!(fs::read(bench.folder.path().join("a.md")).unwrap(), b"one\n2\n", "nothing was written");
    }

    #[test]
    fn new_folders_edits_and_deletions_are_foreseen() {
        let bench = Bench::new();
        let deep = bench.lines("tama_files_write", &json!({ "path": "d/e/f", "content": "x" }));
        assert_eq!(
            deep,
            ("d/e/f +1 -0 · 3 changes".into(), ["A d/", "A d/e/", "A d/e/f", "+x"].map(str::to_owned).to_vec())
        );
        assert!(!bench.folder.path().join("d").exists());
        bench.put("f", b"a\nb\n");
        let edit = json!({ "path": "f", "old": "b", "new": "B" });
        assert_eq!(bench.lines("tama_files_edit", &edit).1, ["M f", " a", "-b", "+B"]);
        assert_eq!(bench.lines("tama_files_delete", &json!({ "path": "f" })).1, ["D f", "-a", "-b"]);
        assert_eq!(
            bench.lines("tama_files_delete", &json!({ "path": "g" })).1,
            ["there is no \"g\"; nothing was deleted"]
        );
    }

    #[test]
    fn memory_is_foreseen_too() {
        let bench = Bench::new();
        let set = json!({ "key": "outline", "value": "intro" });
        assert_eq!(bench.lines("tama_mem_set", &set).1, ["A outline", "+intro"]);
        bench.world.put(&Key::memory("outline"), &Value::Text("old".into())).unwrap();
        assert_eq!(bench.lines("tama_mem_set", &set).1, ["M outline", "-old", "+intro"]);
        assert_eq!(bench.lines("tama_mem_delete", &json!({ "key": "outline" })).1, ["D outline", "-old"]);
    }

    #[test]
    fn a_call_that_would_fail_says_so() {
        let bench = Bench::new();
        bench.put("f", b"a\n");
        let edit = json!({ "path": "f", "old": "zzz", "new": "B" });
        let would = bench.lines("tama_files_edit", &edit).1.concat();
        assert!(would.starts_with("would fail: \"old\" does not occur in \"f\""), "{would}");
        let under_a_file = bench.lines("tama_files_write", &json!({ "path": "f/g", "content": "x" })).1.concat();
        assert!(under_a_file.starts_with("would fail: "), "{under_a_file}");
    }

    #[test]
    fn what_is_no_text_is_told_by_its_size() {
        let bench = Bench::new();
        bench.put("b", b"\xff\x00");
        assert_eq!(bench.lines("tama_files_write", &json!({ "path": "b", "content": "x" })).1, ["M b", "binary"]);
        fs::File::create(bench.folder.path().join("huge")).unwrap().set_len(LARGEST_READ + 1).unwrap();
        let huge = bench.lines("tama_files_write", &json!({ "path": "huge", "content": "x" }));
        assert_eq!(huge.1, ["huge is larger than 16 MB, and is not compared"]);
    }
}
