//! Whole flows through the headless screen: keys and events in, state and commands out.

use tama_tui::app::keys::{self, Context};
use tama_tui::app::{
    Command, EditorInput, Key, Mouse, Msg, Pane, Popup, Purpose, State, UiAction, Word, footer, header, update,
};
use tama_tui::model::{
    self, Abilities, ActionChange, Breakpoint, Conflict, ConflictBy, EditScope, Editable, Gate, Generation, ReadBack,
    Release, RetryPlan, RunStatus, Seq, SpanDetail, SpanId, SpanStatus, TraceBody, UndoReport, Update,
};

use crate::support::app_support::{Bench, agent, edit, run_commands, tool};

/// The state without its message, to find out whether a key changed anything.
fn fingerprint(state: &State) -> String {
    let mut state = state.clone();
    (state.message, state.pending, state.dirty) = (None, None, false);
    // How a message is told is part of the message.
    ["Refused", "Refusal", "Notes"]
        .iter()
        .fold(format!("{state:?}"), |text, said| text.replace(&format!("said: {said}"), "said: Plain"))
}

/// A state with something of everything: an undone action, an error, a second try, a running and a paused call, a
/// key written twice, a change that has not landed.
fn rich(typed: &[Key], row: isize, pane: Pane) -> Bench {
    let (mut bench, spans) = Bench::paused();
    bench.change(spans.second, ActionChange::Undone { forced: false });
    let again = bench.start(spans.writer, "tama_files_write", 1, 2, tool());
    bench.end(again, SpanStatus::Error);
    let reviewer = bench.agent(spans.editor, "reviewer");
    let write = bench.tool(reviewer, "tama_files_write");
    bench.action(reviewer, write, model::Key::file("NOTES.md"));
    bench.end(write, SpanStatus::Ok);
    bench.held(reviewer, &["out.txt"]);
    bench.llm(reviewer, 1);
    let asking = bench.tool(reviewer, "tama_bash");
    let reason = model::PauseReason::Policy { rule: "ask rule \"tama_bash\"".into() };
    bench.event(model::TraceBody::Paused { span: asking, gate: model::Gate::BeforeTool, reason });
    bench.state.edits = vec![edit("writer", Some("prompts/writer.md"))];
    for key in typed {
        bench.key(*key);
    }
    bench.key(Key::Home);
    for _ in 0..row {
        bench.key(Key::Down);
    }
    // Rollback is passed by where it is empty.
    for _ in Pane::ALL {
        if bench.state.focus != pane {
            bench.key(Key::Tab);
        }
    }
    bench
}

#[test]
fn every_key_of_the_table_does_something_somewhere() {
    let letters = |text: &str| text.chars().map(Key::Char).collect::<Vec<_>>();
    let mut ways = [vec![], letters("z"), letters("/llm"), letters("+")];
    ways[2].push(Key::Enter);
    // The agent's terminal is only there in runs that watch an agent.
    for verb in keys::VERBS.iter().filter(|verb| verb.action != keys::UiAction::Show(Pane::Agent)) {
        for sequence in verb.keys {
            let panes = || Pane::ALL.into_iter().filter(|pane| verb.context.has(*pane));
            let places = panes().flat_map(|pane| (0..8).map(move |row| (pane, row)));
            let does = places.flat_map(|place| ways.iter().map(move |way| (place, way))).any(|((pane, row), way)| {
                let mut bench = rich(way, row, pane);
                if matches!(verb.action, UiAction::RetryTimes | UiAction::Fork) {
                    // A run under way is neither tried several times nor forked.
                    bench.event(TraceBody::RunStatus { status: RunStatus::Ok, text: None });
                }
                if matches!(verb.action, UiAction::EventOn | UiAction::SpanOn) {
                    // Nothing comes after now.
                    bench.scrub(model::MomentAsked { from: Seq(3), by: 0 });
                }
                let before = fingerprint(&bench.state);
                let commands: Vec<Command> = sequence.iter().flat_map(|key| bench.key(*key)).collect();
                assert!(!bench.message().contains("no such key"), "{} in {pane:?}", verb.all_keys());
                !commands.is_empty() || fingerprint(&bench.state) != before
            });
            assert!(does, "{} does nothing", verb.all_keys());
        }
    }
}

#[test]
fn a_verb_out_of_its_pane_is_not_bound() {
    for verb in keys::VERBS.iter().filter(|verb| verb.context != Context::Anywhere) {
        let (mut bench, _) = Bench::paused();
        bench.key(verb.keys[0][0]);
        let key = verb.keys[0][0];
        assert_eq!(bench.message(), format!("{key}: no such key here, ? shows all"), "{}", verb.name);
    }
}

#[test]
fn undo_first_shows_then_undoes_newest_first_then_redoes() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("h");
    assert_eq!(bench.state.selected(), spans.writer);
    assert_eq!(bench.keys("u"), []);
    assert_eq!(bench.state.focus, Pane::Rollback);
    assert!(bench.message().contains(&spans.second.to_string()));
    assert_eq!(bench.keys("u"), [model::Command::Undo { action: spans.second, force: false }]);

    bench.change(spans.second, ActionChange::Undone { forced: false });
    let words: Vec<Word> = bench.state.rollback.window(&bench.state.run, 9).into_iter().map(|row| row.word).collect();
    assert_eq!(words, [Word::Undone, Word::Next]);
    assert_eq!(bench.state.rollback.title(&bench.state.run), "Rollback · writer and below · 1 of 2 undone");
    assert_eq!(bench.keys("u"), [model::Command::Undo { action: spans.first, force: false }]);

    bench.change(spans.first, ActionChange::Undone { forced: false });
    assert_eq!(bench.keys("u"), []);
    assert!(bench.message().contains("nothing here can be undone"));
    assert_eq!(bench.ask(Key::Ctrl('r')), [model::Command::Redo { action: spans.first }]);
    bench.change(spans.first, ActionChange::Redone);
    assert_eq!(bench.ask(Key::Ctrl('r')), [model::Command::Redo { action: spans.second }]);
}

#[test]
fn undo_span_shows_what_it_leaves_and_wants_enter() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("h3x");
    assert_eq!(bench.state.rollback.next(), Some(spans.first));
    assert_eq!(bench.keys("U"), []);
    let Some(Popup::Ask(ask)) = &bench.state.popup else { panic!("no question") };
    assert!(ask.lines.iter().any(|line| line.contains("keep 1 action")), "{:?}", ask.lines);
    assert_eq!(bench.keys("y"), []);
    let expected = model::Command::UndoSpan { span: spans.writer, deep: true, skip: vec![spans.second] };
    assert_eq!(bench.ask(Key::Enter), [expected]);
    assert!(bench.state.popup.is_none());
}

#[test]
fn a_compensation_under_way_can_be_cancelled_when_the_run_is_over() {
    let (mut bench, spans) = Bench::paused();
    let key = model::Key { kind: model::KeyKind::Compensation, name: "deploy v2".into() };
    let action = bench.action(spans.writer, spans.tool, key);
    bench.status(RunStatus::Ok);
    bench.keys("X");
    assert!(bench.state.popup.is_none() && bench.message().contains("not live"), "{}", bench.message());
    bench.change(action, ActionChange::UndoStarted);
    for (keys, command) in [("X", model::Command::Cancel), ("q", model::Command::Quit)] {
        bench.keys(keys);
        let Some(Popup::Ask(ask)) = &bench.state.popup else { panic!("no question") };
        assert!(ask.lines[0].contains("stopped half-way"), "{:?}", ask.lines);
        assert_eq!(bench.ask(Key::Enter), [command]);
    }
    bench.change(action, ActionChange::Refused { why: "its undo command failed".into() });
    assert_eq!(bench.keys("q"), [model::Command::Quit]);
}

#[test]
fn pasted_text_confirms_nothing() {
    let (mut bench, _) = Bench::paused();
    bench.keys("h");
    for question in ["U", "X", "q"] {
        bench.keys(question);
        let before = bench.state.popup.clone();
        assert!(before.is_some());
        for text in ["\n", "y", "\r\ny\n"] {
            assert_eq!(run_commands(update(&mut bench.state, Msg::Paste(text.into()))), []);
        }
        assert_eq!(bench.state.popup, before);
        bench.key(Key::Esc);
    }
    let selected = bench.state.selected();
    assert_eq!(update(&mut bench.state, Msg::Paste("kkuU\n".into())), []);
    assert_eq!(bench.state.selected(), selected);
}

#[test]
fn force_wants_y() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("h3!");
    assert_eq!(bench.ask(Key::Enter), []);
    assert_eq!(bench.keys("y"), [model::Command::Undo { action: spans.second, force: true }]);
}

#[test]
fn a_conflict_offers_the_list_the_skip_and_the_force() {
    let conflict = |spans: &crate::support::app_support::Spans| UndoReport {
        conflict: Some(Conflict {
            action: spans.first,
            key: "NOTES.md".into(),
            by: ConflictBy::Actions { first: vec![(spans.second, spans.writer)] },
        }),
        ..UndoReport::default()
    };
    let (mut bench, spans) = Bench::paused();
    bench.send(Update::Undo(conflict(&spans)));
    assert_eq!(bench.keys("uuu"), [], "an undo pressed again takes back nothing of others");
    assert!(matches!(bench.state.popup, Some(Popup::Menu(_))));
    assert_eq!(bench.keys("a"), [model::Command::UndoList { actions: vec![spans.second, spans.first] }]);

    bench.send(Update::Undo(conflict(&spans)));
    assert_eq!(bench.keys("!"), []);
    assert_eq!(bench.keys("y"), [model::Command::Undo { action: spans.first, force: true }]);

    bench.send(Update::Undo(conflict(&spans)));
    assert_eq!(bench.keys("x"), []);
    assert!(bench.state.rollback.skipped().contains(&spans.first));
}

#[test]
fn a_difference_read_back_is_reported() {
    let (mut bench, spans) = Bench::paused();
    let read_back = ReadBack { restored: 1, total: 2, differs: vec!["NOTES.md: mode".into()] };
    bench.send(Update::Undo(UndoReport { undone: vec![spans.first], read_back, ..UndoReport::default() }));
    assert!(bench.message().contains("restored 1/2, read back: 1 DIFFER"));
    assert!(bench.state.log.lines().iter().any(|line| line.text.contains("NOTES.md: mode")));
}

#[test]
fn a_retry_shows_its_plan_and_wants_enter() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("h");
    assert_eq!(bench.keys("r"), [model::Command::Plan { span: spans.writer }]);
    assert!(bench.state.popup.is_none());
    let plan = RetryPlan { span: spans.writer, readers: vec![spans.llm], ..RetryPlan::default() };
    bench.send(Update::Plan(plan.clone()));
    assert!(matches!(bench.state.popup, Some(Popup::Plan(_))));
    bench.keys(" ");
    let retry = model::Command::Retry { plan: Box::new(plan.clone()), with_readers: false };
    assert!(!bench.state.tree.follow);
    assert_eq!(bench.ask(Key::Enter), [retry]);
    assert!(bench.state.tree.follow, "what runs again is followed");

    // A plan that nobody waits for is a preview only.
    bench.send(Update::Plan(plan));
    assert!(bench.state.popup.is_none());
    assert!(footer(&bench.state).left.starts_with("retry writer: "), "{:?}", footer(&bench.state));
}

#[test]
fn a_retry_that_lets_the_run_do_other_things_wants_y() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("hr");
    let authority = vec!["policy allow: + tama_*".to_owned()];
    let plan = RetryPlan { span: spans.writer, authority, ..RetryPlan::default() };
    bench.send(Update::Plan(plan.clone()));
    let Some(Popup::Plan(ask)) = &bench.state.popup else { panic!("no plan") };
    assert!(ask.window().iter().any(|line| line.label == "rights" && line.text == "policy allow: + tama_*"));
    assert_eq!(bench.ask(Key::Enter), []);
    assert!(bench.message().contains("y retries"), "{}", bench.message());
    let retry = model::Command::Retry { plan: Box::new(plan), with_readers: false };
    assert_eq!(bench.keys("y"), [retry]);
}

#[test]
fn the_preview_is_asked_for_once_the_selection_settled() {
    let (mut bench, spans) = Bench::paused();
    bench.tick();
    assert_eq!(bench.tick(), []);
    assert_eq!(bench.keys("kkkk"), []);
    assert!(bench.state.wants_tick());
    assert_eq!(bench.tick(), [model::Command::Plan { span: bench.state.selected() }]);
    assert_ne!(bench.state.selected(), spans.call);
    assert_eq!(bench.tick(), []);
}

#[test]
fn the_new_try_of_a_selected_span_is_selected() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("h");
    bench.event(TraceBody::Invalidated {
        generation: Generation(2),
        cause: spans.writer,
        spans: vec![spans.writer, spans.llm, spans.tool, spans.call],
        paths: vec!["editor/writer".into()],
        reopened: vec![spans.editor],
        stale: Vec::new(),
    });
    assert_eq!(bench.keys("r"), []);
    assert!(bench.message().contains("]t"), "{}", bench.message());
    let again = bench.start(spans.editor, "writer", 1, 2, agent());
    assert_eq!(bench.state.selected(), again);
    bench.keys("[t");
    assert_eq!(bench.state.selected(), spans.writer);
    bench.keys("]t");
    assert_eq!(bench.state.selected(), again);
}

#[test]
fn a_stale_agent_is_continued_by_choice_only() {
    let (mut bench, spans) = Bench::paused();
    assert_eq!(
        bench.keys("c"),
        [model::Command::Release { span: spans.call, how: Release::Continue { notify_model: false } }]
    );
    bench.change(spans.second, ActionChange::Undone { forced: false });
    assert_eq!(bench.keys("c"), []);
    assert!(matches!(&bench.state.popup, Some(Popup::Menu(menu)) if menu.items.len() == 3));
    let tell = model::Command::Release { span: spans.call, how: Release::Continue { notify_model: true } };
    assert_eq!(bench.ask(Key::Enter), [tell]);
    bench.keys("c");
    assert_eq!(bench.keys("r"), [model::Command::Plan { span: spans.writer }]);
    bench.keys("c");
    assert_eq!(bench.ask(Key::Ctrl('r')), [model::Command::Redo { action: spans.second }]);
}

#[test]
fn steps_release_what_is_paused_here() {
    let (mut bench, spans) = Bench::paused();
    for (key, how) in [("s", Release::Step), ("o", Release::StepOver), ("O", Release::StepOut)] {
        assert_eq!(bench.keys(key), [model::Command::Release { span: spans.call, how }]);
    }
    assert_eq!(bench.keys("C"), [model::Command::ReleaseAll]);
    bench.event(TraceBody::Released { span: spans.call, how: "continue".into(), stale: false });
    assert_eq!(bench.keys("p"), [model::Command::Pause]);
    assert_eq!(header(&bench.state).status(), "‖ pausing…  ● running");
    bench.keys("p");
    assert!(bench.message().contains("already"));
    bench.pause(spans.call, Gate::AfterLlm);
    assert_eq!(header(&bench.state).status(), "‖ PAUSED (after llm, step)");
}

#[test]
fn what_the_run_can_not_do_is_refused_with_its_reason() {
    let (mut bench, _) = Bench::paused();
    let no = || Err("opened from disk: its pipeline is not here".to_owned());
    bench.send(Update::Abilities(Abilities { pause: no(), undo: no(), retry: no() }));
    for key in ["c", "s", "e", "r", "u", "U"] {
        assert_eq!(bench.keys(key), [], "{key}");
        assert!(bench.message().contains("opened from disk"), "{key}: {}", bench.message());
    }
    assert_eq!(bench.tick(), []);
}

#[test]
fn breakpoints_are_set_switched_and_deleted() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("k");
    assert_eq!(bench.state.selected(), spans.tool);
    bench.keys("b");
    let breakpoint =
        |enabled| Breakpoint { tool: Some("tama_files_write".into()), enabled, ..Breakpoint::new(Gate::BeforeTool) };
    assert_eq!(bench.keys("t"), [model::Command::SetBreakpoints(vec![breakpoint(true)])]);
    bench.keys("B");
    assert_eq!(bench.keys(" "), [model::Command::SetBreakpoints(vec![breakpoint(false)])]);
    bench.key(Key::Esc);
    bench.keys("b");
    assert_eq!(bench.keys("t"), [model::Command::SetBreakpoints(vec![breakpoint(true)])], "set again, not twice");
    bench.keys("B");
    assert_eq!(bench.keys("d"), [model::Command::SetBreakpoints(vec![])]);
}

#[test]
fn an_edit_is_fetched_typed_and_saved_in_its_scope() {
    let (mut bench, spans) = Bench::paused();
    assert_eq!(bench.keys("e"), [model::Command::Edit { span: spans.call }]);
    let editable = Editable {
        span: spans.call,
        title: "system prompt".into(),
        text: "be kind".into(),
        scopes: vec![EditScope::Agent, EditScope::Call],
        extension: "md",
        part: None,
    };
    bench.send(Update::Editable(editable.clone()));
    assert_eq!(bench.key(Key::Char('q')), [Command::EditorInput(EditorInput::Key(Key::Char('q')))]);
    assert_eq!(bench.key(Key::Esc), []);
    assert!(bench.state.popup.is_some(), "a changed text is not dropped by one Esc");
    bench.key(Key::Ctrl('t'));
    assert_eq!(bench.key(Key::Ctrl('s')), [Command::EditorTake]);
    let saved = run_commands(update(&mut bench.state, Msg::EditorDone { text: "be brief".into() }));
    let save = |scope| model::Command::SaveEdit { span: spans.call, text: "be brief".into(), scope };
    assert_eq!(saved, [save(EditScope::Call)]);
    assert!(bench.state.popup.is_none());

    bench.keys("E");
    let open = bench.send(Update::Editable(editable.clone()));
    assert_eq!(open, [Command::OpenEditor { text: "be kind".into(), extension: "md" }]);
    let saved = run_commands(update(&mut bench.state, Msg::ExternalDone(Ok("be brief".into()))));
    assert_eq!(saved, [save(EditScope::Agent)]);

    bench.send(Update::Editable(editable));
    assert!(bench.state.popup.is_none(), "a text that nobody asked for opens nothing");
}

#[test]
fn an_untouched_editor_closes_at_once() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("a");
    assert!(matches!(&bench.state.popup, Some(Popup::Editor(editor)) if editor.purpose == Purpose::Answer));
    bench.key(Key::Down);
    bench.key(Key::Esc);
    assert!(bench.state.popup.is_none());
    bench.keys("a");
    let done = run_commands(update(&mut bench.state, Msg::EditorDone { text: "42".into() }));
    let how = Release::Answer { text: "42".into() };
    assert_eq!(done, [model::Command::Release { span: spans.call, how }]);
}

#[test]
fn quitting_asks_while_the_run_is_live() {
    let (mut bench, _) = Bench::paused();
    assert_eq!(bench.key(Key::Char('q')), []);
    assert_eq!(bench.key(Key::Enter), [Command::Run(model::Command::Quit), Command::Exit(130)]);
    bench.status(RunStatus::Ok);
    assert_eq!(header(&bench.state).status(), "‖ PAUSED (before llm, step)");
    assert_eq!(bench.key(Key::Char('q')), [Command::Run(model::Command::Quit), Command::Exit(0)]);
}

#[test]
fn interrupting_twice_quits_from_anywhere_and_once_does_not() {
    let (mut bench, _) = Bench::paused();
    bench.keys("a");
    assert_eq!(bench.key(Key::Ctrl('c')), []);
    bench.key(Key::Char('x'));
    bench.key(Key::Ctrl('c'));
    assert_eq!(bench.key(Key::Ctrl('c')), [Command::Run(model::Command::Quit), Command::Exit(130)]);
}

#[test]
fn prefixes_show_what_can_follow() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("]");
    let names: Vec<&str> = footer(&bench.state).menu.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["approval", "failed", "paused", "running", "try"]);
    bench.key(Key::Esc);
    assert!(footer(&bench.state).menu.is_empty());
    bench.keys("gg");
    assert_eq!(bench.state.selected(), spans.editor);
    bench.keys("]p");
    assert_eq!(bench.state.selected(), spans.call);
    bench.keys("]e");
    assert!(bench.message().contains("no span failed"));
    bench.end(spans.call, SpanStatus::Error);
    bench.keys("gg]e");
    assert_eq!(bench.state.selected(), spans.call);
}

#[test]
fn following_ends_with_the_first_move() {
    let (mut bench, spans) = Bench::paused();
    assert_eq!(bench.state.selected(), spans.call);
    bench.keys("k");
    let selected = bench.state.selected();
    let reviewer = bench.agent(spans.editor, "reviewer");
    assert_eq!(bench.state.selected(), selected);
    bench.keys("f");
    assert_eq!(bench.state.selected(), spans.call, "what is paused comes first");
    let next = bench.llm(reviewer, 1);
    assert_eq!(bench.state.selected(), next);
}

#[test]
fn the_filter_keeps_matches_and_what_is_above_them() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("/FILES");
    assert_eq!(footer(&bench.state).input.as_deref(), Some("filter: FILES"));
    bench.key(Key::Enter);
    let shown: Vec<SpanId> = bench.state.tree.window(0, 99).into_iter().map(|row| row.span).collect();
    assert_eq!(shown, [spans.editor, spans.writer, spans.llm, spans.tool], "the answer that called it names it");
    bench.keys("n");
    assert_eq!(bench.state.selected(), spans.tool);
    bench.llm(spans.writer, 3);
    assert_eq!(bench.state.tree.len(), 4);
    bench.key(Key::Esc);
    assert_eq!(bench.state.tree.len(), 6);
    assert_eq!(bench.state.selected(), spans.tool);
}

#[test]
fn a_refill_may_overlap() {
    let (bench, _) = Bench::paused();
    let (mut again, _) = Bench::paused();
    let lines = again.state.log.lines().len();
    let old = model::TraceEvent {
        seq: Seq(2),
        at: model::Millis(2000),
        happened: None,
        body: TraceBody::Note { span: None, error: false, text: "again".into() },
    };
    again.send(Update::Lag(5));
    assert_eq!(header(&again.state).lag, 5);
    again.send(Update::Events(vec![old]));
    assert_eq!(again.state.log.lines().len(), lines);
    assert_eq!(again.state.tree.len(), bench.state.tree.len());
    assert_eq!(again.state.run.last, bench.state.run.last);
}

#[test]
fn detail_is_asked_for_on_selection_and_streams_live() {
    let (mut bench, spans) = Bench::paused();
    let inspect = |span| Command::Run(model::Command::Inspect { span });
    assert_eq!(bench.key(Key::Char('k')), [inspect(spans.tool)]);
    assert_eq!(bench.key(Key::Char('v')), []);
    assert_eq!(bench.key(Key::Char('j')), [inspect(spans.call)]);
    bench.send(Update::Detail(SpanDetail { span: spans.call, path: "p".into(), sections: Vec::new() }));
    for text in ["Hel", "lo"] {
        bench.send(Update::Chunk { span: spans.call, text: text.into() });
    }
    let lines: Vec<&str> = bench.state.detail.lines().iter().map(|line| &line.text[..]).collect();
    assert_eq!(lines, ["response  streaming", "Hello"]);
    bench.keys("k");
    bench.keys("j");
    assert_eq!(
        bench.state.detail.lines().last().unwrap().text,
        "Hello",
        "the stream is kept while it is not looked at"
    );
    assert_eq!(bench.end(spans.call, SpanStatus::Ok), []);
    let again = bench.send(Update::Detail(SpanDetail { span: spans.call, path: "p".into(), sections: Vec::new() }));
    assert_eq!(again, [inspect(spans.call)], "the end came while the answer was under way");
    assert!(bench.state.streams.is_empty());
}

#[test]
fn nothing_ticks_while_everything_stands() {
    let (mut bench, spans) = Bench::paused();
    bench.tick();
    assert!(!bench.state.wants_tick());
    bench.state.dirty = false;
    bench.tick();
    assert!(!bench.state.dirty);
    bench.event(TraceBody::Released { span: spans.call, how: "continue".into(), stale: false });
    assert!(bench.state.wants_tick());
    for second in [1_000, 1_001] {
        // The loop tells the time before each message, the tick among them.
        bench.state.dirty = false;
        for message in [Msg::Clock, Msg::Tick] {
            update(&mut bench.state, message(model::Millis(second * 1_000)));
        }
        assert!(bench.state.dirty, "time is all that changed");
    }
}

#[test]
fn the_mouse_selects_folds_and_confirms_nothing() {
    let (mut bench, spans) = Bench::paused();
    update(&mut bench.state, Msg::Mouse(Mouse::Press { x: 3, y: 3 }));
    assert_eq!(bench.state.selected(), spans.writer);
    update(&mut bench.state, Msg::Mouse(Mouse::Press { x: 3, y: 3 }));
    assert_eq!(bench.state.tree.len(), 2);
    bench.keys("U");
    let before = bench.state.popup.clone();
    update(&mut bench.state, Msg::Mouse(Mouse::Press { x: 60, y: 20 }));
    assert_eq!(bench.state.popup, before);
}

#[test]
fn copies_what_the_focus_is_on() {
    let (mut bench, spans) = Bench::paused();
    assert_eq!(bench.key(Key::Char('y')), [Command::Copy("editor/writer/llm#2".into())]);
    bench.keys("h3");
    assert_eq!(bench.key(Key::Char('y')), [Command::Copy("outline".into())]);
    bench.keys("l");
    assert_eq!((bench.state.selected(), bench.state.focus), (spans.tool, Pane::Tree));
}

#[test]
fn the_header_tells_the_run() {
    let (mut bench, _) = Bench::paused();
    let told = header(&bench.state);
    assert_eq!((&told.name[..], &told.run[..]), ("release-notes", "k7qd"));
    assert_eq!(told.status(), "‖ PAUSED (before llm, step)");
    bench.send(Update::Edits(vec![edit("writer", Some("prompts/writer.md"))]));
    assert_eq!(header(&bench.state).edits, 1);
}

#[test]
fn rollback_narrows_to_the_span_alone() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("gg3");
    assert_eq!(bench.state.rollback.seqs(), [spans.second, spans.first]);
    bench.keys("t");
    assert_eq!(bench.state.rollback.seqs(), []);
    bench.keys("t");
    bench.keys("ju");
    assert_eq!(bench.state.rollback.seqs().len(), 2);
}

#[test]
fn an_action_under_the_cursor_is_undone_out_of_order() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("h3");
    assert_eq!(bench.keys("ju"), [model::Command::Undo { action: spans.first, force: false }]);
    bench.change(spans.first, ActionChange::Undone { forced: false });
    assert_eq!(bench.keys("u"), [model::Command::Undo { action: spans.second, force: false }]);
}

#[test]
fn after_an_undo_in_the_middle_the_cursor_goes_on_downwards() {
    let (mut bench, spans) = Bench::paused();
    let third = bench.action(spans.writer, spans.tool, model::Key::file("a.md"));
    let fourth = bench.action(spans.writer, spans.tool, model::Key::file("b.md"));
    bench.keys("h3");
    assert_eq!(bench.state.rollback.seqs(), [fourth, third, spans.second, spans.first]);
    let says = |bench: &Bench, action: Seq| footer(&bench.state).left.starts_with(&format!("u undoes {action} "));
    assert!(says(&bench, fourth), "{:?}", footer(&bench.state));
    bench.keys("j");
    assert!(says(&bench, third), "{:?}", footer(&bench.state));
    assert_eq!(bench.keys("u"), [model::Command::Undo { action: third, force: false }]);
    bench.change(third, ActionChange::Undone { forced: false });
    assert_eq!(bench.state.rollback.selected(), Some(spans.second));
    bench.keys("x");
    assert_eq!(bench.state.rollback.selected(), Some(spans.first), "a skipped row is done with too");
    bench.keys("u");
    bench.change(spans.first, ActionChange::Undone { forced: false });
    assert_eq!(bench.state.rollback.selected(), Some(fourth), "the nearest above when none is left below");
    assert_eq!(bench.state.rollback.to_undo(&bench.state.run), Some(fourth));
}

#[test]
fn esc_goes_back_to_the_tree() {
    for pane in ["2", "4", "3"] {
        let (mut bench, _) = Bench::paused();
        bench.keys("h");
        bench.keys(pane);
        assert_ne!(bench.state.focus, Pane::Tree);
        bench.key(Key::Esc);
        assert_eq!(bench.state.focus, Pane::Tree, "{pane}");
    }
}

#[test]
fn a_refused_preview_is_nobodys_business() {
    let (mut bench, _) = Bench::paused();
    let why = "failed to plan the retry: s3 is try 1 of editor/writer and was replaced; retry s9 instead";
    assert_eq!(bench.tick().len(), 1);
    bench.send(Update::Refused(why.into()));
    assert_eq!(bench.message(), "");
    bench.keys("r");
    bench.send(Update::Refused(why.into()));
    assert_eq!(bench.message(), why, "a plan that was asked for by a key is another thing");
}

#[test]
fn what_was_refused_is_forgotten_when_the_run_or_the_selection_moves_on() {
    let (mut bench, spans) = Bench::paused();
    bench.send(Update::Refused("it can't".into()));
    assert_eq!(bench.message(), "it can't");
    bench.event(TraceBody::Note { span: None, error: false, text: "by the way".into() });
    assert_eq!(bench.message(), "it can't");
    bench.event(TraceBody::Released { span: spans.call, how: "step".into(), stale: false });
    assert_eq!(bench.message(), "");
}

#[test]
fn a_note_that_answers_a_key_is_said() {
    let note = || TraceBody::Note { span: None, error: false, text: "wrote the prompt of writer".into() };
    let (mut bench, _) = Bench::paused();
    bench.event(note());
    assert_eq!(bench.message(), "");
    bench.send(Update::Edits(vec![edit("writer", Some("prompts/writer.md"))]));
    bench.keys("W");
    assert_eq!(bench.ask(Key::Enter), [model::Command::WriteBack]);
    bench.event(note());
    assert_eq!(bench.message(), "wrote the prompt of writer");
    bench.keys("k");
    bench.event(note());
    assert_eq!(bench.message(), "");
}

#[test]
fn a_search_without_a_hit_says_so() {
    let (mut bench, _) = Bench::paused();
    bench.keys("/nowhere");
    assert!(footer(&bench.state).left.contains("no span matches"), "{:?}", footer(&bench.state));
    bench.key(Key::Enter);
    assert!(footer(&bench.state).left.contains("nowhere"), "{:?}", footer(&bench.state));
    bench.key(Key::Esc);
    assert!(!footer(&bench.state).left.contains("matches"));
    bench.keys("2/nowhere");
    assert!(footer(&bench.state).left.contains("not in these texts"));
    bench.key(Key::Enter);
    assert!(bench.message().contains("nowhere"), "{}", bench.message());
    bench.keys("n");
    assert!(bench.message().contains("nothing to look for"), "{}", bench.message());
}

#[test]
fn keys_that_are_needed_at_a_gate_come_first() {
    let (mut bench, _) = Bench::paused();
    bench.keys("h");
    let told = footer(&bench.state);
    let keys: Vec<&str> = told.hints[..told.needed].iter().map(|(key, _)| &key[..]).collect();
    assert_eq!(keys, ["c", "s", "e", "u", "r"]);
    assert_eq!(told.hints.last().map(|(key, _)| &key[..]), Some("?"));
}

#[test]
fn undo_span_says_what_blocks_an_action_from_outside() {
    let (mut bench, spans) = Bench::paused();
    let reviewer = bench.agent(spans.editor, "reviewer");
    let write = bench.tool(reviewer, "tama_files_write");
    let later = bench.action(reviewer, write, model::Key::file("NOTES.md"));
    bench.keys("gglj");
    while bench.state.selected() != spans.writer {
        bench.keys("k");
    }
    bench.keys("U");
    let Some(Popup::Ask(ask)) = &bench.state.popup else { panic!("no question") };
    let blocked = format!("blocked by {later} in reviewer");
    assert!(ask.lines.iter().any(|line| line.ends_with(&blocked)), "{:?}", ask.lines);
    assert_eq!(ask.lines.iter().filter(|line| line.contains("blocked")).count(), 1, "{:?}", ask.lines);
}

#[test]
fn nothing_of_an_interrupted_run_looks_alive() {
    let (mut bench, spans) = Bench::paused();
    bench.status(RunStatus::Interrupted);
    assert_eq!(header(&bench.state).status(), "↯ interrupted");
    assert!(!bench.state.wants_tick() || bench.tick().len() == 1);
    for key in ["s", "o", "O", "C", "p", "X"] {
        assert_eq!(bench.keys(key), [], "{key}");
        assert!(bench.message().contains("interrupted"), "{key}: {}", bench.message());
    }
    assert_eq!(bench.state.run.span_state(spans.call), model::SpanState::Interrupted);
    assert_eq!(bench.state.run.span_state(spans.llm), model::SpanState::Ok);
}

#[test]
fn the_help_stops_at_its_end() {
    let (mut bench, _) = Bench::paused();
    update(&mut bench.state, Msg::Resize { width: 100, height: 30 });
    bench.keys("?G");
    let Some(Popup::Help(end)) = bench.state.popup else { panic!("no help") };
    bench.keys("jjj");
    assert_eq!(bench.state.popup, Some(Popup::Help(end)));
    bench.keys("k");
    assert!(matches!(bench.state.popup, Some(Popup::Help(help)) if help.top + 1 == end.top));
}

#[test]
fn a_second_undo_before_the_first_is_back_takes_the_next_action() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("h3");
    let undo = |action| model::Command::Undo { action, force: false };
    assert_eq!(bench.keys("u"), [undo(spans.second)]);
    assert_eq!(bench.keys("u"), [undo(spans.first)]);
    assert_eq!(bench.keys("u"), []);
    assert!(bench.message().contains("nothing here can be undone"));
    // Refused: it is there to be undone again.
    bench.send(Update::Refused("the workspace is in use".into()));
    assert_eq!(bench.keys("u"), [undo(spans.second)]);
}

#[test]
fn an_undo_under_way_is_on_the_screen() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("h3");
    bench.keys("u");
    let word = |bench: &Bench| bench.state.rollback.window(&bench.state.run, 9)[0].word.clone();
    assert_eq!(word(&bench), Word::Undoing);
    assert!(!header(&bench.state).status().contains("undoing"), "most are through at once");
    bench.change(spans.second, ActionChange::UndoStarted);
    let status = |bench: &Bench| header(&bench.state).status();
    assert!(status(&bench).starts_with(&format!("● undoing {}", spans.second)), "{}", status(&bench));
    bench.change(spans.second, ActionChange::Undone { forced: false });
    assert_eq!(word(&bench), Word::Undone);
    assert!(!status(&bench).contains("undoing"));
    bench.change(spans.second, ActionChange::RedoStarted);
    assert_eq!(word(&bench), Word::Redoing);
    assert!(status(&bench).starts_with(&format!("● redoing {}", spans.second)), "{}", status(&bench));
}
