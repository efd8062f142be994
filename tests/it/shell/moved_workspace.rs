//! The workspace is one folder: renamed, replaced or removed, nothing is written, and that is said.

use std::fs;

use crate::support::agent::{Agent, LANES};
use crate::support::manifest::manifest;
use crate::support::pty::Start;

#[test]
fn an_open_run_writes_into_no_other_folder() {
    for lane in LANES {
        for replaced in [false, true] {
            let agent = Agent::allowed(lane);
            agent.commands(&["echo agent > made"]);
            let mut pty = Start::tama(agent.folder(), &["."]).at(110, 30);
            pty.wait("finished");
            assert!(agent.work("made").exists());
            let (work, moved) = (agent.work(""), agent.folder().join("moved"));
            fs::rename(&work, &moved).unwrap();
            if replaced {
                fs::create_dir(&work).unwrap();
                fs::write(work.join("made"), "of somebody else\n").unwrap();
            }
            let before = (manifest(&moved), replaced.then(|| manifest(&work)));
            pty.tap("gg");
            pty.tap("U");
            pty.send("\r");
            pty.wait("it was moved to");
            assert!(!pty.text().contains("restored"), "{}", pty.text());
            pty.tap("\x1b");
            pty.tap("r");
            pty.send("\r");
            pty.wait("failed to retry");
            pty.tap("\x1b");
            assert_eq!(before, (manifest(&moved), replaced.then(|| manifest(&work))), "{lane}");
            assert_eq!(work.exists(), replaced, "{lane}: no folder is made");
            // Back in its place it is the one that it was.
            if replaced {
                fs::remove_dir_all(&work).unwrap();
            }
            fs::rename(&moved, &work).unwrap();
            pty.tap("U");
            pty.send("\r");
            pty.wait("restored 1/1");
            assert!(!agent.work("made").exists());
        }
    }
}
