//! Stops, edits, answers and undo while the agent of the demo lives.

use std::fs;

use tama_tui::model::{Breakpoint, Gate};
use tama_tui::pipeline::{Policy, Wrapped};
use tama_tui::runtime::{Mode, WrapSetup, start_wrapped};
use tama_tui::store::DataDir;

use crate::cli::cli::{json as parsed, stderr};
use crate::engine::scenario::Stage;
use crate::support::post::POST;
use crate::support::program;
use crate::support::server::{Answer, Server};

/// The demo with a breakpoint, on the stage; its folder is `work`.
async fn stage(at: Gate, script: &str) -> Stage {
    stage_over(at, script, None).await
}

/// The same, with model calls that go to an address.
async fn stage_over(at: Gate, script: &str, upstream: Option<&str>) -> Stage {
    stage_of(at, script, upstream, None).await
}

/// The same, with another agent.
async fn stage_of(at: Gate, script: &str, upstream: Option<&str>, agent: Option<&str>) -> Stage {
    program::set_helper();
    let folder = tempfile::tempdir().unwrap();
    let written = program::run(folder.path(), &["init", "--from", "wrap", "."]);
    assert!(written.status.success(), "{}", stderr(&written));
    fs::rename(folder.path().join("folder"), folder.path().join("work")).unwrap();
    if !script.is_empty() {
        fs::write(folder.path().join("replies.toml"), script).unwrap();
    }
    if let Some(agent) = agent {
        fs::write(folder.path().join("tidy"), agent).unwrap();
    }
    let data = DataDir::open_or_create(folder.path().join(".tama")).unwrap();
    let setup = WrapSetup {
        name: "tidy".into(),
        wrapped: Wrapped {
            command: vec![folder.path().join("tidy").display().to_string()],
            upstreams: vec![
                upstream
                    .map_or_else(|| format!("script:{}", folder.path().join("replies.toml").display()), str::to_owned),
            ],
            ..Wrapped::default()
        },
        policy: Policy::default(),
        workspace: folder.path().join("work").canonicalize().unwrap(),
        task: "tidy".into(),
        size: None,
    };
    let breakpoints = vec![Breakpoint::new(at)];
    let (session, mut screen) = start_wrapped(setup, &data, Mode::Debug { step: false, breakpoints }).await.unwrap();
    tokio::spawn(async move { while screen.output.recv().await.is_some() {} });
    Stage::over(folder, data, session)
}

async fn play(stage: &mut Stage, lines: &str) {
    if let Err(why) = stage.play(lines).await {
        panic!("{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_edited_answered_and_denied_before_it_runs() {
    let mut stage = stage(Gate::BeforeTool, "").await;
    let lines = "
        wait at tidy/Bash before-tool
        answer tidy/Bash :: nothing here
        wait at tidy/Bash#2 before-tool
        edit-call tidy/Bash#2 :: rm -rf build *.log => echo kept > new.txt
        continue tidy/Bash#2
        wait at tidy/Bash#3 before-tool
        answer tidy/Bash#3 :: leave my files alone
        wait end
        status ok
        gave tidy/Bash :: nothing here
    ";
    play(&mut stage, lines).await;
    let work = stage.folder.path().join("work");
    assert_eq!(fs::read_to_string(work.join("new.txt")).unwrap(), "kept\n");
    assert!(work.join("run.log").exists() && work.join(".env").exists() && work.join("docs/notes.md").exists());
    drop(stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_under_the_living_agent_puts_its_files_back_and_is_told() {
    let mut stage = stage(Gate::BeforeTool, "").await;
    let lines = "
        wait at tidy/Bash before-tool
        continue tidy/Bash
        wait at tidy/Bash#2 before-tool
        continue tidy/Bash#2
        wait at tidy/Bash#3 before-tool
        undo-span tidy/Bash#2
        wait report
        undone 3
        continue-told tidy/Bash#3
        wait end
        status ok
    ";
    play(&mut stage, lines).await;
    let work = stage.folder.path().join("work");
    assert!(work.join("run.log").exists() && work.join("build/out.txt").exists() && !work.join(".env").exists());
    drop(stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_call_stops_and_its_answer_is_edited_or_given_by_hand() {
    let mut stage = stage(Gate::BeforeLlm, "").await;
    let lines = "
        wait at tidy/llm before-llm
        answer tidy/llm :: I would rather not.
        wait end
        status ok
    ";
    play(&mut stage, lines).await;
    assert!(stage.folder.path().join("work/.env").exists());
    drop(stage);
    let mut stage = self::stage(Gate::AfterLlm, "").await;
    let lines = "
        wait at tidy/llm after-llm
        answer tidy/llm :: Not today.
        wait end
        status ok
    ";
    play(&mut stage, lines).await;
    assert!(stage.folder.path().join("work/run.log").exists());
    drop(stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_under_the_living_agent_starts_it_anew() {
    let mut stage = stage(Gate::BeforeTool, "").await;
    let lines = "
        wait at tidy/Bash before-tool
        continue tidy/Bash
        wait at tidy/Bash#2 before-tool
        edit-call tidy/Bash#2 :: rm -rf build *.log => rm -rf build
        continue tidy/Bash#2
        wait at tidy/Bash#3 before-tool
        plan tidy/Bash#3
        wait plan
        retry
        wait at tidy/Bash before-tool
        continue tidy/Bash
        wait at tidy/Bash#2 before-tool
        continue tidy/Bash#2
        wait at tidy/Bash#3 before-tool
        answer tidy/Bash#3 :: not this one
        wait end
        status ok
    ";
    play(&mut stage, lines).await;
    let work = stage.folder.path().join("work");
    assert!(work.join("run.log").exists() && !work.join("build").exists() && work.join(".env").exists());
    drop(stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retried_agent_stops_where_it_asks_what_it_did_not_ask_before() {
    let mut stage = stage(Gate::AfterAgent, "").await;
    play(&mut stage, "wait at tidy after-agent\ncontinue tidy\nwait end\nstatus ok").await;
    fs::write(stage.folder.path().join("work/mine.txt"), "mine\n").unwrap();
    let lines = "
        plan tidy/llm#4
        wait plan
        retry
        wait at tidy/llm#4 before-llm
        continue tidy/llm#4
        wait at tidy after-agent
        continue tidy
        wait end
        status ok
    ";
    play(&mut stage, lines).await;
    assert!(stage.folder.path().join("work/mine.txt").exists());
    drop(stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_the_agent_has_heard_of_stops_nothing() {
    let server = Server::start(vec![Answer::Status(529, "{\"type\":\"error\"}".into())]).await;
    let url = server.url.trim_end_matches("/v1/");
    let mut stage = stage_over(Gate::BeforeTool, "", Some(url)).await;
    play(&mut stage, "wait end\nstatus failed").await;
    drop(stage);
    let mut stage = stage_over(Gate::Error, "", Some(url)).await;
    play(&mut stage, "wait at tidy/llm error\ncontinue tidy/llm\nwait end\nstatus failed").await;
    drop(stage);
}

/// It gives up on its first model call once there is a file `go`, and makes another one.
const IMPATIENT: &str = r#"
give_up() {
  local rest=${1#http://}; local place=${rest%%/*} path=/${rest#*/}
  exec 3<>"/dev/tcp/${place%%:*}/${place##*:}"
  printf 'POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: %s\r\n\r\n%s' "$path" "${#2}" "$2" >&3
  until [ -e go ]; do sleep 0.05; done
  exec 3>&-
}
give_up "$ANTHROPIC_BASE_URL/v1/messages" "$call"
post "$ANTHROPIC_BASE_URL/v1/messages" "$call" | grep -q 'All tidy' && echo answered > answered
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_the_agent_gives_up_on_does_not_stay_stopped() {
    let replies = "[[reply]]\nagent = \"*\"\ntext = \"All tidy.\"\n";
    let agent = format!("#!/usr/bin/env bash\n{POST}{IMPATIENT}");
    let mut stage = stage_of(Gate::BeforeLlm, replies, None, Some(&agent)).await;
    play(&mut stage, "wait at tidy/llm before-llm").await;
    fs::write(stage.folder.path().join("work/go"), "").unwrap();
    play(&mut stage, "wait at tidy/llm#2 before-llm\ncontinue tidy/llm#2\nwait end\nstatus ok").await;
    assert!(stage.folder.path().join("work/answered").exists());
    let shown = program::run(stage.folder.path(), &["runs", "show", "--json", &stage.session.run.to_string()]);
    let shown = parsed(&shown);
    let calls = shown["spans"].as_array().unwrap().iter().filter(|span| span["kind"] == "llm");
    let states: Vec<&str> = calls.map(|span| span["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["failed", "ok"]);
    drop(stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_ends_the_agent_and_keeps_what_it_did() {
    let mut stage = stage(Gate::BeforeTool, "").await;
    let lines = "
        wait at tidy/Bash before-tool
        continue tidy/Bash
        wait at tidy/Bash#2 before-tool
        continue tidy/Bash#2
        wait at tidy/Bash#3 before-tool
        cancel
        wait end
        status cancelled
    ";
    play(&mut stage, lines).await;
    let work = stage.folder.path().join("work");
    assert!(!work.join("run.log").exists() && work.join(".env").exists());
    play(&mut stage, "undo-span tidy\nwait report\nundone 3").await;
    assert!(work.join("run.log").exists());
    drop(stage);
}
