//! Going back in time: every panel shows the moment, the run goes on beside it, and nothing can be changed meanwhile.

use tama_tui::app::{Key, Pane, footer, header, strip};
use tama_tui::model::{self, ActionChange, Gate, Moment, MomentAsked, Seq, SpanStatus, TraceBody, Update};

use crate::support::app_support::Bench;

#[test]
fn a_key_asks_for_the_event_before_and_shows_it_everywhere() {
    let (mut bench, spans) = Bench::paused();
    let last = bench.last();
    let asked = MomentAsked { from: last, by: -1 };
    assert_eq!(bench.keys(","), [model::Command::Moment(asked)]);
    assert!(!bench.state.timeline.is_past(), "nothing is shown before it is there");
    bench.answer(asked);
    assert_eq!(bench.state.timeline.seq(), Some(Seq(last.0 - 1)));
    assert!(bench.state.run.trace.pause(spans.call).is_none(), "it was not paused then");
    let shown = strip(&bench.state).unwrap();
    assert_eq!(shown.place, format!("#{} of {}", last.0 - 1, last.0));
    assert!(shown.event.contains("starts"), "{}", shown.event);
    assert!(shown.waiting.is_some_and(|waiting| waiting.contains("1 paused")));

    // Back to before the first action: Rollback is empty, and the span that did it has not begun.
    let before = MomentAsked { from: Seq(spans.first.0 - 1), by: 0 };
    bench.scrub(before);
    assert_eq!(bench.state.rollback.seqs(), []);
    assert_eq!(bench.state.run.ledger.heads().count(), 0);
    assert!(bench.state.run.trace.get(spans.call).is_none());
    assert!(bench.state.tree.row_of(spans.call).is_none() && bench.state.tree.row_of(spans.writer).is_some());

    bench.key(Key::Esc);
    assert!(!bench.state.timeline.is_past() && strip(&bench.state).is_none());
    assert_eq!(bench.message(), "", "Esc has done something");
    assert!(bench.state.run.trace.pause(spans.call).is_some() && bench.state.tree.row_of(spans.call).is_some());
    bench.keys("gg");
    assert_eq!(bench.state.rollback.seqs().len(), 2);
}

#[test]
fn spans_are_gone_through_by_their_beginnings() {
    let (mut bench, spans) = Bench::paused();
    let began = |bench: &Bench, span| bench.state.run.trace.get(span).unwrap().started;
    let at = began(&bench, spans.call);
    assert_eq!(bench.keys("<"), [model::Command::Moment(MomentAsked { from: at, by: 0 })]);
    bench.answer(MomentAsked { from: at, by: 0 });
    assert_eq!((bench.state.selected(), bench.state.timeline.seq()), (spans.call, Some(at)));
    let asked = bench.keys("<");
    let [model::Command::Moment(asked)] = asked[..] else { panic!("{asked:?}") };
    bench.answer(asked);
    assert_eq!(bench.state.selected(), spans.tool);
    let asked = bench.keys(">");
    let [model::Command::Moment(asked)] = asked[..] else { panic!("{asked:?}") };
    bench.answer(asked);
    assert_eq!(bench.state.selected(), spans.call);
    bench.keys(">");
    assert!(!bench.state.timeline.is_past(), "after the last span comes now");
    assert_eq!(bench.state.selected(), spans.call);
}

#[test]
fn keys_that_come_before_the_answer_are_asked_for_together() {
    let (mut bench, _) = Bench::paused();
    let last = bench.last();
    bench.keys(",");
    assert_eq!(bench.keys(",,"), []);
    assert_eq!(bench.message(), "", "they are not forgotten");
    let next = bench.answer(MomentAsked { from: last, by: -1 });
    assert_eq!(next, [model::Command::Moment(MomentAsked { from: Seq(last.0 - 1), by: -2 })]);
    bench.send(Update::Refused("failed to read".into()));
    assert!(!bench.keys(",").is_empty(), "the next key asks again");
}

#[test]
fn the_run_goes_on_beside_the_moment() {
    let (mut bench, spans) = Bench::paused();
    bench.scrub(MomentAsked { from: spans.first, by: 0 });
    let seq = bench.state.timeline.seq();
    let rows = bench.state.tree.len();
    bench.event(TraceBody::Note { span: Some(spans.writer), error: false, text: "later".into() });
    let tool = bench.tool(spans.writer, "tama_bash");
    bench.end(tool, SpanStatus::Ok);
    assert_eq!((bench.state.timeline.seq(), bench.state.tree.len()), (seq, rows));
    assert!(bench.state.log.lines().iter().any(|line| line.text == "later"), "the log tells what happens");
    bench.key(Key::Esc);
    assert!(bench.state.tree.row_of(tool).is_some());
    assert_eq!(bench.state.run.last, bench.last());
}

#[test]
fn nothing_is_changed_from_the_past_and_the_reason_is_said() {
    let (mut bench, spans) = Bench::paused();
    bench.scrub(MomentAsked { from: Seq(bench.last().0 - 1), by: 0 });
    assert!(bench.state.timeline.is_past());
    bench.keys("gg");
    let there = bench.state.timeline.seq().unwrap();
    for key in ["c", "C", "p", "s", "o", "O", "e", "E", "W", "a", "r", "R", "u", "U", "X", "D"] {
        bench.state.edits = vec![crate::support::app_support::edit("writer", Some("w.md"))];
        assert_eq!(bench.keys(key), [], "{key}");
        assert!(bench.state.popup.is_none(), "{key}");
        assert!(bench.message().contains(&format!("{there} is shown, not now")), "{key}: {}", bench.message());
    }
    assert_eq!(bench.ask(Key::Ctrl('r')), []);
    bench.keys("3");
    assert_eq!(bench.state.focus, Pane::Rollback, "what was done till then can be looked at");
    assert!(bench.keys("d").iter().any(|command| matches!(command, model::Command::Diff { .. })));
    bench.key(Key::Esc);
    bench.key(Key::Esc);
    assert!(!bench.state.timeline.is_past());
    bench.keys("3");
    assert_eq!(bench.keys("u"), [model::Command::Undo { action: spans.second, force: false }]);
}

#[test]
fn an_undo_that_comes_meanwhile_is_seen_when_the_user_is_back() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("gg");
    bench.scrub(MomentAsked { from: Seq(bench.last().0 - 1), by: 0 });
    bench.keys("gg");
    bench.change(spans.second, ActionChange::Undone { forced: false });
    let title = |bench: &Bench| bench.state.rollback.title(&bench.state.run);
    assert!(title(&bench).ends_with("0 of 2 undone"), "{}", title(&bench));
    bench.key(Key::Esc);
    assert!(title(&bench).ends_with("1 of 2 undone"), "{}", title(&bench));
}

#[test]
fn texts_that_came_later_are_left_out_of_detail() {
    let (mut bench, spans) = Bench::paused();
    let began = bench.state.run.trace.get(spans.llm).unwrap().started;
    bench.scrub(MomentAsked { from: began, by: 0 });
    assert_eq!(bench.state.selected(), spans.llm);
    let section = |title: &str| model::Section {
        title: title.into(),
        note: String::new(),
        body: model::SectionBody::Text("text".into()),
        folded: false,
    };
    let sections = vec![section("system"), section("response")];
    bench.send(Update::Detail(model::SpanDetail { span: spans.llm, path: "p".into(), sections }));
    let titles: Vec<&str> = bench.state.detail.lines().iter().map(|line| line.text.as_str()).collect();
    assert!(titles.contains(&"system") && !titles.contains(&"response"), "{titles:?}");
    assert_eq!(bench.key(Key::Esc).len(), 1, "now they are asked for again");
}

#[test]
fn the_present_has_no_later_event_and_the_first_no_earlier_one() {
    let (mut bench, _) = Bench::paused();
    assert_eq!(bench.keys("."), []);
    assert!(bench.message().contains("this is now"), "{}", bench.message());
    bench.scrub(MomentAsked { from: Seq(1), by: 0 });
    let asked = bench.keys(",");
    assert_eq!(asked, [model::Command::Moment(MomentAsked { from: Seq(1), by: -1 })]);
    bench.answer(MomentAsked { from: Seq(1), by: -1 });
    assert!(bench.message().contains("first event"), "{}", bench.message());
    assert!(bench.state.timeline.is_past());
    bench.keys("<");
    assert!(bench.message().contains("first span"), "{}", bench.message());
}

#[test]
fn a_quit_from_the_past_asks_as_from_now() {
    let (mut bench, spans) = Bench::paused();
    bench.scrub(MomentAsked { from: spans.first, by: 0 });
    assert_eq!(bench.keys("q"), []);
    assert!(bench.state.popup.is_some(), "the run is live");
    assert!(bench.ask(Key::Enter).contains(&model::Command::Quit));
}

#[test]
fn the_header_and_the_footer_are_of_the_moment() {
    let (mut bench, spans) = Bench::paused();
    bench.pause(spans.call, Gate::BeforeLlm);
    bench.scrub(MomentAsked { from: spans.first, by: 0 });
    assert!(!header(&bench.state).status().contains("PAUSED"), "{}", header(&bench.state).status());
    assert!(footer(&bench.state).hints.iter().all(|(_, name)| *name != "continue"));
}

#[test]
fn an_answer_to_an_older_question_is_not_shown() {
    let (mut bench, _) = Bench::paused();
    bench.keys(",");
    let asked = MomentAsked { from: Seq(2), by: 0 };
    let run = bench.folded(Seq(2));
    bench.send(Update::Moment(Box::new(Moment { asked, run, event: None })));
    assert!(!bench.state.timeline.is_past());
}
