//! A tama project of four agents, two skills and step files, written from tama's documentation alone: `tests/projects`.

use std::fs;
use std::path::Path;

use crate::cli::cli::{stderr, stdout};
use crate::support::project::Project;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() { copy(&path, &to) } else { fs::copy(&path, &to).map(drop).unwrap() }
    }
}

fn newsroom() -> Project {
    let project = Project::empty();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/projects/newsroom"), project.folder());
    project
}

#[test]
fn it_is_checked_drawn_run_and_verified() {
    let project = newsroom();
    let checked = project.tama(&["check", "."]);
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
    // tama has no scripted models; the rest is as it wants it.
    let warnings = stderr(&checked);
    assert!(warnings.lines().all(|line| line.contains("tama refuses the provider `script`")), "{warnings}");
    let drawn = stdout(&project.tama(&["graph", "."]));
    for line in [
        "  newsroom · fsm",
        "    state, starts: researcher · react · script:replies.toml",
        "        skill notebook unlocks tools tama_mem_set, tama_mem_append, tama_mem_get",
        "        then publisher",
        "    state: publisher · oneshot · script:replies.toml",
    ] {
        assert!(drawn.lines().any(|drawn| drawn == line), "{line}: {drawn}");
    }
    assert!(!drawn.contains("never run"), "{drawn}");
    let ran = project.tama(&["run", ".", "--task", "Moss"]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    assert_eq!(stdout(&ran), "MOSS! Moss grows slowly.\n");
    // A tool is there once its skill was read.
    assert!(stderr(&ran).contains("no tool is named \"tama_mem_append\" here; you have: start, finish"));
    let verified = project.tama(&["verify", &project.newest()]);
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
}

#[test]
fn its_run_is_a_test_that_plays_offline() {
    let project = newsroom();
    assert_eq!(project.tama(&["run", ".", "--task", "Moss"]).status.code(), Some(0));
    let exported = project.tama(&["runs", "export", &project.newest(), "--script", "test"]);
    assert_eq!(exported.status.code(), Some(0), "{}", stderr(&exported));
    assert!(!stderr(&exported).contains("not exported"), "{}", stderr(&exported));
    fs::remove_dir_all(project.path("agents")).unwrap();
    let played = project.tama(&["run", "test", "--expect", "test/expected.json"]);
    assert_eq!(played.status.code(), Some(0), "{}", stderr(&played));
}

#[test]
fn what_a_pipeline_toml_can_not_be_named_is_told() {
    let project = newsroom();
    fs::rename(project.path("agents/publisher"), project.path("agents/the_publisher")).unwrap();
    for (file, old, new) in [
        ("agents/newsroom/AGENT.md", "publisher", "the_publisher"),
        ("agents/the_publisher/AGENT.md", "name: publisher", "name: the_publisher"),
        ("replies.toml", "newsroom/publisher", "newsroom/the_publisher"),
    ] {
        project.write(file, &project.read(file).unwrap().replace(old, new));
    }
    assert_eq!(project.tama(&["run", ".", "--task", "Moss"]).status.code(), Some(0));
    let exported = project.tama(&["runs", "export", &project.newest(), "--script", "test"]);
    assert_eq!(exported.status.code(), Some(1), "{}", stderr(&exported));
    let told = stderr(&exported);
    assert!(told.contains("the test can't be loaded before this is corrected: test/pipeline.toml:"), "{told}");
}

#[test]
fn an_agent_that_the_others_never_run_is_run_alone() {
    let project = newsroom();
    let alone = "---\nname: alone\ndescription: x\nversion: 1.0.0\npattern: oneshot\ncall:\n  model:\n    name: \
                 anthropic:claude\n---\nYou are alone.\n";
    project.write("agents/alone/AGENT.md", alone);
    let without = |args: &[&str]| {
        let mut command = crate::support::program::command();
        command.args(args).current_dir(project.folder()).env_remove("ANTHROPIC_API_KEY").output().unwrap()
    };
    // Nobody needs its key before it runs.
    let ran = without(&["run", ".", "--task", "Moss"]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    let drawn = stdout(&project.tama(&["graph", "."]));
    assert!(drawn.contains("never run: alone · oneshot · anthropic:claude"), "{drawn}");
    let checked = stderr(&project.tama(&["check", "."]));
    assert!(checked.contains("the agent `alone` is never run from `newsroom`"), "{checked}");
    // It has a name to start it by; only the terminal is missing here.
    let debugged = stderr(&without(&[".", "--agent", "alone", "--task", "Moss"]));
    assert!(!debugged.contains("no agent is named") && debugged.contains("terminal"), "{debugged}");
    project.write("tama.toml", &project.read("tama.toml").unwrap().replace("= \"newsroom\"", "= \"alone\""));
    let keyless = without(&["run", ".", "--task", "Moss"]);
    assert_eq!(keyless.status.code(), Some(1), "{}", stderr(&keyless));
    assert!(stderr(&keyless).contains("ANTHROPIC_API_KEY"), "{}", stderr(&keyless));
}
