//! Do, undo and redo: on memory, and on a real folder.

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt;

use super::fixture::{Fixture, append, delete, folder, remove, set, write};
use super::{
    NoCompensator, needs_undo, predict_not_applied, preview, redo, resolve_interrupted_actions, undo, undo_list,
};
use crate::model::{
    ActionChange, ActionEvent, ActionOp, ActionRecord, ActionStatus, ConflictBy, Element, Key, KeyState, Seq, SpanId,
    TraceBody, Undoability,
};
use crate::world::{Change, Value};

fn list(elements: &[(Seq, &str)]) -> KeyState {
    let elements = elements.iter().map(|(by, text)| Element { by: *by, text: (*text).into() }).collect();
    KeyState::List { elements }
}

fn text(text: &str) -> KeyState {
    KeyState::Text { text: text.into() }
}

#[tokio::test]
async fn the_row_is_there_before_the_outcome() {
    let run = Fixture::new();
    let action = run.act(2, set("k", "v")).await;
    let events = run.log.recorder().events(Seq(action.0 - 1), 10).unwrap();
    assert!(matches!(&events[0].body, TraceBody::Action(ActionRecord { old: KeyState::Absent, .. })));
    assert!(matches!(&events[1].body, TraceBody::ActionEvent(ActionEvent { action: of, .. }) if *of == action));
    run.assert_folds();
}

#[tokio::test]
async fn appends_of_two_spans_commute() {
    let run = Fixture::new();
    let first = run.act(2, append("log", "a")).await;
    let second = run.act(3, append("log", "b")).await;
    assert_eq!(run.memory("log"), list(&[(first, "a"), (second, "b")]));
    let report = undo(&run.log, &run.world, &NoCompensator, first, false).await;
    assert_eq!((report.undone, report.read_back.restored), (vec![first], 1));
    assert_eq!(run.memory("log"), list(&[(second, "b")]));
    undo(&run.log, &run.world, &NoCompensator, second, false).await;
    assert_eq!(run.memory("log"), KeyState::Absent);
    redo(&run.log, &run.world, first).await;
    redo(&run.log, &run.world, second).await;
    assert_eq!(run.memory("log"), list(&[(first, "a"), (second, "b")]));
    run.assert_folds();
}

#[tokio::test]
async fn a_converted_text_becomes_text_again() {
    let run = Fixture::new();
    run.act(2, set("k", "plain")).await;
    let added = run.act_all(2, vec![append("k", "x"), append("k", "y")]).await;
    assert_eq!(run.memory("k"), list(&[(Seq(0), "plain"), (added[0], "x"), (added[1], "y")]));
    undo_list(&run.log, &run.world, &NoCompensator, &[added[1], added[0]], false).await;
    assert_eq!(run.memory("k"), text("plain"));
}

#[tokio::test]
async fn a_later_change_of_the_key_is_a_conflict_that_names_it() {
    let run = Fixture::new();
    let first = run.act(2, set("k", "1")).await;
    let second = run.act(3, set("k", "2")).await;
    let third = run.act(3, delete("k")).await;
    let report = undo(&run.log, &run.world, &NoCompensator, first, false).await;
    let ConflictBy::Actions { first: order } = report.conflict.unwrap().by else { panic!("another program?") };
    assert_eq!(order, [(third, SpanId(1)), (second, SpanId(1))]);
    assert!(report.undone.is_empty());
    assert_eq!(run.memory("k"), KeyState::Absent);
    let order: Vec<Seq> = order.into_iter().map(|(action, _)| action).chain([first]).collect();
    let report = undo_list(&run.log, &run.world, &NoCompensator, &order, false).await;
    assert_eq!(report.undone, order);
    run.assert_folds();
}

#[tokio::test]
async fn many_memory_actions_are_undone_up_to_the_first_conflict() {
    let run = Fixture::new();
    let changes = (0..1300).map(|at| set(&format!("k{}", at % 100), &format!("{at}"))).collect();
    let mut actions = run.act_all(2, changes).await;
    let later = run.act(3, set("k50", "theirs")).await;
    actions.reverse();
    let (newest, oldest) = (actions[0], actions[1299]);
    let report = undo_list(&run.log, &run.world, &NoCompensator, &actions, false).await;
    // The newest on k50 is the 1,250th: what came after it is undone, it is not, and nothing before it.
    let conflict = report.conflict.unwrap();
    assert_eq!((conflict.action, conflict.key.as_str()), (actions[49], "k50"));
    assert_eq!((report.undone.len(), report.undone[0], report.undone[48]), (49, newest, actions[48]));
    assert_eq!((run.memory("k51"), run.memory("k50"), run.memory("k49")), (text("1151"), text("theirs"), text("1249")));

    undo(&run.log, &run.world, &NoCompensator, later, false).await;
    let report = undo_list(&run.log, &run.world, &NoCompensator, &actions[49..], false).await;
    assert_eq!((report.undone.len(), report.undone[1250]), (1251, oldest));
    assert_eq!((report.read_back.restored, report.read_back.total, report.left.len()), (100, 100, 0));
    assert!((0..100).all(|at| run.memory(&format!("k{at}")) == KeyState::Absent));
    // What the caller waited for is on disk.
    let stored = run.log.recorder().events(Seq(0), 10_000).unwrap();
    let undone = stored.iter().filter(|event| {
        matches!(&event.body, TraceBody::ActionEvent(ActionEvent { change: ActionChange::Undone { .. }, .. }))
    });
    assert_eq!(undone.count(), 1301);
    run.assert_folds();
}

#[tokio::test]
async fn files_come_back_with_bytes_and_mode() {
    let run = Fixture::new();
    std::fs::write(run.path("a.sh"), b"\xff\x00old").unwrap();
    std::fs::set_permissions(run.path("a.sh"), PermissionsExt::from_mode(0o751)).unwrap();
    let changed = run.act(2, write("a.sh", "new")).await;
    let removed = run.act(2, remove("a.sh")).await;
    assert_eq!(run.text("a.sh"), None);
    let report = undo_list(&run.log, &run.world, &NoCompensator, &[removed, changed], false).await;
    assert_eq!((report.read_back.restored, report.read_back.total), (1, 1));
    assert_eq!(std::fs::read(run.path("a.sh")).unwrap(), b"\xff\x00old");
    assert_eq!(std::fs::metadata(run.path("a.sh")).unwrap().permissions().mode() & 0o7777, 0o751);
    assert_eq!(
        redo(&run.log, &run.world, removed).await.left[0].why,
        format!("redo {changed} first: this action changed what that one left")
    );
    assert_eq!(redo(&run.log, &run.world, changed).await.redone, [changed]);
    assert_eq!(run.text("a.sh").as_deref(), Some("new"));
}

#[tokio::test]
async fn a_change_from_outside_survives_unless_forced_and_comes_back_with_redo() {
    let run = Fixture::new();
    let action = run.act(2, write("notes", "mine")).await;
    std::fs::write(run.path("notes"), "theirs").unwrap();
    let report = undo(&run.log, &run.world, &NoCompensator, action, false).await;
    assert!(matches!(report.conflict.unwrap().by, ConflictBy::Outside { .. }));
    assert_eq!(run.text("notes").as_deref(), Some("theirs"));
    let report = undo(&run.log, &run.world, &NoCompensator, action, true).await;
    assert_eq!((report.undone, run.text("notes")), (vec![action], None));
    let report = redo(&run.log, &run.world, action).await;
    assert_eq!((report.read_back.restored, run.text("notes").as_deref()), (1, Some("theirs")));
    let report = undo(&run.log, &run.world, &NoCompensator, action, false).await;
    assert_eq!((report.undone, run.text("notes")), (vec![action], None));
}

#[tokio::test]
async fn a_folder_stays_while_it_is_used_and_the_last_one_out_removes_it() {
    let run = Fixture::new();
    let made = run.act_all(2, vec![folder("out"), write("out/a", "a")]).await;
    let other = run.act(3, write("out/b", "b")).await;
    let report = undo_list(&run.log, &run.world, &NoCompensator, &[made[1], made[0]], false).await;
    assert_eq!(report.undone, [made[1]]);
    assert_eq!(
        (report.left[0].action, report.left[0].why.as_str()),
        (made[0], &*format!("used by {other}: undo that too"))
    );
    assert!(report.conflict.is_none());
    let report = undo(&run.log, &run.world, &NoCompensator, other, false).await;
    assert_eq!(report.undone, [other, made[0]]);
    assert_eq!((report.read_back.restored, report.read_back.total), (2, 2));
    assert!(!run.path("out").exists());
    assert_eq!(redo(&run.log, &run.world, other).await.left.len(), 1);
    assert_eq!(redo(&run.log, &run.world, made[0]).await.redone, [made[0]]);
    assert_eq!(redo(&run.log, &run.world, other).await.redone, [other]);
}

#[tokio::test]
async fn what_was_redone_into_a_later_folder_is_a_user_of_it_and_goes_first() {
    let run = Fixture::new();
    let first = run.act_all(2, vec![folder("out"), write("out/a", "a")]).await;
    let report = undo_list(&run.log, &run.world, &NoCompensator, &[first[1], first[0]], false).await;
    assert_eq!(report.undone, [first[1], first[0]]);
    let second = run.act(3, folder("out")).await;
    assert_eq!(redo(&run.log, &run.world, first[1]).await.redone, [first[1]]);

    let report = undo(&run.log, &run.world, &NoCompensator, second, false).await;
    assert_eq!(report.left[0].why, format!("used by {}: undo that too", first[1]));
    assert_eq!(preview(&run.log, &run.world, &[second, first[1]], false).undone, [first[1], second]);
    let report = undo_list(&run.log, &run.world, &NoCompensator, &[second, first[1]], false).await;
    assert_eq!((report.undone, report.left.len()), (vec![first[1], second], 0));
    assert!(!run.path("out").exists());
}

#[tokio::test]
async fn an_action_before_the_folder_was_made_again_is_no_user_of_it() {
    let run = Fixture::new();
    let first = run.act_all(2, vec![folder("out"), write("out/a", "a")]).await;
    let removed = run.act(2, remove("out/a")).await;
    let mut undone = vec![removed, first[1], first[0]];
    assert_eq!(undo_list(&run.log, &run.world, &NoCompensator, &undone, false).await.undone, undone);
    undone.reverse();
    for action in undone {
        assert_eq!(redo(&run.log, &run.world, action).await.redone, [action]);
    }
    let gone = run.act(2, Change { key: Key::directory("out"), ..remove("out") }).await;
    let again = run.act(3, folder("out")).await;
    assert_eq!(undo(&run.log, &run.world, &NoCompensator, again, false).await.undone, [again]);
    assert_eq!(undo(&run.log, &run.world, &NoCompensator, gone, false).await.undone, [gone]);
}

#[tokio::test]
async fn a_folder_with_a_strangers_file_is_never_removed() {
    let run = Fixture::new();
    let made = run.act(2, folder("out")).await;
    std::fs::write(run.path("out/stranger"), "x").unwrap();
    for force in [false, true] {
        let report = undo(&run.log, &run.world, &NoCompensator, made, force).await;
        assert_eq!(
            report.left[0].why,
            "\"stranger\" in it is not of this run, or is excluded from capture: move or remove it, then undo again"
        );
    }
    assert_eq!(run.text("out/stranger").as_deref(), Some("x"));
}

#[tokio::test]
async fn a_conflict_stops_a_list_and_leaves_what_comes_after() {
    let run = Fixture::new();
    let a = run.act(2, write("a", "1")).await;
    let b = run.act(2, write("b", "1")).await;
    let c = run.act(2, set("c", "1")).await;
    std::fs::write(run.path("b"), "theirs").unwrap();
    let report = undo_list(&run.log, &run.world, &NoCompensator, &[c, b, a], false).await;
    assert_eq!(report.undone, [c]);
    assert_eq!(report.conflict.unwrap().action, b);
    assert_eq!(run.text("a").as_deref(), Some("1"));
    assert!(run.log.with(|state| state.ledger.entries().iter().all(|entry| !entry.half_done)));
}

#[tokio::test]
async fn what_cannot_be_undone_is_never_claimed() {
    let run = Fixture::new();
    let origin = super::Origin { span: SpanId(1), tool_span: SpanId(2), tool_name: "tama_bash".into() };
    let record = super::external_record(&origin, "curl -d x example.org", "may have reached outside".into());
    let shell = run.log.append(vec![crate::model::TraceBody::Action(record)]);
    let report = undo(&run.log, &run.world, &NoCompensator, shell, true).await;
    assert!(report.undone.is_empty());
    assert_eq!(report.left[0].why, "may have reached outside");
}

#[tokio::test]
async fn a_change_that_fails_says_so_and_leaves_the_world() {
    let run = Fixture::new();
    let origin = super::Origin { span: SpanId(1), tool_span: SpanId(2), tool_name: "t".into() };
    let changes = vec![set("k", "v"), write("no/such/folder", "x"), set("l", "v")];
    assert!(super::perform(&run.log, &run.world, &origin, changes).await.is_err());
    let statuses: Vec<_> = run.log.with(|state| state.ledger.entries().iter().map(|e| e.status).collect());
    assert_eq!(statuses, [ActionStatus::Applied, ActionStatus::NotApplied, ActionStatus::NotApplied]);
    run.assert_folds();
}

#[tokio::test]
async fn reopening_resolves_what_a_crash_left_open() {
    let run = Fixture::new();
    let a = run.act(2, write("a", "1")).await;
    let b = run.act(2, write("b", "1")).await;
    let k = run.act(2, set("k", "1")).await;
    let start = |action| TraceBody::ActionEvent(ActionEvent { action, change: ActionChange::UndoStarted });
    run.log.append(vec![start(k), start(b), start(a)]);
    std::fs::remove_file(run.path("b")).unwrap();
    let never = intent(&run, Key::file("never"), KeyState::Absent);
    let lines = resolve_interrupted_actions(&run.log, &run.world).await;
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!((run.text("a"), run.text("b")), (None, None));
    assert_eq!(run.memory("k"), KeyState::Absent);
    run.assert_folds();
    let open = |seq| run.log.with(|state| state.ledger.standing(seq));
    assert_eq!(open(never), crate::model::Standing::NotApplied);
    assert_eq!([open(a), open(b), open(k)], [(); 3].map(|()| crate::model::Standing::Undone));
    assert!(resolve_interrupted_actions(&run.log, &run.world).await.is_empty());
}

#[tokio::test]
async fn an_intent_that_was_done_is_found_and_can_be_undone() {
    let run = Fixture::new();
    let intended = crate::world::Value::File { bytes: b"x".to_vec(), mode: None };
    let action = intent(&run, Key::file("f"), intended.state());
    std::fs::write(run.path("f"), "x").unwrap();
    assert_eq!(undo(&run.log, &run.world, &NoCompensator, action, false).await.undone, [action]);
    assert_eq!(run.text("f"), None);
}

#[tokio::test]
async fn a_folder_that_was_to_be_made_and_closed_never_was() {
    let folder = |mode| KeyState::Directory { mode };
    let run = Fixture::new();
    let made = intent(&run, Key::directory("d"), folder(0o755));
    let closed = intent_on(&run, Key::directory("d"), folder(0o755), folder(0o555));
    resolve_interrupted_actions(&run.log, &run.world).await;
    let standing = |seq| run.log.with(|state| state.ledger.standing(seq));
    assert_eq!([made, closed].map(standing), [(); 2].map(|()| crate::model::Standing::NotApplied));
}

#[tokio::test]
async fn a_memory_key_says_nothing_of_a_path_of_its_name() {
    let run = Fixture::new();
    run.act(2, write("plan", "x")).await;
    let old = run.world.read(&Key::file("plan")).unwrap().state();
    intent(&run, Key::memory("plan"), text("y"));
    let removed = intent_on(&run, Key::file("plan"), old, KeyState::Absent);
    std::fs::remove_file(run.path("plan")).unwrap();
    resolve_interrupted_actions(&run.log, &run.world).await;
    assert_eq!(run.log.with(|state| state.ledger.standing(removed)), crate::model::Standing::Free);
}

#[tokio::test]
async fn a_later_action_that_cannot_be_undone_is_named() {
    let run = Fixture::new();
    let made = run.act(2, write("f", "x")).await;
    let later = run.log.append(vec![TraceBody::Action(ActionRecord {
        span: SpanId(7),
        tool_span: SpanId(8),
        tool_name: "t".into(),
        key: Key::file("f"),
        op: crate::model::ActionOp::Set,
        old: KeyState::Unknown,
        intended: KeyState::Unknown,
        undo: Undoability::NoUndo { why: "larger than 1 MB".into() },
    })]);
    std::fs::write(run.path("f"), "large").unwrap();
    let conflict = undo(&run.log, &run.world, &NoCompensator, made, false).await.conflict.unwrap();
    assert_eq!(conflict.by, crate::model::ConflictBy::NoUndo { action: later, span: SpanId(7) });
}

#[tokio::test]
async fn what_someone_else_saved_while_the_row_was_written_stays() {
    let run = Fixture::new();
    std::fs::write(run.path("f"), "of before").unwrap();
    let change = write("f", "new");
    let old = run.world.read(&change.key).unwrap();
    std::fs::write(run.path("f"), "saved just now").unwrap();
    let (outcome, why) = super::act::put_change(&run.world, &change, &old, Seq(9)).unwrap_err();
    assert!(matches!(outcome, ActionChange::Failed { .. }), "{outcome:?}");
    assert!(why.contains("another program or person changed it just now"), "{why}");
    assert_eq!(run.text("f").as_deref(), Some("saved just now"));
}

fn intent(run: &Fixture, key: Key, intended: KeyState) -> Seq {
    intent_on(run, key, KeyState::Absent, intended)
}

fn intent_on(run: &Fixture, key: Key, old: KeyState, intended: KeyState) -> Seq {
    run.log.append(vec![TraceBody::Action(ActionRecord {
        span: SpanId(1),
        tool_span: SpanId(2),
        tool_name: "t".into(),
        key,
        op: crate::model::ActionOp::Set,
        old,
        intended,
        undo: Undoability::Undo,
    })])
}

#[tokio::test]
async fn a_preview_counts_what_a_crash_left_open_as_resolved() {
    let run = Fixture::new();
    let first = run.act(2, set("k", "one")).await;
    let made = run.act(2, write("made", "x")).await;
    let undone = run.act(2, write("undone", "x")).await;
    // None of these was done.
    let memory = intent(&run, Key::memory("k"), text("two"));
    let path = intent(&run, Key::file("missing"), KeyState::Symlink { target: "x".into() });
    run.log.append(vec![TraceBody::ActionEvent(ActionEvent { action: undone, change: ActionChange::UndoStarted })]);
    assert_eq!(predict_not_applied(&run.log, &run.world), HashSet::from([memory, path, undone]));
    let seen = preview(&run.log, &run.world, &[path, memory, undone, made, first], false);
    assert_eq!((seen.undone, seen.left, seen.conflict), (vec![made, first], Vec::new(), None));
}

#[tokio::test]
async fn a_deserted_folder_that_someone_changed_stops_nothing() {
    let run = Fixture::new();
    let made = run.act(2, folder("d")).await;
    let inside = run.act(3, write("d/b", "x")).await;
    assert_eq!(undo(&run.log, &run.world, &NoCompensator, made, false).await.left[0].action, made);
    std::fs::set_permissions(run.path("d"), PermissionsExt::from_mode(0o700)).unwrap();
    let report = undo(&run.log, &run.world, &NoCompensator, inside, false).await;
    assert_eq!((report.undone, report.conflict), (vec![inside], None));
    assert_eq!(report.left[0].action, made);
    assert!(report.left[0].why.contains("permissions 700 instead of 755"), "{:?}", report.left);
    assert!(run.path("d").is_dir());
}

#[tokio::test]
async fn a_folder_that_was_made_may_stay_and_one_that_was_removed_has_to_come_back() {
    let run = Fixture::new();
    std::fs::create_dir(run.path("old")).unwrap();
    let made = run.act(2, folder("new")).await;
    let gone = Change { key: Key::directory("old"), op: ActionOp::Delete, new: Value::Absent };
    let gone = run.act(2, gone).await;
    let stand = |actions: &[Seq]| run.log.with(|state| needs_undo(&state.ledger, actions));
    assert_eq!((stand(&[made]), stand(&[made, gone])), (false, true));
    undo(&run.log, &run.world, &NoCompensator, gone, false).await;
    assert!(!stand(&[made, gone]));
}

/// The events about an action, but its own row.
fn told(run: &Fixture, action: Seq) -> Vec<&'static str> {
    let events = run.log.recorder().events(Seq(0), usize::MAX).unwrap();
    let name = |body: &TraceBody| match body {
        TraceBody::ActionEvent(event) if event.action == action => Some(event.change.name()),
        TraceBody::Kept { action: of, .. } if *of == action => Some("kept"),
        _ => None,
    };
    events.iter().filter_map(|event| name(&event.body)).collect()
}

#[tokio::test]
async fn an_after_image_is_kept_when_the_action_is_applied_and_serves_the_redo() {
    let mut run = Fixture::new();
    run.log = run.log.clone().keeping_after_images(Some(10));
    let action = run.act(2, write("a", "small")).await;
    let entry = |run: &Fixture, action| run.log.with(|state| state.ledger.get(action).unwrap().clone());
    let kept = entry(&run, action).kept.unwrap();
    assert_eq!(run.log.recorder().blob(kept).unwrap(), b"small");
    undo(&run.log, &run.world, &NoCompensator, action, false).await;
    assert_eq!(run.text("a"), None);
    redo(&run.log, &run.world, action).await;
    assert_eq!(run.text("a").as_deref(), Some("small"));
    assert_eq!(told(&run, action), ["applied", "undo_started", "undone", "redo_started", "redone"]);

    let large = run.act(2, write("b", "larger than ten")).await;
    assert_eq!(entry(&run, large).kept, None);
    undo(&run.log, &run.world, &NoCompensator, large, false).await;
    redo(&run.log, &run.world, large).await;
    assert_eq!(run.text("b").as_deref(), Some("larger than ten"));
    assert_eq!(told(&run, large), ["applied", "kept", "undo_started", "undone", "redo_started", "redone"]);
}

#[tokio::test]
async fn a_forced_undo_keeps_what_it_overwrites() {
    let mut run = Fixture::new();
    run.log = run.log.clone().keeping_after_images(Some(100));
    let action = run.act(2, write("a", "ours")).await;
    std::fs::write(run.path("a"), "theirs").unwrap();
    undo(&run.log, &run.world, &NoCompensator, action, true).await;
    assert_eq!(told(&run, action), ["applied", "kept", "undo_started", "undone"]);
    redo(&run.log, &run.world, action).await;
    assert_eq!(run.text("a").as_deref(), Some("theirs"));
}
