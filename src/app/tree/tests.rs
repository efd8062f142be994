//! Property test: the tree has the same rows as a plain walk over the same spans.

use proptest::prelude::*;

use super::*;
use crate::model::{
    EffectClass, Generation, Millis, RunId, RunState, Seq, SpanSpec, SpanStart, TextHash, TraceBody, TraceEvent, Try,
};

fn hash() -> TextHash {
    TextHash([0; 16])
}

fn start(run: &mut RunState, parent: u32, name: &str) -> SpanId {
    let span = SpanId(u32::try_from(run.trace.len()).unwrap());
    let event = |seq: u64, body| TraceEvent { seq: Seq(seq), at: Millis(seq), happened: None, body };
    let next = run.last.0 + 1;
    if run.trace.is_empty() {
        run.apply(&event(
            next,
            TraceBody::RunStarted {
                run: RunId("r".into()),
                name: "demo".into(),
                entrypoint: "a".into(),
                task: hash(),
                pipeline: hash(),
                workspace: "/w".into(),
                provenance: crate::model::Provenance::default(),
                hash: 1,
            },
        ));
        return span;
    }
    run.apply(&event(
        next,
        TraceBody::SpanStarted(SpanStart {
            span,
            parent: SpanId(parent),
            path: String::new(),
            name: name.into(),
            visit: 1,
            attempt: Try(1),
            generation: Generation(1),
            fan: None,
            spec: SpanSpec::Tool { args: hash(), request: hash(), effect: EffectClass::Read },
            step: None,
            attributes: std::collections::BTreeMap::new(),
        }),
    ));
    span
}

/// The rows that should be visible, by a plain walk over all spans.
fn flatten(run: &RunState, tree: &Tree, closed: &[SpanId]) -> Vec<Row> {
    fn kept(run: &RunState, filter: &str, span: SpanId) -> bool {
        matches(run, span, filter) || run.trace.children(span).any(|child| kept(run, filter, child))
    }
    fn walk(run: &RunState, tree: &Tree, closed: &[SpanId], span: SpanId, depth: usize, out: &mut Vec<Row>) {
        for child in run.trace.children(span).filter(|child| kept(run, tree.filter(), *child)) {
            let has_children = run.trace.children(child).any(|below| kept(run, tree.filter(), below));
            let open = !closed.contains(&child);
            out.push(Row { span: child, depth, has_children, open });
            if open {
                walk(run, tree, closed, child, depth + 1, out);
            }
        }
    }
    let mut out = Vec::new();
    if !run.trace.is_empty() {
        walk(run, tree, closed, SpanId::RUN, 0, &mut out);
    }
    out
}

#[derive(Debug, Clone)]
enum Op {
    Add { parent: u32, name: usize },
    Fold(u32),
    Unfold(u32),
    OpenAll,
    OnlyPath,
    Step(isize),
    Filter(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (any::<u32>(), 0usize..4).prop_map(|(parent, name)| Op::Add { parent, name }),
        3 => any::<u32>().prop_map(Op::Fold),
        2 => any::<u32>().prop_map(Op::Unfold),
        1 => Just(Op::OpenAll),
        1 => Just(Op::OnlyPath),
        3 => (-5isize..6).prop_map(Op::Step),
        1 => (0usize..5).prop_map(Op::Filter),
    ]
}

const NAMES: [&str; 4] = ["Writer", "llm", "tool", "other"];
const HEIGHT: usize = 4;

fn carry_out(op: &Op, run: &mut RunState, tree: &mut Tree, closed: &mut Vec<SpanId>) {
    let pick = |n: u32, run: &RunState| SpanId(1 + n % u32::try_from(run.trace.len().max(2) - 1).unwrap());
    match op {
        Op::Add { parent, name } => {
            let parent = parent % u32::try_from(run.trace.len()).unwrap();
            let span = start(run, parent, NAMES[*name]);
            tree.sync(run);
            assert!(tree.is_open(span));
        }
        Op::Fold(n) => {
            let span = pick(*n, run);
            if run.trace.get(span).is_some() {
                tree.set_open(span, false);
                closed.push(span);
            }
        }
        Op::Unfold(n) => {
            let span = pick(*n, run);
            tree.set_open(span, true);
            closed.retain(|at| *at != span);
        }
        Op::OpenAll => {
            tree.open_all();
            closed.clear();
        }
        Op::OnlyPath => {
            let path: Vec<SpanId> = run.trace.ancestors(tree.cursor()).collect();
            tree.only_path();
            *closed = (1..run.trace.len()).map(|i| SpanId(u32::try_from(i).unwrap())).collect();
            closed.retain(|span| !path.contains(span));
        }
        Op::Step(by) => tree.step(*by, HEIGHT),
        Op::Filter(which) => tree.set_filter(["", "wri", "LL", "t", "zzz"][*which], run),
    }
}

proptest! {
    #[test]
    fn agrees_with_a_naive_flatten(ops in prop::collection::vec(op(), 1..60)) {
        let (mut run, mut tree, mut closed) = (RunState::default(), Tree::default(), Vec::new());
        start(&mut run, 0, "");
        tree.sync(&run);
        for op in &ops {
            carry_out(op, &mut run, &mut tree, &mut closed);
            let rows = flatten(&run, &tree, &closed);
            prop_assert_eq!(tree.len(), rows.len(), "{:?}", op);
            prop_assert_eq!(&tree.window(0, usize::MAX), &rows);
            for (at, row) in rows.iter().enumerate() {
                prop_assert_eq!(tree.at(at), Some(row.span));
                prop_assert_eq!(tree.row_of(row.span), Some(at));
                let above: Vec<SpanId> = tree.sticky(at).iter().map(|row| row.span).collect();
                let mut expected: Vec<SpanId> = run.trace.ancestors(row.span).filter(|span| *span != SpanId::RUN).collect();
                expected.reverse();
                prop_assert_eq!(above, expected);
                prop_assert_eq!(tree.window(at, 2), rows[at..rows.len().min(at + 2)].to_vec());
            }
            prop_assert_eq!(tree.at(rows.len()), None);
            if rows.is_empty() {
                prop_assert!(tree.row_of(tree.cursor()).is_none());
            } else {
                let (top, row) = (tree.top(HEIGHT), tree.row_of(tree.cursor()));
                prop_assert!(row.is_some_and(|row| (top..top + HEIGHT).contains(&row)), "{:?} {} {:?}", op, top, row);
            }
        }
    }
}

proptest! {
    #[test]
    fn the_first_spans_of_a_run_have_the_rows_that_they_had(
        ops in prop::collection::vec(op(), 20..80),
        steps in prop::collection::vec(any::<usize>(), 1..6),
    ) {
        let (mut run, mut tree, mut closed) = (RunState::default(), Tree::default(), Vec::new());
        start(&mut run, 0, "");
        tree.sync(&run);
        // As many spans as make few of them few.
        for parent in 0..40 {
            start(&mut run, parent / 2, NAMES[parent as usize % 4]);
        }
        tree.sync(&run);
        for op in &ops {
            carry_out(op, &mut run, &mut tree, &mut closed);
        }
        let all = run.trace.len();
        for step in steps {
            // One less as often as any number.
            let spans = if step % 2 == 0 { tree.nodes.len().saturating_sub(1).max(1) } else { 1 + step % all };
            let mut then = RunState::default();
            start(&mut then, 0, "");
            for (at, found) in (1u32..).zip(run.trace.spans().iter_from(1)).take(spans - 1) {
                start(&mut then, found.parent.0, run.trace.name(SpanId(at)));
            }
            // What comes again is open.
            closed.retain(|span| (span.0 as usize) < tree.nodes.len().min(spans));
            tree.show_until(spans, &then);
            let rows = flatten(&then, &tree, &closed);
            prop_assert_eq!(&tree.window(0, usize::MAX), &rows);
            for (at, row) in rows.iter().enumerate() {
                prop_assert_eq!((tree.at(at), tree.row_of(row.span)), (Some(row.span), Some(at)));
            }
        }
    }
}

#[test]
fn rows_added_above_leave_the_view_in_place() {
    let (mut run, mut tree) = (RunState::default(), Tree::default());
    start(&mut run, 0, "");
    let first = start(&mut run, 0, "first");
    for _ in 0..10 {
        start(&mut run, 0, "later");
    }
    tree.sync(&run);
    tree.step(7, 5);
    let (cursor, top) = (tree.cursor(), tree.top(5));
    for _ in 0..3 {
        start(&mut run, first.0, "below the first");
    }
    tree.sync(&run);
    assert_eq!((tree.cursor(), tree.top(5)), (cursor, top + 3));
}

#[test]
fn the_order_of_all_spans_goes_both_ways() {
    let (mut run, mut tree) = (RunState::default(), Tree::default());
    for parent in [0, 0, 1, 1, 0, 3, 4] {
        start(&mut run, parent, "x");
    }
    tree.sync(&run);
    let mut order = vec![SpanId::RUN];
    for _ in 1..run.trace.len() {
        order.push(tree.following(*order.last().unwrap()));
    }
    assert_eq!(tree.following(*order.last().unwrap()), SpanId::RUN);
    for pair in order.windows(2) {
        assert_eq!(tree.preceding(pair[1]), pair[0]);
    }
    assert_eq!(tree.preceding(SpanId::RUN), *order.last().unwrap());
}
