//! Folding events into the run's state and the tree: events per second, and resident bytes per span (no payloads);
//! against only keeping the events.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tama_tui::app::Tree;
use tama_tui::model::{
    EffectClass, Generation, Millis, RunId, RunState, Seq, SpanEnd, SpanId, SpanSpec, SpanStart, SpanStatus, TextHash,
    TraceBody, TraceEvent, Try, Usage,
};

const HASH: TextHash = TextHash([0; 16]);

/// The events of a run: agents with nine tool calls each, every span started and ended.
fn events(spans: u32) -> impl Iterator<Item = TraceEvent> {
    let first = TraceBody::RunStarted {
        run: RunId("r".into()),
        name: "bench".into(),
        entrypoint: "editor".into(),
        task: HASH,
        pipeline: HASH,
        workspace: "/w".into(),
        provenance: tama_tui::model::Provenance::default(),
        hash: 1,
    };
    let bodies = std::iter::once(first).chain((1..spans).flat_map(|n| [start(n), end(n)]));
    (1..).zip(bodies).map(|(seq, body)| TraceEvent { seq: Seq(seq), at: Millis(seq), happened: None, body })
}

fn start(n: u32) -> TraceBody {
    let is_agent = n % 10 == 1;
    let spec = if is_agent {
        SpanSpec::Agent { pattern: "react".into(), input: HASH, prompt: None, prompt_file: None }
    } else {
        SpanSpec::Tool { args: HASH, request: HASH, effect: EffectClass::Read }
    };
    TraceBody::SpanStarted(SpanStart {
        span: SpanId(n),
        parent: SpanId(if is_agent { 0 } else { n - (n + 9) % 10 }),
        path: String::new(),
        name: if is_agent { "writer".into() } else { "tama_mem_get".into() },
        visit: n,
        attempt: Try(1),
        generation: Generation(1),
        fan: None,
        spec,
        step: None,
        attributes: std::collections::BTreeMap::new(),
    })
}

fn end(n: u32) -> TraceBody {
    TraceBody::SpanEnded(SpanEnd {
        span: SpanId(n),
        status: SpanStatus::Ok,
        finish: None,
        output: Some(HASH),
        so_far: None,
        usage: Some(Usage { input: 10, output: 10 }),
        cost: Some(1),
        answered: false,
        cause: None,
        waited: None,
    })
}

fn fold(c: &mut Criterion) {
    let mut group = c.benchmark_group("fold");
    for spans in [1_000, 10_000, 100_000] {
        let events: Vec<TraceEvent> = events(spans).collect();
        group.throughput(Throughput::Elements(events.len() as u64));
        group.bench_function(BenchmarkId::new("keep the events", spans), |b| {
            b.iter_batched(|| (), |()| black_box(events.clone()), BatchSize::LargeInput);
        });
        group.bench_function(BenchmarkId::new("fold", spans), |b| {
            b.iter_batched(
                || (RunState::default(), Tree::default()),
                |(mut run, mut tree)| {
                    for batch in events.chunks(64) {
                        for event in batch {
                            run.apply(event);
                        }
                        tree.sync(&run);
                    }
                    black_box((run, tree))
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
    resident();
}

/// Prints the memory that a million spans take, as the system counts it.
fn resident() {
    const SPANS: u32 = 1_000_000;
    grown("folded", SPANS, || {
        let (mut run, mut tree) = (RunState::default(), Tree::default());
        events(SPANS).for_each(|event| run.apply(&event));
        tree.sync(&run);
        (run, tree)
    });
    grown("events only", SPANS, || events(SPANS).collect::<Vec<_>>());
}

/// Prints by how much resident memory grows.
fn grown<T>(name: &str, spans: u32, make: impl FnOnce() -> T) {
    let before = resident_bytes();
    let kept = make();
    if let (Some(before), Some(after)) = (before, resident_bytes()) {
        let each = after.saturating_sub(before) / u64::from(spans);
        println!("fold/resident, {name:<12} {each:>5} bytes a span, {spans} spans");
    }
    black_box(kept);
}

/// Resident memory of this process; `None` where there is no /proc.
fn resident_bytes() -> Option<u64> {
    const PAGE: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(statm.split_whitespace().nth(1)?.parse::<u64>().ok()? * PAGE)
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = fold
}
criterion_main!(benches);
