//! One frame while scrolling at 200x60 with every span open, against handing the whole tree to tui-tree-widget.

#![allow(missing_docs, clippy::expect_used, reason = "macros make public items; nothing here can fail")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;
use tama_tui::app::{self, Key, Msg, Setup, State};
use tama_tui::model::{
    Generation, LlmRequestRecord, Millis, ModelName, ModelOptions, RunId, Seq, SpanId, SpanSpec, SpanStart, TextHash,
    TraceBody, TraceEvent, Try, Update,
};
use tama_tui::ui::{self, ColorDepth, Theme, View};
use tui_tree_widget::{Tree, TreeItem, TreeState};

const SIZE: (u16, u16) = (200, 60);
/// Spans of one agent, itself included.
const GROUP: u32 = 10;
const NONE: TextHash = TextHash([0; 16]);

fn started(span: u32) -> TraceBody {
    let agent = span.saturating_sub(1) / GROUP * GROUP + 1;
    let spec = if span == agent {
        SpanSpec::Agent { pattern: "react".into(), input: NONE, prompt: None, prompt_file: None }
    } else {
        SpanSpec::Llm(LlmRequestRecord {
            request: NONE,
            model: ModelName { provider: "script".into(), model: "bench".into() },
            options: ModelOptions::default(),
            system: NONE,
            tools: Vec::new(),
            after: None,
            messages: Vec::new(),
        })
    };
    TraceBody::SpanStarted(SpanStart {
        span: SpanId(span),
        parent: if span == agent { SpanId::RUN } else { SpanId(agent) },
        path: String::new(),
        name: if span == agent { "worker".into() } else { "llm".into() },
        visit: if span == agent { agent / GROUP + 1 } else { span - agent },
        attempt: Try(1),
        generation: Generation(1),
        fan: None,
        spec,
        step: None,
        attributes: std::collections::BTreeMap::new(),
    })
}

fn event(seq: u32, body: TraceBody) -> TraceEvent {
    TraceEvent { seq: Seq(u64::from(seq) + 1), at: Millis(u64::from(seq)), happened: None, body }
}

/// A run of so many spans, every one open, the cursor in the middle.
fn state(spans: u32) -> State {
    let mut state = State::new(Setup { size: SIZE, ..Setup::default() });
    let start = TraceBody::RunStarted {
        run: RunId("bench".into()),
        name: "bench".into(),
        entrypoint: "worker".into(),
        task: NONE,
        pipeline: NONE,
        workspace: String::new(),
        provenance: tama_tui::model::Provenance::default(),
        hash: 1,
    };
    let _ = app::update(&mut state, Msg::Update(Update::Events(vec![event(0, start)])));
    for from in (1..=spans).step_by(10_000) {
        let batch = (from..(from + 10_000).min(spans + 1)).map(|span| event(span, started(span))).collect();
        let _ = app::update(&mut state, Msg::Update(Update::Events(batch)));
    }
    let height = state.height(app::Pane::Tree);
    state.tree.open_all();
    state.tree.select(SpanId(spans / 2), height);
    state
}

/// The same tree as the widget's own items, every one open.
fn whole(spans: u32) -> (Vec<TreeItem<'static, u32>>, TreeState<u32>) {
    let mut opened = TreeState::default();
    let agents = (1..=spans).step_by(GROUP as usize).map(|agent| {
        opened.open(vec![agent]);
        let calls =
            (agent + 1..(agent + GROUP).min(spans + 1)).map(|call| TreeItem::new_leaf(call, format!("llm {call}")));
        TreeItem::new(agent, format!("worker {agent}"), calls.collect()).expect("ids are unique")
    });
    (agents.collect(), opened)
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    for spans in [1_000, 10_000, 100_000, 1_000_000] {
        group.sample_size(if spans < 1_000_000 { 50 } else { 10 });
        group.bench_with_input(BenchmarkId::new("rows in view", spans), &spans, |bencher, spans| {
            let mut state = state(*spans);
            let mut view = View::new(Theme::new(ColorDepth::True));
            let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).expect("a test backend can't fail");
            bencher.iter(|| {
                black_box(app::update(&mut state, Msg::Key(Key::Down)));
                terminal.draw(|frame| ui::draw(frame, &state, &mut view)).expect("a test backend can't fail");
            });
        });
        group.bench_with_input(BenchmarkId::new("whole tree", spans), &spans, |bencher, spans| {
            let (items, mut opened) = whole(*spans);
            let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).expect("a test backend can't fail");
            let area = Rect::new(0, 0, SIZE.0, SIZE.1);
            bencher.iter(|| {
                opened.scroll_down(1);
                let tree = Tree::new(&items).expect("ids are unique");
                terminal
                    .draw(|frame| frame.render_stateful_widget(tree, area, &mut opened))
                    .expect("a test backend can't fail");
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = frames
}
criterion_main!(benches);
