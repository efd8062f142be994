//! Holes, pipes, and paths that are longer than the system takes at once.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::support::agent::{Agent, LANES};
use crate::support::manifest::manifest;

fn sh(folder: &Path, script: &str) {
    assert!(Command::new("bash").args(["-ec", script]).current_dir(folder).status().unwrap().success());
}

/// Bytes on the disk of everything below a folder.
fn on_disk(folder: &Path) -> u64 {
    let mut sum = 0;
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let found = entry.path().symlink_metadata().unwrap();
        sum += found.blocks() * 512 + if found.is_dir() { on_disk(&entry.path()) } else { 0 };
    }
    sum
}

#[test]
fn holes_stay_holes() {
    for lane in LANES {
        let agent = Agent::allowed(lane);
        sh(&agent.work(""), "truncate -s 60M old.img; printf x | dd of=old.img bs=1 seek=40000000 conv=notrunc 2>&1");
        let before = manifest(&agent.work(""));
        agent.commands(&["truncate -s 70M disk.img; printf boot | dd of=disk.img bs=1 conv=notrunc; rm old.img"]);
        let (code, said) = agent.run(&[]);
        assert_eq!(code, Some(0), "{lane}: {said}");
        let all = on_disk(agent.folder());
        assert!(all < 10_000_000, "{lane}: {all} bytes");
        let (code, said) = agent.undo(&[]);
        assert_eq!((code, manifest(&agent.work("")) == before), (Some(0), true), "{lane}: {said}");
        let all = on_disk(agent.folder());
        assert!(all < 10_000_000, "{lane}: {all} bytes");
    }
}

#[test]
fn what_a_pipe_or_a_socket_replaced_comes_back() {
    let socket = "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"s\")'";
    for lane in LANES {
        let agent = Agent::allowed(lane);
        sh(&agent.work(""), "echo file > f; chmod 640 f; mkdir -p d/e; echo x > d/e/x; ln -s f l; echo s > s");
        let before = manifest(&agent.work(""));
        agent
            .commands(&["rm f; mkfifo f; rm -r d; mkfifo d; rm l; mkfifo l", &format!("rm s; {socket} || echo s > s")]);
        let (code, said) = agent.run(&[]);
        assert_eq!(code, Some(0), "{lane}: {said}");
        let (code, said) = agent.undo(&[]);
        assert_eq!((code, manifest(&agent.work("")) == before), (Some(0), true), "{lane}: {said}");
    }
}

#[test]
fn paths_that_are_too_long_for_the_system_come_back() {
    let deep = "n=$(printf 'd%.0s' $(seq 100)); for i in $(seq 50); do mkdir $n; cd $n; done; echo x > f";
    let read = "n=$(printf 'd%.0s' $(seq 100)); for i in $(seq 50); do cd $n; done; grep -q x f";
    for lane in LANES {
        let agent = Agent::allowed(lane);
        agent.commands(&[&format!("({deep}); echo kept > other.txt")]);
        let (code, said) = agent.run(&[]);
        assert_eq!(code, Some(0), "{lane}: {said}");
        sh(&agent.work(""), read);
        let (code, said) = agent.undo(&[]);
        assert_eq!((code, fs::read_dir(agent.work("")).unwrap().count()), (Some(0), 0), "{lane}: {said}");

        let agent = Agent::allowed(lane);
        sh(&agent.work(""), deep);
        agent.commands(&["rm -rf d*"]);
        let (code, said) = agent.run(&[]);
        assert_eq!((code, fs::read_dir(agent.work("")).unwrap().count()), (Some(0), 0), "{lane}: {said}");
        let (code, said) = agent.undo(&[]);
        assert_eq!(code, Some(0), "{lane}: {said}");
        sh(&agent.work(""), read);
        // The folder for tests can't be removed by path.
        sh(&agent.work(""), "rm -rf d*");
    }
}

#[test]
fn a_file_over_the_size_limit_that_was_only_moved_comes_back() {
    for lane in LANES {
        let agent = Agent::allowed(lane);
        let pipeline = agent.folder().join("pipeline.toml");
        let text = fs::read_to_string(&pipeline).unwrap();
        fs::write(&pipeline, text.replace("[capture]\n", "[capture]\nmax_file_mb = 1\n")).unwrap();
        sh(&agent.work(""), "head -c 3000000 /dev/urandom > big; chmod 640 big; mkdir d; cp big d/other");
        let inode = |name: &str| fs::metadata(agent.work(name)).unwrap().ino();
        let (before, inodes) = (manifest(&agent.work("")), (inode("big"), inode("d/other")));
        agent.commands(&["mv big d/moved; echo x > d/x", "mv d/other here; rm d/x"]);
        let (code, said) = agent.run(&[]);
        assert_eq!(code, Some(0), "{lane}: {said}");
        assert!(!agent.work("big").exists() && agent.work("d/moved").exists() && agent.work("here").exists());
        let all = on_disk(&agent.folder().join(".tama"));
        assert!(all < 2_500_000, "{lane}: nothing of it is kept: {all} bytes");
        let (code, said) = agent.undo(&["--dry-run"]);
        assert!(said.contains("would be undone"), "{lane}: {code:?} {said}");
        let (code, said) = agent.undo(&[]);
        assert_eq!((code, manifest(&agent.work("")) == before), (Some(0), true), "{lane}: {said}");
        assert_eq!((inode("big"), inode("d/other")), inodes, "{lane}: they are the same files");

        // One that is another file by now stays.
        let (code, said) = agent.run(&[]);
        assert_eq!(code, Some(0), "{lane}: {said}");
        sh(&agent.work(""), "echo more >> here");
        let (code, said) = agent.undo(&[]);
        assert!(matches!(code, Some(6 | 7)) && agent.work("here").exists(), "{lane}: {said}");
    }
}
