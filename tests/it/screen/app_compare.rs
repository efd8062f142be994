//! The Diff panel: try against try, and the marked span against the selected one.

use tama_tui::app::{Key, Pane, PanelLine};
use tama_tui::model::{
    self, Comparison, DiffBody, Generation, Hunk, HunkLine, LineIn, MomentAsked, SectionDiff, SpanId, SpanStatus,
    TraceBody, Update,
};

use crate::support::app_support::{Bench, Spans, agent};

fn rows(bench: &Bench) -> Vec<String> {
    let (_, len) = bench.state.position(Pane::Diff);
    bench.state.panel_lines(Pane::Diff, 0..len).iter().map(PanelLine::text).collect()
}

/// A run whose writer was retried, and wrote one more key in its second try.
fn retried() -> (Bench, Spans, SpanId) {
    let (mut bench, spans) = Bench::paused();
    bench.change(spans.second, model::ActionChange::Undone { forced: false });
    bench.change(spans.first, model::ActionChange::Undone { forced: false });
    let gone = vec![spans.writer, spans.llm, spans.tool, spans.call];
    bench.event(TraceBody::Invalidated {
        generation: Generation(2),
        cause: spans.writer,
        spans: gone,
        paths: Vec::new(),
        reopened: vec![spans.editor],
        stale: Vec::new(),
    });
    let writer = bench.start(spans.editor, "writer", 1, 2, agent());
    let tool = bench.tool(writer, "tama_files_write");
    bench.action(writer, tool, model::Key::file("NOTES.md"));
    bench.action(writer, tool, model::Key::memory("outline"));
    bench.action(writer, tool, model::Key::memory("planted"));
    bench.end(tool, SpanStatus::Ok);
    bench.end(writer, SpanStatus::Ok);
    (bench, spans, writer)
}

fn select(bench: &mut Bench, span: SpanId) {
    bench.keys(&format!(":{span}"));
    bench.key(Key::Enter);
    assert_eq!(bench.state.selected(), span);
}

#[test]
fn a_try_is_compared_with_the_one_before_and_one_planted_write_is_one_line() {
    let (mut bench, spans, writer) = retried();
    select(&mut bench, writer);
    let asked = bench.keys("6");
    assert_eq!(asked, [model::Command::Compare { left: spans.writer, right: writer }]);
    let found = rows(&bench);
    let world: Vec<&String> = found.iter().skip_while(|row| !row.starts_with("changes")).skip(1).collect();
    let lines: Vec<&&String> = world.iter().filter(|row| row.starts_with(['+', '-', '±'])).collect();
    assert_eq!(lines.len(), 1, "{found:?}");
    assert!(lines[0].contains("planted"), "{found:?}");
    assert!(found.iter().any(|row| row.starts_with("state") && row.contains('→')), "{found:?}");
}

#[test]
fn texts_are_shown_line_by_line_when_they_come() {
    let (mut bench, spans, writer) = retried();
    select(&mut bench, writer);
    bench.keys("6");
    assert!(rows(&bench).iter().any(|row| row.contains("reading the texts")));
    let line = |side, text: &str| HunkLine { side, number: 1, text: text.into(), unended: false };
    let hunk =
        Hunk { old: (1, 1), new: (1, 1), lines: vec![line(LineIn::Old, "be kind"), line(LineIn::New, "be brief")] };
    let section = |title: &str, body| SectionDiff { title: title.into(), body, notes: Vec::new() };
    let sections = vec![
        section("prompt", DiffBody::Lines { hunks: vec![hunk], added: 1, removed: 1 }),
        section("input", DiffBody::Same),
    ];
    bench.send(Update::Comparison(Box::new(Comparison { left: spans.writer, right: writer, sections })));
    let found = rows(&bench);
    for wanted in ["prompt +1 -1", "- be kind", "+ be brief", "input the same"] {
        assert!(found.iter().any(|row| row == wanted), "{wanted}: {found:?}");
    }
    bench.keys("gg");
    bench.key(Key::Enter);
    assert_eq!(bench.state.selected(), spans.writer, "Enter on the first line goes to the earlier try");
}

#[test]
fn texts_that_came_later_than_the_moment_are_left_out() {
    let (mut bench, spans, writer) = retried();
    let text = |title: &str| SectionDiff {
        title: title.into(),
        body: DiffBody::Lines { hunks: Vec::new(), added: 1, removed: 2 },
        notes: Vec::new(),
    };
    let both = Comparison { left: spans.writer, right: writer, sections: vec![text("output"), text("input")] };
    select(&mut bench, writer);
    bench.keys("6");
    bench.send(Update::Comparison(Box::new(both.clone())));
    assert!(rows(&bench).iter().any(|row| row == "output +1 -2"), "{:?}", rows(&bench));
    // Right after the second try began, it had an input and no output.
    let began = bench.state.run.trace.get(writer).unwrap().started;
    bench.scrub(MomentAsked { from: began, by: 0 });
    bench.send(Update::Comparison(Box::new(both)));
    let found = rows(&bench);
    assert!(found.iter().any(|row| row == "input +1 -2"), "{found:?}");
    assert!(found.iter().any(|row| row == "output not yet there on both sides"), "{found:?}");
}

#[test]
fn a_marked_span_is_compared_with_the_selected_one() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("6");
    assert_eq!(rows(&bench), Vec::<String>::new());
    assert!(bench.state.empty_text(Pane::Diff).contains("ran once"));
    select(&mut bench, spans.llm);
    bench.keys("m");
    assert!(bench.message().contains("is marked"), "{}", bench.message());
    bench.keys(&format!(":{}", spans.call));
    let asked = bench.ask(Key::Enter);
    assert_eq!(asked, [model::Command::Compare { left: spans.llm, right: spans.call }]);
    select(&mut bench, spans.llm);
    bench.keys("m");
    assert!(bench.message().contains("not marked any more"), "{}", bench.message());
}

#[test]
fn a_run_compared_with_itself_is_empty_and_one_planted_write_is_one_line() {
    let (mut bench, spans) = Bench::paused();
    let before = bench.folded(bench.last());
    assert!(model::compare_runs(&before, &before, |_, _| false).is_empty());
    bench.action(spans.writer, spans.tool, model::Key::file("planted"));
    let after = bench.folded(bench.last());
    let found = model::compare_runs(&before, &after, |_, _| false);
    assert_eq!((found.spans.len(), found.world.len()), (0, 1), "{found:?}");
    let tool = bench.tool(spans.writer, "tama_bash");
    let longer = bench.folded(bench.last());
    let found = model::compare_runs(&after, &longer, |_, _| false);
    assert!(found.spans.contains(&model::SpanDifference::Added(tool)), "{found:?}");
    let found = model::compare_runs(&longer, &after, |_, _| false);
    assert!(found.spans.contains(&model::SpanDifference::Gone(tool)), "{found:?}");
}
