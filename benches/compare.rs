//! Comparing two runs span by span, at growing sizes: a run with itself, and with one that has another span.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tama_tui::model::{
    EffectClass, Generation, Millis, Provenance, RunId, RunState, Seq, SpanEnd, SpanId, SpanSpec, SpanStart,
    SpanStatus, TextHash, TraceBody, TraceEvent, Try, compare_spans,
};

const HASH: TextHash = TextHash([0; 16]);

/// A run of agents with nine tool calls each.
fn run(spans: u32) -> RunState {
    let first = TraceBody::RunStarted {
        run: RunId("r".into()),
        name: "bench".into(),
        entrypoint: "editor".into(),
        task: HASH,
        pipeline: HASH,
        workspace: "/w".into(),
        provenance: Provenance::default(),
        hash: 1,
    };
    let bodies = std::iter::once(first).chain((1..spans).flat_map(|n| [start(n), end(n)]));
    let mut state = RunState::default();
    for (seq, body) in (1..).zip(bodies) {
        state.apply(&TraceEvent { seq: Seq(seq), at: Millis(seq), happened: None, body });
    }
    state
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
        attributes: BTreeMap::new(),
    })
}

fn end(n: u32) -> TraceBody {
    TraceBody::SpanEnded(SpanEnd { output: Some(HASH), ..SpanEnd::new(SpanId(n), SpanStatus::Ok) })
}

fn compare(c: &mut Criterion) {
    let mut group = c.benchmark_group("compare");
    group.sample_size(10);
    for spans in [1_000, 10_000, 100_000] {
        let (one, other) = (run(spans), run(spans + 1));
        for (name, other) in [("with itself", &one), ("with another", &other)] {
            group.bench_function(BenchmarkId::new(name, spans), |b| {
                b.iter(|| black_box(compare_spans((&one, SpanId::RUN), (other, SpanId::RUN), |_, _| false)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, compare);
criterion_main!(benches);
