//! `runs export RUN --script DIR`: a run as a test that plays offline.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value as Json, json};
use tama_tui::pipeline::{PATTERNS, load};

use crate::cli::cli::{json as parsed, stderr, stdout};
use crate::support::program::run as tama;
use crate::support::project::Project;
use crate::support::sketch::Sketch;

/// Exports the newest run of a project to `test`; returns what it tells.
fn export(project: &Project) -> Json {
    parsed(&project.tama(&["runs", "export", &project.newest(), "--script", "test", "--json"]))
}

/// The spans of a run: path, kind, state, finish key.
fn spans(project: &Project, run: &str) -> Vec<String> {
    let shown = parsed(&project.tama(&["--data-dir", run, "runs", "--json"]));
    let id = shown[0]["run"].as_str().unwrap().to_owned();
    let shown = parsed(&project.tama(&["--data-dir", run, "runs", "show", &id, "--json"]));
    let line = |span: &Json| format!("{} {} {} {}", span["path"], span["kind"], span["state"], span["finish"]);
    let mut lines: Vec<String> = shown["spans"].as_array().unwrap().iter().map(line).collect();
    lines.sort();
    lines
}

fn busy() -> Project {
    let calls = [
        ("start", json!({})),
        ("tama_files_read", json!({ "path": "note.txt" })),
        ("tama_files_write", json!({ "path": "new/out.txt", "content": "new\n" })),
        ("tama_files_edit", json!({ "path": "kept.sh", "old": "one", "new": "two" })),
        ("tama_files_delete", json!({ "path": "gone.txt" })),
        ("tama_mem_append", json!({ "key": "list", "item": "a" })),
    ];
    Sketch::new("busy", "main")
        .react(
            "main",
            "You work with \"quotes\" and\nlines.",
            &["tama_files_read", "tama_files_write", "tama_files_edit", "tama_files_delete", "tama_mem_append"],
        )
        .says("main", 1, "Working.", &calls)
        .finish("main", "all done")
        .file("work/note.txt", "a note\n")
        .file("work/kept.sh", "one\n")
        .file("work/gone.txt", "gone\n")
        .project()
}

#[test]
fn the_test_begins_with_the_same_files_and_comes_to_the_same() {
    let project = busy();
    fs::set_permissions(project.path("work/kept.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(project.tama(&["run", "."]).status.code(), Some(0));
    let told = export(&project);
    assert_eq!(told["not_exported"], json!([]), "{told}");
    let read = |name: &str| project.read(&format!("test/work/{name}"));
    assert_eq!(read("note.txt").as_deref(), Some("a note\n"));
    assert_eq!((read("kept.sh").as_deref(), read("gone.txt").as_deref()), (Some("one\n"), Some("gone\n")));
    assert_eq!(fs::metadata(project.path("test/work/kept.sh")).unwrap().permissions().mode() & 0o777, 0o755);
    assert!(read("new/out.txt").is_none());
    // The models of the run are not there any more.
    fs::remove_file(project.path("replies.toml")).unwrap();
    let command = told["command"].as_str().unwrap();
    assert_eq!(command, "tama-tui run test --expect test/expected.json");
    let ran = project.tama(&["run", "test", "--expect", "test/expected.json"]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    assert_eq!(stdout(&ran), "all done\n");
    assert_eq!(spans(&project, ".tama"), spans(&project, "test/.tama"));
    assert_eq!(read("kept.sh").as_deref(), Some("two\n"));
}

#[test]
fn a_test_that_comes_to_something_else_says_where() {
    let project = busy();
    assert_eq!(project.tama(&["run", "."]).status.code(), Some(0));
    export(&project);
    let play = || project.tama(&["run", "test", "--expect", "test/expected.json"]);
    project.write("test/work/kept.sh", "three\n");
    let ran = play();
    assert_eq!(ran.status.code(), Some(5), "{}", stderr(&ran));
    let said = stderr(&ran);
    assert!(
        said.contains("not as expected: main/tama_files_edit is tool failed, finish key fault, expected was tool ok"),
        "{said}"
    );
}

#[test]
fn every_example_is_the_same_as_a_test() {
    for row in &PATTERNS {
        let project = Project::quick(&format!("assets/examples/{}", row.name), "");
        // Of another pattern nobody asks, which the run says in a line.
        let answered = project.tama(&["run", ".", "--answer", "on Monday"]);
        assert_eq!(answered.status.code(), Some(0), "{}", row.name);
        let told = export(&project);
        let asks = row.name == "human";
        assert_eq!(told["command"].as_str().unwrap().contains("--answer='editor=on Monday'"), asks, "{told}");
        assert_eq!(told["not_exported"], json!([]), "{}: {told}", row.name);
        let [own, test] =
            [project.folder().to_owned(), project.path("test")].map(|folder| load(&folder).unwrap().pipeline);
        assert_eq!(without_files(own), without_files(test), "{}", row.name);
        fs::remove_file(project.path("replies.toml")).unwrap();
        let ran = project.tama(&["run", "test", "--expect", "test/expected.json", "--answer", "on Monday"]);
        assert_eq!(ran.status.code(), Some(0), "{}: {}", row.name, stderr(&ran));
        assert_eq!(spans(&project, ".tama"), spans(&project, "test/.tama"), "{}", row.name);
    }
}

/// The pipeline as JSON without what a test has of its own.
fn without_files(mut pipeline: tama_tui::pipeline::Pipeline) -> Json {
    pipeline.workspace.clear();
    // Its agents name their models themselves.
    pipeline.roles = tama_tui::pipeline::Roles::default();
    for agent in pipeline.agents.values_mut() {
        for prompt in agent.prompt.iter_mut().chain(agent.steps.values_mut().map(|step| &mut step.prompt)) {
            prompt.file = None;
        }
    }
    serde_json::to_value(pipeline).unwrap()
}

#[test]
fn what_the_record_does_not_have_is_told() {
    let project = Sketch::new("loud", "main")
        .parallel("main", &["one", "two"])
        .react("one", "One.", &["tama_mem_set", "ring"])
        .oneshot("two", "Two.")
        .table("[tools.ring]\ndescription = \"Rings\"\ncommand = [\"true\"]\n[policy]\nask = [\"ring\"]")
        .table("[prices.\"script:replies.toml\"]\ninput = 1.0\noutput = 1.0\n[limits]\nmax_cost_usd = 5.0")
        .calls("main/one", 1, &[("ring", json!({}))])
        .finish("main/one", "rung")
        .reply("main/two", "error = \"HTTP 529\"")
        .project();
    project.tama(&["run", ".", "--allow", "ring"]);
    let told = export(&project);
    let gaps: Vec<&str> = told["not_exported"].as_array().unwrap().iter().map(|gap| gap.as_str().unwrap()).collect();
    for part in [
        "max_cost_usd",
        "the tool `ring`: the test runs true again",
        "the failure of main/two/llm",
        "1 command only read",
    ] {
        assert!(gaps.iter().any(|gap| gap.contains(part)), "{part}: {gaps:?}");
    }
    assert_eq!(told["command"], "tama-tui run test --expect test/expected.json --allow ring");
    assert!(project.read("test/replies.toml").unwrap().contains("error = \"HTTP 529\""));
    let ran = project.tama(&["run", "test", "--expect", "test/expected.json", "--allow", "ring"]);
    assert!(!stderr(&ran).contains("not as expected: main/one"), "{}", stderr(&ran));
}

#[test]
fn nothing_is_overwritten_and_an_unknown_run_is_named() {
    let project = busy();
    assert_eq!(project.tama(&["run", "."]).status.code(), Some(0));
    project.write("test/mine", "mine");
    let refused = project.tama(&["runs", "export", &project.newest(), "--script", "test"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("it is not empty"), "{}", stderr(&refused));
    assert_eq!(fs::read_dir(project.path("test")).unwrap().count(), 1);
    assert_eq!(project.tama(&["runs", "export", "nonesuch", "--script", "x"]).status.code(), Some(1));
    assert!(!Path::new(&project.path("x")).exists());
    let without = tama(project.folder(), &["runs", "export", &project.newest()]);
    assert_eq!(without.status.code(), Some(2));
}
