//! States in the tree: jumps between them, when a pause is offered, and where Rollback lies.

use tama_tui::app::{About, Key, Pane, Word, footer, header, shown_try, span_text};
use tama_tui::model::{
    self, ActionChange, Conflict, ConflictBy, EndCause, Gate, Generation, PauseReason, SpanEnd, SpanState, SpanStatus,
    TraceBody, UndoReport, Update,
};

use crate::support::app_support::{Bench, agent, tool};

fn ask(bench: &mut Bench, tool: model::SpanId) {
    let reason = PauseReason::Policy { rule: "ask rule \"tama_bash\"".into() };
    bench.event(TraceBody::Paused { span: tool, gate: Gate::BeforeTool, reason });
}

#[test]
fn jumps_tell_approvals_failures_and_stops_apart() {
    let (mut bench, spans) = Bench::paused();
    for (keys, why) in [
        ("]a", "nothing needs an approval or an answer"),
        ("[a", "nothing needs an approval or an answer"),
        ("]e", "no span failed"),
    ] {
        bench.keys(keys);
        assert_eq!(bench.message(), why);
    }
    let asked = bench.tool(spans.writer, "tama_bash");
    ask(&mut bench, asked);
    let call = bench.llm(spans.writer, 3);
    bench.end(call, SpanStatus::Error);
    let reason = PauseReason::Error { error: "HTTP 529".into() };
    bench.event(TraceBody::Paused { span: call, gate: Gate::Error, reason });
    let program = bench.tool(spans.editor, "deploy");
    let cause = Some(EndCause::Exit { code: 3 });
    bench.event(TraceBody::SpanEnded(SpanEnd { cause, ..SpanEnd::new(program, SpanStatus::Ok) }));
    bench.keys("gg]a");
    assert_eq!(bench.state.selected(), asked);
    bench.keys("gg[a");
    assert_eq!(bench.state.selected(), asked);
    bench.keys("gg]e");
    assert_eq!(bench.state.selected(), call, "an error that stops is a failure");
    bench.keys("]e");
    assert_eq!(bench.state.selected(), program, "a program that exited with 3 failed");
    bench.keys("gg]p]p");
    assert_eq!(bench.state.selected(), spans.call, "approvals and errors are no pauses");
}

#[test]
fn a_pause_is_offered_while_something_works_only() {
    let (mut bench, spans) = Bench::paused();
    let offered = |bench: &Bench| footer(&bench.state).hints.iter().any(|(_, name)| *name == "pause");
    assert!(!offered(&bench));
    assert_eq!(bench.keys("p"), []);
    assert!(bench.message().contains("all of it is stopped"), "{}", bench.message());
    assert_eq!(bench.state.run.span_state(spans.call), SpanState::Paused);
    assert!(!header(&bench.state).status().contains("running"), "{}", header(&bench.state).status());
    let other = bench.tool(spans.editor, "tama_bash");
    assert!(header(&bench.state).status().ends_with("● running"));
    assert_eq!(bench.keys("p"), [model::Command::Pause]);
    bench.pause(other, Gate::AfterTool);
    assert_eq!(bench.keys("p"), []);
}

#[test]
fn the_header_counts_what_stands_and_tells_work_from_waiting() {
    let (mut bench, spans) = Bench::paused();
    assert_eq!(header(&bench.state).status(), "‖ PAUSED (before llm, step)");
    let asked = bench.tool(spans.writer, "tama_bash");
    ask(&mut bench, asked);
    let shown = header(&bench.state);
    assert_eq!(shown.status(), "◆ 1 NEEDS APPROVAL  ‖ 1 paused");
    let (work, open) = (shown.work, shown.open);
    assert!(work < open, "{work} {open}");
    bench.event(TraceBody::Note { span: None, error: false, text: "a second later".into() });
    let later = header(&bench.state);
    assert_eq!((later.work, later.open), (work, open + 1_000));
}

#[test]
fn rollback_takes_room_with_its_rows_only() {
    let (mut bench, spans) = Bench::paused();
    bench.state.tree.select(spans.llm, 20);
    bench.keys("k");
    bench.keys("j");
    assert_eq!(bench.state.selected(), spans.llm);
    let detail = bench.state.layout().area(Pane::Detail);
    assert_eq!((bench.state.layout().area(Pane::Rollback).height, detail.height), (0, 38));
    bench.keys("3");
    assert_eq!((bench.state.focus, bench.state.layout().area(Pane::Rollback).height), (Pane::Tree, 0));
    assert_eq!(bench.message(), "3 rollback: no changes here");
    for _ in Pane::ALL {
        bench.key(Key::Tab);
        assert_ne!(bench.state.focus, Pane::Rollback);
    }
    bench.key(Key::Esc);
    bench.keys("j");
    assert_eq!(bench.state.selected(), spans.tool);
    let layout = bench.state.layout();
    assert!(layout.area(Pane::Rollback).height > 0);
    assert_eq!(layout.area(Pane::Detail).height + layout.area(Pane::Rollback).height, detail.height);
}

#[test]
fn below_the_tree_an_empty_rollback_gives_its_room_to_detail() {
    let (mut bench, spans) = Bench::paused();
    bench.state.size = (80, 24);
    bench.keys("h3");
    assert!(
        bench.state.layout().area(Pane::Rollback).height > 0 && bench.state.layout().area(Pane::Detail).height == 0
    );
    // The list becomes empty while it has the keys.
    bench.state.tree.select(spans.call, 9);
    bench.key(Key::Char('v'));
    let layout = bench.state.layout();
    assert_eq!((bench.state.focus, layout.area(Pane::Rollback).height), (Pane::Tree, 0));
    assert!(layout.area(Pane::Detail).height > 0);
    // Narrowed to a span that has none of its own, it stays, so that it can be widened again.
    bench.state.tree.select(spans.editor, 9);
    bench.keys("v3t");
    assert_eq!((bench.state.focus, bench.state.rollback.seqs().len()), (Pane::Rollback, 0));
    bench.keys("t");
    assert_eq!(bench.state.rollback.seqs().len(), 2);
}

#[test]
fn a_known_conflict_is_not_ready() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("h");
    let words = |bench: &Bench| -> Vec<Word> {
        bench.state.rollback.window(&bench.state.run, 9).into_iter().map(|row| row.word).collect()
    };
    assert_eq!(words(&bench), [Word::Next, Word::Free]);
    let by = ConflictBy::Outside { found: "other content (913 bytes)".into() };
    let conflict = Conflict { action: spans.first, key: "NOTES.md".into(), by };
    bench.send(Update::Undo(UndoReport { conflict: Some(conflict), ..UndoReport::default() }));
    bench.key(Key::Esc);
    assert_eq!(words(&bench), [Word::Next, Word::Conflict]);
    bench.change(spans.second, ActionChange::Undone { forced: false });
    assert_eq!(words(&bench), [Word::Undone, Word::Next], "it may be gone by now");
}

#[test]
fn workers_of_a_large_fan_out_fold_when_they_are_done() {
    let mut bench = Bench::new();
    let map = bench.agent(model::SpanId::RUN, "map");
    let workers: Vec<_> = (0..30).map(|index| bench.worker(map, index)).collect();
    let calls: Vec<_> = workers.iter().map(|worker| bench.llm(*worker, 1)).collect();
    for (worker, call) in workers.iter().zip(&calls).take(28) {
        bench.end(*call, SpanStatus::Ok);
        bench.end(*worker, SpanStatus::Ok);
    }
    assert!(workers[..28].iter().all(|worker| !bench.state.tree.is_open(*worker)));
    assert!(workers[28..].iter().all(|worker| bench.state.tree.is_open(*worker)));
    let text = span_text(&bench.state.run, map);
    assert_eq!((text.name.as_str(), text.about), ("map", About::Text("28 of 30 done".into())));
}

#[test]
fn a_retry_is_named_on_the_span_that_was_retried() {
    let (mut bench, spans) = Bench::paused();
    bench.event(TraceBody::Invalidated {
        generation: Generation(2),
        cause: spans.writer,
        spans: vec![spans.writer, spans.llm, spans.tool, spans.call],
        paths: vec!["editor/writer".into()],
        reopened: vec![spans.editor],
        stale: vec![],
    });
    bench.generation = Generation(2);
    let writer = bench.start(spans.editor, "writer", 1, 2, agent());
    let tool = bench.start(writer, "tama_files_write", 1, 2, tool());
    let run = &bench.state.run;
    assert_eq!([shown_try(run, writer), shown_try(run, tool), shown_try(run, spans.writer)], [Some(2), None, None]);
}
