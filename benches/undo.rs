//! Undo of memory actions, against the loop of the ancestor: SELECT newest first, apply, DELETE.
//!
//! Each sample does the actions anew and measures the undo alone. Ours records what it is about to undo before it
//! touches anything, and what it undid after; the ancestor's deletes the evidence.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that can't write has nothing to tell")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use duckdb::{Connection, params};
use futures::executor::block_on;
use tama_tui::model::{ActionOp, Key, KeyState, RunId, Seq, SpanId, TraceBody};
use tama_tui::rollback::capture::Changed;
use tama_tui::rollback::{NoCompensator, Origin, perform, record_applied, undo_list};
use tama_tui::store::{DataDir, NewRun, RunLog, hash_blob};
use tama_tui::world::{Change, Value, World};
use tempfile::TempDir;

const SIZES: [usize; 3] = [100, 10_000, 100_000];
/// So many actions share a key.
const PER_KEY: usize = 10;

/// A stored run with memory actions to undo, newest first.
struct Run {
    log: RunLog,
    world: World,
    actions: Vec<Seq>,
    _home: TempDir,
}

fn run(actions: usize) -> Run {
    let home = tempfile::tempdir_in(".").unwrap();
    let work = home.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let workspace = work.display().to_string();
    let new = NewRun {
        name: "bench".into(),
        task: String::new(),
        entrypoint: "main".into(),
        workspace: workspace.clone(),
        pipeline_file: None,
        provenance: tama_tui::model::Provenance::default(),
    };
    let data = DataDir::open_or_create(home.path().join("data")).unwrap();
    let (log, folder) = data.create_run(new, Box::new(|_| {})).unwrap();
    let empty = log.text("");
    log.append(vec![TraceBody::RunStarted {
        run: RunId(folder.id().0.clone()),
        name: "bench".into(),
        entrypoint: "main".into(),
        task: empty,
        pipeline: empty,
        workspace,
        provenance: tama_tui::model::Provenance::default(),
        hash: 1,
    }]);
    let world = World::open(&work, Some(data.path())).unwrap();
    let change = |at: usize| Change {
        key: Key::memory(format!("key {}", at / PER_KEY)),
        op: ActionOp::Set,
        new: Value::Text(format!("value {at}")),
    };
    let doer = Origin { span: SpanId(1), tool_span: SpanId(2), tool_name: "tama_mem_set".into() };
    let mut actions = block_on(perform(&log, &world, &doer, (0..actions).map(change).collect())).unwrap();
    // Before the clock starts, their outcomes too are on disk, and all is in the database, as the ancestor's rows are.
    let settled = TraceBody::Note { span: None, error: false, text: "ready".into() };
    block_on(log.append_durable(vec![settled]).durable()).unwrap();
    let waiting = folder.path().join("run.log");
    while std::fs::read(&waiting).unwrap().iter().any(|byte| *byte != 0) {
        std::thread::sleep(Duration::from_millis(10));
    }
    actions.reverse();
    Run { log, world, actions, _home: home }
}

/// The ancestor's table with as many rows.
fn ancestor(rows: usize) -> (TempDir, Connection, HashMap<String, String>) {
    let home = tempfile::tempdir_in(".").unwrap();
    let connection = Connection::open(home.path().join("plain.duckdb")).unwrap();
    let ddl = "CREATE TABLE action_log (seq BIGINT, span_id VARCHAR, key VARCHAR, old_value VARCHAR)";
    connection.execute_batch(ddl).unwrap();
    let mut memory = HashMap::new();
    let mut appender = connection.appender("action_log").unwrap();
    for at in 0..rows {
        let (key, value) = (format!("key {}", at / PER_KEY), format!("value {at}"));
        let old = memory.insert(key.clone(), value);
        appender.append_row(params![i64::try_from(at).unwrap(), "s2", key, old]).unwrap();
    }
    appender.flush().unwrap();
    drop(appender);
    (home, connection, memory)
}

fn ancestor_undo(connection: &Connection, memory: &mut HashMap<String, String>) {
    let mut select =
        connection.prepare("SELECT key, old_value FROM action_log WHERE span_id = ? ORDER BY seq DESC").unwrap();
    let rows = select.query_map(["s2"], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let rows: Vec<(String, Option<String>)> = rows.map(Result::unwrap).collect();
    for (key, old) in rows {
        match old {
            Some(old) => memory.insert(key, old),
            None => memory.remove(&key),
        };
    }
    connection.execute("DELETE FROM action_log WHERE span_id = ?", ["s2"]).unwrap();
}

fn undo(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("undo memory actions");
    group.sample_size(10).warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_secs(2));
    for size in SIZES {
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("undo", size), |bench| {
            bench.iter_custom(|rounds| {
                let one = |_| {
                    let run = run(size);
                    let start = Instant::now();
                    let report = block_on(undo_list(&run.log, &run.world, &NoCompensator, &run.actions, false));
                    let took = start.elapsed();
                    assert_eq!(report.undone.len(), size);
                    took
                };
                (0..rounds).map(one).sum()
            });
        });
        group.bench_function(BenchmarkId::new("ancestor's loop", size), |bench| {
            bench.iter_custom(|rounds| {
                let one = |_| {
                    let (_home, connection, mut memory) = ancestor(size);
                    let start = Instant::now();
                    ancestor_undo(&connection, &mut memory);
                    let took = start.elapsed();
                    assert!(memory.is_empty());
                    took
                };
                (0..rounds).map(one).sum()
            });
        });
    }
    group.finish();
}

/// Undo of one command that changed so many files, against writing their bytes back without anything else.
fn command(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("undo a command");
    group.sample_size(10).warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_secs(2));
    // Not removed in between: without a journal, ext4 looks at each inode freed lately before it gives out a new one.
    let mut kept = Vec::new();
    for files in [100, 10_000] {
        group.throughput(Throughput::Elements(files as u64));
        group.bench_function(BenchmarkId::new("undo", files), |bench| {
            bench.iter_custom(|rounds| {
                let one = |_| {
                    let run = ran(files);
                    let start = Instant::now();
                    let report = block_on(undo_list(&run.log, &run.world, &NoCompensator, &run.actions, false));
                    let took = start.elapsed();
                    assert_eq!((report.undone.len(), report.read_back.restored), (files, files));
                    kept.push(run);
                    took
                };
                (0..rounds).map(one).sum()
            });
        });
        group.bench_function(BenchmarkId::new("write back", files), |bench| {
            bench.iter_custom(|rounds| {
                let one = |_| {
                    let home = tempfile::tempdir_in(".").unwrap();
                    (0..files).for_each(|at| std::fs::write(home.path().join(name(at)), "after").unwrap());
                    let start = Instant::now();
                    (0..files).for_each(|at| std::fs::write(home.path().join(name(at)), text(at)).unwrap());
                    start.elapsed()
                };
                (0..rounds).map(one).sum()
            });
        });
    }
    group.finish();
}

fn name(at: usize) -> String {
    format!("file-{at}")
}

fn text(at: usize) -> String {
    format!("before {at}\n").repeat(100)
}

/// A stored run with one command that changed so many files.
fn ran(files: usize) -> Run {
    let mut run = run(0);
    let root = run.world.root().to_owned();
    let state = |bytes: &[u8]| KeyState::File { blob: hash_blob(bytes), size: bytes.len() as u64, mode: 0o644 };
    let changes = (0..files).map(|at| {
        std::fs::write(root.join(name(at)), "after").unwrap();
        Changed { path: name(at), old: state(text(at).as_bytes()), new: state(b"after"), left_out: None, moved: None }
    });
    let doer = Origin { span: SpanId(1), tool_span: SpanId(2), tool_name: "tama_bash".into() };
    let before = |changed: &Changed| Ok(text(changed.path["file-".len()..].parse().unwrap()).into_bytes());
    let (command, left) = (Seq(1), |changed: &Changed| (changed.new.clone(), false));
    block_on(record_applied(&run.log, &doer, command, changes.collect(), &before, &left)).unwrap();
    run.actions = run.log.with(|state| state.ledger.entries().iter().rev().map(|entry| entry.seq).collect());
    run
}

criterion_group!(benches, undo, command);
criterion_main!(benches);
