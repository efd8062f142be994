//! A tool of whose end the agent does not tell: it must not keep the workspace from the next one.

use std::fs;
use std::process::Stdio;

use crate::cli::cli::stdout;
use crate::support::post::POST;
use crate::support::program;
use crate::support::project::Project;
use crate::support::wait::exit_status;

const USED: &str = r#"{"type":"tool_use","id":"1","name":"Bash","input":{"command":"git push"}}"#;
const RESULT: &str = r#"{"type":"tool_result","tool_use_id":"1","content":"You may not."}"#;

/// Plays an agent whose first tool is refused by its own rules, which it tells in this way; then it uses another tool.
fn play(told: &str) -> String {
    let hook = |event: &str, more: &str| {
        format!("post $TAMA_TUI_HOOK '{{\"hook_event_name\":\"{event}\",\"session_id\":\"s\"{more}}}' > /dev/null\n")
    };
    let bash = r#","tool_name":"Bash","tool_use_id":"1","tool_input":{"command":"git push"}"#;
    let write = r#","tool_name":"Write","tool_use_id":"2","tool_input":{"file_path":"made"}"#;
    let script = [
        POST,
        &hook("PreToolUse", bash),
        told,
        &hook("PreToolUse", write),
        "echo made > made\n",
        &hook("PostToolUse", &format!(r#"{write},"tool_response":"made it""#)),
    ]
    .concat();
    let project = Project::empty();
    let outside = tempfile::tempdir().unwrap();
    let replies = outside.path().join("replies.toml");
    fs::write(&replies, "[[reply]]\nagent = \"*\"\ntext = \"I see.\"\n").unwrap();
    let mut command = program::command();
    command.args(["wrap", "--headless", "--upstream", &format!("script:{}", replies.display()), "--"]);
    command.args(["bash", "-c", &script]).current_dir(project.folder());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert!(exit_status(&mut child, "the agent").success());
    let shown = stdout(&project.tama(&["runs", "show", &project.newest()]));
    let action = shown.lines().find(|line| line.contains("made") && line.starts_with('#')).unwrap_or_default();
    assert!(action.contains("Write"), "{shown}");
    shown
}

fn assert_refused(shown: &str) {
    let bash = shown.lines().find(|line| line.contains("Bash")).unwrap_or_default();
    assert!(bash.contains("failed"), "{shown}");
}

#[test]
fn a_model_call_that_brings_its_result_ends_it() {
    let user = r#"{"role":"user","content":"tidy"}"#;
    let messages =
        format!(r#"[{user},{{"role":"assistant","content":[{USED}]}},{{"role":"user","content":[{RESULT}]}}]"#);
    let call = format!(r#"{{"model":"m","max_tokens":900,"messages":{messages}}}"#);
    assert_refused(&play(&format!("post $ANTHROPIC_BASE_URL/v1/messages '{call}' > /dev/null\n")));
}

#[test]
fn another_tool_that_waits_for_it_gets_its_turn() {
    // The agent tells nothing of it before it has used the other one.
    let shown = play("");
    let bash = shown.lines().find(|line| line.contains("Bash")).unwrap_or_default();
    assert!(!bash.contains("running"), "{shown}");
}

#[test]
fn the_end_of_its_batch_ends_it() {
    let call = r#"{"tool_name":"Bash","tool_use_id":"1","tool_input":{"command":"git push"},"tool_response":"No."}"#;
    let batch = format!(r#"{{"hook_event_name":"PostToolBatch","session_id":"s","tool_calls":[{call}]}}"#);
    assert_refused(&play(&format!("post $TAMA_TUI_HOOK '{batch}' > /dev/null\n")));
}
