//! Random actions, undos and redos, with another program at work too, against the invariants.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::fixture::{Fixture, append, delete, folder, remove, set, write};
use super::{NoCompensator, redo, undo, undo_list};
use crate::model::{ActionStatus, Key, KeyState, Seq};
use crate::world::{Change, Value};

#[derive(Debug, Clone)]
enum Op {
    Set(u8, u8),
    Append(u8, u8),
    Delete(u8),
    Write(u8, u8),
    Remove(u8),
    RemoveFolder,
    Undo(u8),
    Redo(u8),
    Outside(u8, u8),
}

const KEYS: [&str; 3] = ["k", "l", "m"];
const PATHS: [&str; 4] = ["a", "b", "d/x", "d/y"];

fn op(outside: bool) -> impl Strategy<Value = Op> {
    let (key, path, byte) = (0..3_u8, 0..4_u8, any::<u8>());
    prop_oneof![
        2 => (key.clone(), byte).prop_map(|(k, v)| Op::Set(k, v)),
        3 => (key.clone(), byte).prop_map(|(k, v)| Op::Append(k, v)),
        1 => key.prop_map(Op::Delete),
        4 => (path.clone(), byte).prop_map(|(p, v)| Op::Write(p, v)),
        2 => path.clone().prop_map(Op::Remove),
        1 => Just(Op::RemoveFolder),
        5 => byte.prop_map(Op::Undo),
        4 => byte.prop_map(Op::Redo),
        u32::from(outside) * 2 => (path, byte).prop_map(|(p, v)| Op::Outside(p, v)),
    ]
}

/// Returns the change that a tool would make for this op, in the present world.
fn changes(run: &Fixture, op: &Op) -> Vec<Change> {
    let there = |key: &Key| run.world.read(key).unwrap() != Value::Absent;
    match op {
        Op::Set(key, value) => vec![set(KEYS[*key as usize], &value.to_string())],
        Op::Append(key, value) => vec![append(KEYS[*key as usize], &value.to_string())],
        Op::Delete(key) => vec![delete(KEYS[*key as usize])],
        Op::Write(path, value) => {
            let path = PATHS[*path as usize];
            let needs = (path.starts_with("d/") && !there(&Key::directory("d"))).then(|| folder("d"));
            needs.into_iter().chain([write(path, &value.to_string())]).collect()
        }
        Op::Remove(path) if there(&Key::file(PATHS[*path as usize])) => vec![remove(PATHS[*path as usize])],
        Op::RemoveFolder if super::folder::is_empty(&run.world, &Key::directory("d")) => {
            vec![Change { key: Key::directory("d"), ..remove("d") }]
        }
        _ => Vec::new(),
    }
}

fn nth(run: &Fixture, n: u8) -> Option<Seq> {
    run.log.with(|state| {
        let entries = state.ledger.entries();
        (!entries.is_empty()).then(|| entries[n as usize % entries.len()].seq)
    })
}

fn snapshot(folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            found.extend(snapshot(&entry.path()).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
            found.insert(format!("{name}/"), None);
        } else {
            found.insert(name, Some(std::fs::read(entry.path()).unwrap()));
        }
    }
    found
}

async fn step(run: &Fixture, op: &Op, theirs: &mut BTreeMap<&'static str, String>) {
    match op {
        Op::Undo(n) | Op::Redo(n) => {
            let Some(action) = nth(run, *n) else { return };
            let undoing = matches!(op, Op::Undo(_));
            let before = snapshot(run.folder.path());
            let report = if undoing {
                undo(&run.log, &run.world, &NoCompensator, action, false).await
            } else {
                redo(&run.log, &run.world, action).await
            };
            assert_eq!(report.read_back.restored, report.read_back.total, "{:?}", report.read_back.differs);
            if report.conflict.is_some() || !report.left.is_empty() {
                assert_eq!(snapshot(run.folder.path()), before, "a refused undo or redo touched something");
            }
            for (path, text) in theirs.iter() {
                assert_eq!(run.text(path).as_ref(), Some(text), "what another program wrote is gone");
            }
        }
        Op::Outside(path, value) => {
            let (path, text) = (PATHS[*path as usize], format!("theirs {value}"));
            if std::fs::write(run.path(path), &text).is_ok() {
                theirs.insert(path, text);
            }
        }
        other => {
            let changes = changes(run, other);
            for change in &changes {
                theirs.remove(change.key.name.as_str());
            }
            run.act_all(2, changes).await;
        }
    }
    run.assert_folds();
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn memory_is_the_fold_and_what_others_wrote_survives(ops in prop::collection::vec(op(true), 1..30)) {
        block_on(async {
            let run = Fixture::new();
            let mut theirs = BTreeMap::new();
            for op in &ops {
                step(&run, op, &mut theirs).await;
            }
        });
    }

    #[test]
    fn undoing_everything_is_the_start_and_redoing_it_is_the_end(ops in prop::collection::vec(op(false), 1..30)) {
        block_on(async {
            let run = Fixture::new();
            std::fs::write(run.path("a"), "from before").unwrap();
            let start = snapshot(run.folder.path());
            for op in &ops {
                step(&run, op, &mut BTreeMap::new()).await;
            }
            let applied: Vec<Seq> = run.log.with(|state| {
                let entries = state.ledger.entries().iter().rev();
                entries.filter(|entry| entry.status == ActionStatus::Applied).map(|entry| entry.seq).collect()
            });
            let (end, memory) = (snapshot(run.folder.path()), run.world.memory());
            let report = undo_list(&run.log, &run.world, &NoCompensator, &applied, false).await;
            assert!(report.conflict.is_none() && report.left.is_empty(), "{report:?}");
            assert_eq!(report.read_back.restored, report.read_back.total, "{:?}", report.read_back.differs);
            assert_eq!(snapshot(run.folder.path()), start);
            assert!(KEYS.iter().all(|key| run.memory(key) == KeyState::Absent));
            for action in report.undone.iter().rev() {
                assert_eq!(redo(&run.log, &run.world, *action).await.redone, [*action]);
            }
            assert_eq!((snapshot(run.folder.path()), run.world.memory()), (end, memory));
            run.assert_folds();
        });
    }
}
