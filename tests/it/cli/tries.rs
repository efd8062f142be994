//! `retry` with several models and several times, as a script sees it.

use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use crate::cli::cli::{stderr, stdout};
use crate::support::manifest::{Manifest, manifest};
use crate::support::program;
use crate::support::project::Project;
use crate::support::sketch::Sketch;
use crate::support::wait::until;

const CHECK: &str =
    "#!/bin/sh\necho left > left-by-verify\ngrep -q good out.txt || { echo 'out.txt is not good'; exit 1; }\n";

/// One agent whose first try, and second with `fast`, write bad text; `careful` writes a good one.
fn project(delay: &str) -> Project {
    let writes = |text: &str| json!({ "path": "out.txt", "content": text });
    let call = |attempt: &str, text: &str| {
        let args = toml::Value::try_from(writes(text)).unwrap();
        format!(
            "call = 1\n{attempt}calls = [{{ name = \"tama_files_write\", args = {args} }}]\ntokens = {{ input = 10, output = 5 }}"
        )
    };
    let finish = "calls = [{ name = \"finish\", args = { key = \"done\", value = \"written\" } }]";
    let careful = format!(
        "[[reply]]\nagent = \"main\"\n{delay}{}\n[[reply]]\nagent = \"main\"\n{finish}\n",
        call("", "good careful\n")
    );
    let project = Sketch::new("one", "main")
        .react("main", "You write.", &["tama_files_write"])
        .reply("main", &call("try = 1\n", "bad\n"))
        .reply("main", &call("try = 2\n", "still bad\n"))
        .reply("main", &call("", "good fast\n"))
        .finish("main", "written")
        .table("[verify]\ncommand = [\"./check.sh\"]\ntimeout_seconds = 20")
        .file("careful.toml", &careful)
        .file("check.sh", CHECK)
        .file("work/before.txt", "before\n")
        .project();
    let toml = project.read("pipeline.toml").unwrap();
    let models = "[models]\nfast = \"script:replies.toml\"\ncareful = \"script:careful.toml\"\n";
    project.write("pipeline.toml", &toml.replace("[models]\n", models));
    let program = project.path("check.sh");
    std::fs::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(project.tama(&["run", "."]).status.code(), Some(0));
    project
}

fn work(project: &Project) -> Manifest {
    manifest(&project.path("work"))
}

fn retry(project: &Project, more: &[&str]) -> (Option<i32>, String, String) {
    let run = project.newest();
    let output = project.tama(&[&["retry", &run, "--span", "main"], more].concat());
    (output.status.code(), stdout(&output), stderr(&output))
}

fn assert_verifies(project: &Project) {
    let verified = project.tama(&["verify", &project.newest()]);
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
}

#[test]
fn a_table_says_what_came_of_each_try_and_nothing_is_kept_unless_asked() {
    let project = project("");
    let original = work(&project);
    let (code, table, told) = retry(&project, &["--times", "2", "--model", "fast", "--model", "careful"]);
    assert_eq!(code, Some(0), "{told}");
    let rows: Vec<Vec<&str>> = table.lines().take(5).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..4], ["try", "model", "finish", "verdict"]);
    let verdicts: Vec<_> = rows[1..].iter().map(|row| (row[1], row[2], row[3])).collect();
    let expected =
        [("fast", "done", "fail"), ("fast", "done", "pass"), ("careful", "done", "pass"), ("careful", "done", "pass")];
    assert_eq!(verdicts, expected, "{table}");
    for line in ["fast: 1 of 2 passed", "careful: 2 of 2 passed", "  1 try: out.txt is not good"] {
        assert!(table.lines().any(|found| found == line), "{line}: {table}");
    }
    assert!(told.contains("none is kept: the run and its workspace are as they were before"), "{told}");
    assert_eq!(work(&project), original);
    assert_verifies(&project);
}

#[test]
fn the_cheapest_that_passed_is_kept_and_can_be_undone() {
    let project = project("");
    let run = project.newest();
    let args = ["retry", &run, "--span", "main", "--times", "2", "--model", "fast", "--keep", "cheapest-pass"];
    let shown: Json = project.json(&args);
    assert_eq!((&shown["kept"], &shown["exit"], &shown["as_before"]), (&json!(2), &json!(0), &json!(false)));
    assert_eq!(shown["pass_rates"], json!([{ "model": "fast", "passed": 1, "made": 2 }]));
    assert_eq!(shown["failure_modes"], json!([{ "line": "out.txt is not good", "tries": 1 }]));
    assert_eq!(shown["tries"][0]["changes"][0]["path"], "out.txt");
    assert_eq!(project.work("out.txt").as_deref(), Some("good fast\n"));
    assert_eq!(project.work("left-by-verify"), None);
    assert_verifies(&project);
    // A plain retry with a model goes on from there; then all is undone.
    let (code, _, told) = retry(&project, &["--model", "careful"]);
    assert_eq!((code, project.work("out.txt").as_deref()), (Some(0), Some("good careful\n")), "{told}");
    assert_verifies(&project);
    assert_eq!(project.tama(&["undo", &run]).status.code(), Some(0));
    assert_eq!(work(&project).len(), 2, "the folder, and the file of before the run");
}

#[test]
fn no_pass_a_wrong_number_and_an_unknown_model_are_no_success() {
    let project = project("");
    let original = work(&project);
    let (code, _, told) = retry(&project, &["--times", "1", "--keep", "first-pass"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("no try passed, so none is kept"), "{told}");
    let (code, _, told) = retry(&project, &["--times", "2", "--keep", "3"]);
    assert_eq!(code, Some(2));
    assert!(told.contains("there will be only 2"), "{told}");
    let (code, _, told) = retry(&project, &["--times", "2", "--model", "caerful"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("did you mean `careful`?"), "{told}");
    let (code, plan, _) = retry(&project, &["--times", "3", "--model", "fast", "--model", "careful", "--dry-run"]);
    assert_eq!(code, Some(0));
    assert!(plan.contains("try 6 times, 3 with each of fast, careful"), "{plan}");
    assert_eq!(work(&project), original);
    assert_verifies(&project);
}

/// Starts the tries of a slow model, and waits until the second one is at work.
fn started(project: &Project) -> std::process::Child {
    let run = project.newest();
    let args = ["retry", &run, "--span", "main", "--model", "fast", "--model", "careful"];
    let mut command = Command::new(program::path());
    command.args(args).current_dir(project.folder()).env_remove("TAMA_TUI_DATA_DIR");
    let said = std::fs::File::create(project.path("said")).unwrap();
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(said).spawn().unwrap();
    // The third time that the agent starts.
    until("the second try", || project.read("said").is_some_and(|said| said.contains("(react, try 3)")));
    child
}

#[test]
fn an_interrupt_takes_the_try_back_and_says_what_ran() {
    let project = project("delay_ms = 60000\n");
    let original = work(&project);
    let child = started(&project);
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    let (table, told) = (stdout(&output), project.read("said").unwrap());
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(table.contains("fast") && table.contains("cancelled"), "{table}\n{told}");
    assert_eq!(work(&project), original);
    assert_verifies(&project);
}

#[test]
fn a_kill_in_a_try_leaves_a_run_that_undo_cleans() {
    let project = project("delay_ms = 60000\n");
    let mut child = started(&project);
    child.kill().unwrap();
    child.wait().unwrap();
    let run = project.newest();
    let undone = project.tama(&["undo", &run]);
    assert_eq!(undone.status.code(), Some(0), "{}", stderr(&undone));
    assert_eq!(work(&project).len(), 2, "the folder, and the file of before the run");
    assert_eq!(project.work("before.txt").as_deref(), Some("before\n"));
}
