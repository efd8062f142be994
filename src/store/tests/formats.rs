//! Runs of earlier formats and of newer minors: columns, fields and events that this version doesn't write or know.

use super::*;
use crate::model::{BlobHash, Lineage, Millis, Provenance, RunSource, RunState, Seq, WaitFor, WaitInterval};
use crate::store::chain::{Cell, Chain};
use crate::store::encode::{Encoder, Stored};
use crate::store::fold::Sinks;
use crate::store::load::Loaded;
use crate::store::mark::{Mark, Marked, Noted};
use crate::store::schema::{Column, Columns, Layout, Table};
use crate::store::{Format, Manifest, database};

const LATER: &str = r#"{"event":"teleported", "to":"mars"}"#;

/// A closed run with rows in every table, and an event that this version doesn't know.
fn closed() -> Project {
    let (project, log) = project();
    let answer = response(&log, "hello");
    write_now(
        &log,
        vec![run_started(&log), start(1, 0, "editor", 1, agent(&log)), start(2, 1, "editor/llm", 1, call(&log))],
    );
    write_now(&log, vec![end(2, answer, None), start(3, 1, "editor/tool", 1, tool(&log))]);
    write_now(&log, vec![TraceBody::Action(memory_set("k", KeyState::Absent, "v"))]);
    let teleported = TraceBody::Unknown { event: "teleported".into(), body: LATER.into() };
    write_now(&log, vec![teleported, note("x"), done(&log)]);
    log.recorder().close().unwrap();
    project
}

/// The columns of a layout, changed.
fn changed(change: impl Fn(Table, &mut Vec<Column>)) -> Layout {
    Layout::checked(Table::ALL.map(|table| {
        let mut columns = Layout::newest().of(table).all().to_vec();
        change(table, &mut columns);
        Columns::of(columns)
    }))
    .unwrap()
}

/// Writes a closed run's database anew with other columns, as another version would have made it.
fn rewrite(folder: &RunFolder, layout: &Layout, fill: impl Fn(&mut Stored)) {
    let mut rows = Vec::new();
    {
        let (connection, found) = database::open(&folder.database(), true).unwrap();
        let mark = Marked::read(folder.path()).newest();
        let mut keep = |row: Stored| rows.push(row);
        let sinks = Sinks { keep: Some(&mut keep), hands_out: |_| true, watch: &mut |_| true, states: false };
        Loaded::load_with(&connection, &found, Vec::new(), mark, sinks).unwrap();
    }
    std::fs::remove_file(folder.database()).unwrap();
    std::fs::remove_file(folder.mark_path()).unwrap();
    // Without views: those of another version name its own columns.
    let connection = Connection::open(folder.database()).unwrap();
    for table in Table::ALL {
        let columns = layout.of(table).all().iter();
        let columns: Vec<String> = columns.map(|Column { name, kind }| format!("{name:?} {kind}")).collect();
        // A quote within a name is written twice in SQL, and with a backslash by Debug.
        let columns = columns.join(", ").replace("\\\"", "\"\"");
        connection.execute_batch(&format!("CREATE TABLE {} ({columns})", table.name())).unwrap();
    }
    let mut encoder = Encoder::new(layout.clone(), Chain::default(), &RunState::default());
    for row in rows {
        let mut row = row.moved_to(layout);
        fill(&mut row);
        let row = encoder.adopt(&row);
        let mut appender = connection.appender(row.table.name()).unwrap();
        appender.append_row(duckdb::appender_params_from_iter(&row.cells)).unwrap();
        appender.flush().unwrap();
    }
    let mut mark = Mark::create(&folder.mark_path(), None).unwrap();
    let last = connection.query_row("SELECT max(seq) FROM events", [], |row| row.get(0)).unwrap();
    mark.note(Noted { seq: Seq(last), chain: encoder.chain }).unwrap();
}

fn minor_up(manifest: &mut Manifest) {
    manifest.format = Format { minor: Format::CURRENT.minor + 1, ..Format::CURRENT };
}

/// How many events this version doesn't know; each is what was written.
fn unknown(events: &[TraceEvent]) -> usize {
    let unknown = |event: &&TraceEvent| match &event.body {
        TraceBody::Unknown { event, body } => {
            assert_eq!((event.as_str(), body.as_str()), ("teleported", LATER));
            true
        }
        _ => false,
    };
    events.iter().filter(unknown).count()
}

#[test]
fn an_event_of_a_newer_minor_is_kept_as_it_is() {
    let project = closed();
    project.folder.update_manifest(minor_up).unwrap();
    let read = project.folder.open(quiet(), Access::ReadOnly).unwrap();
    assert_eq!((read.damage, unknown(&read.events)), (vec![], 1));
    drop(read.log);
    let opened = reopen(&project.folder);
    write_now(&opened.log, vec![note("and on")]);
    opened.log.recorder().close().unwrap();
    assert!(project.folder.manifest().unwrap().format.has_more(), "it stays of the newer minor");
    let again = reopen(&project.folder);
    assert_eq!((again.damage, unknown(&again.events)), (vec![], 1));
    drop(again.log);
    // A recovery copies it.
    tamper(&project.folder, "DELETE FROM events WHERE kind = 'note'");
    assert_eq!(project.folder.recover().unwrap().lost, 2);
    let recovered = reopen(&project.folder);
    assert_eq!((recovered.damage, unknown(&recovered.events)), (vec![], 1));
}

#[test]
fn a_known_event_that_cant_be_read_is_damage_and_no_newer_event() {
    let project = closed();
    let layout = Layout::newest();
    rewrite(&project.folder, &layout, |row| {
        if *row.cell("kind") == Cell::from("note") {
            let at = row.columns.position("body").unwrap();
            row.cells[at] = r#"{"event":"note"}"#.into();
        }
    });
    let opened = project.folder.open(quiet(), Access::ReadOnly).unwrap();
    assert!(opened.damage[0].contains("can't be read: missing field"), "{:?}", opened.damage);
}

#[test]
fn columns_of_a_newer_minor_stay() {
    let project = closed();
    let before = reopen(&project.folder);
    let events = before.events;
    before.log.recorder().close().unwrap();
    drop(before.log);
    let layout = changed(|table, columns| {
        let later = Column { name: "later \"x\"".into(), kind: "VARCHAR".into() };
        columns.insert(if table == Table::Texts { 1 } else { columns.len() - 1 }, later);
    });
    rewrite(&project.folder, &layout, |row| {
        let at = row.columns.position("later \"x\"").unwrap();
        row.cells[at] = format!("kept {}", row.seq()).into();
    });
    project.folder.update_manifest(minor_up).unwrap();
    for round in 0..3 {
        let opened = reopen(&project.folder);
        assert_eq!(opened.damage, Vec::<String>::new());
        assert_eq!(opened.events[..events.len()], events);
        assert_eq!(opened.events.len(), events.len() + round);
        write_now(&opened.log, vec![note("and on")]);
        let state = opened.log.with(Clone::clone);
        opened.log.close().unwrap();
        drop(opened.log);
        // The snapshot tells the same as the rows.
        let look = project.folder.look().unwrap();
        assert_eq!((unknown(&look.events), look.log.with(Clone::clone)), (1, state));
    }
    tamper(&project.folder, "DELETE FROM events WHERE kind = 'note' AND body LIKE '%and on%'");
    project.folder.recover().unwrap();
    let opened = reopen(&project.folder);
    assert_eq!((opened.damage, &opened.events[..events.len()]), (vec![], &events[..]));
    opened.log.recorder().close().unwrap();
    let connection = Connection::open(project.folder.database()).unwrap();
    let sql = "SELECT count(*) FROM (SELECT seq, \"later \"\"x\"\"\" AS later FROM events UNION ALL SELECT seq, \
        \"later \"\"x\"\"\" FROM texts) WHERE later = 'kept #' || seq";
    let kept: u64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert!(kept > events.len() as u64, "{kept}");
}

#[test]
fn a_run_keeps_the_columns_of_its_format_and_takes_new_events() {
    let project = closed();
    let layout = changed(|table, columns| {
        columns.retain(|column| {
            !["happened_ms", "step", "stop_reason", "waited_ms", "rule", "answer", "kept"].contains(&&*column.name)
        });
        assert!(columns.len() > 4, "{table:?}");
    });
    rewrite(&project.folder, &layout, |_| ());
    project.folder.update_manifest(|manifest| manifest.format = Format { major: 3, minor: 0 }).unwrap();
    let opened = reopen(&project.folder);
    assert_eq!(opened.damage, Vec::<String>::new());
    let waited = Some(vec![WaitInterval { why: WaitFor::Person, from: Millis(1), to: Millis(5) }]);
    let ended = TraceBody::SpanEnded(SpanEnd { waited, ..SpanEnd::new(SpanId(3), crate::model::SpanStatus::Ok) });
    write_now(&opened.log, vec![ended.clone(), note("and on")]);
    opened.log.recorder().close().unwrap();
    assert_eq!(project.folder.manifest().unwrap().format, Format::CURRENT);
    let again = reopen(&project.folder);
    assert_eq!(again.damage, Vec::<String>::new());
    assert_eq!(again.events[again.events.len() - 2].body, ended);
    let (connection, found) = database::open(&project.folder.database(), true).unwrap();
    assert_eq!(found, layout);
    drop(connection);
}

#[test]
fn a_run_says_where_it_comes_from_and_when_it_happened() {
    let home = tempfile::tempdir().unwrap();
    let data = DataDir::open_or_create(home.path().join(".tama")).unwrap();
    let lineage = Some(Lineage { parent: RunId("0abcdef000".into()), cut: Seq(41) });
    let provenance = Provenance { source: RunSource::Imported, lineage };
    let new = NewRun { provenance: provenance.clone(), ..new_run() };
    let (log, folder) = data.create_run(new, quiet()).unwrap();
    let mut first = run_started(&log);
    let TraceBody::RunStarted { provenance: from, hash, .. } = &mut first else { panic!("it starts the run") };
    *from = provenance.clone();
    *hash = 7;
    log.append_happened(vec![first.clone(), start(1, 0, "editor", 1, agent(&log))], Millis(1_000));
    log.append_happened(
        vec![end(1, log.text("out"), None), TraceBody::Action(memory_set("k", KeyState::Absent, "v"))],
        Millis(1_500),
    );
    let applied = crate::model::ActionChange::Applied { after: KeyState::Text { text: "v".into() }, kept: false };
    let last = log.with(|state| state.ledger.entries()[0].seq);
    log.append_happened(
        vec![TraceBody::ActionEvent(crate::model::ActionEvent { action: last, change: applied })],
        Millis(1_600),
    );
    write_now(&log, vec![done(&log)]);
    log.recorder().close().unwrap();
    assert_eq!(folder.manifest().unwrap().provenance, provenance);
    assert_eq!(provenance.words().unwrap(), "imported, forked from 0abcdef000 at #41");
    let opened = reopen(&folder);
    assert_eq!((opened.damage, &opened.events[0].body), (vec![], &first));
    let happened: Vec<_> = opened.events.iter().map(|event| event.happened.map(|at| at.0)).collect();
    assert_eq!(happened, [Some(1_000), Some(1_000), Some(1_500), Some(1_500), Some(1_600), None]);
    assert!(opened.events.iter().all(|event| event.at.0 > 1_600_000_000_000));
    opened
        .log
        .with(|state| assert_eq!(state.trace.work(SpanId(1), Millis(9_000)), 500, "times are those of the agent"));
    opened.log.recorder().close().unwrap();
    let connection = Connection::open(folder.database()).unwrap();
    let sql = "SELECT start_ms, end_ms FROM spans";
    let times: (i64, i64) = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(times, (1_000, 1_500));
}

#[test]
fn a_response_keeps_its_stop_reason_its_state_and_its_raw_body() {
    let (project, log) = project();
    let raw = log.recorder().put_blob(b"data: {}\n\n").unwrap();
    let state = Some(serde_json::json!({ "signature": "c2ln", "order": [2, 1] }));
    let response = LlmResponse {
        text: "hi".into(),
        stop: Some("end_turn".into()),
        state,
        raw: Some(raw),
        ..LlmResponse::default()
    };
    let output = log.text(&serde_json::to_string(&response).unwrap());
    write_now(
        &log,
        vec![run_started(&log), start(1, 0, "editor", 1, agent(&log)), start(2, 1, "editor/llm", 1, call(&log))],
    );
    write_now(&log, vec![end(2, output, None), done(&log)]);
    log.recorder().close().unwrap();
    let opened = reopen(&project.folder);
    let stored = opened.log.recorder().text(output).unwrap();
    assert_eq!(serde_json::from_str::<LlmResponse>(&stored).unwrap(), response);
    assert_eq!(opened.log.recorder().blob(raw).unwrap(), b"data: {}\n\n");
    assert_ne!(raw, BlobHash([0; 16]));
    opened.log.recorder().close().unwrap();
    let connection = Connection::open(project.folder.database()).unwrap();
    let sql = "SELECT stop_reason, response FROM events WHERE kind = 'span_ended'";
    let found: (String, String) = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(found, ("end_turn".to_owned(), "hi".to_owned()));
}
