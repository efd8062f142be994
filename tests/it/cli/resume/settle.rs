//! Calls that were cut off, one kind at a time.

use serde_json::{Value as Json, json};
use tama_tui::model::RunStatus;
use tama_tui::store::DataDir;

use super::kinds::Kind;
use super::stage::{Death, Result, charges, questions, run_until, verify};
use crate::cli::cli::{stderr, stdout};
use crate::support::program;
use crate::support::project::Project;
use crate::support::sketch::Sketch;

fn die(project: &Project, point: &str) {
    assert!(run_until(project, &["run", ".", "--allow", "*"], &Death::Point(point.to_owned())), "{point} is passed");
}

/// One agent that writes a file and then ends; the process dies once the row of the write is on disk, or its outcome is.
fn writer() -> Project {
    Sketch::new("one", "main")
        .react("main", "You write.", &["tama_files_write"])
        .calls("main", 1, &[("tama_files_write", json!({ "path": "out.txt", "content": "new\n" }))])
        .finish("main", "written")
        .file("work/out.txt", "old\n")
        .project()
}

/// Kills a writer whose file is as `content` when the run is resumed.
fn killed_writer(content: &str) -> Project {
    let project = writer();
    // The before-image is kept right before the row that announces the write.
    let found = (0..200).map(|turn| 1 + turn % 10).any(|at| {
        project.write("work/out.txt", "old\n");
        let _ = std::fs::remove_dir_all(project.path(".tama"));
        let died = run_until(&project, &["run", "."], &Death::Point(format!("log-synced:{at}")));
        died && has_intent(&project)
    });
    assert!(found, "the run never died between the row and its outcome");
    project.write("work/out.txt", content);
    project
}

/// True when the newest run has the write's row, and no outcome of it.
fn has_intent(project: &Project) -> bool {
    let output = project.tama(&["runs"]);
    if stdout(&output).trim().is_empty() {
        return false;
    }
    let run = project.newest();
    let shown = project.json(&["runs", "show", &run]);
    shown["actions"].as_array().is_some_and(|actions| {
        let is_open = |action: &Json| action["now"].as_str().is_some_and(|now| now.starts_with("without outcome"));
        actions.iter().any(|action| action["key"]["name"] == "out.txt" && is_open(action))
    })
}

#[test]
fn a_write_that_was_not_done_is_done() {
    let project = killed_writer("old\n");
    let run = project.newest();
    let output = project.tama(&["resume", &run]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(project.work("out.txt").as_deref(), Some("new\n"));
    assert_eq!(project.newest(), run, "the same run goes on");
    verify(&project);
}

#[test]
fn a_write_that_was_done_counts_as_done() {
    let project = killed_writer("new\n");
    let plan = project.json(&["resume", &project.newest(), "--dry-run"]);
    assert_eq!(plan["done"][0]["path"], "main/tama_files_write", "{plan}");
    let output = project.tama(&["resume", &project.newest()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(project.work("out.txt").as_deref(), Some("new\n"));
    verify(&project);
    let undone = project.tama(&["undo", &project.newest()]);
    assert_eq!((undone.status.code(), project.work("out.txt").as_deref()), (Some(0), Some("old\n")));
}

#[test]
fn a_file_that_is_neither_as_before_nor_as_after_is_for_the_user() {
    let project = killed_writer("somebody else's\n");
    let (output, asked) = questions(&project);
    assert_eq!((output.status.code(), asked.len()), (Some(3), 1), "{}", stderr(&output));
    assert!(stdout(&output).contains("neither as it was before"), "{}", stdout(&output));
    assert!(stderr(&output).contains("--again main/tama_files_write"), "{}", stderr(&output));
    assert_eq!(project.work("out.txt").as_deref(), Some("somebody else's\n"), "nothing is touched");
    let output = project.tama(&["resume", &project.newest(), "--again", &asked[0].0]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(project.work("out.txt").as_deref(), Some("new\n"));
    verify(&project);
}

#[test]
fn a_call_that_may_have_been_made_is_never_made_again_unasked() {
    if !program::is_confined(Project::empty().folder()) {
        return;
    }
    // It dies once the charge is on its way, and before its outcome is on disk. Each time in a project of its own: what a
    // killed command had sent may arrive later.
    let found = (1..60).find_map(|at| {
        let project = Kind::Pair.project();
        let died = run_until(&project, &["run", ".", "--allow", "charge"], &Death::Point(format!("log-begin:{at}")));
        let asks = || project.newest() != "" && !questions(&project).1.is_empty();
        (died && !charges(&project).is_empty() && asks()).then_some(project)
    });
    let project = found.expect("it never died in a charge");
    let before = charges(&project);
    let (output, asked) = questions(&project);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("--again") && stderr(&output).contains("--done"), "{}", stderr(&output));
    assert_eq!(charges(&project), before, "nothing was charged");
    let run = project.newest();
    let wrong = project.tama(&["resume", &run, "--again", "lead"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(stderr(&wrong).contains("nothing has to be decided about lead"), "{}", stderr(&wrong));
    let done: Vec<String> = asked.iter().flat_map(|(path, _)| ["--done".into(), format!("{path}=charged")]).collect();
    let done: Vec<&str> = done.iter().map(String::as_str).collect();
    let output = project.tama(&[&["resume", &run, "--allow", "charge"], &done[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(Result::of(&project).status, "ok");
    assert!(charges(&project).windows(2).all(|pair| pair[0] != pair[1]), "{:?}", charges(&project));
    verify(&project);
}

#[test]
fn a_run_that_ended_has_nothing_to_resume() {
    let project = writer();
    assert_eq!(project.tama(&["run", "."]).status.code(), Some(0));
    let output = project.tama(&["resume", &project.newest()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("the run has ended"), "{}", stderr(&output));
    die(&writer(), "log-synced:2");
}

#[test]
fn a_run_that_died_before_its_first_row_was_on_disk_is_run_anew() {
    for point in ["create-log", "log-begin:1", "log-half:1"] {
        let project = writer();
        die(&project, point);
        let output = project.tama(&["resume", &project.newest()]);
        assert_eq!(output.status.code(), Some(1), "{point}: {}", stderr(&output));
        let why = "before anything of the run was on disk";
        assert!(stderr(&output).contains(why), "{point}: {}", stderr(&output));
        assert_eq!(project.statuses(), ["interrupted"], "{point}");
    }
}

#[test]
fn a_run_that_died_after_its_last_row_has_ended() {
    let project = writer();
    die(&project, "close-checkpoint");
    // As if its list entry had not been written at its end.
    let folder = DataDir::open_or_create(project.path(".tama")).unwrap().find(&project.newest()).unwrap();
    let behind = |entry: &mut tama_tui::store::Manifest| (entry.status, entry.ended) = (RunStatus::Running, None);
    folder.update_manifest(behind).unwrap();
    assert_eq!(project.statuses(), ["interrupted"]);
    let output = project.tama(&["resume", &project.newest()]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("the run has ended"), "{}", stderr(&output));
    assert_eq!((project.statuses(), project.work("out.txt").as_deref()), (vec!["ok".to_owned()], Some("new\n")));
    verify(&project);
}
