//! The store: warm starts, deleted caches, two processes, damage, crashes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use nix::sys::stat::lstat;

use super::super::entry::{Stat, now};
use super::super::*;
use super::support::*;
use crate::model::KeyState;

const TREE: &str = "mkdir -p a/b; echo one > a/one; echo two > a/b/two; head -c 5000000 /dev/urandom > large; touch e";
const COMMAND: &str = "echo ONE > a/one; rm -r a/b; echo n > n; echo x >> large; echo f > e";

/// Waits until a later write would show in the times of everything in the workspace. Snapshots read files again whose
/// times are younger.
fn wait_until_trusted(at: &TestFolders) {
    let paths: Vec<PathBuf> = manifest(&at.root).keys().map(|path| place(&at.root, path)).collect();
    let is_racy = |path: &PathBuf| Stat::of(&lstat(path).unwrap()).1.is_racy(now());
    while paths.iter().any(is_racy) {
        thread::sleep(Duration::from_millis(1));
    }
}

/// The open command's changes are reported, and can be undone.
fn undone(place: &TestFolders, snapshots: &mut Snapshots, before: &Manifest) {
    let changes = snapshots.changes().unwrap();
    assert_eq!(net(&changes), difference(before, &manifest(&place.root)));
    assert!(changes.iter().all(|change| change.left_out.is_none()), "{changes:?}");
    undo_changes(&place.root, &changes, &|hash| snapshots.content(hash).unwrap());
    assert_eq!(&manifest(&place.root), before);
}

/// A workspace with an open command that has run.
fn opened() -> (TestFolders, Manifest, Snapshots) {
    let place = TestFolders::new();
    place.sh(TREE);
    let before = manifest(&place.root);
    let mut snapshots = place.snapshots();
    snapshots.take().unwrap();
    place.sh(COMMAND);
    (place, before, snapshots)
}

/// The names in the store that are packs.
fn packs(place: &TestFolders) -> usize {
    let names = fs::read_dir(&place.store).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("pack-")).count()
}

#[test]
fn a_crash_leaves_what_is_needed() {
    let (place, before, snapshots) = opened();
    drop(snapshots);
    let mut snapshots = place.recovered().unwrap();
    undone(&place, &mut snapshots, &before);
    snapshots.close().unwrap();
    assert!(place.recovered().is_none());
    snapshots.take().unwrap();
    place.sh(COMMAND);
    undone(&place, &mut snapshots, &before);
}

#[test]
fn a_deleted_store_takes_nothing_away() {
    let (place, before, mut snapshots) = opened();
    fs::remove_dir_all(&place.store).unwrap();
    undone(&place, &mut snapshots, &before);
    snapshots.close().unwrap();
    // And it is made again.
    snapshots.take().unwrap();
    place.sh(COMMAND);
    fs::remove_dir_all(place.store.parent().unwrap()).unwrap();
    drop(snapshots);
    let mut snapshots = place.recovered().unwrap();
    undone(&place, &mut snapshots, &before);
    snapshots.close().unwrap();
}

#[test]
fn a_pack_lost_between_commands_is_written_again() {
    let (place, _, mut snapshots) = opened();
    snapshots.changes().unwrap();
    snapshots.close().unwrap();
    let before = manifest(&place.root);
    for entry in fs::read_dir(&place.store).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() != "lock" {
            fs::remove_file(path).unwrap();
        }
    }
    snapshots.take().unwrap();
    assert_eq!(packs(&place), 1);
    place.sh("rm -r a large; echo z > n");
    drop(snapshots);
    undone(&place, &mut place.recovered().unwrap(), &before);
}

#[test]
fn losses_in_a_crash_are_reported() {
    let (place, before, snapshots) = opened();
    drop(snapshots);
    for folder in [&place.store, &place.run.join("open")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with("pack-") {
                fs::remove_file(path).unwrap();
            }
        }
    }
    let mut snapshots = place.recovered().unwrap();
    let changes = snapshots.changes().unwrap();
    assert_eq!(net(&changes), difference(&before, &manifest(&place.root)));
    let lost: Vec<_> = changes.iter().filter(|change| change.left_out.is_some()).map(|one| one.path.as_str()).collect();
    assert_eq!(lost, ["a/b/two", "a/one", "large"]);
    assert_eq!(changes.iter().find_map(|one| one.left_out.as_deref()), Some("its before-image is lost"));
}

#[test]
fn a_second_process_has_a_store_of_its_own() {
    let place = TestFolders::new();
    place.sh(TREE);
    let before = manifest(&place.root);
    let mut first = place.snapshots();
    first.take().unwrap();
    let run = place.run.with_file_name("run-2");
    fs::create_dir(&run).unwrap();
    let mut second = Snapshots::open(&place.store, &run, &place.root, Rules::default()).unwrap();
    assert!(!first.is_private() && second.is_private());
    second.take().unwrap();
    place.sh(COMMAND);
    // A crash of the second.
    drop(second);
    let mut second = Snapshots::recover(&run, &place.root, Rules::default()).unwrap().unwrap();
    undone(&place, &mut second, &before);
    second.close().unwrap();
    drop(second);
    assert_eq!(fs::read_dir(&run).unwrap().count(), 0);
    undone(&place, &mut first, &before);
    // The lock goes with the process.
    drop(first);
    assert!(!place.snapshots().is_private());
}

#[test]
fn a_damaged_list_means_a_full_scan() {
    let (place, _, mut snapshots) = opened();
    snapshots.changes().unwrap();
    snapshots.close().unwrap();
    snapshots.take().unwrap();
    snapshots.close().unwrap();
    drop(snapshots);
    let list = place.store.join("list");
    let whole = fs::read(&list).unwrap();
    let before = manifest(&place.root);
    for at in [0, 25, 60, whole.len() / 2, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&list, flipped).unwrap();
        let mut snapshots = place.snapshots();
        assert_eq!(packs(&place), 0);
        snapshots.take().unwrap();
        place.sh("echo c >> n");
        undone(&place, &mut snapshots, &before);
        snapshots.close().unwrap();
    }
}

#[test]
fn a_damaged_pack_is_reported_and_not_restored() {
    let (place, ..) = opened();
    let mut snapshots = place.recovered().unwrap();
    let changes = snapshots.changes().unwrap();
    for entry in fs::read_dir(place.run.join("open")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("pack-") {
            let mut bytes = fs::read(&path).unwrap();
            for byte in &mut bytes {
                *byte ^= 1;
            }
            fs::write(&path, bytes).unwrap();
        }
    }
    let old = changes.iter().find(|change| change.path == "a/one").unwrap().old.clone();
    let KeyState::File { blob, .. } = old else { panic!("{old:?}") };
    assert!(matches!(snapshots.content(blob), Err(CaptureError::Damaged(_))));
    assert!(matches!(snapshots.content(crate::store::hash_blob(b"never")), Err(CaptureError::Missing(_))));
}

#[test]
fn a_snapshot_that_was_not_done_was_not_open() {
    let (place, _, snapshots) = opened();
    drop(snapshots);
    fs::remove_file(place.run.join("open/list")).unwrap();
    assert!(place.recovered().is_none());
    assert!(!place.run.join("open").exists());
    fs::create_dir(place.run.join("open")).unwrap();
    fs::write(place.run.join("open/list"), "torn").unwrap();
    let error = Snapshots::recover(&place.run, &place.root, Rules::default()).unwrap_err();
    assert!(matches!(error, CaptureError::Damaged(_)), "{error}");
}

#[test]
fn each_snapshot_is_the_one_that_a_crash_finds() {
    // Removing and chmod bring nothing new into the store: its list has to be written all the same.
    let place = TestFolders::new();
    place.sh(TREE);
    wait_until_trusted(&place);
    let mut snapshots = place.snapshots();
    for script in ["true", "rm a/one", "chmod 600 large", "rm -r a", "mv large l", "ln -s x y", "mkdir d; rmdir d"] {
        snapshots.take().unwrap();
        place.sh(script);
        snapshots.changes().unwrap();
        snapshots.close().unwrap();
        snapshots.take().unwrap();
        drop(snapshots);
        snapshots = place.recovered().unwrap();
        assert_eq!(snapshots.changes().unwrap(), [], "{script}");
        snapshots.close().unwrap();
    }
}

#[test]
fn a_warm_start_reads_nothing_and_keeps_nothing_twice() {
    let place = TestFolders::new();
    place.sh(TREE);
    wait_until_trusted(&place);
    let first = {
        let mut snapshots = place.snapshots();
        let hash = snapshots.take().unwrap();
        snapshots.close().unwrap();
        hash
    };
    let written = fs::metadata(place.store.join("list")).unwrap().modified().unwrap();
    let mut snapshots = place.snapshots();
    assert_eq!(snapshots.take().unwrap(), first);
    assert_eq!(fs::metadata(place.store.join("list")).unwrap().modified().unwrap(), written);
    assert_eq!(packs(&place), 1);
    // The same bytes under a new name are not kept again.
    place.sh("cp large copy; cp a/one also");
    snapshots.changes().unwrap();
    snapshots.close().unwrap();
    snapshots.take().unwrap();
    assert_eq!(packs(&place), 1);
}

#[test]
fn what_is_kept_is_private_and_garbage_goes() {
    let place = TestFolders::new();
    place.sh("echo keep > keep; for i in 1 2 3; do head -c 40000000 /dev/urandom > $i; done");
    let mut snapshots = place.snapshots();
    snapshots.take().unwrap();
    for entry in fs::read_dir(&place.store).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o77, 0);
    }
    assert_eq!(fs::metadata(&place.store).unwrap().permissions().mode() & 0o77, 0);
    place.sh("rm 1 2 3");
    snapshots.changes().unwrap();
    snapshots.close().unwrap();
    // With the next snapshot, since the last one's list still names it.
    place.sh("echo new > new");
    snapshots.take().unwrap();
    snapshots.close().unwrap();
    let size = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().metadata().unwrap().len();
    let held: u64 = fs::read_dir(&place.store).unwrap().map(size).sum();
    assert!(held < 10_000, "{held} bytes are kept");
    drop(snapshots);
    let mut snapshots = place.snapshots();
    snapshots.take().unwrap();
    place.sh("echo lost > keep");
    let changes = snapshots.changes().unwrap();
    let KeyState::File { blob, .. } = changes[0].old else { panic!("{changes:?}") };
    assert_eq!(snapshots.content(blob).unwrap(), b"keep\n");
}
