//! `verify` where nothing but reading is possible: no sockets, and no write anywhere.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use landlock::{ABI, Access as _, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, path_beneath_rules};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use super::{PIPELINE, REPLIES};
use crate::support::program;
use crate::support::skip::{Capability, skip};

const RUN: &str = "TAMA_TUI_TEST_JAILED";

/// System calls that open a connection.
const SOCKETS: [i64; 5] = [
    nix::libc::SYS_socket,
    nix::libc::SYS_socketpair,
    nix::libc::SYS_connect,
    nix::libc::SYS_bind,
    nix::libc::SYS_sendto,
];

#[test]
fn verify_needs_no_socket_and_writes_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("work")).unwrap();
    fs::write(folder.path().join("pipeline.toml"), PIPELINE).unwrap();
    fs::write(folder.path().join("replies.toml"), REPLIES.replace("ITEMS", "\\\"a\\\",\\\"b\\\"")).unwrap();
    let ran = program::command().current_dir(folder.path()).args(["run", "pipeline.toml"]).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(said.contains("open: tama-tui replay"), "{said}");
    let own = std::env::current_exe().unwrap();
    let args = ["engine::verify::jailed::jail", "--exact", "--ignored", "--nocapture"];
    let out = Command::new(own).current_dir(folder.path()).env(RUN, "1").args(args).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    if text.contains("no landlock here") {
        return skip(Capability::Landlock, "writes can't be refused here");
    }
    assert!(text.contains("all as recorded"), "{text}{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn jail() {
    assert!(std::env::var_os(RUN).is_some());
    if !refuse_writes() {
        println!("no landlock here");
        return;
    }
    refuse_sockets();
    // Proof that the jail holds.
    assert!(fs::write("written", "x").is_err());
    assert!(std::net::TcpStream::connect("127.0.0.1:9").is_err_and(|error| error.raw_os_error() == Some(1)));
    let run = fs::read_dir(".tama/runs").unwrap().next().unwrap().unwrap().file_name();
    panic!("{}", program::command().arg("verify").arg(run).exec());
}

fn refuse_writes() -> bool {
    let abi = ABI::V1;
    let read = AccessFs::from_read(abi);
    let ruleset = Ruleset::default().handle_access(AccessFs::from_all(abi)).unwrap().create().unwrap();
    let rules = path_beneath_rules([Path::new("/")], read);
    let status = ruleset.add_rules(rules).unwrap().restrict_self().unwrap();
    status.ruleset != landlock::RulesetStatus::NotEnforced
}

fn refuse_sockets() {
    let rules: BTreeMap<i64, Vec<seccompiler::SeccompRule>> = SOCKETS.into_iter().map(|call| (call, vec![])).collect();
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let refuse = SeccompAction::Errno(1);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    apply_filter(&program).unwrap();
}
