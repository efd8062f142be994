//! Durable action records at 1, 8 and 64 concurrent writers, against one autocommit INSERT per record.
//!
//! Criterion measures the rates. The table at the end tells what a writer waits for its record; its lines are measured
//! in turn, a slice of each in every round, so that whatever else the machine does falls on all of them alike.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that can't write has nothing to tell")]

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group};
use duckdb::{Connection, params};
use tama_tui::model::{ActionOp, ActionRecord, Key, KeyState, SpanId, TraceBody, Undoability};
use tama_tui::store::{DataDir, NewRun, RunLog};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

const WRITERS: [u64; 3] = [1, 8, 64];

/// A way of recording one record by one INSERT.
type Plain = fn(&Connection, i64);

const PLAIN: [(&str, Plain); 2] = [("ancestor's insert", insert), ("prepared insert", prepared)];

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
        provenance: tama_tui::model::Provenance::default(),
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

/// As the ancestor does it: parsed and planned for every record.
fn insert(connection: &Connection, seq: i64) {
    let old: Option<String> = Some("intro, fixes, thanks".to_owned());
    let sql = "INSERT INTO action_log (seq, span_id, tool_name, key, old_value) VALUES (?,?,?,?,?)";
    connection.execute(sql, params![seq, "s3", "tama_mem_set", "outline", old]).unwrap();
}

/// The best a plain INSERT can do: prepared once, every parameter of its column's type.
fn prepared(connection: &Connection, seq: i64) {
    let mut insert = connection.prepare_cached("INSERT INTO action_log VALUES (?, ?, ?, ?, ?)").unwrap();
    insert.execute(params![seq, "s3", "tama_mem_set", "outline", "intro, fixes, thanks"]).unwrap();
}

/// The runtime as the program has it, on two threads.
fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Each writer is a task and appends `each` records; the latency of every record, and the time for all.
fn append_all(runtime: &Runtime, log: &RunLog, writers: u64, each: u64) -> (Vec<Duration>, Duration) {
    let start = Instant::now();
    let spawn = |_| {
        let log = log.clone();
        runtime.spawn(async move {
            let mut latencies = Vec::new();
            for _ in 0..each {
                let start = Instant::now();
                log.append_durable(vec![TraceBody::Action(record())]).durable().await.unwrap();
                latencies.push(start.elapsed());
            }
            latencies
        })
    };
    let tasks: Vec<_> = (0..writers).map(spawn).collect();
    let all = runtime.block_on(futures::future::join_all(tasks));
    (all.into_iter().flat_map(Result::unwrap).collect(), start.elapsed())
}

fn rate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("durable action record");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(1));
    for (name, one) in PLAIN {
        let (_home, connection) = plain();
        group.bench_function(name, |bench| bench.iter(|| one(&connection, 1)));
    }
    let runtime = runtime();
    for writers in WRITERS {
        let (_home, log) = store();
        group.throughput(Throughput::Elements(writers));
        group.bench_function(format!("store, {writers} writers"), |bench| {
            bench.iter_custom(|rounds| append_all(&runtime, &log, writers, rounds).1);
        });
    }
    group.finish();
}

/// What one way of recording took.
#[derive(Default)]
struct Taken {
    latencies: Vec<Duration>,
    time: Duration,
}

impl Taken {
    fn at(&self, percent: usize) -> f64 {
        self.latencies[(self.latencies.len() - 1) * percent / 100].as_secs_f64() * 1e3
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.time.as_secs_f64()
    }
}

fn table() {
    const ROUNDS: i64 = 20;
    const PLAIN_RECORDS: i64 = 50;
    const RECORDS: u64 = 512;
    let runtime = runtime();
    let plains = PLAIN.map(|(name, one)| (name, one, plain()));
    let stores = WRITERS.map(|writers| (writers, store()));
    let mut taken: Vec<Taken> = Vec::new();
    taken.resize_with(plains.len() + stores.len(), Taken::default);
    for _ in 0..ROUNDS {
        let mut slots = taken.iter_mut();
        for ((_, one, (_home, connection)), slot) in plains.iter().zip(slots.by_ref()) {
            for seq in 0..PLAIN_RECORDS {
                let start = Instant::now();
                one(connection, seq);
                let took = start.elapsed();
                slot.latencies.push(took);
                slot.time += took;
            }
        }
        for ((writers, (_home, log)), slot) in stores.iter().zip(slots) {
            // At least so many each that the first commit, when not all are there yet, counts for little.
            let each = (RECORDS / writers).clamp(32, 64);
            let (latencies, took) = append_all(&runtime, log, *writers, each);
            slot.latencies.extend(latencies);
            slot.time += took;
        }
    }
    for taken in &mut taken {
        taken.latencies.sort_unstable();
    }
    let names = PLAIN.map(|(name, _)| name.to_owned()).into_iter();
    let names = names.chain(WRITERS.map(|writers| format!("store, {writers} writers")));
    let (p50, rate) = (taken[0].at(50), taken[0].rate());
    println!(
        "\n{:<22} {:>10} {:>7} {:>8} {:>8} {:>8}",
        "durable records", "per second", "rate", "p50 ms", "p99 ms", "p50"
    );
    for (name, taken) in names.zip(&taken) {
        let (per_second, half) = (taken.rate(), taken.at(50));
        println!(
            "{name:<22} {per_second:>10.0} {:>6.1}x {half:>8.2} {:>8.2} {:>7.1}x",
            per_second / rate,
            taken.at(99),
            half / p50,
        );
    }
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
