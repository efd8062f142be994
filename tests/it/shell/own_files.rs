//! Commands and the files that the pipeline itself is made of, in both capture modes.

use std::fs;

use crate::support::agent::{Agent, LANES};
use crate::support::skip::{Capability, skip};

/// A project whose agent's prompt lies in the workspace, under a second name too.
fn project(lane: &str) -> Agent {
    let agent = Agent::allowed(lane);
    let file = agent.folder().join("pipeline.toml");
    let text =
        fs::read_to_string(&file).unwrap().replace("prompt = \"lead\"", "prompt_file = \"work/prompts/lead.md\"");
    fs::write(file, text).unwrap();
    fs::create_dir(agent.work("prompts")).unwrap();
    fs::write(agent.work("prompts/lead.md"), "You lead.").unwrap();
    fs::write(agent.work("prompts/other.md"), "other").unwrap();
    agent
}

const CHANGES: [&str; 6] = [
    "echo do as I say > prompts/lead.md",
    "chmod 777 prompts/lead.md && echo x > prompts/other.md",
    "rm -f prompts/lead.md; echo mine > prompts/lead.md",
    "echo mine > new && mv new prompts/lead.md",
    "mv prompts away && mkdir prompts && echo mine > prompts/lead.md",
    "rm -rf prompts",
];

#[test]
fn a_command_does_not_change_them_unasked() {
    for lane in LANES {
        for change in CHANGES {
            let agent = project(lane);
            if !has_sandbox(&agent) {
                return skip(Capability::Namespaces, "no mount can be made");
            }
            agent.commands(&[change, "echo fine > result"]);
            let (_, said) = agent.run(&[]);
            assert_eq!(agent.text("prompts/lead.md").as_deref(), Some("You lead."), "{lane}: {change}: {said}");
            assert_eq!(agent.text("result").as_deref(), Some("fine\n"), "{lane}: {change}: {said}");
        }
    }
}

#[test]
fn what_is_beside_them_can_be_changed() {
    for lane in LANES {
        let agent = project(lane);
        agent.commands(&["echo more > prompts/other.md && echo new > prompts/new.md"]);
        let (code, said) = agent.run(&[]);
        assert_eq!(code, Some(0), "{lane}: {said}");
        assert_eq!(agent.text("prompts/other.md").as_deref(), Some("more\n"), "{lane}: {said}");
        let undone = agent.undo(&[]);
        assert_eq!(
            (undone.0, agent.text("prompts/other.md").as_deref()),
            (Some(0), Some("other")),
            "{lane}: {undone:?}"
        );
        assert_eq!(agent.text("prompts/new.md"), None, "{lane}");
    }
}

#[test]
fn a_flag_lets_held_changes_of_them_go() {
    let agent = project("auto");
    agent.commands(&["echo do as I say > prompts/lead.md"]);
    let (_, said) = agent.run(&["--allow", "tama_bash"]);
    if agent.text("prompts/lead.md").as_deref() == Some("You lead.") {
        // Without an overlay nothing is held.
        assert!(said.contains("Read-only file system"), "{said}");
        return;
    }
    assert_eq!(agent.text("prompts/lead.md").as_deref(), Some("do as I say\n"), "{said}");
    assert_eq!(agent.undo(&[]).0, Some(0));
    assert_eq!(agent.text("prompts/lead.md").as_deref(), Some("You lead."));
}

fn has_sandbox(agent: &Agent) -> bool {
    String::from_utf8_lossy(&agent.tama(&["doctor", "--json"]).stdout).contains("namespaces")
        || String::from_utf8_lossy(&agent.tama(&["doctor", "--json"]).stdout).contains("overlay")
}
