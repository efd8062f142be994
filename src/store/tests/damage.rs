//! Rows changed, lost or added behind the store's back are told, and the rest still opens.

use super::*;
use crate::model::Seq;
use crate::store::StoreError;

/// A closed run of twelve rows: texts, events, actions.
fn closed() -> Project {
    let (project, log) = project();
    write_now(&log, vec![run_started(&log), start(1, 0, "editor", 1, agent(&log))]);
    write_now(&log, vec![TraceBody::Action(memory_set("a", KeyState::Absent, "1"))]);
    write_now(&log, vec![note("one"), note("two"), note("three"), note("four"), note("five")]);
    log.recorder().close().unwrap();
    project
}

/// The damage that a change behind the store's back leads to, and how many events still open.
fn damage_after(sql: &str) -> (Vec<String>, usize) {
    let project = closed();
    tamper(&project.folder, sql);
    let opened = reopen(&project.folder);
    let refused = block_on(opened.log.append_durable(vec![note("more")]).durable());
    assert!(matches!(refused, Err(StoreError::ReadOnly)), "a damaged run takes no more rows");
    assert!(!opened.log.recorder().is_lasting());
    (opened.damage, opened.events.len())
}

#[test]
fn an_unchanged_run_is_whole() {
    let opened = reopen(&closed().folder);
    assert_eq!(opened.damage, Vec::<String>::new());
    assert_eq!(opened.events.len(), 8);
    assert_eq!(opened.log.recorder().committed(), Seq(12));
}

#[test]
fn a_changed_row_is_named() {
    let (damage, events) = damage_after("UPDATE events SET body = replace(body, 'two', 'TWO') WHERE seq = 9");
    assert_eq!(damage, ["row #9 (events) has changed since it was written"]);
    assert_eq!(events, 7);
    let (damage, _) = damage_after("UPDATE action_log SET old_value = 'other' WHERE seq = 7");
    assert_eq!(damage, ["row #7 (action_log) has changed since it was written"]);
    let (damage, _) = damage_after("UPDATE texts SET text = 'x' WHERE seq = 1");
    assert_eq!(damage, ["row #1 (texts) has changed since it was written"]);
    let (damage, _) = damage_after("UPDATE events SET chain = repeat('0', 32) WHERE seq = 9");
    assert_eq!(damage, ["row #9 (events) has changed since it was written"]);
}

#[test]
fn a_missing_row_is_named() {
    let (damage, events) = damage_after("DELETE FROM events WHERE seq = 9");
    assert_eq!(damage, ["row #9 is missing"]);
    assert_eq!(events, 7);
    let (damage, _) = damage_after("DELETE FROM events WHERE seq BETWEEN 8 AND 10");
    assert_eq!(damage, ["rows #8 to #10 are missing"]);
}

#[test]
fn rows_lost_at_the_end_are_told_by_the_mark() {
    let (damage, events) = damage_after("DELETE FROM events WHERE seq = 12");
    assert_eq!(damage, ["row #12 is missing at the log's end, although committed"]);
    assert_eq!(events, 7);
    let (damage, _) = damage_after("DELETE FROM events WHERE seq >= 11");
    assert_eq!(damage, ["rows #11 to #12 are missing at the log's end, although committed"]);
}

#[test]
fn added_rows_are_told() {
    let (damage, _) = damage_after("INSERT INTO events SELECT * FROM events WHERE seq = 9");
    assert_eq!(damage, ["row #9 is there twice"]);
    let (damage, _) = damage_after("INSERT INTO events (seq, at_ms, body) VALUES (NULL, 1, '{}')");
    assert_eq!(damage, ["1 rows have no place in the log"]);
    let (damage, _) = damage_after("INSERT INTO events (seq, at_ms, body) VALUES (9000000000000, 1, '{}')");
    assert_eq!(damage[0], "rows #13 to #8999999999999 are missing");
}

#[test]
fn a_lost_mark_is_told() {
    let project = closed();
    std::fs::remove_file(project.folder.path().join("mark")).unwrap();
    assert!(reopen(&project.folder).damage[0].starts_with("the mark is lost"));
}

#[test]
fn a_view_in_place_of_a_table_is_refused() {
    let project = closed();
    tamper(&project.folder, "DROP TABLE action_log; CREATE VIEW action_log AS SELECT 1 AS seq");
    assert!(matches!(project.folder.open(quiet(), Access::ReadOnly), Err(StoreError::Damaged(_))));
}

#[test]
fn a_run_copied_while_it_is_written_opens_whole() {
    let (project, log) = project();
    for at in 0..20 {
        write_now(&log, vec![note(&format!("note {at}"))]);
    }
    let folder = copy_as_killed(&project);
    assert_eq!(folder.manifest().unwrap().status, RunStatus::Interrupted);
    let opened = reopen(&folder);
    assert_eq!(opened.damage, Vec::<String>::new());
    assert_eq!(opened.events.len(), 20);
    write_now(&opened.log, vec![note("on")]);
    drop(opened);

    // The same with the database's log lost: the mark tells.
    std::fs::copy(project.folder.path().join("run.duckdb"), folder.database()).unwrap();
    let _ = std::fs::remove_file(folder.path().join("run.duckdb.wal"));
    assert_eq!(reopen(&folder).damage, ["rows #1 to #21 are missing at the log's end, although committed"]);
}

#[test]
fn a_spoilt_database_is_an_error_and_is_left_alone() {
    let project = closed();
    std::fs::write(project.folder.database(), "not a database").unwrap();
    assert!(matches!(project.folder.open(quiet(), Access::ReadWrite), Err(StoreError::Database { .. })));
    assert_eq!(std::fs::read(project.folder.database()).unwrap(), b"not a database");
}

/// Flips one bit at every `step`th byte of a file in turn: the run must open whole, or tell what is wrong.
fn flip(folder: &RunFolder, file: &std::path::Path, step: usize) {
    let whole = std::fs::read(file).unwrap();
    let events = folder.open(quiet(), Access::ReadOnly).unwrap().events;
    let mut told = 0;
    for at in (100..whole.len()).step_by(step) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        std::fs::write(file, flipped).unwrap();
        match folder.open(quiet(), Access::ReadOnly) {
            Ok(opened) if opened.damage.is_empty() => assert_eq!(opened.events, events, "byte {at}"),
            Ok(_) | Err(StoreError::Database { .. } | StoreError::Damaged(_)) => told += 1,
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
    assert!(told > 0, "no flip hit anything");
}

#[test]
fn a_flipped_bit_in_the_database_never_loses_rows_in_silence() {
    let project = closed();
    flip(&project.folder, &project.folder.database(), 8192);
}

#[test]
fn a_flipped_bit_in_the_databases_log_never_loses_rows_in_silence() {
    let (project, log) = project();
    for at in 0..20 {
        write_now(&log, vec![note(&format!("note {at}"))]);
    }
    moved(&project.folder);
    let killed = copy_as_killed(&project);
    flip(&killed, &killed.path().join("run.duckdb.wal"), 301);
}

#[test]
fn a_flipped_bit_in_the_log_file_never_loses_rows_in_silence() {
    let (project, log) = project();
    let killed = killed_with_log(&project, &log);
    flip(&killed, &killed.log_path(), 211);
}

/// The files of a run, in an order in which they can be copied while it is written: what is moved meanwhile is found
/// where it goes to.
const FILES: [&str; 5] = ["manifest.json", "mark", "run.log", "run.duckdb", "run.duckdb.wal"];

/// What `kill -9` leaves of a run: everything acknowledged, in the log file or in the database's own log, with nothing
/// closed.
fn copy_as_killed(project: &Project) -> RunFolder {
    let killed = project.data.path().join("runs").join("killed");
    std::fs::create_dir_all(killed.join("blobs")).unwrap();
    for name in FILES {
        let from = project.folder.path().join(name);
        if from.exists() {
            std::fs::copy(from, killed.join(name)).unwrap();
        }
    }
    project.data.find("killed").unwrap()
}

/// Takes the zeros off the end of a log file.
fn trim(path: &std::path::Path) {
    let bytes = std::fs::read(path).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    std::fs::write(path, &bytes[..used]).unwrap();
}

/// The same with rows that were not moved yet.
fn killed_with_log(project: &Project, log: &RunLog) -> RunFolder {
    loop {
        for at in 0..10 {
            let _ = log.text(&format!("text {at}"));
            write_now(log, vec![note(&format!("note {at}"))]);
        }
        let killed = copy_as_killed(project);
        if crate::store::log_file::read(killed.path(), &crate::store::schema::Layout::newest()).unwrap().rows.len()
            >= 10
        {
            trim(&killed.log_path());
            return killed;
        }
        std::fs::remove_dir_all(killed.path()).unwrap();
    }
}

#[test]
fn a_torn_entry_is_told_only_if_it_was_acknowledged() {
    let (project, log) = project();
    let killed = killed_with_log(&project, &log);
    let whole = std::fs::read(killed.log_path()).unwrap();
    let acknowledged = log.recorder().events(Seq(0), usize::MAX).unwrap();
    // A later entry was about to be written: the beginning of one, or room for it.
    for torn in [&whole[..30], &[0; 100], &whole[..3]] {
        std::fs::write(killed.log_path(), [&whole, torn].concat()).unwrap();
        let opened = killed.open(quiet(), Access::ReadOnly).unwrap();
        assert_eq!((opened.damage, opened.events.len()), (vec![], acknowledged.len()));
    }
    // Behind the last entry with a row stands the one that signs it.
    std::fs::write(killed.log_path(), &whole[..whole.len() - 100]).unwrap();
    let opened = killed.open(quiet(), Access::ReadOnly).unwrap();
    assert!(opened.damage[0].ends_with("missing at the log's end, although committed"), "{:?}", opened.damage);
    drop(opened);
    std::fs::write(killed.log_path(), &whole).unwrap();
    let opened = reopen(&killed);
    assert_eq!(opened.damage, Vec::<String>::new());
    assert!(!crate::store::log_file::is_filled(&killed.log_path()), "the rows are moved first");
    opened.log.recorder().close().unwrap();
    assert!(!killed.log_path().exists());
    assert_eq!(reopen(&killed).events, acknowledged);
}

#[test]
fn rows_that_are_in_both_places_are_there_once() {
    let (project, log) = project();
    let killed = killed_with_log(&project, &log);
    let left = std::fs::read(killed.log_path()).unwrap();
    let opened = reopen(&killed);
    let whole = opened.events;
    opened.log.recorder().close().unwrap();
    // Moved, and not cut any more.
    std::fs::write(killed.log_path(), &left).unwrap();
    for access in [Access::ReadOnly, Access::ReadWrite] {
        let opened = killed.open(quiet(), access).unwrap();
        assert_eq!(opened.damage, Vec::<String>::new());
        assert_eq!(opened.events, whole);
    }
}

#[test]
fn recovery_keeps_the_rows_of_the_log_file() {
    let project = closed();
    let log = reopen(&project.folder).log;
    let killed = killed_with_log(&project, &log);
    let rows = log.recorder().committed().0;
    tamper(&killed, "DELETE FROM events WHERE seq = 9");
    let done = killed.recover().unwrap();
    assert_eq!((done.kept, done.lost), (rows - 1, 1), "{done:?}");
    assert!(done.aside.unwrap().join("run.log").exists());
    let opened = reopen(&killed);
    assert_eq!((opened.damage, opened.log.recorder().committed()), (vec![], Seq(rows + 1)));
}

#[test]
fn a_link_in_place_of_the_log_file_is_not_followed() {
    let project = closed();
    std::os::unix::fs::symlink("/dev/zero", project.folder.log_path()).unwrap();
    assert!(matches!(project.folder.open(quiet(), Access::ReadOnly), Err(StoreError::File { .. })));
}

/// Not a test by itself: records for ever in the folder that it is told, telling each seq once it is acknowledged.
#[test]
#[ignore = "run by another test, in a process of its own"]
fn record_until_killed() {
    let Ok(path) = std::env::var("TAMA_TUI_TEST_RECORD") else { return };
    let data = DataDir::open_or_create(path).unwrap();
    let (log, _folder) = data.create_run(new_run(), quiet()).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let log = log.clone();
            scope.spawn(move || {
                for at in 0.. {
                    let _ = log.text(&format!("{writer} {at}"));
                    let action = TraceBody::Action(memory_set("k", KeyState::Absent, "v"));
                    let seq = block_on(log.append_durable(vec![action]).durable()).unwrap();
                    eprintln!("\nacknowledged {}", seq.0);
                }
            });
        }
    });
}

#[test]
fn nothing_acknowledged_is_lost_by_a_kill() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    for round in 0..4 {
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "store::tests::damage::record_until_killed", "--nocapture"])
            .env("TAMA_TUI_TEST_RECORD", home.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut told = lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u64>().ok());
        let before: Vec<u64> = told.by_ref().take(20 + 37 * round).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        // What it told between the last line read and its death.
        let acknowledged = before.into_iter().chain(told).max().unwrap();

        let data = DataDir::open_or_create(home.path()).unwrap();
        let run = data.runs().unwrap().remove(0);
        assert_eq!(run.manifest.unwrap().status, RunStatus::Interrupted);
        let opened = reopen(&run.folder);
        assert_eq!(opened.damage, Vec::<String>::new());
        assert!(opened.log.recorder().committed().0 >= acknowledged);
    }
}

#[test]
fn recovery_keeps_what_can_be_read_and_says_what_is_lost() {
    let project = closed();
    let whole = reopen(&project.folder).events;
    tamper(&project.folder, "DELETE FROM events WHERE seq IN (9, 10); UPDATE texts SET text = 'x' WHERE seq = 1");
    std::fs::write(project.folder.manifest_path(), "{").unwrap();
    let damaged = std::fs::read(project.folder.database()).unwrap();
    let done = project.folder.recover().unwrap();
    assert_eq!((done.kept, done.lost, done.damage.len()), (9, 3, 3), "{done:?}");
    let aside = done.aside.unwrap();
    assert_eq!(aside, project.folder.path().join("damaged-1"));
    assert_eq!(std::fs::read(aside.join("run.duckdb")).unwrap(), damaged);
    assert_eq!(std::fs::read(aside.join("manifest.json")).unwrap(), b"{");

    let opened = reopen(&project.folder);
    assert_eq!(opened.damage, Vec::<String>::new());
    let (closing, kept) = opened.events.split_last().unwrap();
    let lost = |event: &&TraceEvent| ![9, 10].contains(&event.seq.0);
    assert_eq!(kept, whole.iter().filter(lost).cloned().collect::<Vec<_>>(), "the others are what and where they were");
    let TraceBody::Note { error: true, text, .. } = &closing.body else { panic!("{closing:?}") };
    for part in ["rows #9 to #10 are missing", "row #1 (texts) has changed since it was written", "damaged-1"] {
        assert!(text.contains(part), "{text}");
    }
    write_now(&opened.log, vec![note("and on")]);
    opened.log.recorder().close().unwrap();
    assert_eq!(project.folder.manifest().unwrap().name, "notes");
    assert_eq!(project.folder.recover().unwrap().aside, None, "a whole log is left alone");
}

#[test]
fn recovery_of_a_spoilt_databases_log_keeps_what_was_checkpointed() {
    let project = closed();
    let log = reopen(&project.folder).log;
    for at in 0..20 {
        write_now(&log, vec![note(&format!("more {at}"))]);
    }
    moved(&project.folder);
    for part in [3, 2] {
        let killed = copy_as_killed(&project);
        let wal = killed.path().join("run.duckdb.wal");
        let mut bytes = std::fs::read(&wal).unwrap();
        let at = bytes.len() / part;
        // DuckDB's checksum joins words by XOR: two words of NULLs, spoilt in the same way, would not change it.
        bytes[at..at + 16].copy_from_slice(b"sixteen of these");
        std::fs::write(&wal, &bytes).unwrap();
        let done = killed.recover().unwrap();
        assert_eq!(done.kept + done.lost, 32, "{done:?}");
        assert!(done.kept >= 12 && done.lost > 0, "{done:?}");
        assert_eq!(std::fs::read(done.aside.unwrap().join("run.duckdb.wal")).unwrap(), bytes);
        let opened = reopen(&killed);
        assert_eq!((opened.damage, opened.log.recorder().committed()), (vec![], Seq(33)));
        drop(opened.log);
        std::fs::remove_dir_all(killed.path()).unwrap();
    }
}

#[test]
fn nothing_to_recover_leaves_everything_as_it_is() {
    let project = closed();
    std::fs::write(project.folder.database(), "not a database").unwrap();
    assert!(project.folder.recover().is_err());
    assert_eq!(std::fs::read(project.folder.database()).unwrap(), b"not a database");
    assert!(!project.folder.path().join("damaged-1").exists());
}

#[test]
fn a_run_is_sealed_by_closing_and_by_nothing_else() {
    use crate::store::{mark::Marked, seal::Sealed};
    let project = closed();
    let sealed = |project: &Project| {
        let sealed = Sealed { database: project.folder.database(), data: project.data.path().to_owned() };
        sealed.fits(&Marked::read(project.folder.path()).seal)
    };
    assert!(sealed(&project));
    drop(project.folder.open(quiet(), Access::ReadOnly).unwrap());
    assert!(sealed(&project), "looking at it changes nothing");
    let log = reopen(&project.folder).log;
    assert!(!sealed(&project));
    log.recorder().close().unwrap();
    assert!(sealed(&project));
    let mut bytes = std::fs::read(project.folder.database()).unwrap();
    bytes[5000] ^= 1;
    std::fs::write(project.folder.database(), &bytes).unwrap();
    assert!(!sealed(&project));
    bytes[5000] ^= 1;
    std::fs::write(project.folder.database(), &bytes).unwrap();
    assert!(sealed(&project));
    let home = project.data.path().join("home");
    std::fs::copy(&home, project.data.path().join("copy")).unwrap();
    std::fs::rename(project.data.path().join("copy"), home).unwrap();
    assert!(!sealed(&project), "a copied data folder is another's");
}

#[test]
fn looking_at_a_killed_run_changes_no_file() {
    let (project, log) = project();
    let hash = log.text("before");
    write_now(&log, vec![TraceBody::Action(memory_set("k", KeyState::Absent, "v"))]);
    moved(&project.folder);
    let change = crate::model::ActionChange::Applied { after: KeyState::Text { text: "v".into() }, kept: false };
    let outcome = crate::model::ActionEvent { action: Seq(2), change };
    write_now(&log, vec![TraceBody::ActionEvent(outcome)]);
    let killed = killed_with_log(&project, &log);
    let files = || FILES.map(|name| std::fs::read(killed.path().join(name)).unwrap());
    let before = files();
    let last = log.recorder().committed();
    let inspection = crate::store::inspect::read(killed.path());
    assert_eq!((inspection.rows, inspection.last, inspection.damage), (last.0, last, vec![]));
    let opened = killed.open(quiet(), Access::ReadOnly).unwrap();
    let (seen, live) = (opened.log.recorder(), log.recorder());
    assert_eq!(seen.committed(), last);
    assert_eq!(seen.events(Seq(0), usize::MAX).unwrap(), live.events(Seq(0), usize::MAX).unwrap());
    assert_eq!(seen.span_events(SpanId(3), Seq(0)).unwrap().len(), 2, "an action, and what became of it");
    assert_eq!(seen.text(hash).unwrap(), "before");
    assert_eq!(seen.text(crate::store::hash_text("text 9")).unwrap(), "text 9");
    drop(opened);
    assert!(files() == before);
}
