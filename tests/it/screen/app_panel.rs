//! Flows through the Rollback panel: diffs, who wrote a key, what has not landed, conflicts.

use tama_tui::app::{Key, Pane, Popup, footer, header};
use tama_tui::model::{
    self, ActionChange, ActionDiff, Bytes, CaptureMode, Conflict, ConflictBy, DiffBody, DiffSides, Gate, Hunk,
    HunkLine, LineIn, PauseReason, PlanLeave, ReadBack, Release, Seq, ShellMode, TraceBody, UndoReport, Update,
};

use crate::support::app_support::{Bench, Spans};

pub fn diff(action: Seq, body: DiffBody) -> ActionDiff {
    ActionDiff {
        action,
        sides: DiffSides::Action,
        change: "812 B → 1.9 kB · rw-r--r--".into(),
        notes: Vec::new(),
        body,
        outside: false,
    }
}

pub fn lines(count: usize) -> DiffBody {
    let line = |at: usize| HunkLine { side: LineIn::New, number: at + 1, text: format!("line {at}"), unended: false };
    let hunk = Hunk { old: (0, 0), new: (1, count), lines: (0..count).map(line).collect() };
    DiffBody::Lines { hunks: vec![hunk], added: count, removed: 0 }
}

/// The rows of the open diff.
fn rows(bench: &Bench) -> Vec<String> {
    let Some(Popup::Diff(view)) = &bench.state.popup else { panic!("no diff") };
    view.window().iter().map(|row| format!("{} {}", row.label, row.text)).collect()
}

fn ask_lines(bench: &Bench) -> Vec<String> {
    match &bench.state.popup {
        Some(Popup::Ask(ask)) => ask.lines.clone(),
        Some(Popup::Menu(menu)) => {
            menu.lines.iter().cloned().chain(menu.items.iter().map(|item| item.label.clone())).collect()
        }
        _ => panic!("no question"),
    }
}

#[test]
fn the_diff_of_an_action_opens_scrolls_and_goes_on_to_the_next() {
    let (mut bench, spans) = Bench::paused();
    let ask = |action| model::Command::Diff { action, sides: DiffSides::Action };
    bench.keys("h3");
    let before = bench.state.rollback.window(&bench.state.run, 9)[0].change.clone();
    assert_eq!(bench.ask(Key::Enter), [ask(spans.second)]);
    assert!(rows(&bench).iter().any(|row| row.contains("reading…")));
    bench.send(Update::Diff(diff(spans.first, lines(1))));
    assert!(rows(&bench).iter().any(|row| row.contains("reading…")), "the diff of another action is not it");
    bench.send(Update::Diff(diff(spans.second, lines(100))));
    let Some(Popup::Diff(view)) = &bench.state.popup else { panic!("no diff") };
    assert_eq!(view.title(&bench.state.run), format!("{} outline · ready · +100 -0", spans.second));
    bench.keys("G");
    assert_eq!(rows(&bench).last().unwrap(), "100 line 99");
    bench.keys("g");
    assert!(rows(&bench)[0].starts_with("by editor/writer/tama_files_write"));
    assert_eq!(bench.keys("n"), [ask(spans.first)]);
    assert_eq!(bench.state.rollback.selected(), Some(spans.first));
    assert_eq!(bench.keys("n"), [], "there is no older one");
    assert_eq!(bench.keys("N"), [ask(spans.second)]);
    bench.key(Key::Esc);
    assert!(bench.state.popup.is_none());
    let row = &bench.state.rollback.window(&bench.state.run, 9)[0];
    assert_eq!(row.change, before, "a look at the diff changes nothing in the list");
}

#[test]
fn a_diff_says_who_wrote_before_and_after() {
    let (mut bench, spans) = Bench::paused();
    let told = |bench: &mut Bench, action: Seq, outside| {
        bench.keys("d");
        bench.send(Update::Diff(ActionDiff { outside, ..diff(action, DiffBody::Same) }));
        let rows = rows(bench);
        bench.key(Key::Esc);
        rows
    };
    bench.keys("h3j");
    let rows = told(&mut bench, spans.first, false);
    assert!(rows.contains(&"before nobody in this run: it was not there".into()), "{rows:?}");
    assert!(rows.contains(&"after nobody in this run".into()), "{rows:?}");
    let rows = told(&mut bench, spans.first, true);
    assert!(rows.contains(&"after another program or person".into()), "{rows:?}");

    let reviewer = bench.agent(spans.editor, "reviewer");
    let write = bench.tool(reviewer, "tama_files_write");
    let later = bench.action(reviewer, write, model::Key::file("NOTES.md"));
    let rows = told(&mut bench, spans.first, false);
    assert!(rows.contains(&format!("after {later} tama_files_write in reviewer")), "{rows:?}");
}

#[test]
fn w_goes_to_who_wrote_the_key() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("h3jw");
    assert_eq!(bench.message(), "nobody else in this run wrote NOTES.md");
    let reviewer = bench.agent(spans.editor, "reviewer");
    let write = bench.tool(reviewer, "tama_files_write");
    let later = bench.action(reviewer, write, model::Key::file("NOTES.md"));
    bench.keys("w");
    let told = ask_lines(&bench);
    assert_eq!(told[0], format!("who wrote it after: {later} tama_files_write in reviewer"));
    bench.keys("a");
    assert_eq!((bench.state.selected(), bench.state.focus), (write, Pane::Tree));
    assert!(!bench.state.tree.follow);
    assert_eq!(bench.state.rollback.selected(), Some(later));
    assert!(bench.message().contains("wrote NOTES.md"), "{}", bench.message());
    // Its old state is what was there before the run, so the outsider came after the first.
    bench.keys("3w");
    assert_eq!((bench.state.selected(), bench.state.rollback.selected()), (spans.tool, Some(spans.first)));
}

#[test]
fn what_has_not_landed_lands_or_is_dropped_and_nothing_else() {
    let (mut bench, spans) = Bench::paused();
    let (bash, held) = bench.held(spans.writer, &["a.txt", "b.txt", "c.txt"]);
    assert!(bench.state.rollback.title(&bench.state.run).ends_with("below · 3 held"));
    assert!(footer(&bench.state).left.starts_with("3 held changes: c applies, D discards"));
    let hints: Vec<&str> = footer(&bench.state).hints.iter().take(3).map(|(_, name)| *name).collect();
    assert_eq!(hints, ["apply", "discard", "look"]);
    assert!(bench.state.log.lines().iter().any(|line| line.text.contains("3 held changes: c applies, D discards")));
    bench.keys("3");
    for key in ["u", "U", "x", "!"] {
        assert_eq!(bench.keys(key), [], "{key}");
        assert!(bench.message().contains("held: c applies it, D discards"), "{key}: {}", bench.message());
        assert!(bench.state.popup.is_none(), "{key}");
    }
    assert_eq!(bench.keys("a"), []);
    assert!(bench.message().contains("its changes are held"), "{}", bench.message());
    assert_eq!(
        bench.keys("c"),
        [model::Command::Release { span: bash, how: Release::Apply { only: vec![], notify_model: false } }]
    );

    assert_eq!(bench.keys("D"), []);
    assert_eq!(ask_lines(&bench).len(), 5);
    assert_eq!(bench.keys("y"), []);
    assert_eq!(bench.ask(Key::Enter), [model::Command::Release { span: bash, how: Release::Discard { only: vec![] } }]);
    bench.event(TraceBody::Released { span: bash, how: "drop".into(), stale: false });
    for change in held {
        bench.change(change, ActionChange::Discarded { why: "by the user".into() });
    }
    assert!(bench.state.rollback.title(&bench.state.run).ends_with("below · 3 discarded"));
    let log = bench.state.log.lines();
    assert!(log.last().unwrap().text.contains("3 held changes discarded"), "{log:?}");
    bench.keys("D");
    assert!(bench.message().contains("no held changes"), "{}", bench.message());
}

#[test]
fn what_would_land_on_someone_elses_change_lands_by_choice_only() {
    let (mut bench, spans) = Bench::paused();
    let (bash, _) = bench.held(spans.writer, &["a.txt"]);
    bench.event(TraceBody::Released { span: bash, how: "continue".into(), stale: false });
    let conflict = "a.txt was changed from outside".to_owned();
    bench.event(TraceBody::Paused { span: bash, gate: Gate::AfterTool, reason: PauseReason::Conflict { conflict } });
    assert!(
        footer(&bench.state).left.ends_with("changed from outside: c asks, D discards"),
        "{:?}",
        footer(&bench.state)
    );
    assert_eq!(bench.keys("c"), []);
    assert!(ask_lines(&bench).contains(&"a.txt was changed from outside".into()));
    assert_eq!(bench.keys("c"), [], "pressed again, it is no answer");
    bench.key(Key::Esc);
    for key in ["s", "o", "O"] {
        assert_eq!(bench.keys(key), [], "{key}");
        assert!(bench.message().contains("held: c applies, D discards"), "{key}: {}", bench.message());
    }
    assert_eq!(bench.keys("C"), [model::Command::ReleaseAll]);
    assert!(bench.message().contains("1 holds changes"), "{}", bench.message());
    bench.keys("c");
    bench.keys("D");
    assert_eq!(bench.ask(Key::Enter), [model::Command::Release { span: bash, how: Release::Discard { only: vec![] } }]);
    bench.keys("c");
    let over = Release::Apply { only: vec![], notify_model: false };
    assert_eq!(bench.keys("!"), [model::Command::Release { span: bash, how: over }]);
    bench.keys("c");
    bench.ask(Key::Enter);
    assert_eq!(bench.state.focus, Pane::Rollback);
}

#[test]
fn one_of_several_commands_is_selected_to_be_dropped() {
    let (mut bench, spans) = Bench::paused();
    let (first, _) = bench.held(spans.writer, &["a.txt"]);
    let (second, _) = bench.held(spans.writer, &["b.txt"]);
    bench.keys("gg");
    bench.keys("D");
    assert!(bench.message().contains("several commands have held changes: select one"), "{}", bench.message());
    bench.keys("G");
    assert_eq!(bench.state.held_here(), Some((second, 1)));
    bench.keys("k");
    assert_eq!(bench.state.held_here(), Some((first, 1)));
}

#[test]
fn an_undo_in_conflict_shows_the_list_and_undoes_these_first() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("h");
    let reviewer = bench.agent(spans.editor, "reviewer");
    let write = bench.tool(reviewer, "tama_files_write");
    let later = bench.action(reviewer, write, model::Key::file("NOTES.md"));
    let by = ConflictBy::Actions { first: vec![(later, reviewer)] };
    let conflict = Conflict { action: spans.first, key: "NOTES.md".into(), by };
    bench.keys("3j");
    assert_eq!(bench.keys("u"), [model::Command::Undo { action: spans.first, force: false }]);
    let report = UndoReport { conflict: Some(conflict), ..UndoReport::default() };
    bench.send(Update::Undo(report.clone()));
    let told = ask_lines(&bench).join("\n");
    assert!(told.contains("Nothing was undone"), "{told}");
    let in_list = format!("  {later} tama_files_write A NOTES.md  \"new\"  in reviewer");
    assert!(told.contains(&in_list), "{told}");
    assert_eq!(bench.keys("d"), [model::Command::Diff { action: spans.first, sides: DiffSides::Present }]);
    bench.key(Key::Esc);
    assert_eq!(bench.keys("a"), [model::Command::UndoList { actions: vec![later, spans.first] }]);

    bench.send(Update::Undo(report));
    bench.keys("w");
    assert_eq!(bench.state.selected(), write);
}

#[test]
fn a_folder_that_later_changes_use_asks_before_anything_is_sent() {
    let (mut bench, spans) = Bench::paused();
    let folder = made_folder(&mut bench, &spans, "docs");
    let later = bench.action(spans.writer, spans.tool, model::Key::file("docs/a.md"));
    bench.keys("h3");
    while bench.state.rollback.selected() != Some(folder) {
        bench.keys("j");
    }
    let told = footer(&bench.state).left;
    assert!(told.ends_with(&format!("blocked by {later}: u asks")) && !told.contains("undoes"), "{told}");
    assert_eq!(bench.keys("u"), []);
    let told = ask_lines(&bench).join("\n");
    assert!(told.contains("is used by later changes. Nothing was undone."), "{told}");
    assert_eq!(bench.keys("a"), [model::Command::UndoList { actions: vec![later, folder] }]);
}

/// A folder that a command made.
fn made_folder(bench: &mut Bench, spans: &Spans, name: &str) -> Seq {
    let new = model::KeyState::Directory { mode: 0o755 };
    bench.event(TraceBody::Action(model::ActionRecord {
        span: spans.writer,
        tool_span: spans.tool,
        tool_name: "tama_bash".into(),
        key: model::Key { kind: model::KeyKind::Directory, name: name.into() },
        op: model::ActionOp::Set,
        old: model::KeyState::Absent,
        intended: new.clone(),
        undo: model::Undoability::Undo,
    }));
    let action = bench.last();
    bench.change(action, model::ActionChange::Applied { after: new, kept: false });
    action
}

#[test]
fn someone_outside_is_told_with_what_was_expected() {
    let (mut bench, spans) = Bench::paused();
    let by = ConflictBy::Outside { found: "other content (913 bytes)".into() };
    let conflict = Conflict { action: spans.first, key: "NOTES.md".into(), by };
    bench.send(Update::Undo(UndoReport { conflict: Some(conflict), ..UndoReport::default() }));
    let told = ask_lines(&bench);
    assert_eq!(told[0], "Another program or person changed NOTES.md.");
    assert_eq!(told[1], "  found     other content (913 bytes)");
    assert!(told[2].contains(&format!(", after {} tama_files_write in writer", spans.first)), "{told:?}");
    assert!(bench.message().contains("was changed by another program or person"), "{}", bench.message());
}

#[test]
fn a_redo_in_conflict_never_offers_to_go_over_what_is_there() {
    let (mut bench, spans) = Bench::paused();
    bench.change(spans.first, ActionChange::Undone { forced: false });
    let by = ConflictBy::Outside { found: "other content (913 bytes)".into() };
    let conflict = Conflict { action: spans.first, key: "NOTES.md".into(), by };
    bench.send(Update::Undo(UndoReport { conflict: Some(conflict), ..UndoReport::default() }));
    let Some(Popup::Menu(menu)) = &bench.state.popup else { panic!("no menu") };
    assert_eq!(menu.title, format!("Redo of {}: conflict", spans.first));
    assert!(menu.lines[2].ends_with(&format!(", after the undo of {}", spans.first)), "{:?}", menu.lines);
    assert_eq!(menu.items.iter().map(|item| item.key).collect::<Vec<_>>(), [Key::Char('d')]);
}

#[test]
fn what_an_undo_did_is_told_exactly() {
    let (mut bench, spans) = Bench::paused();
    let read_back = |restored, total| ReadBack { restored, total, differs: Vec::new() };
    let report = UndoReport { undone: vec![spans.first], read_back: read_back(1, 1), ..UndoReport::default() };
    bench.send(Update::Undo(report.clone()));
    assert_eq!(bench.message(), format!("restored 1/1, read back · undid {}", spans.first));
    let post = bench.permanent(spans.writer, spans.tool, "POST /hooks/ci");
    let left = vec![PlanLeave { action: post, why: "a request has no undo".into() }];
    bench.send(Update::Undo(UndoReport { left, ..report }));
    assert_eq!(bench.message(), format!("restored 1/1, read back · 1 of 2 undone; no undo: {post} POST /hooks/ci"));
}

#[test]
fn a_question_about_very_many_actions_lists_them_all() {
    let (mut bench, spans) = Bench::paused();
    bench.actions(spans.writer, spans.tool, (0..10_000).map(|at| model::Key::file(format!("out/{at}.txt"))));
    bench.keys("h3U");
    let told = ask_lines(&bench);
    assert_eq!(told[0], "undo 10002 actions, newest first");
    assert_eq!(told.len(), 10_003);
    assert!(
        bench.state.popup.as_ref().is_some_and(|popup| matches!(popup, Popup::Ask(ask) if ask.window().len() < 40))
    );
}

#[test]
fn the_two_halves_of_a_rename_are_one_idea() {
    let (mut bench, spans) = Bench::paused();
    bench.renamed(spans.writer, spans.tool, "a/old.md", "b/new.md");
    bench.keys("h3");
    let rows = bench.state.rollback.window(&bench.state.run, 9);
    assert_eq!((&rows[0].key[..], rows[0].letter, &rows[0].change[..]), ("b/new.md", 'R', "← a/old.md"));
    assert_eq!((&rows[1].key[..], rows[1].letter, &rows[1].change[..]), ("a/old.md", 'R', "→ b/new.md"));
    let half = format!("(half of a rename, {} is the other)", rows[1].seq);
    assert!(footer(&bench.state).left.ends_with(&half), "{:?}", footer(&bench.state));
}

#[test]
fn how_commands_run_is_told_once() {
    let (mut bench, _) = Bench::paused();
    let mode = ShellMode { capture: CaptureMode::Snapshot, gaps: vec!["network".into()] };
    for _ in 0..2 {
        bench.send(Update::Shell(mode.clone()));
    }
    let told = header(&bench.state);
    assert_eq!((told.sandbox.as_deref(), told.is_open), (Some("SANDBOX OFF: network"), true));
    let lines = bench.state.log.lines().iter().filter(|line| line.text.contains("capture mode snapshot"));
    let lines: Vec<&str> = lines.map(|line| &line.text[..]).collect();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("SANDBOX OFF: network; "), "{lines:?}");
}

#[test]
fn a_binary_is_told_by_size_and_hash() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("h3d");
    let old = Bytes { size: 1_024, hash: model::BlobHash([1; 16]) };
    bench.send(Update::Diff(diff(spans.second, DiffBody::Opaque { why: "binary".into(), old: Some(old), new: None })));
    let rows = rows(&bench).join("\n");
    assert!(rows.contains("before  1,024 bytes, blake3 01010101010101010101010101010101"), "{rows}");
    assert!(rows.contains("after   no file"), "{rows}");
}
