//! A table of commands: each is found as it was, and undone to the same tree.

use std::fs;
use std::process::Command;

use super::super::*;
use super::support::*;
use crate::model::KeyState;
use crate::world::skip::skip;

/// Runs a command between a snapshot and its changes; checks that the changes are the real difference, that they can
/// be carried out on the tree of before, and undone; gives them.
fn check(name: &str, setup: &str, script: &str) -> Vec<Changed> {
    let place = TestFolders::new();
    place.sh(setup);
    let before = manifest(&place.root);
    let mut snapshots = place.snapshots();
    snapshots.take().unwrap();
    // A copy to carry the changes out on.
    let copy = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-a").arg(&place.root).arg(copy.path().join("work")).status().unwrap();
    assert!(copied.success());
    place.sh(script);
    let after = manifest(&place.root);
    let changes = snapshots.changes().unwrap();
    let captured: Vec<Changed> = changes.iter().filter(|change| change.left_out.is_none()).cloned().collect();
    let is_left_out = |path: &str| changes.iter().any(|change| change.path == path && change.left_out.is_some());
    let mut real = difference(&before, &after);
    real.retain(|path, _| !is_left_out(path));
    assert_eq!(net(&captured), real, "{name}");

    carry_out(&copy.path().join("work"), &changes, &bytes_of(&after));
    if changes.len() == captured.len() {
        assert_eq!(manifest(&copy.path().join("work")), after, "{name}: carried out");
        undo_changes(&place.root, &changes, &|hash| snapshots.content(hash).unwrap());
        assert_eq!(manifest(&place.root), before, "{name}: undone");
        assert_eq!(snapshots.changes().unwrap(), [], "{name}: nothing is left");
    }
    let _ = Command::new("chmod").args(["-R", "u+rwx"]).arg(copy.path()).output();
    snapshots.close().unwrap();
    assert!(!place.run.join("open").exists());
    changes
}

pub(super) const TREE: &str = "mkdir -p a/b/c d; echo one > a/one; echo two > a/b/two; echo three > a/b/c/three; echo x > x; \
    ln -s a/one link; mkdir empty; printf '\\000\\377bin' > bin; chmod 700 bin";

/// Commands on [`TREE`].
pub(super) const COMMANDS: &[(&str, &str)] = &[
    ("nothing", "true"),
    ("overwrite", "echo new > a/one"),
    ("append", "echo more >> a/b/two"),
    ("truncate", ": > x"),
    ("same size, mtime put back", "touch -r x /tmp/$$; echo y > x; touch -r /tmp/$$ x; rm /tmp/$$"),
    ("same size, old date", "touch -d 2001-01-01 x; echo z > x; touch -d 2001-01-01 x"),
    ("touched only", "touch x a/one; touch a"),
    ("rewritten with the same", "echo x > y; mv y x"),
    ("chmod", "chmod 600 x; chmod 750 a; chmod 4755 bin"),
    ("mv over", "mv a/one x"),
    ("mv a folder", "mv a d/a"),
    ("mv a folder over an empty one", "mv -T a empty"),
    ("rm -rf", "rm -rf a"),
    ("rm -rf everything", "rm -rf a d x link empty bin"),
    ("link to file", "rm link; echo f > link"),
    ("file to link", "rm x; ln -s d x"),
    ("link elsewhere", "ln -sfn d link"),
    ("link to folder", "rm link; mkdir link; echo i > link/i"),
    ("folder to link", "rm -r a; ln -s d a"),
    ("folder to file", "rm -r a; echo f > a"),
    ("file to folder", "rm x; mkdir -p x/y; echo z > x/y/z"),
    ("dangling link and loop", "ln -s nowhere n; ln -s l l"),
    ("hardlinked pair", "ln x h; echo both > x"),
    ("hardlink broken", "ln a/one h; echo other > h; sed -i s/other/third/ h"),
    ("empty folders", "mkdir -p e/f/g; rmdir empty"),
    (
        "names",
        "printf 1 > \"$(printf 'n\\nl')\"; printf 2 > \"$(printf 'bad\\377\\376')\"; mkdir \"$(printf '\\303(')\"; printf 3 > \"$(printf '\\303(/in')\"; touch -- -rf ' ' '*'",
    ),
    ("neighbours in order", "mkdir a-b a.b; echo 1 > a-b/x; echo 2 > a.b/x; rm -r a; echo 3 > 'a '"),
    ("large", "head -c 31457280 /dev/zero | tr '\\0' q > large; echo end >> large"),
    ("sparse and moved", "truncate -s 9000000 s; mkdir m; mv s m/s; cp m/s m/t"),
    ("closed folder made", "mkdir -p k/l; echo i > k/l/i; chmod 500 k/l; chmod 555 k"),
    ("closed folder emptied", "chmod 700 d; echo i > d/i; chmod 500 d; chmod 700 d; rm d/i; chmod 500 d"),
    ("sticky and setgid", "chmod 1777 d; chmod g+s a; mkdir -m 3770 t"),
];

#[test]
fn each_command_is_found_and_undone() {
    for (name, script) in COMMANDS {
        check(name, TREE, script);
    }
}

#[test]
fn a_closed_folder_is_opened_for_a_change_in_it() {
    let setup = "mkdir -p c/in; echo a > c/a; echo b > c/in/b; chmod 500 c/in; chmod 500 c";
    let table = [
        ("inside", "chmod 700 c; echo b > c/a; chmod 500 c"),
        ("deeper", "chmod 700 c/in; echo c > c/in/b; chmod 500 c/in"),
        ("removed", "chmod -R u+w c; rm -r c"),
        ("to a file", "chmod -R u+w c; rm -r c; echo c > c"),
        ("moved", "chmod 700 c c/in; mv c d; chmod 500 d d/in"),
        ("opened", "chmod 755 c; echo n > c/n"),
        ("closed further", "chmod 700 c; echo n > c/n; chmod 000 c/in; chmod 400 c/n; chmod 100 c"),
    ];
    for (name, script) in table {
        if name == "closed further" && !is_root() {
            skip("root", "only root reads files without permissions");
            continue;
        }
        check(name, setup, script);
    }
}

#[test]
fn what_was_closed_hardlinked_or_linked_before_is_put_back() {
    let table = [
        ("pair", "echo x > x; ln x y", "echo z > y"),
        ("pair unlinked", "echo x > x; ln x y", "rm x"),
        ("pair split", "echo x > x; ln x y", "sed -i s/x/w/ x"),
        ("link to the outside", "ln -s /etc out; ln -s / top", "rm out; mkdir out; echo p > out/passwd; ln -sfn . top"),
        ("write through a link", "echo x > x; ln -s x l", "echo y > l"),
        ("empty files", "touch a b c", "echo 1 > a; rm b; touch d"),
        ("set-user-id", "echo x > x; chmod 6755 x", "echo y >> x"),
        ("no permissions", "echo x > x; chmod 000 x; mkdir k; chmod 000 k", "chmod 644 x; rmdir k"),
    ];
    for (name, setup, script) in table {
        if name == "no permissions" && !is_root() {
            skip("root", "only root reads files without permissions");
            continue;
        }
        check(name, setup, script);
    }
}

#[test]
fn git_is_nothing_special() {
    if Command::new("git").arg("--version").output().is_err() {
        return skip("git", "no git here");
    }
    let ignored = "git init -q .; echo build > .gitignore; mkdir build; echo o > build/o; git add .; git commit -qm 1";
    check("ignored", ignored, "echo p > build/o; echo q > build/q; git status --porcelain");
    check("commit", ignored, "echo n > n; git add n; git commit -qm 2; git branch b; git gc -q");
    check(
        "nested",
        "mkdir s; cd s; git init -q .; echo a > a; git add a; git commit -qm 1",
        "cd s; git rm -q a; git commit -qm 2",
    );
    check("made", "echo a > a", "git init -q .; git add a; git commit -qm 1; rm -rf a");
    check("removed", ignored, "rm -rf .git");
}

#[test]
fn special_files_are_reported_and_left_alone() {
    let changes = check("fifo", "mkfifo old; mkfifo stays; echo a > a", "mkfifo new; rm old; echo b > a; touch stays");
    let left_out_of =
        |path: &str| changes.iter().find(|change| change.path == path).map(|change| change.left_out.clone());
    assert_eq!(left_out_of("new"), Some(Some("a named pipe, left alone".into())));
    assert_eq!(left_out_of("old"), Some(Some("a named pipe, left alone".into())));
    assert_eq!((left_out_of("stays"), left_out_of("a")), (None, Some(None)));
    let changes = check("file to fifo", "echo a > a", "rm a; mkfifo a");
    assert!(matches!(changes[0].old, KeyState::File { .. }));
    assert_eq!((&changes[0].new, &changes[0].left_out), (&KeyState::Unknown, &None), "the file can come back");
    check("folder to fifo", "mkdir -p d/e; echo a > d/e/a", "rm -r d; mkfifo d");
}

#[test]
fn rules_leave_things_out_visibly() {
    let place = TestFolders::new();
    place.sh("mkdir -p target/x src/target; echo 1 > target/x/1; echo 2 > src/target/2; echo log > a.log; \
        head -c 2000 /dev/zero > big; mkdir data; echo s > data/s; echo k > k");
    let data = std::os::unix::fs::MetadataExt::ino(&fs::metadata(place.root.join("data")).unwrap());
    let device = std::os::unix::fs::MetadataExt::dev(&fs::metadata(place.root.join("data")).unwrap());
    let rules = Rules::excluding(["target/", "*.log"]).unwrap().with_max_bytes(1000).skipping(device, data);
    let mut snapshots = place.with(rules);
    snapshots.take().unwrap();
    let left_out = [("a.log", "excluded"), ("big", "larger than 1 kB"), ("target", "excluded")];
    assert_eq!(snapshots.left_out(), left_out.map(|(path, why)| (path.to_owned(), why.to_owned())));
    place.sh("echo 3 > target/y; echo more >> a.log; echo more >> big; echo u > data/u; echo v > k; \
        echo w > src/b.log; head -c 1001 /dev/zero > src/large; rm -r src/target");
    let changes = snapshots.changes().unwrap();
    let reported: Vec<_> = changes.iter().map(|change| (change.path.as_str(), change.left_out.as_deref())).collect();
    let expected = [
        ("src/target/2", None),
        ("src/target", None),
        ("a.log", Some("excluded")),
        ("big", Some("larger than 1 kB")),
        ("k", None),
        ("src/b.log", Some("excluded")),
        ("src/large", Some("larger than 1 kB")),
        ("target", Some("excluded")),
    ];
    assert_eq!(reported, expected);
    assert!(Rules::excluding(["a["]).is_err());
}

#[test]
fn unreadable_paths_are_reported() {
    if is_root() {
        return skip("other-user", "root reads everything");
    }
    let place = TestFolders::new();
    place.sh(
        "echo s > secret; chmod 000 secret; mkdir shut; echo i > shut/i; chmod 000 shut; mkdir open; echo j > open/j",
    );
    let mut snapshots = place.snapshots();
    snapshots.take().unwrap();
    let why = "can't be read".to_owned();
    assert_eq!(snapshots.left_out(), [("secret".to_owned(), why.clone()), ("shut".to_owned(), why)]);
    assert_eq!(snapshots.changes().unwrap(), []);
    place.sh("chmod 000 open; chmod 755 shut");
    let changes = snapshots.changes().unwrap();
    let reported: Vec<_> = changes.iter().map(|change| (change.path.as_str(), change.left_out.as_deref())).collect();
    let inside = Some("in a folder that can't be read");
    assert_eq!(reported, [("open", None), ("open/j", inside), ("shut", None), ("shut/i", inside)]);
}

#[test]
fn a_rewrite_in_the_same_instant_is_found() {
    let place = TestFolders::new();
    let file = place.root.join("f");
    fs::write(&file, "0000").unwrap();
    let mut snapshots = place.snapshots();
    for round in 1..=500 {
        snapshots.take().unwrap();
        fs::write(&file, format!("{round:04}")).unwrap();
        let changes = snapshots.changes().unwrap();
        assert_eq!(changes.len(), 1, "round {round}");
        let KeyState::File { blob, .. } = changes[0].old else { panic!("{changes:?}") };
        assert_eq!(snapshots.content(blob).unwrap(), format!("{:04}", round - 1).as_bytes());
        snapshots.close().unwrap();
    }
}
