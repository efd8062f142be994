//! The palette, the help of a panel, and the way back.

use tama_tui::app::{Key, Msg, PaletteChoice, Pane, Popup, UiAction, keys, update};
use tama_tui::model::{self, MomentAsked, SpanId};

use crate::support::app_support::Bench;

fn open(bench: &Bench) -> Vec<tama_tui::app::PaletteRow> {
    let Some(Popup::Palette(palette)) = &bench.state.popup else { panic!("{:?}", bench.state.popup) };
    palette.rows(&bench.state)
}

#[test]
fn it_has_every_verb_with_its_key_and_why_it_is_not_available() {
    let (mut bench, _) = Bench::paused();
    bench.keys(":");
    let rows = open(&bench);
    assert_eq!(rows.len(), keys::VERBS.len());
    for verb in keys::VERBS {
        let row = rows.iter().find(|row| row.choice == PaletteChoice::Verb(verb.action)).unwrap();
        assert_eq!((&row.keys, &row.name[..]), (&verb.all_keys(), verb.name));
        let can = verb.context.has(bench.state.focus) && (verb.available)(&bench.state).is_ok();
        assert_eq!(row.why.is_none(), can, "{}", verb.name);
    }
}

#[test]
fn typing_narrows_it_and_enter_does_it() {
    let (mut bench, _) = Bench::paused();
    bench.keys(":zoom");
    assert_eq!(open(&bench)[0].choice, PaletteChoice::Verb(UiAction::Zoom));
    bench.key(Key::Enter);
    assert!(bench.state.popup.is_none() && bench.state.zoom);
    bench.keys(":q");
    assert_eq!(open(&bench)[0].choice, PaletteChoice::Verb(UiAction::Quit), "a key finds its verb");
    bench.key(Key::Esc);
    bench.keys(":nothing like it");
    assert!(open(&bench).is_empty());
    bench.key(Key::Enter);
    assert!(bench.message().contains("no verb"), "{}", bench.message());
    bench.key(Key::Ctrl('u'));
    assert_eq!(open(&bench).len(), keys::VERBS.len());
    update(&mut bench.state, Msg::Paste("zoom\nq".into()));
    assert_eq!(open(&bench)[0].choice, PaletteChoice::Verb(UiAction::Zoom), "pasted text is typed, and never acts");
    bench.key(Key::Esc);
    assert!(bench.state.popup.is_none());
}

#[test]
fn a_verb_that_can_not_be_done_says_why() {
    let (mut bench, _) = Bench::paused();
    bench.keys(":redo");
    assert!(open(&bench)[0].why.is_some());
    bench.key(Key::Enter);
    assert!(bench.message().contains("nothing here is undone"), "{}", bench.message());
}

#[test]
fn a_number_goes_to_an_action_a_moment_or_a_span() {
    let (mut bench, spans) = Bench::paused();
    bench.keys(&format!(":{}", spans.first.0));
    bench.key(Key::Enter);
    assert_eq!(bench.state.selected(), spans.tool);
    bench.keys(&format!(":{}", spans.llm));
    bench.key(Key::Enter);
    assert_eq!(bench.state.selected(), spans.llm);
    bench.keys(":2");
    let asked = bench.ask(Key::Enter);
    assert_eq!(asked, [model::Command::Moment(MomentAsked { from: model::Seq(2), by: 0 })]);
    bench.keys(":s999");
    bench.key(Key::Enter);
    assert!(bench.message().contains("no such number"), "{}", bench.message());
    let there = bench.state.run.trace.get(SpanId(999));
    assert!(there.is_none());
}

#[test]
fn the_help_begins_with_the_panel_that_has_the_focus() {
    let (mut bench, _) = Bench::paused();
    for (key, name) in [("1", "In Spans"), ("5", "In State"), ("6", "In Diff"), ("4", "In Log")] {
        bench.keys(key);
        let page = tama_tui::app::HelpPage::new(bench.state.size, bench.state.focus);
        assert_eq!(page.line(0, 0).map(|line| line.keys.as_str()), Some(name));
    }
    bench.keys("5?/history");
    bench.key(Key::Enter);
    assert!(bench.message().starts_with("2 lines"), "{}", bench.message());
}

#[test]
fn the_way_back_goes_to_where_a_jump_began() {
    let (mut bench, spans) = Bench::paused();
    bench.key(Key::Ctrl('o'));
    assert!(bench.message().contains("nowhere to go back to"), "{}", bench.message());
    bench.keys("gg");
    let start = bench.state.selected();
    bench.keys("]p");
    assert_eq!(bench.state.selected(), spans.call);
    bench.keys("4");
    bench.key(Key::Ctrl('o'));
    assert_eq!((bench.state.selected(), bench.state.focus), (spans.call, Pane::Tree));
    bench.key(Key::Ctrl('o'));
    assert_eq!((bench.state.selected(), bench.state.focus), (start, Pane::Tree));
}
