//! `tama-tui verify` as a program: its words, its JSON and its exit codes.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

use crate::support::program::path;

const PIPELINE: &str = r#"
[pipeline]
name = "two"
entrypoint = "lead"
task = "go"
[models]
default = "script:replies.toml"
[agents.lead]
pattern = "parallel"
workers = ["a", "b"]
[agents.a]
pattern = "oneshot"
prompt = "a speaks"
[agents.b]
pattern = "oneshot"
prompt = "b speaks"
"#;

const REPLIES: &str = r#"
[[reply]]
agent = "lead/a"
text = "A"
tokens = { input = 10, output = 2 }
[[reply]]
agent = "lead/b"
text = "B"
"#;

fn verify(folder: &Path, args: &[&str]) -> (i32, String) {
    let out = Command::new(path()).current_dir(folder).arg("verify").args(args).output().unwrap();
    (out.status.code().unwrap(), String::from_utf8(out.stdout).unwrap())
}

#[test]
fn a_run_verifies_and_another_pipeline_lists_its_calls() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pipeline.toml"), PIPELINE).unwrap();
    fs::write(folder.path().join("replies.toml"), REPLIES).unwrap();
    let ran =
        Command::new(path()).current_dir(folder.path()).args(["run", "pipeline.toml", "--json"]).output().unwrap();
    let ran: Json = serde_json::from_slice(&ran.stdout).unwrap();
    let run = ran["run"].as_str().unwrap();

    let (code, text) = verify(folder.path(), &[run]);
    assert_eq!(
        (code, text.as_str()),
        (0, &*format!("verified {run}: 3 agents, 2 model calls, 0 tool calls, all as recorded\n"))
    );

    fs::write(folder.path().join("other.toml"), PIPELINE.replace("a speaks", "a shouts")).unwrap();
    let (code, text) = verify(folder.path(), &[run, "--pipeline", "other.toml", "--json"]);
    let found: Json = serde_json::from_str(&text).unwrap();
    assert_eq!((code, found["status"].as_str()), (5, Some("changed")));
    let changed = found["changed"].as_array().unwrap();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0]["path"], "lead/a/llm");
    assert_eq!(changed[0]["recorded"], "the system prompt \"a speaks\"");
    assert_eq!(changed[0]["asked"], "the system prompt \"a shouts\"");
    assert_eq!(verify(folder.path(), &["nosuch"]).0, 1);
}
