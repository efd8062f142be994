//! The agent is killed whose changes are held, this program is killed, or both: every change is found again as held, and
//! the folder is as it was.
//!
//! `TAMA_TUI_SOAK=100` plays as many rounds.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::kills::{end_one_or_both, moment, rounds};
use crate::cli::cli::{stderr, stdout};
use crate::support::manifest::{differences, manifest};
use crate::support::program;
use crate::support::project::Project;
use crate::support::wait::until;

/// Rounds without the variable.
const FEW: u32 = 8;

/// Changes files for ever, and says outside of the folder how many of its changes are through.
const BUSY: &str =
    "i=0; while true; do i=$((i+1)); echo $i > f$((i % 20)); rm -f old$((i % 5)); mkdir -p d$i; echo $i > d$i/f
    echo $i > OUT/through.new; mv OUT/through.new OUT/through; done";

fn start(project: &Project, outside: &Path) -> Child {
    let script = BUSY.replace("OUT", &outside.display().to_string());
    let mut command = Command::new(program::path());
    command.args(["wrap", "--headless", "--review", "--writable"]).arg(outside).args(["--", "bash", "-c", &script]);
    command.current_dir(project.folder()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn through(outside: &Path) -> u32 {
    fs::read_to_string(outside.join("through")).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

#[test]
fn every_change_until_a_kill_is_held_and_can_be_decided_on() {
    if !program::holds_changes(Project::empty().folder()) {
        return;
    }
    for round in 0..rounds(FEW) {
        let project = Project::empty();
        for at in 0..5 {
            project.write(&format!("old{at}"), "mine\n");
        }
        let before = manifest(project.folder());
        let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut child = start(&project, outside.path());
        // Rounds end before a first look, in it, and after some.
        until("its first changes", || through(outside.path()) > 1 + 40 * (round % 5));
        std::thread::sleep(Duration::from_millis(moment(round)));
        end_one_or_both(round, &mut child);
        let sure = through(outside.path());
        assert_eq!(differences(&before, &manifest(project.folder())), Vec::<String>::new(), "round {round}");
        let run = project.newest();
        // Opening it finds what no look had found.
        let first = project.tama(&["apply", &run, "d1/f"]);
        assert_eq!(first.status.code(), Some(0), "round {round}: {}{}", stdout(&first), stderr(&first));
        assert_eq!(project.read("d1/f").as_deref(), Some("1\n"));
        let rest = project.tama(&["apply", &run]);
        assert_eq!(rest.status.code(), Some(0), "round {round}: {}{}", stdout(&rest), stderr(&rest));
        for at in 1..=sure {
            assert_eq!(project.read(&format!("d{at}/f")), Some(format!("{at}\n")), "round {round} of {sure}");
        }
        assert!(!project.path("old1").exists());
        let undone = project.tama(&["undo", &run]);
        assert_eq!(undone.status.code(), Some(0), "round {round}: {}{}", stdout(&undone), stderr(&undone));
        assert_eq!(differences(&before, &manifest(project.folder())), Vec::<String>::new(), "round {round}");
    }
}
