//! Retries of an agent: its program begins anew, and what it asks its model again is answered from the record.

use super::demo::{demo, newest, spans, tidy};
use super::wrap;
use crate::cli::cli::{json as parsed, stderr, stdout};
use crate::support::manifest::{differences, manifest};
use crate::support::post::POST;
use crate::support::program;
use crate::support::project::Project;

/// Has the demo's model answer otherwise.
fn change_reply(project: &Project, from: &str, to: &str) {
    let replies = project.read("demo/replies.toml").unwrap();
    assert!(replies.contains(from));
    project.write("demo/replies.toml", &replies.replace(from, to));
}

const CLEANING: &str = "rm -rf docs .env && echo 'One folder, no clutter.' > README.md";
const GENTLE: &str = "rm -rf docs && echo kept > README.md";

#[test]
fn a_model_call_is_asked_again_and_what_was_before_it_is_not() {
    let project = demo();
    let folder = project.path("demo/folder");
    let before = manifest(&folder);
    tidy(&folder, &[]);
    let run = newest(&folder);
    change_reply(&project, CLEANING, GENTLE);
    // An answer that was given must come from the record.
    change_reply(&project, "ls -A", "touch not-from-the-record");
    let plan = program::run(&folder, &["retry", &run, "--span", "tidy/llm#3", "--dry-run"]);
    for line in ["2 tools before it really run again: the agent begins anew", "reuse 2 recorded calls"] {
        assert!(stdout(&plan).contains(line), "{}", stdout(&plan));
    }
    let retried = program::run(&folder, &["retry", &run, "--span", "tidy/llm#3"]);
    assert_eq!(retried.status.code(), Some(0), "{}", stderr(&retried));
    assert!(stdout(&retried).starts_with("Done: "), "{}", stdout(&retried));
    let told = "the agent began anew: 2 model calls answered from the record, 2 tools really ran again";
    assert!(stderr(&retried).contains(told), "{}", stderr(&retried));
    assert!(folder.join(".env").exists() && !folder.join("docs").exists() && !folder.join("run.log").exists());
    assert_eq!(std::fs::read_to_string(folder.join("README.md")).unwrap(), "kept\n");
    let standing: Vec<String> = spans(&folder, &run).into_iter().filter(|line| !line.contains(" undone ")).collect();
    let expected = [
        "tidy agent ok 0",
        "tidy/llm llm ok 0",
        "tidy/llm#2 llm ok 0",
        "tidy/program tool ok 0",
        "tidy/Bash tool ok 0",
        "tidy/Bash#2 tool ok 3",
        "tidy/llm#3 llm ok 0",
        "tidy/Bash#3 tool ok 3",
        "tidy/llm#4 llm ok 0",
    ];
    assert_eq!(standing, expected);
    let undone = program::run(&folder, &["undo", &run]);
    assert_eq!(undone.status.code(), Some(0), "{}", stderr(&undone));
    assert_eq!(differences(&before, &manifest(&folder)), Vec::<String>::new());
}

#[test]
fn a_tool_and_the_agent_itself_run_again() {
    let project = demo();
    let folder = project.path("demo/folder");
    tidy(&folder, &[]);
    let run = newest(&folder);
    let cleaned = manifest(&folder);
    for span in ["tidy/Bash#3", "tidy/Bash", "tidy", "tidy/program"] {
        let retried = program::run(&folder, &["retry", &run, "--span", span]);
        assert_eq!(retried.status.code(), Some(0), "{span}: {}", stderr(&retried));
        assert_eq!(differences(&cleaned, &manifest(&folder)), Vec::<String>::new(), "{span}");
    }
}

#[test]
fn an_agent_on_another_way_stops_at_the_first_difference() {
    let project = demo();
    let folder = project.path("demo/folder");
    tidy(&folder, &[]);
    let run = newest(&folder);
    // Its first command lists the folder.
    project.write("demo/folder/mine.txt", "mine\n");
    let retried = program::run(&folder, &["retry", &run, "--span", "tidy/llm#4"]);
    assert_eq!(retried.status.code(), Some(5), "{}", stderr(&retried));
    assert!(stderr(&retried).contains("message 3"), "{}", stderr(&retried));
    assert!(folder.join(".env").exists() && folder.join("run.log").exists() && folder.join("mine.txt").exists());
    // From the call that differed on, it goes on.
    let again = program::run(&folder, &["retry", &run, "--span", "tidy/Bash"]);
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    assert!(!folder.join(".env").exists() && folder.join("mine.txt").exists());
}

#[test]
fn a_command_that_was_denied_is_not_run_on_the_way() {
    let project = demo();
    let folder = project.path("demo/folder");
    tidy(&folder, &["--deny", "Bash:*.env*"]);
    let run = newest(&folder);
    let retried = program::run(&folder, &["retry", &run, "--span", "tidy/llm#4", "--json"]);
    assert_eq!(retried.status.code(), Some(0), "{}", stderr(&retried));
    assert_eq!(parsed(&retried)["run"], run.as_str());
    assert!(folder.join(".env").exists() && !folder.join("run.log").exists());
    let denied = spans(&folder, &run).into_iter().find(|line| line.starts_with("tidy/Bash#3")).unwrap();
    assert_eq!(denied, "tidy/Bash#3 tool denied 0");
}

/// Nothing of the subagent reruns, so it is not in the retry's set; but its program asks again, and waits for answers.
#[test]
fn a_subagent_whose_tool_was_denied_is_answered_again() {
    let project = Project::empty();
    project.write("replies.toml", "[[reply]]\nagent = \"*\"\ntext = \"hello\"\n");
    let folder = project.path("work");
    std::fs::create_dir(&folder).unwrap();
    let sub = r#""session_id":"s","agent_id":"a1","agent_type":"helper""#;
    let ask = r#""hook_event_name":"PreToolUse","tool_name":"Bash","tool_use_id":"1","tool_input":{"command":"rm x"}"#;
    let script = format!(
        "{POST}
        (sleep 25; kill -9 $$) > /dev/null 2>&1 & watch=$!
        post $TAMA_TUI_HOOK '{{{ask},{sub}}}'
        post $TAMA_TUI_HOOK '{{\"hook_event_name\":\"SubagentStop\",{sub}}}' > /dev/null
        post $ANTHROPIC_BASE_URL/v1/messages \"$call\" > /dev/null; kill $watch; echo through"
    );
    let asked = wrap(&folder, &script, &["--deny", "Bash:rm*", "--upstream", "script:../replies.toml"]);
    assert!(stdout(&asked).contains("deny") && stdout(&asked).contains("through"), "{}", stdout(&asked));
    let run = newest(&folder);
    assert!(spans(&folder, &run).contains(&"bash/helper/Bash tool denied 0".to_owned()), "{:?}", spans(&folder, &run));
    let retried = program::run(&folder, &["retry", &run, "--span", "bash/llm"]);
    assert_eq!(retried.status.code(), Some(0), "{}", stderr(&retried));
    assert!(stdout(&retried).contains("deny") && stdout(&retried).contains("through"), "{}", stdout(&retried));
}

#[test]
fn what_cant_be_retried_is_refused_before_anything_is_undone() {
    let project = demo();
    let folder = project.path("demo/folder");
    tidy(&folder, &[]);
    let run = newest(&folder);
    let cleaned = manifest(&folder);
    for (args, why) in [
        (vec!["--model", "openai:other"], "chooses its model itself"),
        (vec!["--times", "3"], "is retried one at a time"),
    ] {
        let args = [&["retry", &run, "--span", "tidy/llm#3"][..], &args].concat();
        let retried = program::run(&folder, &args);
        assert_eq!(retried.status.code(), Some(1), "{}", stderr(&retried));
        assert!(stderr(&retried).contains(why), "{}", stderr(&retried));
        assert_eq!(differences(&cleaned, &manifest(&folder)), Vec::<String>::new());
    }
}
