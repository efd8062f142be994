//! `/` in every panel and popup: it takes all input, finds, and says when nothing matches.

use tama_tui::app::{Command, Key, Msg, Pane, Place, Popup, footer, update};
use tama_tui::model::{
    self, RetryPlan, Section, SectionBody, SpanDetail, SpanId, SpanStatus, SpanSubject, TraceBody, Update,
};

use crate::support::app_support::{Bench, Spans, run_commands};

/// A paused run with texts in Detail and lines in the Log.
fn bench() -> (Bench, Spans) {
    let (mut bench, spans) = Bench::paused();
    for text in ["the first row", "something else", "a second row", "the end"] {
        bench.event(TraceBody::Note { span: Some(spans.writer), error: false, text: text.into() });
    }
    let body = SectionBody::Text("a row\nanother line\nthe last row".into());
    let section = Section { title: "system".into(), note: String::new(), body, folded: false };
    bench.send(Update::Detail(SpanDetail { span: spans.call, path: "p".into(), sections: vec![section] }));
    (bench, spans)
}

fn focus(bench: &mut Bench, pane: Pane) {
    // Of the spans, the agent has rows there.
    if pane == Pane::Rollback && bench.state.rollback.seqs().is_empty() {
        bench.key(Key::Esc);
        bench.keys("h");
    }
    while bench.state.focus != pane {
        bench.key(Key::Tab);
    }
}

#[test]
fn no_letter_of_a_search_is_ever_a_key_of_the_panel() {
    for pane in Pane::ALL {
        let (mut bench, _) = bench();
        focus(&mut bench, pane);
        for text in ["/row", "/retry", "/quit UX!", "/cCpD:e"] {
            for letter in text.chars() {
                let commands = bench.key(Key::Char(letter));
                let sent: Vec<_> = run_commands(commands);
                assert_eq!(sent, [], "{letter} of {text} in {pane:?}");
                assert!(bench.state.popup.is_none() && bench.state.search.is_some(), "{letter} of {text} in {pane:?}");
            }
            assert_eq!(bench.state.search.as_ref().map(|search| &search.text[..]), text.strip_prefix('/'));
            assert_eq!(bench.ask(Key::Enter), [], "Enter in {pane:?}");
            assert!(bench.state.popup.is_none() && bench.state.search.is_none(), "{pane:?}");
            assert_eq!(bench.state.focus, pane);
            bench.key(Key::Esc);
            focus(&mut bench, pane);
        }
    }
}

#[test]
fn a_search_starts_empty_and_finds_as_it_is_typed() {
    let (mut bench, _) = bench();
    bench.keys("gg4gg/row");
    let under = |bench: &Bench| bench.state.log.selected().map(|line| line.text.clone()).unwrap_or_default();
    assert_eq!(under(&bench), "the first row");
    bench.key(Key::Enter);
    assert_eq!(bench.state.find(Place::Pane(Pane::Log)), "row");
    assert!(bench.message().starts_with("2 lines"), "{}", bench.message());
    bench.keys("n");
    assert_eq!((&under(&bench)[..], bench.message()), ("a second row", "match 2 of 2"));
    bench.keys("n");
    assert_eq!((&under(&bench)[..], bench.message()), ("the first row", "match 1 of 2"));
    bench.keys("N");
    assert_eq!(under(&bench), "a second row");
    bench.keys("/");
    assert_eq!(footer(&bench.state).input.as_deref(), Some("find: "), "the last text is not kept");
    bench.keys("end");
    assert_eq!(under(&bench), "the end");
    bench.key(Key::Esc);
    assert_eq!(under(&bench), "a second row", "Esc goes back to where it began");
    assert_eq!(bench.state.find(Place::Pane(Pane::Log)), "");
    assert_eq!(bench.state.focus, Pane::Log);
}

#[test]
fn every_panel_says_when_nothing_matches() {
    for (pane, says) in [
        (Pane::Tree, "no span matches"),
        (Pane::Detail, "is not in these texts"),
        (Pane::Log, "is not in Log"),
        (Pane::Rollback, "is not in Rollback"),
    ] {
        let (mut bench, _) = bench();
        focus(&mut bench, pane);
        bench.keys("/zzzz");
        assert!(footer(&bench.state).left.contains(says), "{pane:?}: {:?}", footer(&bench.state));
        bench.key(Key::Tab);
        assert!(bench.message().contains("not in a search"), "{}", bench.message());
        assert_eq!(bench.state.focus, pane);
        bench.key(Key::Enter);
        let told = footer(&bench.state);
        assert!(told.left.contains(says) && told.is_refusal, "{pane:?}: {told:?}");
    }
}

#[test]
fn rollback_finds_keys_and_agents() {
    let (mut bench, spans) = bench();
    bench.keys("gg3/notes");
    bench.key(Key::Enter);
    assert_eq!(bench.state.rollback.selected(), Some(spans.first));
    bench.keys("/writer");
    bench.key(Key::Enter);
    assert!(bench.message().starts_with("2 lines"), "{}", bench.message());
}

#[test]
fn a_search_in_a_popup_confirms_nothing() {
    let (mut bench, spans) = bench();
    bench.keys("hr");
    bench.send(Update::Plan(RetryPlan {
        span: spans.writer,
        rerun_names: vec!["writer".into()],
        ..RetryPlan::default()
    }));
    assert!(matches!(bench.state.popup, Some(Popup::Plan(_))));
    assert_eq!(bench.keys("/rerun"), []);
    assert_eq!(bench.ask(Key::Enter), [], "Enter keeps the search, and starts no retry");
    assert!(matches!(bench.state.popup, Some(Popup::Plan(_))));
    bench.keys("n");
    assert_eq!(bench.message(), "match 1 of 1");
    bench.key(Key::Esc);
    assert!(bench.state.popup.is_none());
    assert_eq!(bench.state.find(Place::Popup), "");

    bench.keys("3!/yyy");
    assert!(matches!(bench.state.popup, Some(Popup::Ask(_))), "its y is typed, and forces nothing");
    bench.key(Key::Esc);
    bench.key(Key::Esc);

    bench.keys("?/retry");
    bench.key(Key::Enter);
    assert!(bench.message().contains("line"), "{}", bench.message());
    assert!(matches!(bench.state.popup, Some(Popup::Help(_))));
}

#[test]
fn keys_typed_ahead_of_a_popup_go_to_the_search() {
    let (mut bench, spans) = bench();
    bench.keys("hr/rer");
    bench.send(Update::Plan(RetryPlan { span: spans.writer, ..RetryPlan::default() }));
    assert_eq!(bench.keys("un"), []);
    assert_eq!(bench.ask(Key::Enter), [], "Enter was meant for the search");
    assert!(matches!(bench.state.popup, Some(Popup::Plan(_))));
    let retry = bench.ask(Key::Enter);
    assert!(matches!(retry[..], [model::Command::Retry { .. }]), "{retry:?}");
}

#[test]
fn pasted_text_is_typed_into_a_search() {
    let (mut bench, _) = bench();
    bench.keys("4gg/");
    let commands: Vec<Command> = update(&mut bench.state, Msg::Paste("second\nq".into()));
    assert_eq!(run_commands(commands), []);
    assert_eq!(bench.state.log.selected().map(|line| &line.text[..]), Some("a second row"));
}

/// The rows of Spans.
fn rows(bench: &Bench) -> Vec<SpanId> {
    bench.state.tree.window(0, 100).into_iter().map(|row| row.span).collect()
}

#[test]
fn the_filter_of_spans_finds_what_a_row_shows() {
    let (mut bench, spans) = Bench::paused();
    let bash = bench.tool(spans.writer, "tama_bash");
    bench.command(bash, "rm -r build\nmkdir out");
    let subject = SpanSubject { span: spans.editor, text: "the release of May".into(), is_path: false };
    bench.send(Update::Subjects(vec![subject]));
    let found = |bench: &mut Bench, text: &str| {
        bench.keys(&format!("/{text}"));
        let rows = rows(bench);
        bench.key(Key::Esc);
        rows
    };
    let (editor, writer) = (spans.editor, spans.writer);
    assert_eq!(found(&mut bench, "notes.md"), [editor, writer, spans.tool], "a path");
    assert_eq!(found(&mut bench, "bash rm -r"), [editor, writer, bash], "a command, with the tool before it");
    assert_eq!(found(&mut bench, "tama_bash"), [editor, writer, bash], "the whole name of the tool");
    assert_eq!(found(&mut bench, "of May"), [editor], "an item");
    assert_eq!(found(&mut bench, "paused"), [editor, writer, spans.call], "a state's word");
    assert_eq!(found(&mut bench, "nothing like it"), []);
}

#[test]
fn a_filtered_row_comes_and_goes_with_what_it_says() {
    let (mut bench, spans) = Bench::paused();
    let bash = bench.tool(spans.writer, "tama_bash");
    bench.keys("/mkdir");
    bench.key(Key::Enter);
    assert_eq!(rows(&bench), []);
    bench.command(bash, "mkdir out");
    assert_eq!(rows(&bench), [spans.editor, spans.writer, bash]);
    bench.key(Key::Esc);
    bench.keys("gg/running");
    assert!(rows(&bench).contains(&bash));
    bench.end(bash, SpanStatus::Ok);
    assert!(!rows(&bench).contains(&bash), "it does not run any more");
}
