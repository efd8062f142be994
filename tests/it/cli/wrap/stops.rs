//! Stops, edits, answers and undo while the agent of the demo lives.

use std::fs;
use std::path::PathBuf;

use tama_tui::model::{Breakpoint, Gate};
use tama_tui::pipeline::{Policy, Wrapped};
use tama_tui::runtime::{Mode, WrapSetup, start_wrapped};
use tama_tui::store::DataDir;

use crate::cli::cli::stderr;
use crate::engine::scenario::Stage;
use crate::support::program;

/// The demo with a breakpoint, on the stage; its folder is `work`.
async fn stage(at: Gate, script: &str) -> Stage {
    program::set_helper();
    let folder = tempfile::tempdir().unwrap();
    let written = program::run(folder.path(), &["init", "--from", "wrap", "."]);
    assert!(written.status.success(), "{}", stderr(&written));
    fs::rename(folder.path().join("folder"), folder.path().join("work")).unwrap();
    if !script.is_empty() {
        fs::write(folder.path().join("replies.toml"), script).unwrap();
    }
    let data = DataDir::open_or_create(folder.path().join(".tama")).unwrap();
    let setup = WrapSetup {
        name: "tidy".into(),
        wrapped: Wrapped { command: vec![folder.path().join("tidy").display().to_string()], ..Wrapped::default() },
        policy: Policy::default(),
        workspace: folder.path().join("work").canonicalize().unwrap(),
        task: "tidy".into(),
        size: None,
        variables: Vec::new(),
        upstreams: Vec::new(),
        script: Some(PathBuf::from(folder.path()).join("replies.toml")),
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
