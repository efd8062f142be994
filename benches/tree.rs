//! Scrolling the span tree: one frame's rows from a run of growing size, against making all its rows. The time of a
//! frame should not grow with the run.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tama_tui::app::Tree;
use tama_tui::model::{
    EffectClass, Generation, Millis, RunId, RunState, Seq, SpanId, SpanSpec, SpanStart, TextHash, TraceBody,
    TraceEvent, Try,
};

const HEIGHT: usize = 50;
const HASH: TextHash = TextHash([0; 16]);

/// A run of so many spans: ten agents, and under each all the rest, or agents with nine calls each.
fn run(spans: u32, wide: bool) -> RunState {
    let mut run = RunState::default();
    let mut apply = |seq: u32, body| {
        run.apply(&TraceEvent { seq: Seq(u64::from(seq) + 1), at: Millis(u64::from(seq)), happened: None, body });
    };
    apply(
        0,
        TraceBody::RunStarted {
            run: RunId("r".into()),
            name: "bench".into(),
            entrypoint: "editor".into(),
            task: HASH,
            pipeline: HASH,
            workspace: "/w".into(),
            provenance: tama_tui::model::Provenance::default(),
            hash: 1,
        },
    );
    for n in 1..spans {
        let is_agent = if wide { n <= 10 } else { n % 10 == 1 };
        let parent = match (is_agent, wide) {
            (true, _) => 0,
            (false, true) => 1 + n % 10,
            (false, false) => n - (n + 9) % 10,
        };
        let spec = if is_agent {
            SpanSpec::Agent { pattern: "react".into(), input: HASH, prompt: None, prompt_file: None }
        } else {
            SpanSpec::Tool { args: HASH, request: HASH, effect: EffectClass::Read }
        };
        apply(
            n,
            TraceBody::SpanStarted(SpanStart {
                span: SpanId(n),
                parent: SpanId(parent),
                path: String::new(),
                name: if is_agent { "writer".into() } else { "tama_mem_get".into() },
                visit: n,
                attempt: Try(1),
                generation: Generation(1),
                fan: None,
                spec,
                step: None,
                attributes: std::collections::BTreeMap::new(),
            }),
        );
    }
    run
}

fn scroll(c: &mut Criterion) {
    for (shape, wide) in [("deep", false), ("wide", true)] {
        let mut group = c.benchmark_group(format!("tree/scroll/{shape}"));
        for spans in [1_000, 10_000, 100_000, 1_000_000] {
            let run = run(spans, wide);
            let mut tree = Tree::default();
            tree.sync(&run);
            let len = tree.len();
            let mut down = true;
            group.bench_function(BenchmarkId::new("rows in view", spans), |b| {
                b.iter(|| {
                    tree.step(if down { 37 } else { -37 }, HEIGHT);
                    let top = tree.top(HEIGHT);
                    if top == 0 || top + HEIGHT >= len {
                        down = !down;
                    }
                    black_box((tree.sticky(top), tree.window(top, HEIGHT)))
                });
            });
            group.bench_function(BenchmarkId::new("all rows", spans), |b| b.iter(|| black_box(tree.window(0, len))));
        }
        group.finish();
    }
}

fn fold(c: &mut Criterion) {
    let mut group = c.benchmark_group("tree/fold_and_unfold");
    for spans in [1_000, 10_000, 100_000, 1_000_000] {
        let run = run(spans, true);
        let mut tree = Tree::default();
        tree.sync(&run);
        group.bench_function(BenchmarkId::from_parameter(spans), |b| {
            b.iter(|| {
                tree.set_open(SpanId(3), false);
                tree.set_open(SpanId(3), true);
                black_box(tree.len())
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1));
    targets = scroll, fold
}
criterion_main!(benches);
