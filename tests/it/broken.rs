//! What once was lost, or told wrongly.

use std::fs;

use tama_tui::model::{ActionStatus, Lane, Undoability};

use crate::commands::{lane_of, scenario_of};
use crate::scenario::Stage;

/// What is left out of capture can't be undone, and is there all the same: a build's output is what it was run for.
#[tokio::test]
async fn what_is_left_out_lands() {
    for lane in [Lane::Overlay, Lane::Portable] {
        let command = "mkdir -p out/deep; echo new > out/deep/a; echo more >> out/old; chmod 700 out/old; \
                       head -c 1500000 /dev/zero > large; echo x > small; mkfifo pipe";
        let extra = "exclude = [\"out\"]\nmax_file_mb = 1\n";
        let mut scenario = scenario_of("left out", command, lane, extra);
        scenario.step = true;
        let mut stage = Stage::set(&scenario);
        if lane_of(&mut stage).await != lane {
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
            let found = state.ledger.entries().iter().find(|entry| entry.record.key.name == "large").cloned();
            found.unwrap()
        });
        assert_eq!(large.status, ActionStatus::Applied);
        assert!(matches!(large.record.undo, Undoability::Permanent { .. }));
        stage.close().await;
    }
}
