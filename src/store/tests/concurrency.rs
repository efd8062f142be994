//! Many writers at once, shared commits, and a writer that fails.

use std::sync::mpsc;
use std::thread;

use super::*;
use crate::model::Seq;
use crate::store::StoreError;
use crate::store::log_file::{self, LogFile};
use crate::store::schema::Layout;

#[test]
fn eight_writers_leave_no_gap_and_are_published_in_order() {
    const EACH: usize = 40;
    let (seen, publish) = collector();
    let (project, log) = project_with(publish);
    thread::scope(|scope| {
        for writer in 0..8 {
            let log = log.clone();
            scope.spawn(move || {
                for at in 0..EACH {
                    let _ = log.text(&format!("text {writer} {at}"));
                    write_now(&log, vec![note("a"), note("b")]);
                }
            });
        }
    });
    log.recorder().close().unwrap();
    let opened = reopen(&project.folder);
    assert_eq!(opened.damage, Vec::<String>::new());
    assert_eq!(opened.events.len(), 8 * EACH * 2);
    assert_eq!(opened.log.recorder().committed(), Seq(8 * EACH as u64 * 3));
    assert_eq!(*seen.lock().unwrap(), opened.events);
}

#[test]
fn waiters_that_come_during_a_commit_share_the_next_one() {
    // Publishing holds the writer up, so that what is written meanwhile must wait together.
    let (hold, until) = mpsc::channel::<()>();
    let (began, first_round) = mpsc::channel::<()>();
    let channels = Mutex::new((began, until));
    let batches = Arc::new(Mutex::new(Vec::new()));
    let sizes = Arc::clone(&batches);
    let (_project, log) = project_with(Box::new(move |events| {
        sizes.lock().unwrap().push(events.len());
        let (began, until) = &*channels.lock().unwrap();
        let _ = began.send(());
        let _ = until.recv();
    }));
    let first = log.append_durable(vec![note("first")]);
    first_round.recv().unwrap();
    let waiting: Vec<_> = (0..16).map(|_| log.append_durable(vec![note("more")])).collect();
    drop(hold);
    for appended in std::iter::once(first).chain(waiting) {
        block_on(appended.durable()).unwrap();
    }
    log.recorder().close().unwrap();
    assert_eq!(*batches.lock().unwrap(), [1, 16]);
}

#[test]
fn events_are_published_only_when_committed() {
    let (told, tell) = std::sync::mpsc::channel();
    let told = Mutex::new(told);
    let slot: Arc<Mutex<Option<RunLog>>> = Arc::default();
    let log_in = Arc::clone(&slot);
    let (_project, log) = project_with(Box::new(move |events| {
        let log = log_in.lock().unwrap();
        let recorder = log.as_ref().unwrap().recorder();
        let stored = recorder.events(Seq(0), 10).unwrap();
        told.lock().unwrap().send((events, stored, recorder.committed())).unwrap();
    }));
    *slot.lock().unwrap() = Some(log.clone());
    write_now(&log, vec![note("a"), note("b")]);
    let (events, stored, committed) = tell.recv().unwrap();
    slot.lock().unwrap().take();
    log.recorder().close().unwrap();
    assert_eq!(events, stored);
    assert_eq!(committed, Seq(2));
}

#[test]
fn rows_that_nobody_waits_for_are_committed_by_closing() {
    let (project, log) = project();
    log.append(vec![note("later")]);
    log.recorder().close().unwrap();
    let late = block_on(log.append_durable(vec![note("too late")]).durable()).unwrap_err();
    assert_eq!(late.to_string(), "record: the run is closed");
    assert_eq!(reopen(&project.folder).events.len(), 1);
}

#[test]
fn a_failed_write_is_told_and_nothing_follows_it() {
    let (project, log) = project();
    write_now(&log, vec![note("good")]);
    log.recorder().close().unwrap();
    drop(log);
    let (seen, publish) = collector();
    let file = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let opened = reopen_with(&project, publish, LogFile::of(file, &project.folder.log_path()), "");
    let hash = opened.text("this has no room");
    let failed = block_on(opened.append_durable(vec![note("with it")]).durable());
    assert!(matches!(failed, Err(StoreError::File { .. })), "{failed:?}");
    let after = block_on(opened.append_durable(vec![note("later")]).durable());
    assert!(matches!(after, Err(StoreError::Stopped(_))), "{after:?}");
    assert_eq!(opened.recorder().committed(), Seq(1));
    // The screen sees them all the same, and once that they are not recorded.
    let said: Vec<String> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|event| match &event.body {
            TraceBody::Note { text, .. } => text.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!((said.len(), said[0].as_str(), said[2].as_str()), (3, "with it", "later"), "{said:?}");
    assert!(said[1].contains("up to #1 is kept"), "{}", said[1]);
    let refilled = opened.recorder().events(Seq(0), 100).unwrap();
    assert_eq!(refilled.len(), 4, "who missed them finds them");
    assert_eq!(opened.recorder().events(Seq(0), 2).unwrap(), refilled[..2]);
    assert!(opened.recorder().text(hash).is_ok(), "what was never stored is still readable while the process lives");
    assert!(opened.recorder().close().is_err());
}

#[test]
fn rows_that_cannot_be_moved_stay_in_the_log_file_and_nothing_follows_them() {
    let (project, log) = project();
    write_now(&log, vec![note("good")]);
    log.recorder().close().unwrap();
    drop(log);
    let path = project.folder.log_path();
    let file = LogFile::create(&path).unwrap();
    let opened = reopen_with(&project, quiet(), file, "DROP VIEW runs; DROP TABLE texts CASCADE");
    let hash = opened.text("this has no table to go to");
    let mut kept = 1;
    // Until the mover has tried.
    let failed = loop {
        match block_on(opened.append_durable(vec![note("with it")]).durable()) {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(failed, StoreError::Database { .. }), "{failed:?}");
    assert!(opened.stopped().is_some());
    let events = opened.recorder().events(Seq(0), usize::MAX).unwrap();
    assert_eq!(events.len(), kept + 1, "the database's, the log file's, and the one that failed");
    assert!(events.windows(2).all(|two| two[0].seq < two[1].seq));
    assert!(opened.recorder().text(hash).is_ok());
    assert!(opened.recorder().close().is_err());
    assert_eq!(
        log_file::read(path.parent().unwrap(), &Layout::newest()).unwrap().rows.len(),
        kept,
        "the notes but the first, and the text"
    );
}

#[test]
fn readers_see_rows_before_and_after_they_are_moved() {
    let (project, log) = project();
    let mut hashes = Vec::new();
    for at in 0..200 {
        hashes.push(log.text(&format!("text {at}")));
        write_now(&log, vec![note(&format!("note {at}"))]);
        let recorder = log.recorder();
        let events = recorder.events(Seq(0), usize::MAX).unwrap();
        assert_eq!(events.len(), at + 1);
        assert_eq!(recorder.events(Seq(0), at.min(7)).unwrap(), events[..at.min(7)]);
        assert_eq!(recorder.texts(&hashes).unwrap().len(), at + 1);
        assert_eq!(recorder.text(hashes[at / 2]).unwrap(), format!("text {}", at / 2));
    }
    moved(&project.folder);
    assert_eq!(log.recorder().events(Seq(0), usize::MAX).unwrap().len(), 200);
    assert_eq!(log.recorder().texts(&hashes).unwrap().len(), 200);
}

/// Opens a run over this log file, after a change to its tables.
fn reopen_with(project: &Project, publish: Publish, log: LogFile, sql: &str) -> RunLog {
    use crate::store::blobs::Blobs;
    use crate::store::chain::Chain;
    use crate::store::database::{self, WalWatch};
    use crate::store::duck::{DuckStore, Kept};
    use crate::store::encode::Encoder;
    use crate::store::insert::Inserts;
    use crate::store::mark::Mark;
    use crate::store::mover::Mover;
    use crate::store::seal::Sealed;
    use crate::store::snapshot::SnapshotFile;
    use crate::store::writer::Output;
    let database = project.folder.database();
    let (connection, layout) = database::open(&database, false).unwrap();
    connection.execute_batch(sql).unwrap();
    let state = crate::model::RunState::default();
    let mark = Mark::open(&project.folder.path().join("mark"), project.folder.standing().ok()).unwrap();
    let inserts = Inserts::new(&connection, &layout).unwrap();
    let mover = Mover {
        connection,
        inserts,
        wal: WalWatch::new(&database),
        mark: mark.syncer().unwrap(),
        sealed: Sealed { database: database.clone(), data: project.data.path().to_owned() },
    };
    let output = Output { mover, encoder: Encoder::new(layout, Chain::default(), &state), log, mark };
    let lock = std::fs::File::open(project.folder.path().join("lock")).unwrap();
    let kept = Kept {
        blobs: Blobs::new(project.folder.path()),
        run: project.folder.path().to_owned(),
        snapshot: SnapshotFile::of(project.folder.path(), project.data.path()),
    };
    let store = DuckStore::writing(output, publish, Seq(1), kept, crate::store::FileLock::of(lock)).unwrap();
    RunLog::new(Arc::new(store), state, Seq(1), std::collections::HashSet::new())
}

#[test]
fn a_run_that_is_just_being_made_is_not_called_damaged() {
    let (project, log) = project();
    let (file, away) = (project.folder.log_path(), project.folder.path().join("away"));
    // As it is before its log file is made.
    std::fs::rename(&file, &away).unwrap();
    let error = project.folder.open(quiet(), Access::ReadOnly).err().unwrap().to_string();
    assert!(error.contains("it is just being started; try again"), "{error}");
    std::fs::rename(&away, &file).unwrap();
    assert_eq!(project.folder.open(quiet(), Access::ReadOnly).unwrap().damage, Vec::<String>::new());
    log.recorder().close().unwrap();
}
