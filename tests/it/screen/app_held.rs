//! Flows through held changes and marks: chosen, applied, discarded, undone.

use tama_tui::app::{Key, Pane, Popup, Word, footer};
use tama_tui::model::{
    self, ActionChange, ActionOp, ActionRecord, BlobHash, Gate, KeyState, Release, Seq, SpanId, TraceBody, Undoability,
    Update,
};

use crate::support::app_support::Bench;

fn file(blob: u8) -> KeyState {
    KeyState::File { blob: BlobHash([blob; 16]), size: 12, mode: 0o644 }
}

/// A command that holds changes: key, before, after.
fn holding(bench: &mut Bench, changes: &[(&str, KeyState, KeyState)]) -> (SpanId, Vec<Seq>) {
    let editor = bench.agent(SpanId::RUN, "editor");
    let bash = bench.tool(editor, "tama_bash");
    let held = changes.iter().map(|(path, old, new)| {
        let folder = [old, new].into_iter().any(|state| matches!(state, KeyState::Directory { .. }));
        let kind = if folder { model::KeyKind::Directory } else { model::KeyKind::File };
        bench.event(TraceBody::Action(ActionRecord {
            span: editor,
            tool_span: bash,
            tool_name: "tama_bash".into(),
            key: model::Key { kind, name: (*path).into() },
            op: if *new == KeyState::Absent { ActionOp::Delete } else { ActionOp::Set },
            old: old.clone(),
            intended: new.clone(),
            undo: Undoability::Undo,
        }));
        let action = bench.last();
        bench.change(action, ActionChange::Held);
        action
    });
    let held: Vec<Seq> = held.collect();
    bench.pause(bash, Gate::AfterTool);
    (bash, held)
}

/// Seven changes: six files deleted and one made.
fn deletions(bench: &mut Bench) -> (SpanId, Vec<Seq>) {
    let names: Vec<String> = (0..6).map(|at| format!("gone{at}")).collect();
    let mut changes: Vec<(&str, KeyState, KeyState)> =
        names.iter().map(|name| (&name[..], file(1), KeyState::Absent)).collect();
    changes.push(("made", KeyState::Absent, file(2)));
    holding(bench, &changes)
}

fn apply(span: SpanId, only: Vec<Seq>) -> model::Command {
    model::Command::Release { span, how: Release::Apply { only, notify_model: false } }
}

fn discard(span: SpanId, only: Vec<Seq>) -> model::Command {
    model::Command::Release { span, how: Release::Discard { only } }
}

fn question(bench: &Bench) -> (String, Vec<String>) {
    let Some(Popup::Ask(ask)) = &bench.state.popup else { panic!("no question") };
    (ask.title.clone(), ask.lines.clone())
}

fn marked(bench: &Bench) -> Vec<Seq> {
    bench.state.rollback.marked().iter().copied().collect()
}

#[test]
fn deletions_are_listed_first_and_asked_about() {
    let mut bench = Bench::new();
    let (bash, _) = deletions(&mut bench);
    for confirm in [Key::Enter, Key::Char('y')] {
        assert_eq!(bench.keys("c"), []);
        let (title, lines) = question(&bench);
        assert_eq!(title, "Apply 7 changes, 6 deletions?");
        assert!(lines[0].contains("gone5") && lines[6].contains("made"), "{lines:?}");
        assert_eq!(bench.keys("c"), [], "pressed again it is no answer");
        assert_eq!(bench.ask(confirm), [apply(bash, Vec::new())]);
    }
    bench.keys("c");
    bench.key(Key::Esc);
    assert!(bench.state.popup.is_none());
}

#[test]
fn a_file_that_is_overwritten_is_asked_about_and_a_new_one_is_not() {
    let mut bench = Bench::new();
    let (bash, _) = holding(&mut bench, &[("a", file(1), file(2)), ("b", KeyState::Absent, file(3))]);
    assert_eq!(bench.keys("c"), []);
    assert_eq!(question(&bench).0, "Apply 2 changes, 1 overwrite?");
    bench.key(Key::Esc);
    bench.keys("3");
    // The newest, which is under the cursor, makes a file.
    bench.keys(" ");
    let only = marked(&bench);
    assert_eq!(only.len(), 1);
    assert_eq!(bench.keys("c"), [apply(bash, only.clone())]);
    bench.change(only[0], ActionChange::Applied { after: file(3), kept: false });
    assert_eq!(marked(&bench), [], "a mark is for one decision: u undoes nothing by it");
}

#[test]
fn marks_choose_and_what_cannot_stay_behind_comes_along() {
    let mut bench = Bench::new();
    let folder = KeyState::Directory { mode: 0o755 };
    let changes = [
        ("gone", file(1), KeyState::Absent),
        ("new", KeyState::Absent, folder),
        ("new/a", KeyState::Absent, file(2)),
        ("old", file(3), file(4)),
    ];
    let (bash, held) = holding(&mut bench, &changes);
    bench.keys("3j ");
    assert_eq!(marked(&bench), [held[2]]);
    assert!(bench.state.rollback.title(&bench.state.run).contains("1 marked"));
    assert_eq!(footer(&bench.state).left, "1 of 4 marked: c applies them, D discards them");
    assert_eq!(bench.keys("c"), [apply(bash, vec![held[2], held[1]])]);
    assert_eq!(bench.message(), "applies 2 of 4 changes: new/ comes along");
    bench.keys("D");
    let (title, lines) = question(&bench);
    assert_eq!(title, "Discard the changes of tama_bash");
    assert_eq!(lines[0], "discard 1 of 4 held changes");
    assert_eq!(bench.keys("y"), []);
    assert_eq!(bench.ask(Key::Enter), [discard(bash, vec![held[2]])]);

    bench.key(Key::Esc);
    bench.keys("gg");
    assert_eq!(bench.state.selected(), SpanId(1));
    assert_eq!(marked(&bench), [], "another span's list has no marks");
}

#[test]
fn held_changes_elsewhere_are_shown_before_they_are_applied() {
    let mut bench = Bench::new();
    let (bash, _) = holding(&mut bench, &[("a", KeyState::Absent, file(1))]);
    let other = bench.agent(SpanId(1), "other");
    let llm = bench.llm(other, 1);
    while bench.state.selected() != llm {
        bench.keys("j");
    }
    assert_eq!(bench.keys("c"), []);
    assert_eq!((bench.state.selected(), bench.state.focus), (bash, Pane::Rollback));
    assert_eq!(bench.message(), "1 held change: c applies, D discards");
    assert_eq!(bench.keys("c"), [apply(bash, Vec::new())]);
}

#[test]
fn discarded_changes_stay_in_the_list_and_say_so() {
    let mut bench = Bench::new();
    let (_, held) = holding(&mut bench, &[("a", KeyState::Absent, file(1)), ("b", KeyState::Absent, file(1))]);
    bench.keys("3 ");
    bench.change(held[1], ActionChange::Discarded { why: "the user discarded them".into() });
    assert_eq!(marked(&bench), [], "what is decided is marked no more");
    let words: Vec<Word> = bench.state.rollback.window(&bench.state.run, 9).into_iter().map(|row| row.word).collect();
    assert_eq!(words, [Word::Discarded, Word::Held]);
    assert!(bench.state.rollback.title(&bench.state.run).ends_with("1 held · 1 discarded"));
}

#[test]
fn marked_actions_are_undone_newest_first_after_one_question() {
    let (mut bench, spans) = Bench::paused();
    let third = bench.action(spans.writer, spans.tool, model::Key::file("a.md"));
    bench.keys("h3 ");
    assert_eq!(bench.keys("u"), [model::Command::Undo { action: third, force: false }]);
    bench.send(Update::Refused("the workspace is in use".into()));
    bench.keys("j ");
    assert_eq!(marked(&bench), [spans.first, third]);
    assert_eq!(bench.keys("u"), []);
    let (title, lines) = question(&bench);
    assert_eq!((&title[..], lines.len()), ("Undo 2 marked actions", 3));
    assert_eq!(bench.ask(Key::Enter), [model::Command::UndoList { actions: vec![third, spans.first] }]);
    bench.change(third, ActionChange::Undone { forced: false });
    assert_eq!(marked(&bench), [spans.first]);
    bench.keys("gg ");
    assert!(bench.message().contains("can be marked"), "{}", bench.message());
}

#[test]
fn while_a_held_change_is_shown_c_and_d_act_on_all_or_the_marked() {
    let mut bench = Bench::new();
    let (bash, held) = deletions(&mut bench);
    bench.keys("3d");
    let shown = |bench: &Bench| matches!(&bench.state.popup, Some(Popup::Diff(view)) if view.action == held[6]);
    assert!(shown(&bench));
    bench.keys("c");
    assert_eq!(question(&bench).0, "Apply 7 changes, 6 deletions?");
    bench.key(Key::Esc);
    assert!(shown(&bench), "the change is shown again");
    bench.keys("D");
    assert_eq!(question(&bench).1[0], "discard 7 held changes");
    bench.key(Key::Esc);
    bench.keys(" ");
    assert_eq!(marked(&bench), [held[6]]);
    assert_eq!(bench.keys("c"), [apply(bash, vec![held[6]])]);
    assert!(shown(&bench));
    bench.keys("l");
    assert!(matches!(&bench.state.popup, Some(Popup::Diff(view)) if view.action == held[5]));
    let area = bench.state.diff_area();
    assert_eq!(area, bench.state.layout().area(Pane::Detail), "the spans stay visible");
}
