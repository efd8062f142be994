//! The agent is killed, this program is killed, or both.
//!
//! `TAMA_TUI_SOAK=100` plays as many rounds.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::kills::{end_one_or_both, moment, rounds};
use crate::cli::cli::{stderr, stdout};
use crate::support::manifest::{differences, manifest};
use crate::support::program;
use crate::support::project::Project;
use crate::support::wait::{exit_status, until};

/// Rounds without the variable.
const FEW: u32 = 6;

/// Writes files for ever, over some that were there.
const BUSY: &str = "i=0; while true; do i=$((i+1)); echo $i > f$((i % 50)); echo $i >> log; done";

fn start(project: &Project, script: &str) -> Child {
    let mut command = Command::new(program::path());
    command.args(["wrap", "--headless", "--", "bash", "-c", script]).current_dir(project.folder());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Ends this program, its agent, or both, at many moments: nothing that the agent did is missing, and undo restores all.
#[test]
fn what_an_agent_did_until_a_kill_can_be_undone() {
    for round in 0..rounds(FEW) {
        let project = Project::empty();
        project.write("f7", "mine\n");
        project.write("log", "");
        let before = manifest(project.folder());
        let mut child = start(&project, BUSY);
        let many = usize::try_from(20 * (round % 4 + 1)).unwrap();
        until("its first changes", || project.read("log").is_some_and(|text| text.lines().count() > many));
        std::thread::sleep(Duration::from_millis(moment(round)));
        let is_end_unknown = end_one_or_both(round, &mut child);
        let after = manifest(project.folder());
        let run = project.newest();
        let undone = project.tama(&["undo", &run]);
        if is_end_unknown && undone.status.code() != Some(0) {
            // What was written last may be somebody else's: a conflict, and all of it is recorded.
            assert!(stderr(&undone).contains("so maybe by another program or person"), "{}", stderr(&undone));
            let shown = stdout(&project.tama(&["runs", "show", &run, "--json"]));
            let differ = after.iter().filter(|(path, node)| before.get(*path) != Some(node));
            for path in differ.map(|(path, _)| String::from_utf8_lossy(path).into_owned()) {
                assert!(shown.contains(&format!("\"{path}\"")), "round {round}: {path} is not recorded");
            }
            continue;
        }
        assert_eq!(undone.status.code(), Some(0), "round {round}: {}", stderr(&undone));
        assert_eq!(differences(&before, &manifest(project.folder())), Vec::<String>::new(), "round {round}");
    }
}

#[test]
fn what_an_agent_did_until_it_was_killed_is_recorded() {
    let project = Project::empty();
    let before = manifest(project.folder());
    let script = format!("echo $$ > pid; {BUSY}");
    let mut child = start(&project, &script);
    until("its first changes", || project.read("log").is_some_and(|text| text.lines().count() > 20));
    // In a process namespace of its own its number is another one, so the run is cancelled as a user cancels it.
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(exit_status(&mut child, "the wrapped agent").code(), Some(130));
    assert_eq!(project.statuses(), ["cancelled"]);
    let undone = project.tama(&["undo", &project.newest()]);
    assert_eq!(undone.status.code(), Some(0), "{}", stderr(&undone));
    assert_eq!(differences(&before, &manifest(project.folder())), Vec::<String>::new());
}
