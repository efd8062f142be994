//! Many writers at once, shared commits, and a writer that fails.

use std::sync::mpsc;
use std::thread;

use super::*;
use crate::model::Seq;
use crate::store::StoreError;

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
    let until = Mutex::new(until);
    let batches = Arc::new(Mutex::new(Vec::new()));
    let sizes = Arc::clone(&batches);
    let (_project, log) = project_with(Box::new(move |events| {
        sizes.lock().unwrap().push(events.len());
        let _ = until.lock().unwrap().recv();
    }));
    let first = log.append_durable(vec![note("first")]);
    while batches.lock().unwrap().is_empty() {
        std::thread::yield_now();
    }
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
    let opened = reopen_without_texts(&project, publish);
    let hash = opened.text("this has no table to go to");
    let failed = block_on(opened.append_durable(vec![note("with it")]).durable());
    assert!(matches!(failed, Err(StoreError::Database { .. })), "{failed:?}");
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

/// Opens a run over a connection whose table of texts was dropped.
fn reopen_without_texts(project: &Project, publish: Publish) -> RunLog {
    use crate::store::blobs::Blobs;
    use crate::store::chain::Chain;
    use crate::store::database::{self, WalWatch};
    use crate::store::duck::DuckStore;
    use crate::store::encode::Encoder;
    use crate::store::mark::Mark;
    use crate::store::seal::Sealed;
    use crate::store::writer::Output;
    let database = project.folder.database();
    let connection = database::open(&database, false).unwrap();
    connection.execute_batch("DROP VIEW runs; DROP TABLE texts CASCADE").unwrap();
    let state = crate::model::RunState::default();
    let output = Output {
        connection,
        encoder: Encoder::new(Chain::default(), &state),
        mark: Mark::open(&project.folder.path().join("mark")).unwrap(),
        wal: WalWatch::new(&database),
        sealed: Sealed { database: database.clone(), data: project.data.path().to_owned() },
    };
    let lock = std::fs::File::open(project.folder.path().join("lock")).unwrap();
    let blobs = Blobs::new(project.folder.path().join("blobs"));
    let store = DuckStore::writing(output, publish, Seq(1), blobs, crate::store::FileLock::of(lock)).unwrap();
    RunLog::new(Arc::new(store), state, Seq(1), std::collections::HashSet::new())
}
