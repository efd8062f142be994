//! `runs diff`: two runs, or two spans, compared.

use serde_json::{Value as Json, json};

use crate::cli::cli::{stderr, stdout};
use crate::support::project::Project;
use crate::support::sketch::Sketch;

/// The pipeline of a run with these calls of the agent, and this answer.
fn sketch(calls: &[(&str, Json)], answer: &str) -> Sketch {
    Sketch::new("writer", "main")
        .react("main", "You write.", &["tama_mem_set", "tama_mem_append", "tama_files_write"])
        .says("main", 1, "Working.", calls)
        .finish("main", answer)
        .file("work/out.txt", "old\n")
}

fn write(path: &str, content: &str) -> (&'static str, Json) {
    ("tama_files_write", json!({ "path": path, "content": content }))
}

/// Two runs in one project, each from the same beginning; their ids.
fn two(first: &Sketch, second: &Sketch) -> (Project, String, String) {
    let project = Project::empty();
    let run = |sketch: &Sketch| {
        let _ = std::fs::remove_dir_all(project.path("work"));
        sketch.write(project.folder());
        let ran = project.tama(&["run", "."]);
        assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
        project.newest()
    };
    let (one, other) = (run(first), run(second));
    (project, one, other)
}

fn diff(project: &Project, left: &str, right: &str) -> Json {
    let output = project.tama(&["runs", "diff", left, right, "--json"]);
    let found: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    assert_eq!(output.status.code(), Some(if found["same"] == true { 0 } else { 5 }));
    found
}

#[test]
fn a_run_with_itself_and_with_its_like_is_empty() {
    let same = sketch(&[write("out.txt", "new\n"), write("b.txt", "b\n")], "done");
    let (project, one, other) = two(&same, &same);
    for (left, right) in [(&one, &one), (&one, &other)] {
        let found = diff(&project, left, right);
        assert_eq!((&found["spans"], &found["world"], &found["same"]), (&json!([]), &json!([]), &json!(true)));
    }
    let said = project.tama(&["runs", "diff", &one, &other]);
    assert!(stdout(&said).ends_with("\nNo differences.\n"), "{}", stdout(&said));
}

#[test]
fn another_order_leaves_the_same_world() {
    let (a, b) = (write("a.txt", "a\n"), write("b.txt", "b\n"));
    let [x, y] = ["x", "y"].map(|item| ("tama_mem_append", json!({ "key": "list", "item": item })));
    let first = sketch(&[a.clone(), b.clone(), x.clone(), y.clone()], "done");
    let (project, one, other) = two(&first, &sketch(&[b, a, y, x], "done"));
    assert_eq!(diff(&project, &one, &other)["world"], json!([]));
}

#[test]
fn one_planted_write_is_one_line_with_its_content() {
    let plain = sketch(&[write("a.txt", "a\n"), write("out.txt", "one\ntwo\n")], "done");
    let planted = sketch(&[write("a.txt", "a\n"), write("out.txt", "one\n2\n")], "done");
    let (project, one, other) = two(&plain, &planted);
    let found = diff(&project, &one, &other);
    assert_eq!(found["world"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["world"][0]["diff"], "@@ -1,2 +1,2 @@\n one\n-two\n+2");
    let said = stdout(&project.tama(&["runs", "diff", &one, &other]));
    assert!(said.contains("left in the world: 1 difference\n  M out.txt  "), "{said}");
    // The call whose arguments differ, and the answer that asked for it.
    let changed: Vec<&str> =
        found["spans"].as_array().unwrap().iter().map(|span| span["path"].as_str().unwrap()).collect();
    assert!(changed.contains(&"main/tama_files_write#2") && changed.contains(&"main/llm"), "{changed:?}");
    let more = sketch(&[write("a.txt", "a\n"), write("out.txt", "one\ntwo\n"), write("c.txt", "c\n")], "done");
    let (project, one, other) = two(&plain, &more);
    let found = diff(&project, &one, &other);
    let added: Vec<&Json> =
        found["spans"].as_array().unwrap().iter().filter(|span| span["change"] == "added").collect();
    assert_eq!(added.len(), 1, "{found}");
    assert_eq!(added[0]["path"], "main/tama_files_write#3");
    assert_eq!(
        (found["world"].as_array().unwrap().len(), &found["world"][0]["diff"]),
        (1, &json!("@@ -0,0 +1,1 @@\n+c"))
    );
    let back = diff(&project, &other, &one);
    assert_eq!((&back["world"][0]["diff"], &back["world"][0]["right"]), (&json!("@@ -0,0 +1,1 @@\n+c"), &Json::Null));
}

#[test]
fn a_file_that_was_rewritten_with_its_content_is_no_difference() {
    let pipeline = sketch(&[write("out.txt", "new\n")], "done");
    let project = pipeline.project();
    let run = || {
        assert_eq!(project.tama(&["run", "."]).status.code(), Some(0));
        project.newest()
    };
    // The second run finds what the first one left.
    let (one, other) = (run(), run());
    for (left, right) in [(&one, &other), (&other, &one)] {
        assert_eq!(diff(&project, left, right)["world"], json!([]));
    }
    project.write("work/out.txt", "another program's\n");
    let third = run();
    assert_eq!(diff(&project, &other, &third)["world"], json!([]), "it left the same");
}

#[test]
fn spans_are_compared_with_what_is_below_them() {
    let (project, one, other) =
        two(&sketch(&[write("out.txt", "x\n")], "done"), &sketch(&[write("out.txt", "x\n")], "all done"));
    let [left, right] = [&one, &other].map(|run| format!("{run}:main/tama_files_write"));
    assert_eq!(diff(&project, &left, &right)["same"], true);
    let [left, right] = [&one, &other].map(|run| format!("{run}:main"));
    let found = diff(&project, &left, &right);
    let output = found["spans"].as_array().unwrap().iter().find(|span| span["path"] == "main").unwrap();
    assert_eq!(output["texts"][0], json!({ "text": "output", "diff": "@@ -1,1 +1,1 @@\n-done\n+all done" }));
    let unknown = project.tama(&["runs", "diff", &one, &format!("{other}:nosuch")]);
    assert!(unknown.status.code() == Some(1) && stderr(&unknown).contains("nosuch"), "{}", stderr(&unknown));
}
