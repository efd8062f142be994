//! Cases in which changes once were lost, or reported wrongly.

use std::fs;

use tama_tui::model::{ActionStatus, CaptureMode, Undoability};

use crate::engine::scenario::{Scenario, Stage};
use crate::shell::commands::scenario_of;
use crate::support::manifest::manifest;
use crate::support::program;

/// Files that are left out of capture can't be undone, and land all the same: a build's output is its purpose.
#[tokio::test]
async fn what_is_left_out_lands() {
    for lane in [CaptureMode::Overlay, CaptureMode::Snapshot] {
        let command = "mkdir -p out/deep; echo new > out/deep/a; echo more >> out/old; chmod 700 out/old; \
                       head -c 1500000 /dev/zero > large; echo x > small; mkfifo pipe";
        let extra = "exclude = [\"out\"]\nmax_file_mb = 1\n";
        let mut scenario = scenario_of("left out", command, lane, extra);
        scenario.step = true;
        let mut stage = Stage::set(&scenario);
        if !stage.has_lane(lane).await {
            continue;
        }
        let work = stage.folder.path().join("work");
        fs::create_dir_all(work.join("out")).unwrap();
        fs::write(work.join("out/old"), "old\n").unwrap();
        stage.play("wait paused lead/llm\ncontinue lead/llm\nwait end\nundo-span run\nwait report").await.unwrap();
        assert_eq!(fs::read_to_string(work.join("out/deep/a")).unwrap(), "new\n");
        assert_eq!(fs::read_to_string(work.join("out/old")).unwrap(), "old\nmore\n");
        assert_eq!(fs::metadata(work.join("large")).unwrap().len(), 1_500_000);
        assert!(!work.join("small").exists());
        let large = stage.session.log.with(|state| {
            let found = state.ledger.entries().iter().find(|entry| entry.record.key.name == "large");
            found.unwrap().into_owned()
        });
        assert_eq!(large.status, ActionStatus::Applied);
        assert!(matches!(large.record.undo, Undoability::NoUndo { .. }));
        stage.close().await;
    }
}

/// The second reading after an undo does not follow links: their targets were not undone.
#[tokio::test]
async fn a_read_back_follows_no_link() {
    let scenario = scenario_of("a link", "rm l; mkdir l; echo y > l/f", CaptureMode::Overlay, "");
    let mut stage = Stage::set(&Scenario { step: true, ..scenario });
    let elsewhere = stage.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("f"), "of someone else").unwrap();
    std::os::unix::fs::symlink(&elsewhere, stage.folder.path().join("work/l")).unwrap();
    stage.play("wait paused lead/llm\ncontinue lead/llm\nwait end\nundo-span run\nwait report").await.unwrap();
    let report = stage.report().unwrap();
    assert_eq!(report.read_back.differs, Vec::<String>::new());
    assert_eq!(report.read_back.restored, 2);
    assert_eq!(fs::read_to_string(elsewhere.join("f")).unwrap(), "of someone else");
    stage.close().await;
}

/// A process that dies between the changes of a command being on record and its end being so: they are not found twice.
#[test]
fn changes_on_record_are_not_recorded_again() {
    let scenario = scenario_of("recorded", "echo new > f; mkdir -p d/e; chmod 500 d", CaptureMode::Snapshot, "");
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");
    fs::create_dir(&work).unwrap();
    fs::write(work.join("f"), "old\n").unwrap();
    fs::write(folder.path().join("pipeline.toml"), &scenario.pipeline).unwrap();
    fs::write(folder.path().join("replies.toml"), &scenario.replies).unwrap();
    let before = manifest(&work);
    let tama = |args: &[&str]| {
        let mut command = program::command();
        command.current_dir(folder.path()).args(args);
        command
    };
    let died = tama(&["run", "pipeline.toml"]).env("TAMA_TUI_CRASH_POINT", "changes-recorded:1").output().unwrap();
    assert!(!died.status.success());
    let runs: Vec<_> = fs::read_dir(folder.path().join(".tama/runs")).unwrap().collect();
    let run = runs[0].as_ref().unwrap().file_name().into_string().unwrap();
    let undone = tama(&["undo", &run]).output().unwrap();
    let told = String::from_utf8_lossy(&undone.stdout).into_owned();
    assert!(
        told.contains("4 of 4 actions undone\nrestored 3/3, read back (4 actions on 3 files and folders)\n"),
        "{told}"
    );
    assert_eq!(manifest(&work), before);
}
