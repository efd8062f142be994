//! Run folders: lists, names, formats, and two who want the same run.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::store::{Format, Incompatible, Manifest, StoreError};

#[test]
fn the_data_folder_is_private_and_ignored() {
    let (project, _log) = project();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(project.data.path()), 0o700);
    assert_eq!(mode(project.folder.path()), 0o700);
    assert_eq!(mode(&project.folder.path().join("manifest.json")), 0o600);
    assert_eq!(std::fs::read_to_string(project.data.path().join(".gitignore")).unwrap(), "*\n");
    DataDir::open_or_create(project.data.path()).unwrap();
}

#[test]
fn a_running_run_whose_process_is_gone_is_interrupted() {
    let (project, log) = project();
    let status = || project.data.runs().unwrap()[0].manifest.clone().unwrap().status;
    assert_eq!(status(), RunStatus::Running);
    // Nobody holds the run any more, but nobody said that it ended.
    log.recorder().close().unwrap();
    assert_eq!(status(), RunStatus::Interrupted);
}

#[test]
fn the_manifest_follows_the_run() {
    let (project, log) = project();
    write_now(&log, vec![run_started(&log), start(1, 0, "editor", 1, agent(&log))]);
    let answer = response(&log, "hi");
    write_now(
        &log,
        vec![start(2, 1, "editor/llm", 1, call(&log)), end(2, answer, Some(Usage { input: 3, output: 4 }))],
    );
    write_now(&log, vec![TraceBody::Action(memory_set("a", KeyState::Absent, "1")), done(&log)]);
    project.folder.update_manifest(|manifest| log.with(|state| manifest.follow(state))).unwrap();
    let found = project.folder.manifest().unwrap();
    assert_eq!((found.status, found.spans, found.actions), (RunStatus::Ok, 2, 1));
    assert_eq!((found.tokens, found.cost_microusd), (Usage { input: 3, output: 4 }, 31));
    assert!(found.ended.is_some());
    assert_eq!((found.name.as_str(), found.pid), ("notes", std::process::id()));
    assert!(project.data.runs().unwrap()[0].bytes > 1000);
}

#[test]
fn runs_are_listed_newest_first_and_the_unreadable_too() {
    let (project, _log) = project();
    let (_second, folder) = project.data.create_run(new_run(), quiet()).unwrap();
    let broken = project.data.path().join("runs").join("0000000000");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("manifest.json"), "{").unwrap();
    let runs = project.data.runs().unwrap();
    assert_eq!(runs.len(), 3);
    assert!(matches!(runs[2].manifest, Err(StoreError::Damaged(_))));
    assert!(runs[..2].iter().any(|run| run.id == *folder.id()));
}

#[test]
fn a_run_is_found_by_any_part_that_only_it_has() {
    let (project, _log) = project();
    let id = project.folder.id().0.clone();
    assert_eq!(project.data.find(&id[4..].to_uppercase()).unwrap().id().0, id);
    let other = format!("{}zzzz", &id[..6]);
    std::fs::create_dir(project.data.path().join("runs").join(&other)).unwrap();
    assert_eq!(project.data.find(&other).unwrap().id().0, other);
    let Err(StoreError::Ambiguous { candidates, .. }) = project.data.find(&id[..6]) else { panic!("two fit") };
    assert_eq!(candidates.0.len(), 2);
    assert!(matches!(project.data.find("nope-nope"), Err(StoreError::Missing(_))));
}

#[test]
fn a_newer_format_is_refused() {
    let (project, log) = project();
    log.recorder().close().unwrap();
    let newer = Format { major: Format::CURRENT.major + 1, minor: 2 };
    let change = |manifest: &mut Manifest| {
        manifest.format = newer;
        manifest.writer = "9.1.0".into();
    };
    project.folder.update_manifest(change).unwrap();
    let opened = project.folder.open(quiet(), Access::ReadOnly).map(drop).unwrap_err();
    let StoreError::Incompatible(Incompatible::Newer { found, writer }) = &opened else { panic!("{opened}") };
    assert_eq!((*found, writer.as_str()), (newer, "9.1.0"));
    assert!(opened.to_string().ends_with("use tama-tui 9.1.0 or a newer tama-tui"), "{opened}");
    assert!(matches!(project.data.runs().unwrap()[0].manifest, Err(StoreError::Incompatible(_))));
    assert!(matches!(project.folder.recover(), Err(StoreError::Incompatible(_))), "its log is not damaged");
}

#[test]
fn one_goes_on_or_many_look() {
    let (project, log) = project();
    write_now(&log, vec![note("x")]);
    let refused = project.folder.open(quiet(), Access::ReadWrite);
    assert!(matches!(refused, Err(StoreError::Locked { pid }) if pid == std::process::id().to_string()));
    let live = project.folder.open(quiet(), Access::ReadOnly).unwrap();
    assert_eq!((live.damage, live.events.len(), live.foreign), (vec![], 1, None));
    write_now(&log, vec![note("y")]);
    assert_eq!(project.folder.look().unwrap().log.recorder().committed(), crate::model::Seq(2));
    log.recorder().close().unwrap();
    let first = project.folder.open(quiet(), Access::ReadOnly).unwrap();
    let second = project.folder.open(quiet(), Access::ReadOnly).unwrap();
    assert_eq!(first.events, second.events);
    assert!(matches!(project.folder.open(quiet(), Access::ReadWrite), Err(StoreError::Locked { .. })));
    assert!(matches!(project.data.remove(&project.folder), Err(StoreError::Locked { .. })));
    drop((first, second));
    drop(reopen(&project.folder));
    project.data.remove(&project.folder).unwrap();
    assert!(project.data.runs().unwrap().is_empty());
}

/// Not a test by itself: holds the database that it is told to, until its input ends.
#[test]
#[ignore = "run by another test, in a process of its own"]
fn hold_a_database() {
    let Ok(path) = std::env::var("TAMA_TUI_TEST_HOLD") else { return };
    let _held = Connection::open(path).unwrap();
    eprintln!("held");
    let _ = std::io::Read::read(&mut std::io::stdin(), &mut [0]);
}

#[test]
fn another_process_with_the_database_open_is_named() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let (project, log) = project();
    log.recorder().close().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "store::tests::folders::hold_a_database", "--nocapture"])
        .env("TAMA_TUI_TEST_HOLD", project.folder.database())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    assert!(stderr.lines().map_while(Result::ok).any(|line| line.contains("held")));
    let refused = project.folder.open(quiet(), Access::ReadWrite);
    drop(child.stdin.take());
    child.wait().unwrap();
    assert!(matches!(refused, Err(StoreError::Locked { pid }) if pid == child.id().to_string()));
    drop(reopen(&project.folder));
}

#[test]
fn blobs_outlive_the_run() {
    let (project, log) = project();
    let hash = log.recorder().put_blob(b"before").unwrap();
    log.recorder().close().unwrap();
    let opened = project.folder.open(quiet(), Access::ReadOnly).unwrap();
    assert_eq!(opened.log.recorder().blob(hash).unwrap(), b"before");
    assert!(matches!(opened.log.recorder().put_blob(b"x"), Err(StoreError::ReadOnly)));
}

#[test]
fn a_manifest_is_replaced_as_a_whole() {
    let (project, _log) = project();
    let path = project.folder.path().join("manifest.json");
    let before = std::fs::File::open(&path).unwrap();
    project.folder.update_manifest(|manifest| manifest.spans = 7).unwrap();
    let old: Manifest = serde_json::from_reader(before).unwrap();
    assert_eq!(old.spans, 0, "who has the file open still sees the old one whole");
    assert_eq!(Manifest::read(&path).unwrap().spans, 7);
}

#[test]
fn an_empty_part_names_no_run() {
    let (project, _log) = project();
    assert!(["", " ", "\t"].iter().all(|part| matches!(project.data.find(part), Err(StoreError::Missing(_)))));
}

#[test]
fn runs_of_one_second_are_listed_by_their_start() {
    let (project, log) = project();
    let (second, later) = project.data.create_run(new_run(), quiet()).unwrap();
    log.recorder().close().unwrap();
    second.recorder().close().unwrap();
    // Ids of the first format, whose random part says the opposite.
    let runs = project.data.path().join("runs");
    std::fs::rename(project.folder.path(), runs.join("1jabcde9zz")).unwrap();
    std::fs::rename(later.path(), runs.join("1jabcde000")).unwrap();
    let listed: Vec<String> = project.data.runs().unwrap().into_iter().map(|run| run.id.0).collect();
    assert_eq!(listed, ["1jabcde000", "1jabcde9zz"]);
}
