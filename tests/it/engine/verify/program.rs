//! `tama-tui verify` as a program: its words, its JSON and its exit codes.

use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use crate::support::program;

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
    let out = program::command().current_dir(folder).arg("verify").args(args).output().unwrap();
    (out.status.code().unwrap(), String::from_utf8(out.stdout).unwrap())
}

#[test]
fn a_run_verifies_and_another_pipeline_lists_its_calls() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pipeline.toml"), PIPELINE).unwrap();
    fs::write(folder.path().join("replies.toml"), REPLIES).unwrap();
    let ran = program::command().current_dir(folder.path()).args(["run", "pipeline.toml", "--json"]).output().unwrap();
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

    let shorter = PIPELINE.replace("workers = [\"a\", \"b\"]", "workers = [\"a\"]");
    assert_ne!(shorter, PIPELINE);
    fs::write(folder.path().join("other.toml"), shorter).unwrap();
    let (code, text) = verify(folder.path(), &[run, "--pipeline", "other.toml", "--json"]);
    let found: Json = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &found["changed"][0]["path"]), (5, &Json::from("lead/b")), "{text}");
    assert_eq!(found["changed"][0]["asked"], "nothing");
}

#[test]
fn another_policy_lists_the_calls_that_it_decides_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = r#"
[pipeline]
name = "one"
entrypoint = "lead"
task = "go"
[models]
default = "script:replies.toml"
[policy]
deny = ["tama_mem_set:secret*"]
[agents.lead]
pattern = "react"
tools = ["tama_mem_set"]
prompt = "lead works"
"#;
    let replies = r#"
[[reply]]
agent = "lead"
call = 1
calls = [{ name = "tama_mem_set", args = { key = "secret", value = "1" } }, { name = "tama_mem_set", args = { key = "open", value = "1" } }]
[[reply]]
agent = "lead"
text = "done"
"#;
    fs::write(folder.path().join("pipeline.toml"), pipeline).unwrap();
    fs::write(folder.path().join("replies.toml"), replies).unwrap();
    let ran = program::command().current_dir(folder.path()).args(["run", "pipeline.toml", "--json"]).output().unwrap();
    let ran: Json = serde_json::from_slice(&ran.stdout).unwrap();
    let run = ran["run"].as_str().unwrap();
    assert_eq!(verify(folder.path(), &[run]).0, 0);
    let other = |from: &str, to: &str| {
        fs::write(folder.path().join("other.toml"), pipeline.replace(from, to)).unwrap();
        let (_, text) = verify(folder.path(), &[run, "--pipeline", "other.toml", "--json"]);
        let found: Json = serde_json::from_str(&text).unwrap();
        let side = |call: &Json, name: &str| call[name].as_str().unwrap().to_owned();
        let changed = found["changed"].as_array().unwrap();
        changed.iter().map(|call| ["path", "recorded", "asked"].map(|name| side(call, name))).collect::<Vec<_>>()
    };
    let denied = "denied: policy denies \"tama_mem_set:secret*\"";
    assert_eq!(other("deny = [\"tama_mem_set:secret*\"]", ""), [["lead/tama_mem_set", denied, "allowed"]]);
    let wider = other("secret*", "*");
    assert_eq!(wider.len(), 2, "{wider:?}");
    assert_eq!(wider[1], ["lead/tama_mem_set#2", "allowed", "denied: policy denies \"tama_mem_set:*\""]);
}
