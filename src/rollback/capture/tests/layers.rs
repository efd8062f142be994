//! Real overlay mounts, read after the mount is gone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::super::*;
use super::commands::{COMMANDS, TREE};
use super::support::*;
use crate::model::KeyState;
use crate::world::skip::skip;

/// A workspace and the layer that a command wrote over it.
struct Layered {
    home: TempDir,
    root: PathBuf,
    upper: PathBuf,
    /// The tree that the command saw at its end.
    seen: PathBuf,
}

impl Drop for Layered {
    fn drop(&mut self) {
        let _ = Command::new("chmod").args(["-R", "u+rwx"]).arg(self.home.path()).output();
    }
}

/// Runs a command over a workspace; `None` where overlays can't be mounted.
fn layered(setup: &str, script: &str) -> Option<Layered> {
    let home = tempfile::tempdir().unwrap();
    let folder = |name: &str| {
        fs::create_dir(home.path().join(name)).unwrap();
        home.path().join(name)
    };
    let layered = Layered { root: folder("work"), upper: folder("upper"), seen: folder("seen"), home };
    sh(&layered.root, setup);
    let mount = "mkdir workdir merged; mount -t overlay overlay \
        -o lowerdir=work,upperdir=upper,workdir=workdir,userxattr merged || exit 99; \
        cd merged; sh -ec \"$0\" || exit 98; cd ..; cp -a merged/. seen";
    let mut command = Command::new("unshare");
    command.args(["-Urm", "sh", "-c", mount, script]).current_dir(layered.home.path());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null");
    let done = command.output().unwrap();
    match done.status.code() {
        Some(0) => Some(layered),
        Some(98) => panic!("{script}: {}", String::from_utf8_lossy(&done.stderr)),
        _ => {
            skip("overlay", format!("no overlay here: {}", String::from_utf8_lossy(&done.stderr)));
            None
        }
    }
}

/// Reads the layer, applies it, undoes it; each gives the expected tree.
fn check(name: &str, layered: &Layered) -> OverlayChanges {
    let (root, before, seen) = (&layered.root, manifest(&layered.root), manifest(&layered.seen));
    let read = overlay_changes(root, &layered.upper, &Rules::default()).unwrap();
    assert_eq!(net(&read.changes), difference(&before, &seen), "{name}");
    for (path, modified) in &read.touched {
        assert_eq!(before.get(path), seen.get(path), "{name}");
        let seen = fs::metadata(place(&layered.seen, path)).unwrap().modified().unwrap();
        assert_eq!((*modified, read.modified(path).unwrap()), (seen, seen), "{name}");
    }
    for change in read.changes.iter().filter(|change| matches!(change.new, KeyState::File { .. })) {
        let Some(Thing::File { bytes, mode }) = seen.get(&change.path) else { panic!("{change:?}") };
        assert_eq!(&read.content(&change.path).unwrap(), bytes);
        assert_eq!(read.open(&change.path).unwrap().unwrap().1, *mode);
    }
    carry_out(root, &read.changes, &bytes_of(&seen));
    assert_eq!(manifest(root), seen, "{name}: applied");
    undo_changes(root, &read.changes, &bytes_of(&before));
    assert_eq!(manifest(root), before, "{name}: undone");
    read
}

#[test]
fn each_command_is_read_from_its_layer() {
    for (name, script) in COMMANDS {
        let Some(layered) = layered(TREE, script) else { return };
        let read = check(name, &layered);
        match *name {
            "touched only" => assert_eq!(read.touched.len(), 2, "{:?}", read.touched),
            "rewritten with the same" => assert_eq!(read.touched.len(), 1, "{:?}", read.touched),
            _ => {}
        }
    }
}

#[test]
fn layers_hide_and_remove_what_is_below() {
    let table = [
        ("opaque", TREE, "rm -r a; mkdir a; echo new > a/new; mkdir a/b; echo t > a/b/two"),
        ("opaque in new", TREE, "rm -r a; mkdir -p a/b/c; ln -s x a/b/c/three"),
        ("opaque, the same again", TREE, "cp -a a z; rm -r a; cp -a z a; rm -r z"),
        ("made and removed", TREE, "mkdir n; echo o > n/o; rm -r n; echo p > p; rm p"),
        ("removed in opaque", TREE, "rm -r a; mkdir -p a/b; echo x > a/b/x; rm a/b/x"),
        ("back and forth", TREE, "rm x; mkdir x; rmdir x; echo x > x"),
        ("closed", "mkdir -p c/in; echo a > c/a; chmod 500 c", "chmod 700 c; echo b > c/a; rm -r c/in; chmod 500 c"),
        ("nulls", "echo a > a", "mkdir -p d/e; : > d/e/null; rm a; : > a"),
        ("renamed within", TREE, "mv a/b/c a/c; mv a/one a/b/one"),
    ];
    for (name, setup, script) in table {
        let Some(layered) = layered(setup, script) else { return };
        check(name, &layered);
    }
}

#[test]
fn the_workspace_is_compared_as_it_is_now() {
    let Some(layered) = layered(TREE, "echo mine > x; rm a/one; rm -r d") else { return };
    sh(&layered.root, "echo mine > x; echo later > a/one; echo o > d/other");
    let read = overlay_changes(&layered.root, &layered.upper, &Rules::default()).unwrap();
    let reported: Vec<_> = read.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(reported, ["d/other", "d", "a/one"]);
    assert_eq!(read.touched.len(), 1);
}

#[test]
fn paths_that_others_removed_under_a_change_are_reported() {
    let setup = "echo f > f; echo g > g; mkdir -p d/e; echo g > d/g; echo m > m; echo n > n; ln -s n l; echo o > o";
    let script = "echo more >> f; echo more >> g; echo more >> d/g; echo new > d/e/new; mv m moved; echo own > own; \
        mv n moved-2; echo x >> moved-2; echo n > n; mv l moved-3; mv o moved-4; cp moved-4 o; ln f linked; ln n linked-2; rm n; echo >> linked-2";
    let Some(layered) = layered(setup, script) else { return };
    let orphans = || {
        let read = overlay_changes(&layered.root, &layered.upper, &Rules::default()).unwrap();
        let mut orphans: Vec<String> = read.orphans.into_iter().collect();
        orphans.sort();
        orphans
    };
    assert!(orphans().is_empty());
    sh(&layered.root, "rm g");
    // What was moved and changed as well can't be distinguished from it.
    assert_eq!(orphans(), ["g", "moved-2"]);
    sh(&layered.root, "rm -r d");
    assert_eq!(orphans(), ["d", "d/e", "d/g", "g", "moved-2"]);
}

#[test]
fn paths_left_out_are_reported_and_can_be_applied() {
    let setup = "mkdir -p target/deep; echo 1 > target/deep/1; echo 2 > target/2; echo l > l; mkfifo old; echo a > a";
    let script = "echo 3 > target/deep/3; rm target/2; chmod 600 target/deep/1; head -c 2000 /dev/zero > l; \
        mkfifo new; rm old; echo b > a";
    let Some(layered) = layered(setup, script) else { return };
    let rules = Rules::excluding(["target"]).unwrap().with_max_bytes(1000);
    let read = overlay_changes(&layered.root, &layered.upper, &rules).unwrap();
    let reported: Vec<_> =
        read.changes.iter().map(|change| (change.path.as_str(), change.left_out.as_deref())).collect();
    let pipe = Some("a named pipe, left alone");
    let expected = [
        ("target/2", Some("excluded")),
        ("old", pipe),
        ("a", None),
        ("l", Some("larger than 1 kB")),
        ("new", pipe),
        ("target/deep/1", Some("excluded")),
        ("target/deep/3", Some("excluded")),
    ];
    assert_eq!(reported, expected);
    assert_eq!(read.open("target/deep/1").unwrap().unwrap().1, 0o600);
    assert_eq!(read.content("target/deep/3").unwrap(), b"3\n");
    assert!(read.open("new").unwrap().is_none());
    assert!(read.open("../work/a").is_err());
}

/// The marks of other mounts: attributes in place of devices, and what can't be read without the mount.
#[test]
fn marks_are_read_from_attributes_too() {
    let home = tempfile::tempdir().unwrap();
    let (root, upper) = (home.path().join("work"), home.path().join("upper"));
    fs::create_dir(&root).unwrap();
    fs::create_dir(&upper).unwrap();
    sh(&root, "echo a > a; mkdir d; echo b > d/b; echo c > d/c");
    sh(&upper, ": > a; mkdir d; echo c > d/c");
    let set = |path: &Path, name: &str, value: &[u8]| xattr::set(path, format!("user.overlay.{name}"), value);
    if set(&upper.join("a"), "whiteout", b"").is_err() {
        return skip("xattr", "no attributes here");
    }
    set(&upper.join("d"), "opaque", b"y").unwrap();
    let read_again = || overlay_changes(&root, &upper, &Rules::default());
    let paths: Vec<_> = read_again().unwrap().changes.into_iter().map(|one| (one.path, one.new)).collect();
    assert_eq!(paths, [("d/b".to_owned(), KeyState::Absent), ("a".to_owned(), KeyState::Absent)]);
    set(&upper.join("d"), "redirect", b"/elsewhere").unwrap();
    assert!(matches!(read_again(), Err(CaptureError::Overlay { .. })));
}

#[test]
fn closed_things_in_a_layer_are_read() {
    let script = "mkdir k; echo i > k/i; chmod 000 k/i; chmod 000 k; chmod 000 x; chmod 100 a";
    let Some(layered) = layered(TREE, script) else { return };
    let mode = |path: &str| fs::metadata(layered.root.join(path)).unwrap().permissions().mode() & 0o7777;
    let before = mode("x");
    let read = overlay_changes(&layered.root, &layered.upper, &Rules::default()).unwrap();
    let reported: Vec<_> = net(&read.changes).into_keys().collect();
    assert_eq!(reported, ["a", "k", "k/i", "x"]);
    assert!(read.changes.iter().all(|change| change.left_out.is_none()), "{:?}", read.changes);
    assert_eq!(read.content("k/i").unwrap(), b"i\n");
    assert_eq!(read.content("x").unwrap(), b"x\n");
    assert_eq!(read.open("x").unwrap().unwrap().1, 0);
    assert_eq!(mode("x"), before);
}
