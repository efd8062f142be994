//! Changes random trees of files at random, finds the changes, and undoes them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use proptest::prelude::*;

use super::support::*;

/// An operation at one of a few paths; one that can't be done is skipped.
#[derive(Debug, Clone)]
enum Step {
    Write(usize, u8, usize),
    Folder(usize),
    Link(usize, usize),
    Remove(usize),
    Move(usize, usize),
    Mode(usize, u32),
    Hardlink(usize, usize),
}

const PATHS: [&str; 12] = ["a", "b", "a/a", "a/b", "a/a/a", "a/a/b", "b/a", "b/a/c", "a-b", "a.b", "c", "c/d"];

fn step() -> impl Strategy<Value = Step> {
    let path = 0..PATHS.len();
    prop_oneof![
        4 => (path.clone(), 0..3_u8, 0..40_usize).prop_map(|(at, byte, length)| Step::Write(at, byte, length)),
        3 => path.clone().prop_map(Step::Folder),
        1 => (path.clone(), path.clone()).prop_map(|(at, to)| Step::Link(at, to)),
        2 => path.clone().prop_map(Step::Remove),
        2 => (path.clone(), path.clone()).prop_map(|(from, to)| Step::Move(from, to)),
        2 => (path.clone(), prop::sample::select(vec![0o500, 0o555, 0o644, 0o700, 0o755, 0o600, 0o000]))
            .prop_map(|(at, mode)| Step::Mode(at, mode)),
        1 => (path.clone(), path).prop_map(|(from, to)| Step::Hardlink(from, to)),
    ]
}

fn apply(root: &Path, step: &Step) {
    let at = |index: &usize| root.join(PATHS[*index]);
    let _ = match step {
        Step::Write(path, byte, length) => fs::write(at(path), vec![b'a' + byte; *length]),
        Step::Folder(path) => fs::create_dir_all(at(path)),
        Step::Link(path, to) => symlink(PATHS[*to], at(path)),
        Step::Remove(path) => fs::remove_file(at(path)).or_else(|_| fs::remove_dir_all(at(path))),
        Step::Move(from, to) => fs::rename(at(from), at(to)),
        Step::Mode(path, mode) => match fs::symlink_metadata(at(path)) {
            // Only root could read these again; for others the change would have no undo.
            Ok(found) if !is_root() && (mode & 0o400 == 0 || (found.is_dir() && mode & 0o100 == 0)) => Ok(()),
            Ok(found) if !found.is_symlink() => fs::set_permissions(at(path), fs::Permissions::from_mode(*mode)),
            _ => Ok(()),
        },
        Step::Hardlink(from, to) => fs::hard_link(at(from), at(to)),
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn found_changes_match_and_can_be_undone(rounds in prop::collection::vec(prop::collection::vec(step(), 0..16), 2..5)) {
        let place = TestFolders::new();
        let mut snapshots = place.snapshots();
        for (round, steps) in rounds.into_iter().enumerate() {
            let before = manifest(&place.root);
            snapshots.take().unwrap();
            for step in &steps {
                apply(&place.root, step);
            }
            let after = manifest(&place.root);
            if round % 2 == 1 {
                // The program crashes after the command and before its changes are read.
                drop(snapshots);
                snapshots = place.recovered().unwrap();
            }
            let changes = snapshots.changes().unwrap();
            prop_assert_eq!(net(&changes), difference(&before, &after));
            undo_changes(&place.root, &changes, &|hash| snapshots.content(hash).unwrap());
            prop_assert_eq!(manifest(&place.root), before);
            carry_out(&place.root, &changes, &bytes_of(&after));
            prop_assert_eq!(manifest(&place.root), after);
            snapshots.close().unwrap();
        }
    }
}
