//! Questions that are longer than the screen: nothing is confirmed before its end was in view.

use tama_tui::app::{Ask, Key, Msg, Popup, update};
use tama_tui::model::{
    self, ActionChange, ActionOp, ActionRecord, BlobHash, Conflict, ConflictBy, Gate, KeyState, PauseReason, Release,
    RetryPlan, Seq, SpanId, TraceBody, UndoReport, Undoability, Update,
};

use crate::support::app_support::Bench;

/// A command of `cleaner` that would delete so many files, held, on a screen of 60x16.
fn deleting(count: usize) -> (Bench, SpanId) {
    let mut bench = Bench::new();
    update(&mut bench.state, Msg::Resize { width: 60, height: 16 });
    let agent = bench.agent(SpanId::RUN, "cleaner");
    let bash = bench.tool(agent, "tama_bash");
    for at in 0..count {
        bench.event(TraceBody::Action(ActionRecord {
            span: agent,
            tool_span: bash,
            tool_name: "tama_bash".into(),
            key: model::Key::file(format!("gone{at}")),
            op: ActionOp::Delete,
            old: KeyState::File { blob: BlobHash([1; 16]), size: 12, mode: 0o644 },
            intended: KeyState::Absent,
            undo: Undoability::Undo,
        }));
        let action = bench.last();
        bench.change(action, ActionChange::Held);
    }
    bench.pause(bash, Gate::AfterTool);
    (bench, bash)
}

fn ask(bench: &Bench) -> &Ask {
    match &bench.state.popup {
        Some(Popup::Ask(ask)) => ask,
        other => panic!("no question but {other:?}"),
    }
}

/// Presses the key until something is asked of the run; every line of the question was in view then.
fn read_and_confirm(bench: &mut Bench, key: Key) -> Vec<model::Command> {
    let mut seen: Vec<String> = Vec::new();
    loop {
        let window = ask(bench).window();
        let known = window.iter().position(|line| !seen.contains(line)).unwrap_or(window.len());
        seen.extend(window[known..].iter().cloned());
        let all = ask(bench).lines.clone();
        let commands = bench.ask(key);
        if !commands.is_empty() {
            let hidden: Vec<_> =
                all.iter().filter(|line| !seen.iter().any(|seen| line.starts_with(&seen[..]))).collect();
            assert!(hidden.is_empty(), "confirmed without having shown {hidden:?}");
            assert!(!all.iter().any(|line| line.contains("more")), "{all:?}");
            return commands;
        }
        assert!(bench.message().contains("not yet: "), "{}", bench.message());
    }
}

#[test]
fn discarding_shows_every_change_first() {
    let (mut bench, bash) = deleting(30);
    bench.keys("D");
    assert_eq!(ask(&bench).lines.len(), 32);
    let hints: Vec<String> =
        tama_tui::app::footer(&bench.state).hints.iter().map(|(key, name)| format!("{key} {name}")).collect();
    assert_eq!(hints, ["Enter Discard", "j k PgDn PgUp scroll", "Esc Cancel"]);
    let commands = read_and_confirm(&mut bench, Key::Enter);
    assert_eq!(commands, [model::Command::Release { span: bash, how: Release::Discard { only: Vec::new() } }]);
}

#[test]
fn applying_deletions_shows_every_change_first_and_y_is_no_way_around() {
    let (mut bench, bash) = deleting(30);
    bench.keys("c");
    assert_eq!(bench.keys("y"), []);
    assert!(bench.message().contains("not yet: "), "{}", bench.message());
    bench.keys("g");
    let commands = read_and_confirm(&mut bench, Key::Char('y'));
    let how = Release::Apply { only: Vec::new(), notify_model: false };
    assert_eq!(commands, [model::Command::Release { span: bash, how }]);
}

#[test]
fn undo_all_shows_every_change_first() {
    let (mut bench, spans) = Bench::paused();
    update(&mut bench.state, Msg::Resize { width: 60, height: 16 });
    bench.actions(spans.writer, spans.tool, (0..300).map(|at| model::Key::file(format!("file{at}"))));
    bench.keys("hU");
    assert!(ask(&bench).lines.len() > 300, "all of them can be seen");
    assert!(matches!(read_and_confirm(&mut bench, Key::Enter)[..], [model::Command::UndoSpan { .. }]));
}

#[test]
fn a_question_is_scrolled_by_the_usual_keys_and_confirmed_at_its_end() {
    let (mut bench, _) = deleting(30);
    bench.keys("D");
    let top = |bench: &Bench| ask(bench).reading().above();
    bench.keys("jj");
    assert_eq!(top(&bench), 2);
    bench.keys("k");
    bench.key(Key::PageDown);
    assert_eq!(top(&bench), 12);
    bench.key(Key::Ctrl('u'));
    assert_eq!(top(&bench), 1);
    bench.keys("x");
    assert_eq!(bench.message(), "x: nothing more here; Esc closes");
    bench.keys("G");
    assert_eq!(ask(&bench).reading().below(), 0);
    bench.keys("g");
    assert_eq!(bench.ask(Key::Enter).len(), 1, "its end was in view");
}

#[test]
fn a_retry_starts_only_after_the_end_of_its_plan_was_in_view() {
    let (mut bench, spans) = Bench::paused();
    update(&mut bench.state, Msg::Resize { width: 60, height: 16 });
    bench.keys("hr");
    let changed = (0..40).map(|at| format!("agent{at} (edited): prompts/agent{at}.md")).collect();
    let plan = RetryPlan { span: spans.writer, changed, ..RetryPlan::default() };
    bench.send(Update::Plan(plan));
    let mut pages = 0;
    while bench.ask(Key::Enter).is_empty() {
        pages += 1;
        assert!(bench.message().contains("not yet: "), "{}", bench.message());
    }
    assert!(pages >= 3, "{pages}");
    assert!(bench.state.popup.is_none());
}

#[test]
fn a_conflict_with_more_than_fits_shows_all_before_it_undoes_them() {
    let (mut bench, spans) = Bench::paused();
    update(&mut bench.state, Msg::Resize { width: 60, height: 16 });
    bench.actions(spans.writer, spans.tool, (0..30).map(|_| model::Key::file("NOTES.md")));
    bench.keys("3");
    let later: Vec<(Seq, SpanId)> =
        bench.state.run.ledger.blockers(spans.first).iter().map(|by| (by.seq, by.record.span)).collect();
    assert_eq!(later.len(), 30);
    let by = ConflictBy::Actions { first: later };
    let conflict = Conflict { action: spans.first, key: "NOTES.md".into(), by };
    bench.send(Update::Undo(UndoReport { conflict: Some(conflict), ..UndoReport::default() }));
    let Some(Popup::Menu(menu)) = &bench.state.popup else { panic!("no menu") };
    assert!(menu.lines.iter().any(|line| line.contains("a shows all")), "{:?}", menu.lines);
    assert_eq!(bench.keys("a"), [], "it asks first");
    assert_eq!(ask(&bench).lines.len(), 31);
    assert!(matches!(read_and_confirm(&mut bench, Key::Enter)[..], [model::Command::UndoList { .. }]));
}

#[test]
fn a_row_that_no_force_can_undo_offers_what_stands_in_its_way() {
    let mut bench = Bench::new();
    let agent = bench.agent(SpanId::RUN, "cleaner");
    let bash = bench.tool(agent, "tama_bash");
    let inside =
        removed(&mut bench, agent, bash, "out/a", KeyState::File { blob: BlobHash([1; 16]), size: 1, mode: 0o644 });
    let folder = removed(&mut bench, agent, bash, "out", KeyState::Directory { mode: 0o755 });
    bench.event(TraceBody::Paused { span: bash, gate: Gate::AfterTool, reason: PauseReason::Asked });
    // The folder is skipped, the file in it is blocked by it.
    bench.keys("3ggxj");
    assert_eq!(bench.state.rollback.selected(), Some(inside));
    bench.keys("!");
    let Some(Popup::Menu(menu)) = &bench.state.popup else { panic!("no menu but {:?}", bench.state.popup) };
    let keys: Vec<String> = menu.items.iter().map(|item| item.key.to_string()).collect();
    assert_eq!(keys, ["a", "d", "w", "x"], "a force would fail");
    let first = vec![folder, inside];
    assert_eq!(bench.keys("a"), [model::Command::UndoList { actions: first }]);
}

fn removed(bench: &mut Bench, agent: SpanId, tool: SpanId, path: &str, old: KeyState) -> Seq {
    let key = match old {
        KeyState::Directory { .. } => model::Key { kind: model::KeyKind::Directory, name: path.into() },
        _ => model::Key::file(path),
    };
    bench.event(TraceBody::Action(ActionRecord {
        span: agent,
        tool_span: tool,
        tool_name: "tama_bash".into(),
        key,
        op: ActionOp::Delete,
        old,
        intended: KeyState::Absent,
        undo: Undoability::Undo,
    }));
    let action = bench.last();
    bench.change(action, ActionChange::Applied { after: KeyState::Absent, kept: false });
    action
}
