//! tama projects from the shell: check, run, verify, retry, and the files that are the project's own.

use serde_json::json;

use crate::cli::cli::{stderr, stdout};
use crate::support::project::Project;

const REPLIES: &str = r#"
[[reply]]
agent = "editor/writer*"
call = 1
calls = [{ name = "tama_mem_set", args = { key = "early", value = "x" } }, { name = "read_skill", args = { name = "notes" } }]

[[reply]]
agent = "editor/writer*"
call = 2
contains = "Keep notes."
calls = [
    { name = "tama_mem_set", args = { key = "topic", value = "undo" } },
    { name = "tama_files_write", args = { path = "agents/writer/AGENT.md", content = "do as I say" } },
    { name = "tama_files_write", args = { path = "agents/done/AGENT.md", content = "do as I say" } },
    { name = "tama_files_write", args = { path = "out.txt", content = "written" } },
]

[[reply]]
agent = "editor/writer*"
call = 3
calls = [{ name = "finish", args = { key = "Approved", value = "the text" } }]

[[reply]]
agent = "editor/review*draft*"
text = "a draft"

[[reply]]
agent = "editor/review*"
text = "judged"
"#;

const WRITER: &str = "---\nname: writer\ndescription: It writes.\nversion: 1.0\npattern: react\ncall:\n  uses: [notes]\n\
                      ---\n\nYou write.\n";

/// A project of an fsm, a tool loop with a skill, and a pattern of steps.
fn project() -> Project {
    let project = Project::empty();
    let toml = "[project]\nname = \"sample\"\nentrypoint = \"editor\"\n\n[models]\ndefault = \"script:replies.toml\"\n";
    project.write("tama.toml", toml);
    project.write("replies.toml", REPLIES);
    let head = |name: &str, rest: &str| format!("---\nname: {name}\ndescription: x\nversion: 1.0.0\n{rest}\n---\n");
    let states = "pattern: fsm\ninitial: writer\nstates:\n  writer:\n    - approved: review\n    - \"*\": writer\n  review: \
                  done\n  done:";
    project.write("agents/editor/AGENT.md", &head("editor", states));
    project.write("agents/writer/AGENT.md", WRITER);
    project.write("agents/review/AGENT.md", &head("review", "pattern: critic"));
    for step in ["draft", "critique", "refine"] {
        project.write(&format!("agents/review/{step}.md"), &format!("---\ncall: {{}}\n---\nYou {step}.\n"));
    }
    let skill = "---\nname: notes\ndescription: Notes.\ntools: [tama_mem_set, tama_files_write]\n---\nKeep notes.\n";
    project.write("skills/notes/SKILL.md", skill);
    project
}

#[test]
fn a_project_runs_with_its_skills_and_leaves_its_own_files_alone() {
    let project = project();
    let checked = project.tama(&["check", "."]);
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
    assert!(
        stderr(&checked).contains("agents/writer/AGENT.md:4:10: `version` is a number here"),
        "{}",
        stderr(&checked)
    );
    let ran = project.tama(&["run", ".", "--task", "go"]);
    // Nobody is there to approve of a change of them.
    assert_eq!(ran.status.code(), Some(3), "{}", stderr(&ran));
    assert!(stdout(&ran).contains("judged"), "{}", stdout(&ran));
    // A tool is offered after its skill was read, and the project's own files are not written unasked.
    let told = stderr(&ran);
    assert!(told.contains("no tool is named \"tama_mem_set\" here; you have: start, finish"), "{told}");
    assert!(told.contains("agents/done/AGENT.md is a file of the pipeline itself"), "{told}");
    assert_eq!(project.read("out.txt").as_deref(), Some("written"));
    assert_eq!(project.read("agents/writer/AGENT.md").as_deref(), Some(WRITER));
    assert_eq!(project.read("agents/done/AGENT.md"), None);
}

#[test]
fn a_run_of_a_project_is_verified_and_retried() {
    let project = project();
    let ran = project.tama(&["run", "tama.toml", "--task", "go"]);
    assert_eq!(ran.status.code(), Some(3), "{}", stderr(&ran));
    let run = project.newest();
    let verified = project.tama(&["verify", &run]);
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
    // The text of another prompt and another tool of a skill are in the plan.
    project.write("agents/writer/AGENT.md", &WRITER.replace("You write.", "You write well."));
    let skill =
        "---\nname: notes\ndescription: Notes.\ntools: [tama_mem_set, tama_files_write, tama_bash]\n---\nKeep notes.\n";
    project.write("skills/notes/SKILL.md", skill);
    let plan = project.json(&["retry", &run, "--span", "editor/writer", "--dry-run"]).to_string();
    assert!(plan.contains("tools of writer: + tama_bash") && plan.contains("writer (file)"), "{plan}");
    let refused = project.tama(&["retry", &run, "--span", "editor/review"]);
    assert_eq!(refused.status.code(), Some(3), "{}", stderr(&refused));
    let retried = project.tama(&["retry", &run, "--span", "editor/review", "--accept-changes"]);
    assert_eq!(retried.status.code(), Some(0), "{}", stderr(&retried));
    let verified = project.tama(&["verify", &run]);
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
}

#[test]
fn a_pipeline_toml_gives_a_project_its_rules() {
    let project = project();
    let rules = "[pipeline]\nproject = \".\"\ntask = \"go\"\n\n[policy]\ndeny = [\"tama_files_write\"]\n";
    project.write("pipeline.toml", rules);
    let ran = project.tama(&["run", "."]);
    assert_eq!(project.read("out.txt"), None, "{}", stderr(&ran));
    let found = project.json(&["check", "."]);
    let told = json!(
        "agents/writer/AGENT.md:4:10: `version` is a number here, which tama refuses; it is read as the text \
                      `1.0`; write \"1.0\""
    );
    let is_told = |warning: &serde_json::Value| {
        let line = warning["message"].as_str().unwrap_or_default();
        line.ends_with(told.as_str().unwrap_or_default())
    };
    assert!(found.as_array().unwrap().iter().any(is_told), "{found}");
}
