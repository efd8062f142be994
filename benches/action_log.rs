//! Durable action records at 1, 8 and 64 concurrent writers, against one autocommit INSERT per record.
//!
//! Criterion measures the rate; the table at the end tells what one writer waits for its record.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that can't write has nothing to tell")]

use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group};
use duckdb::{Connection, params};
use futures::executor::block_on;
use tama_tui::model::{ActionOp, ActionRecord, Key, KeyState, SpanId, TraceBody, Undoability};
use tama_tui::store::{DataDir, NewRun, RunLog};
use tempfile::TempDir;

const WRITERS: [u64; 3] = [1, 8, 64];

fn record() -> ActionRecord {
    ActionRecord {
        span: SpanId(3),
        tool_span: SpanId(7),
        tool_name: "tama_mem_set".to_owned(),
        key: Key::memory("outline"),
        op: ActionOp::Set,
        old: KeyState::Text { text: "intro, fixes, thanks".to_owned() },
        intended: KeyState::Text { text: "intro, breaking changes, fixes, thanks".to_owned() },
        undo: Undoability::Undo,
    }
}

/// The store as a run has it: hash chain, mark, shared commits.
fn store() -> (TempDir, RunLog) {
    let home = tempfile::tempdir_in(".").unwrap();
    let new = NewRun {
        name: "bench".to_owned(),
        task: String::new(),
        entrypoint: "editor".to_owned(),
        workspace: String::new(),
        pipeline_file: None,
    };
    let data = DataDir::open_or_create(home.path().join("data")).unwrap();
    let (log, _folder) = data.create_run(new, Box::new(|_| {})).unwrap();
    (home, log)
}

/// The plain way: one connection, one INSERT, one commit per record.
fn plain() -> (TempDir, Connection) {
    let home = tempfile::tempdir_in(".").unwrap();
    let connection = Connection::open(home.path().join("plain.duckdb")).unwrap();
    let ddl =
        "CREATE TABLE action_log (seq BIGINT, span_id VARCHAR, tool_name VARCHAR, key VARCHAR, old_value VARCHAR)";
    connection.execute_batch(ddl).unwrap();
    connection.execute_batch("CHECKPOINT").unwrap();
    (home, connection)
}

fn insert(connection: &Connection, seq: u64) -> Duration {
    let start = Instant::now();
    let mut insert = connection.prepare_cached("INSERT INTO action_log VALUES (?, ?, ?, ?, ?)").unwrap();
    insert.execute(params![seq, "s3", "tama_mem_set", "outline", "intro, fixes, thanks"]).unwrap();
    start.elapsed()
}

fn append(log: &RunLog) -> Duration {
    let start = Instant::now();
    block_on(log.append_durable(vec![TraceBody::Action(record())]).durable()).unwrap();
    start.elapsed()
}

/// Each writer appends `each` records; the latency of every record, and the time for all.
fn append_all(log: &RunLog, writers: u64, each: u64) -> (Vec<Duration>, Duration) {
    let start = Instant::now();
    let latencies = thread::scope(|scope| {
        let one = || (0..each).map(|_| append(log)).collect::<Vec<_>>();
        let threads: Vec<_> = (0..writers).map(|_| scope.spawn(one)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    (latencies, start.elapsed())
}

fn rate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("durable action record");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(1));
    let (_home, connection) = plain();
    group.bench_function("autocommit insert", |bench| bench.iter(|| insert(&connection, 1)));
    for writers in WRITERS {
        let (_home, log) = store();
        group.throughput(Throughput::Elements(writers));
        group.bench_function(format!("store, {writers} writers"), |bench| {
            bench.iter_custom(|rounds| append_all(&log, writers, rounds).1);
        });
    }
    group.finish();
}

fn table() {
    const RECORDS: u64 = 1024;
    println!("\n{:<20} {:>12} {:>10} {:>10}", "durable records", "per second", "p50 ms", "p99 ms");
    let (_home, connection) = plain();
    let start = Instant::now();
    let latencies = (0..RECORDS).map(|seq| insert(&connection, seq)).collect();
    line("autocommit insert", latencies, start.elapsed());
    for writers in WRITERS {
        let (_home, log) = store();
        let (latencies, took) = append_all(&log, writers, RECORDS / writers);
        line(&format!("store, {writers} writers"), latencies, took);
    }
}

fn line(name: &str, mut latencies: Vec<Duration>, took: Duration) {
    latencies.sort_unstable();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let per_second = latencies.len() as f64 / took.as_secs_f64();
    println!("{name:<20} {per_second:>12.0} {:>10.2} {:>10.2}", at(50), at(99));
}

criterion_group!(benches, rate);

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
    // Not when the benchmark is only tried out (`cargo test --benches`).
    if std::env::args().any(|arg| arg == "--bench") {
        table();
    }
}
