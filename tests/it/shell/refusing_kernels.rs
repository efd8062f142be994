//! Kernels that refuse a part of the confinement: each promise that they leave open is named.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};
use serde_json::Value;

use crate::support::program;

/// The call that this program refuses itself before it becomes the program under test.
const REFUSED: &str = "REFUSING_TEST_CALL";

/// A call that a kernel refuses, and the gaps that it leaves.
struct Refused {
    name: &'static str,
    call: i64,
    /// Only with these flags in this argument.
    flags: Option<(u8, u64)>,
    gaps: &'static [&'static str],
}

const REFUSALS: [Refused; 4] = [
    Refused {
        name: "filters of system calls",
        call: libc::SYS_seccomp,
        flags: None,
        gaps: &["services of this machine", "io_uring and keyrings"],
    },
    Refused {
        name: "read-only mounts",
        call: libc::SYS_mount,
        flags: Some((3, libc::MS_REMOUNT)),
        gaps: &["modes and times of files outside of the workspace"],
    },
    Refused {
        name: "namespaces",
        call: libc::SYS_unshare,
        flags: None,
        gaps: &["network", "seeing other processes", "modes and times of files outside of the workspace"],
    },
    Refused { name: "nothing that matters", call: libc::SYS_acct, flags: None, gaps: &[] },
];

#[test]
fn what_a_kernel_refuses_is_a_named_gap() {
    let folder = tempfile::tempdir().unwrap();
    if !program::is_confined(folder.path()) {
        return;
    }
    for refused in REFUSALS {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "shell::refusing_kernels::role", "--nocapture"]);
        let output = command.env(REFUSED, refused.name).current_dir(folder.path()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let report: Value = serde_json::from_str(&text[text.find('{').expect(&text)..]).expect(&text);
        let gaps: Vec<&str> =
            report["sandbox"]["gaps"].as_array().unwrap().iter().map(|gap| gap.as_str().unwrap()).collect();
        for gap in refused.gaps {
            assert!(gaps.contains(gap), "{}: {gap} is not in {gaps:?}", refused.name);
        }
        assert_eq!(gaps.is_empty(), refused.gaps.is_empty(), "{}: {gaps:?}", refused.name);
    }
}

#[test]
fn role() {
    let Ok(name) = std::env::var(REFUSED) else { return };
    let refused = REFUSALS.into_iter().find(|refused| refused.name == name).unwrap();
    let rule = |(argument, flags): (u8, u64)| {
        let has = SeccompCmpOp::MaskedEq(flags);
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Qword, has, flags).unwrap();
        SeccompRule::new(vec![condition]).unwrap()
    };
    let rules = BTreeMap::from([(refused.call, refused.flags.map(rule).into_iter().collect())]);
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).unwrap();
    apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
    let error = program::command().args(["doctor", "--json"]).exec();
    panic!("the program did not start: {error}");
}
