//! `fork`: a new run goes on from a span of another one, which stays as it is.

use serde_json::{Value as Json, json};

use crate::cli::cli::{stderr, stdout};
use crate::support::manifest::manifest;
use crate::support::project::Project;
use crate::support::sketch::Sketch;

/// A writer and a reviewer after it; each writes a file of its own and remembers something. With the prompt "loud", the
/// reviewer writes another text.
fn project() -> Project {
    let write =
        |name: &str, text: &str| ("tama_files_write", json!({ "path": format!("{name}.txt"), "content": text }));
    let remember = |name: &str| ("tama_mem_append", json!({ "key": "log", "item": name }));
    let loud = toml::Value::try_from(write("reviewer", "LOUD\n").1).unwrap();
    Sketch::new("two", "lead")
        .table("[agents.lead]\npattern = \"fsm\"\ninitial = \"writer\"\n[agents.lead.states]\nwriter = \"reviewer\"\nreviewer = \"$end\"")
        .react("writer", "You write.", &["tama_files_write", "tama_mem_append"])
        .react("reviewer", "You review.", &["tama_files_write", "tama_mem_append"])
        .calls("lead/writer", 1, &[write("writer", "draft\n"), remember("writer")])
        .finish("lead/writer", "a draft")
        .reply(
            "lead/reviewer",
            &format!("call = 1\ncontains = \"loud\"\ncalls = [{{ name = \"tama_files_write\", args = {loud} }}]"),
        )
        .calls("lead/reviewer", 1, &[write("reviewer", "quiet\n"), remember("reviewer")])
        .finish("lead/reviewer", "reviewed")
        .file("work/reviewer.txt", "before\n")
        .file("loud.md", "You review, loud.")
        .project()
}

fn ran() -> Project {
    let project = project();
    let output = project.tama(&["run", "."]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    project
}

fn memory(project: &Project, run: &str) -> Vec<String> {
    let data = tama_tui::store::DataDir::at(project.path(".tama"));
    let log = data.find(run).unwrap().look().unwrap().log;
    let memory = log.with(|state| state.ledger.all_memory());
    memory.into_iter().map(|(name, state)| format!("{name} {}", state.summary())).collect()
}

fn verify(project: &Project, run: &str) {
    let output = project.tama(&["verify", run]);
    assert_eq!(output.status.code(), Some(0), "{run}: {}", stderr(&output));
}

fn rows(project: &Project, run: &str) -> Json {
    project.json(&["runs", "show", run])
}

#[test]
fn a_workspace_that_is_not_as_it_was_there_is_for_the_user_to_decide() {
    let project = ran();
    let parent = project.newest();
    let before = manifest(&project.path("work"));
    let output = project.tama(&["fork", &parent, "--at", "lead/reviewer"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    for said in ["differs reviewer.txt", "as the run left it", "--as-is", "--restore", "--copy DIR"] {
        assert!(stderr(&output).contains(said), "{said}: {}", stderr(&output));
    }
    assert_eq!(project.newest(), parent, "no run is made");
    assert_eq!(manifest(&project.path("work")), before);
    let plan = project.json(&["fork", &parent, "--at", "lead/reviewer", "--dry-run"]);
    assert_eq!(
        (plan["moved"][0]["path"].as_str(), plan["moved"][0]["by_others"].as_bool()),
        (Some("reviewer.txt"), Some(false))
    );
}

#[test]
fn a_fork_restores_the_workspace_and_runs_by_its_edits() {
    let project = ran();
    let parent = project.newest();
    let shown = rows(&project, &parent);
    let output =
        project.tama(&["fork", &parent, "--at", "lead/reviewer", "--prompt", "loud.md", "--restore", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (said["forked"]["parent"].as_str(), said["forked"]["at"].as_str()),
        (Some(&parent[..]), Some("lead/reviewer"))
    );
    let fork = project.newest();
    assert_ne!(fork, parent);
    assert_eq!(project.work("reviewer.txt").as_deref(), Some("LOUD\n"));
    assert_eq!(project.work("writer.txt").as_deref(), Some("draft\n"));
    assert_eq!(memory(&project, &fork).len(), 1);
    assert_ne!(memory(&project, &fork), memory(&project, &parent), "the reviewer's memory is not the fork's");
    verify(&project, &fork);
    verify(&project, &parent);
    assert_eq!(rows(&project, &parent), shown, "the parent is as it was");
    // The list and the run itself say where it comes from.
    let text = stdout(&project.tama(&["runs", "show", &fork]));
    assert!(text.contains(&format!("forked from {parent}")), "{text}");
    // It undoes its own changes only, and what it put back is one of them; memory is as it was at the fork.
    let undone = project.tama(&["undo", &fork]);
    assert!(matches!(undone.status.code(), Some(0 | 6)), "{}", stderr(&undone));
    assert!(stdout(&undone).contains(&format!("done in run {parent}")), "{}", stdout(&undone));
    assert_eq!(memory(&project, &fork), ["log [\"writer\"]"], "the parent's entry stays");
    assert_eq!(memory(&project, &parent).len(), 1);
    assert_eq!(project.work("reviewer.txt").as_deref(), Some("quiet\n"), "as it was before the fork");
    assert_eq!(project.work("writer.txt").as_deref(), Some("draft\n"), "the parent's change stays");
    let undone = project.tama(&["undo", &parent]);
    assert_eq!(undone.status.code(), Some(0), "{}", stderr(&undone));
    assert_eq!((project.work("reviewer.txt").as_deref(), project.work("writer.txt")), (Some("before\n"), None));
}

#[test]
fn a_fork_goes_on_in_a_copy_or_as_it_is() {
    let project = ran();
    let parent = project.newest();
    let before = manifest(&project.path("work"));
    let output = project.tama(&["fork", &parent, "--at", "lead/reviewer", "--prompt", "loud.md", "--copy", "other"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(manifest(&project.path("work")), before, "the parent's workspace is not touched");
    assert_eq!(project.read("other/reviewer.txt").as_deref(), Some("LOUD\n"));
    assert_eq!(project.read("other/writer.txt").as_deref(), Some("draft\n"));
    let fork = project.newest();
    verify(&project, &fork);
    let undone = project.tama(&["undo", &fork]);
    assert!(matches!(undone.status.code(), Some(0 | 6)), "{}", stderr(&undone));
    assert_eq!(project.read("other/reviewer.txt").as_deref(), Some("before\n"), "as it was there");
    let again = project.tama(&["fork", &parent, "--at", "lead/reviewer", "--copy", "other"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("name a new folder"), "{}", stderr(&again));
    let as_is = project.tama(&["fork", &parent, "--at", "lead/reviewer", "--as-is"]);
    assert_eq!(as_is.status.code(), Some(0), "{}", stderr(&as_is));
    verify(&project, &project.newest());
}

#[test]
fn a_fork_of_a_fork_of_a_retried_run_verifies() {
    let project = ran();
    let parent = project.newest();
    assert_eq!(project.tama(&["retry", &parent, "--span", "lead/reviewer"]).status.code(), Some(0));
    let output = project.tama(&["fork", &parent, "--at", "lead/writer/llm#2", "--restore"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let fork = project.newest();
    let output = project.tama(&["fork", &fork, "--at", "lead/reviewer", "--prompt", "loud.md", "--restore"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let second = project.newest();
    for run in [&parent, &fork, &second] {
        verify(&project, run);
    }
    assert_eq!(project.work("reviewer.txt").as_deref(), Some("LOUD\n"));
    // A fork can be retried as any run: memory that it has of its parent is undone with the span that wrote it.
    let before = memory(&project, &second);
    let output = project.tama(&["retry", &second, "--span", "lead/writer"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(memory(&project, &second), before, "each entry is there once");
    let output = project.tama(&["retry", &second, "--span", "lead/reviewer/llm"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    verify(&project, &second);
}

#[test]
fn what_others_changed_since_is_told_and_can_be_taken_back() {
    let project = ran();
    let parent = project.newest();
    project.write("work/writer.txt", "somebody's\n");
    let output = project.tama(&["fork", &parent, "--at", "lead/reviewer", "--restore"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("differs writer.txt"), "{}", stderr(&output));
    assert!(stderr(&output).contains("another program or person"), "{}", stderr(&output));
    assert_eq!(project.work("writer.txt").as_deref(), Some("draft\n"));
    project.tama(&["undo", &project.newest()]);
    assert_eq!(project.work("writer.txt").as_deref(), Some("somebody's\n"));
}
