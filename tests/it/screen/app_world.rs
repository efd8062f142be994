//! The State panel: memory and changed files with who wrote them, now and at any moment.

use tama_tui::app::{Key, Pane, Popup};
use tama_tui::model::{self, ActionChange, MomentAsked, Seq};

use crate::support::app_support::Bench;

fn rows(bench: &Bench) -> Vec<String> {
    let (_, len) = bench.state.position(Pane::State);
    bench.state.panel_lines(Pane::State, 0..len).iter().map(tama_tui::app::PanelLine::text).collect()
}

/// The row that has a text.
fn go_to(bench: &mut Bench, text: &str) {
    bench.keys("5gg");
    let at =
        rows(bench).iter().position(|row| row.contains(text)).unwrap_or_else(|| panic!("{text}: {:?}", rows(bench)));
    for _ in 0..at {
        bench.keys("j");
    }
}

#[test]
fn keys_and_files_are_listed_with_who_wrote_them() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("5");
    assert_eq!(bench.state.focus, Pane::State);
    let found = rows(&bench);
    assert_eq!(found[0], "memory 1");
    assert!(found[1].contains("outline") && found[1].contains("\"new\""), "{found:?}");
    assert!(found[1].contains(&format!("writer {}", spans.second)), "{found:?}");
    assert!(found.iter().any(|row| row.contains("A NOTES.md")), "{found:?}");
}

#[test]
fn enter_goes_to_the_span_that_wrote_a_key() {
    let (mut bench, spans) = Bench::paused();
    go_to(&mut bench, "outline");
    bench.key(Key::Enter);
    assert_eq!((bench.state.focus, bench.state.selected()), (Pane::Tree, spans.tool));
    bench.key(Key::Ctrl('o'));
    assert_eq!((bench.state.focus, bench.state.selected()), (Pane::State, spans.call), "and Ctrl-o comes back");
}

#[test]
fn a_key_opens_to_its_value_and_its_history() {
    let (mut bench, spans) = Bench::paused();
    let again = bench.action(spans.writer, spans.tool, model::Key::memory("outline"));
    go_to(&mut bench, "outline");
    bench.keys("l");
    let found = rows(&bench);
    assert!(found.iter().any(|row| row == "new"), "the value: {found:?}");
    let history: Vec<&String> = found.iter().filter(|row| row.contains("writer #")).collect();
    assert!(history.iter().any(|row| row.contains(&again.to_string())), "{found:?}");
    assert!(history.iter().any(|row| row.contains(&spans.second.to_string())), "{found:?}");
    bench.keys("h");
    assert!(rows(&bench).len() < found.len());
    bench.keys("h");
    assert_eq!(bench.state.focus, Pane::Tree);
}

#[test]
fn the_verbs_of_an_action_work_here_too() {
    let (mut bench, spans) = Bench::paused();
    go_to(&mut bench, "NOTES.md");
    let content = model::Command::Diff { action: spans.first, sides: model::DiffSides::Content };
    assert_eq!(bench.keys("d"), [content], "its content as it was then");
    bench.key(Key::Esc);
    bench.keys("ljj");
    let change = model::Command::Diff { action: spans.first, sides: model::DiffSides::Action };
    assert_eq!(bench.keys("d"), [change], "a line of its history is a change");
    bench.key(Key::Esc);
    go_to(&mut bench, "outline");
    bench.keys("w");
    assert!(bench.message().contains("nobody else in this run wrote outline"), "{}", bench.message());
    bench.keys("b");
    let Some(Popup::Menu(menu)) = &bench.state.popup else { panic!("no menu") };
    let labels: Vec<&str> = menu.items[..2].iter().map(|item| item.label.as_str()).collect();
    assert_eq!(labels, ["the next write of outline, once", "each write of outline"]);
    let set = |sent: &[model::Command]| -> Vec<Vec<String>> {
        let points = sent.iter().map(|command| match command {
            model::Command::SetBreakpoints(points) => points.iter().map(model::Breakpoint::label).collect(),
            other => panic!("{other:?}"),
        });
        points.collect()
    };
    let once = "before-tool write of outline when hits = 1";
    assert_eq!(set(&bench.keys("k")), [[once]]);
    bench.keys("b");
    let each = "before-tool write of outline";
    assert_eq!(set(&bench.keys("K")), [[once, each]]);
    // Set again, it stops at the next write again.
    bench.keys("b");
    assert_eq!(set(&bench.keys("k")), [vec![each.to_owned()], vec![once.to_owned(), each.to_owned()]]);
}

#[test]
fn undone_changes_and_later_ones_are_not_there() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("5");
    bench.change(spans.second, ActionChange::Undone { forced: false });
    assert!(!rows(&bench).iter().any(|row| row.contains("outline")), "{:?}", rows(&bench));
    bench.scrub(MomentAsked { from: Seq(bench.last().0 - 1), by: 0 });
    assert!(rows(&bench).iter().any(|row| row.contains("outline")), "it was there then: {:?}", rows(&bench));
    bench.scrub(MomentAsked { from: Seq(spans.first.0 - 1), by: 0 });
    assert_eq!(rows(&bench), Vec::<String>::new());
    assert!(bench.state.empty_text(Pane::State).starts_with("No memory"));
}

#[test]
fn it_is_searched_and_copied_like_every_panel() {
    let (mut bench, _) = Bench::paused();
    bench.keys("5gg/outline");
    bench.key(Key::Enter);
    assert!(bench.message().starts_with("1 line"), "{}", bench.message());
    let copied = bench.key(Key::Char('y'));
    assert!(copied.contains(&tama_tui::app::Command::Copy("new".into())), "{copied:?}");
}
