//! Questions to a person in a run without a screen: `--answer`, and what happens without one.

use std::fs;

use crate::cli::cli::{Project, json, stderr, stdout};

const PIPELINE: &str = r#"
[pipeline]
name = "asks"
entrypoint = "lead"
task = "go"
workspace = "work"
[models]
default = "script:replies.toml"
[agents.lead]
pattern = "fsm"
initial = "first"
states = { first = "second", second = "$end" }
[agents.first]
pattern = "human"
prompt = "You ask."
[agents.first.steps.resume]
prompt = "You go on."
[agents.second]
pattern = "human"
prompt = "You ask."
[agents.second.steps.resume]
prompt = "You go on."
"#;

const REPLIES: &str = r#"
[[reply]]
agent = "lead/first/ask"
calls = [{ name = "finish", args = { key = "q", value = "Which tag?" } }]
[[reply]]
agent = "lead/second/ask"
calls = [{ name = "finish", args = { key = "q", value = "Which day?" } }]
[[reply]]
agent = "lead/*/resume"
call = 1
calls = [{ name = "start" }]
[[reply]]
agent = "lead/first/resume"
contains = "1.2=final"
text = "tagged"
[[reply]]
agent = "lead/second/resume"
contains = "Monday"
text = "on Monday"
"#;

fn asks() -> Project {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("work")).unwrap();
    fs::write(folder.path().join("pipeline.toml"), PIPELINE).unwrap();
    fs::write(folder.path().join("replies.toml"), REPLIES).unwrap();
    Project { folder, run: String::new() }
}

#[test]
fn answers_are_taken_in_their_order_and_by_the_agent_that_they_are_for() {
    let project = asks();
    // `1.2` is no agent, so the whole of `1.2=final` is the answer.
    let ran = project.tama(&["run", ".", "--json", "--answer", "second=Monday", "--answer", "1.2=final"]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    let result = json(&ran);
    assert_eq!((&result["output"], &result["needs_answer"]), (&"on Monday".into(), &serde_json::json!([])));
    // Nobody has to answer again.
    let verified = project.tama(&["verify", result["run"].as_str().unwrap()]);
    assert_eq!(verified.status.code(), Some(0), "{}", stdout(&verified));
    assert!(stdout(&verified).ends_with("all as recorded\n"), "{}", stdout(&verified));
    let unused = project.tama(&["run", ".", "--answer", "1.2=final", "--answer", "Monday", "--answer", "first=late"]);
    assert_eq!(unused.status.code(), Some(0));
    assert!(stderr(&unused).contains("warning: nobody asked for the answer \"first=late\""), "{}", stderr(&unused));
}

#[test]
fn a_question_without_an_answer_ends_the_run_and_a_retry_can_answer_it() {
    let project = asks();
    let ran = project.tama(&["run", ".", "--json", "--answer", "1.2=final"]);
    assert_eq!(ran.status.code(), Some(3), "{}", stderr(&ran));
    let told = stderr(&ran);
    assert!(told.contains("needs an answer: lead/second/human. Answer it with --answer second=TEXT"), "{told}");
    let result = json(&ran);
    assert_eq!((&result["status"], &result["exit"]), (&"failed".into(), &3.into()));
    let asked = &result["needs_answer"][0];
    assert_eq!((&asked["agent"], &asked["question"]), (&"second".into(), &"Which day?".into()));
    assert_eq!(result["error"], "second asks, and nobody is there to answer: Which day?");
    let run = result["run"].as_str().unwrap();
    let verified = project.tama(&["verify", run, "--json"]);
    assert_eq!((verified.status.code(), &json(&verified)["status"]), (Some(0), &"partial".into()));
    let again = project.tama(&["retry", run, "--span", "lead/second/human", "--json", "--answer", "second=Monday"]);
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    assert_eq!(json(&again)["output"], "on Monday");
    let verified = project.tama(&["verify", run, "--json"]);
    assert_eq!((verified.status.code(), &json(&verified)["status"]), (Some(0), &"verified".into()));
}

#[test]
fn an_answer_that_no_agent_can_ask_for_is_told_before_the_run() {
    let project = crate::cli::cli::fresh("");
    let ran = project.tama(&["run", ".", "--allow", "tama_bash", "--answer", "yes"]);
    assert!(stderr(&ran).starts_with("warning: --answer: no agent of this pipeline asks a person"), "{}", stderr(&ran));
}
