//! Order and renames, without any file.

use super::super::*;
use crate::model::KeyState;
use crate::store::hash_blob;

fn file(text: &str) -> KeyState {
    KeyState::File { blob: hash_blob(text.as_bytes()), size: text.len() as u64, mode: 0o644 }
}

fn change(path: &str, old: KeyState, new: KeyState) -> Changed {
    Changed { path: path.into(), old, new, left_out: None, moved: None }
}

fn gone(path: &str, text: &str) -> Changed {
    change(path, file(text), KeyState::Absent)
}

fn made(path: &str, text: &str) -> Changed {
    change(path, KeyState::Absent, file(text))
}

fn pairs(changes: &[Changed]) -> Vec<(&str, &str)> {
    renames(changes).into_iter().map(|(from, to)| (&*changes[from].path, &*changes[to].path)).collect()
}

#[test]
fn a_folder_that_ends_up_closed_is_closed_last() {
    let folder = |mode| KeyState::Directory { mode };
    let changes = vec![
        change("k", KeyState::Absent, folder(0o500)),
        made("k/i", "1"),
        made("shut/n", "2"),
        change("was", folder(0o500), folder(0o755)),
        gone("was/o", "3"),
    ];
    let shut = |path: &str| (path == "shut").then_some(0o555);
    let ordered: Vec<_> = order(changes, shut).into_iter().map(|one| (one.path, one.old, one.new)).collect();
    let expected = [
        ("shut", folder(0o555), folder(0o755)),
        ("was", folder(0o500), folder(0o700)),
        ("was/o", file("3"), KeyState::Absent),
        ("k", KeyState::Absent, folder(0o700)),
        ("k/i", KeyState::Absent, file("1")),
        ("shut/n", KeyState::Absent, file("2")),
        ("was", folder(0o700), folder(0o755)),
        ("shut", folder(0o755), folder(0o555)),
        ("k", folder(0o700), folder(0o500)),
    ];
    assert_eq!(ordered, expected.map(|(path, old, new)| (path.to_owned(), old, new)));
}

#[test]
fn moved_things_are_paired_by_name_and_place() {
    let changes =
        [gone("a/x", "1"), gone("b/x", "1"), gone("c/y", "1"), made("n/b/x", "1"), made("n/a/x", "1"), made("q", "1")];
    assert_eq!(pairs(&changes), [("a/x", "n/a/x"), ("b/x", "n/b/x"), ("c/y", "q")]);
    assert_eq!(pairs(&[gone("a", ""), made("b", "")]), []);
    assert_eq!(pairs(&[gone("a", "1"), made("b", "2")]), []);
    let other = change("b", KeyState::Absent, KeyState::File { blob: hash_blob(b"1"), size: 1, mode: 0o755 });
    assert_eq!(pairs(&[gone("a", "1"), other]), []);
    let link = |to: &str| KeyState::Symlink { target: to.into() };
    let links = [change("l", link("t"), KeyState::Absent), change("m", KeyState::Absent, link("t"))];
    assert_eq!(pairs(&links), [("l", "m")]);
    assert_eq!(pairs(&[change("a", file("1"), file("2")), made("b", "1")]), []);
}

#[test]
fn many_that_are_the_same_are_paired_too() {
    let name = |at: usize| format!("{}/{}/__init__.py", at % 7, at);
    let mut changes: Vec<_> = (0..300).map(|at| gone(&format!("old/{}", name(at)), "same")).collect();
    changes.extend((0..300).map(|at| made(&format!("new/{}", name(at)), "same")));
    changes.push(gone("extra", "same"));
    let found = pairs(&changes);
    assert_eq!(found.len(), 300);
    assert!(found.iter().all(|(from, to)| from.strip_prefix("old") == to.strip_prefix("new")), "{found:?}");
}
