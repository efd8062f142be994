//! `runs show`: what a run of format 4 has besides its spans and changes, and what a newer version wrote.

use tama_tui::model::{
    AnsweredBy, ApprovalAnswer, ApprovalAnswered, ApprovalAsked, Lineage, Provenance, RunId, RunSource, Seq, SpanId,
    TraceBody, TryGroup,
};
use tama_tui::store::{Access, DataDir, Format};

use crate::cli::cli::{Project, stdout};

/// A run with an approval, a group of tries, two events of a newer minor, and a parent.
async fn project() -> Project {
    let project = Project::new().await;
    let data = DataDir::open_or_create(project.folder.path().join(".tama")).unwrap();
    let folder = data.find(&project.run).unwrap();
    let log = folder.open(Box::new(|_| {}), Access::ReadWrite).unwrap().log;
    let span = SpanId(3);
    let (why, rule) = ("ask rule \"tama_bash\"".to_owned(), Some("tama_bash".to_owned()));
    let request = log.text("{}");
    let asked = log.append(vec![TraceBody::ApprovalAsked(ApprovalAsked { span, why, rule, line: Some(12), request })]);
    let (how, by, word) = (ApprovalAnswer::Deny, AnsweredBy::User, Some("not yet".to_owned()));
    let tries = vec![SpanId(1), SpanId(2)];
    log.append(vec![
        TraceBody::ApprovalAnswered(ApprovalAnswered { span, asked, how, by, word }),
        TraceBody::TryGroup(TryGroup { tries, winner: None, why: "both fail".into() }),
        TraceBody::Unknown { event: "teleported".into(), body: r#"{"event":"teleported"}"#.into() },
        TraceBody::Unknown { event: "teleported".into(), body: r#"{"event":"teleported"}"#.into() },
    ]);
    log.recorder().close().unwrap();
    folder
        .update_manifest(|manifest| {
            manifest.format = Format { minor: Format::CURRENT.minor + 1, ..Format::CURRENT };
            let lineage = Some(Lineage { parent: RunId("0abcdef000".into()), cut: Seq(41) });
            manifest.provenance = Provenance { source: RunSource::Wrapped, lineage };
        })
        .unwrap();
    project
}

#[tokio::test]
async fn approvals_tries_and_events_of_a_newer_version_are_shown() {
    let project = project().await;
    let shown = stdout(&project.tama(&["runs", "show", &project.run]));
    let (major, minor) = (Format::CURRENT.major, Format::CURRENT.minor + 1);
    let newer = format!(
        "2 events of a newer version (format {major}.{minor}), kept and not understood here: teleported x2; use a newer \
         tama-tui"
    );
    for line in [
        "wrapped, forked from 0abcdef000 at #41",
        "approval of main/tama_bash: ask rule \"tama_bash\" (line 12): denied by the user, \"not yet\"",
        "2 tries: none won: both fail",
        &newer,
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    let shown: serde_json::Value =
        serde_json::from_slice(&project.tama(&["runs", "show", &project.run, "--json"]).stdout).unwrap();
    assert_eq!(shown["approvals"][0]["answered"]["how"], "deny");
    assert_eq!(shown["try_groups"][0]["why"], "both fail");
    assert_eq!(shown["unknown_events"]["teleported"], 2);
    assert_eq!(shown["manifest"]["format_minor"], minor);
    assert_eq!(shown["manifest"]["provenance"]["lineage"]["cut"], 41);
    // It can be undone all the same, although another program changed its manifest.
    let refused = project.tama(&["undo", &project.run]);
    assert_eq!((refused.status.code(), stdout(&refused)), (Some(3), String::new()));
    let undone = project.tama(&["undo", &project.run, "--workspace", "work"]);
    assert!(stdout(&undone).contains("restored 3/3"), "{undone:?}");
}

#[tokio::test]
async fn a_run_of_an_earlier_format_does_not_know_its_waits() {
    let project = Project::new().await;
    let shown = |project: &Project| -> serde_json::Value {
        serde_json::from_slice(&project.tama(&["runs", "show", &project.run, "--json"]).stdout).unwrap()
    };
    assert_eq!(shown(&project)["spans"][1]["waited_ms"], 0);
    let old = project.folder.path().join(".tama/runs/0abcdef123");
    let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/run-3/run");
    crate::store::damage::copy(&sample, &old);
    let old = Project { run: "0abcdef123".into(), ..project };
    assert!(shown(&old)["spans"][1]["waited_ms"].is_null());
}
