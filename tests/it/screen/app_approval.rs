//! Flows through approvals: opened, guarded, answered.

use tama_tui::app::{AnswerRow, Command, EditorInput, Key, Msg, Pane, Popup, Purpose, update};
use tama_tui::model::{
    self, Allow, CaptureMode, EditScope, Editable, Gate, Millis, PauseReason, Release, Section, SectionBody, ShellMode,
    SpanDetail, SpanEnd, SpanId, SpanStatus, TraceBody, Update,
};

use crate::support::app_support::{Bench, run_commands};

fn ask(bench: &mut Bench, agent: SpanId, rule: &str) -> SpanId {
    let bash = bench.tool(agent, "tama_bash");
    let rule = rule.to_owned();
    bench.event(TraceBody::Paused { span: bash, gate: Gate::BeforeTool, reason: PauseReason::Policy { rule } });
    bash
}

/// A run in which only `rm` of the writer stands, and needs an approval.
fn asking() -> (Bench, SpanId) {
    let mut bench = Bench::new();
    let editor = bench.agent(SpanId::RUN, "editor");
    let writer = bench.agent(editor, "writer");
    let bash = ask(&mut bench, writer, "ask rule \"tama_bash:rm *\"; it runs rm -f out/a.log");
    (bench, bash)
}

fn section(title: &str, body: SectionBody) -> Section {
    Section { title: title.into(), note: String::new(), body, folded: false }
}

fn texts(bench: &mut Bench, span: SpanId) {
    let facts = [("undo", "changes in the workspace can be undone"), ("folder", "/w/work"), ("network", "no")];
    let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let runs = section("runs", SectionBody::Text("rm -f out/a.log".into()));
    let how = section("how", SectionBody::Facts(facts));
    bench.send(Update::Detail(SpanDetail { span, path: "editor/writer".into(), sections: vec![runs, how] }));
}

fn overlay(bench: &mut Bench) {
    bench.send(Update::Shell(ShellMode { capture: CaptureMode::Overlay, gaps: Vec::new() }));
}

fn release(span: SpanId, how: Release) -> model::Command {
    model::Command::Release { span, how }
}

fn time(bench: &mut Bench, millis: u64) {
    update(&mut bench.state, Msg::Clock(Millis(millis)));
}

fn tick(bench: &mut Bench, millis: u64) -> Vec<Command> {
    update(&mut bench.state, Msg::Tick(Millis(millis)))
}

fn shown(bench: &Bench) -> Option<SpanId> {
    match &bench.state.popup {
        Some(Popup::Approval(view)) => Some(view.span()),
        _ => None,
    }
}

fn answers(bench: &Bench) -> [AnswerRow; 5] {
    let Some(Popup::Approval(view)) = &bench.state.popup else { panic!("no approval") };
    view.answers()
}

fn lines(bench: &Bench) -> Vec<String> {
    let Some(Popup::Approval(view)) = &bench.state.popup else { panic!("no approval") };
    view.window().iter().map(|line| line.text.clone()).chain(view.facts().iter().cloned()).collect()
}

#[test]
fn c_on_an_approval_off_screen_opens_it_and_sends_nothing() {
    let (mut bench, bash) = asking();
    bench.keys("gg");
    assert_eq!(bench.key(Key::Char('c')), [Command::Run(model::Command::Inspect { span: bash })]);
    assert_eq!(shown(&bench), Some(bash));
    for key in [Key::Char('c'), Key::Char('C'), Key::Enter, Key::Char(' '), Key::Char('s'), Key::Tab] {
        assert_eq!(bench.ask(key), [], "{key}");
        assert!(bench.message().contains("answers nothing here"), "{key}: {}", bench.message());
    }
    assert_eq!(shown(&bench), Some(bash));
    bench.key(Key::Esc);
    assert_eq!(shown(&bench), None);
    assert_eq!(bench.keys("C"), []);
    assert_eq!(bench.message(), "nothing is merely paused: 1 needs approval");
    for key in ["s", "o", "O"] {
        assert_eq!(bench.keys(key), [], "{key}");
        assert!(bench.message().contains("needs an approval"), "{key}: {}", bench.message());
    }
}

#[test]
fn enter_on_a_span_that_needs_an_approval_opens_it() {
    let (mut bench, bash) = asking();
    assert_eq!(bench.state.selected(), bash);
    assert_eq!(bench.ask(Key::Enter), []);
    assert_eq!((shown(&bench), bench.state.focus), (Some(bash), Pane::Tree));
}

#[test]
fn continue_all_lets_approvals_and_held_changes_stand_and_says_so() {
    let (mut bench, spans) = Bench::paused();
    ask(&mut bench, spans.writer, "ask rule \"tama_bash\"");
    ask(&mut bench, spans.writer, "ask rule \"tama_bash\"");
    bench.held(spans.editor, &["a.txt"]);
    assert_eq!(bench.keys("C"), [model::Command::ReleaseAll]);
    assert_eq!(bench.message(), "continued; left: 2 need approval, 1 holds changes");
    bench.event(TraceBody::Released { span: spans.call, how: "continue".into(), stale: false });
    assert_eq!(bench.keys("C"), []);
    assert_eq!(bench.message(), "nothing is merely paused: 2 need approval, 1 holds changes");
}

#[test]
fn c_continues_what_is_merely_paused_and_leaves_the_approval() {
    let (mut bench, spans) = Bench::paused();
    ask(&mut bench, spans.writer, "ask rule \"tama_bash\"");
    bench.keys("gg");
    let goes = release(spans.editor, Release::Continue { notify_model: false });
    assert_eq!(bench.keys("c"), [goes]);
    assert_eq!(bench.message(), "continued; left: 1 needs approval");
}

#[test]
fn each_answer_is_given_by_its_digit_and_its_letter() {
    let given = [
        ("1y", Release::Allow(Allow::Once)),
        ("2h", Release::Allow(Allow::Held)),
        ("3Y", Release::Allow(Allow::Always)),
        ("4n", Release::Deny { why: String::new() }),
    ];
    for (keys, how) in given {
        for key in keys.chars() {
            let (mut bench, bash) = asking();
            overlay(&mut bench);
            bench.keys("c");
            texts(&mut bench, bash);
            assert_eq!(bench.ask(Key::Char(key)), [release(bash, how.clone())], "{key}");
            assert_eq!(shown(&bench), None);
            // Pressed again it is no second answer.
            bench.keys("c");
            assert!(shown(&bench).is_none() && bench.message().contains("answered"), "{}", bench.message());
        }
    }
}

#[test]
fn nothing_is_allowed_before_it_can_be_seen() {
    let (mut bench, bash) = asking();
    bench.keys("c");
    for key in ["1", "2", "3", "y"] {
        assert_eq!(bench.keys(key), [], "{key}");
        assert!(bench.message().contains("still being read"), "{}", bench.message());
    }
    assert_eq!(bench.keys("n"), [release(bash, Release::Deny { why: String::new() })]);
}

#[test]
fn the_exact_command_and_the_rule_are_shown() {
    let (mut bench, bash) = asking();
    bench.keys("c");
    texts(&mut bench, bash);
    let told = lines(&bench);
    assert_eq!(
        told,
        [
            "rm -f out/a.log",
            "in work/ · network no · changes in the workspace can be undone",
            "why: ask rule \"tama_bash:rm *\""
        ]
    );
    let Some(Popup::Approval(view)) = &bench.state.popup else { panic!("no approval") };
    assert_eq!(view.title(), "◆ Approve command? · writer · 1 of 1");
}

#[test]
fn changes_are_held_only_where_commands_write_beside_the_workspace() {
    let (mut bench, bash) = asking();
    bench.send(Update::Shell(ShellMode { capture: CaptureMode::Snapshot, gaps: Vec::new() }));
    bench.keys("c");
    texts(&mut bench, bash);
    let why = answers(&bench)[1].refused.clone().unwrap();
    assert!(why.contains("directly in the workspace"), "{why}");
    assert_eq!(bench.keys("h"), []);
    assert!(bench.message().contains(&why), "{}", bench.message());
    assert_eq!(shown(&bench), Some(bash));
}

#[test]
fn a_denial_can_say_why() {
    let (mut bench, bash) = asking();
    bench.keys("c");
    texts(&mut bench, bash);
    assert_eq!(bench.keys("N"), []);
    assert!(matches!(&bench.state.popup, Some(Popup::Editor(editor)) if editor.purpose == Purpose::Deny));
    assert_eq!(bench.key(Key::Char('n')), [Command::EditorInput(EditorInput::Key(Key::Char('n')))]);
    assert_eq!(bench.key(Key::Ctrl('s')), [Command::EditorTake]);
    let sent = run_commands(update(&mut bench.state, Msg::EditorDone { text: "not these\n".into() }));
    assert_eq!(sent, [release(bash, Release::Deny { why: "not these".into() })]);
}

#[test]
fn an_answer_in_its_place_can_be_given_and_given_up() {
    let (mut bench, bash) = asking();
    bench.keys("ggc");
    texts(&mut bench, bash);
    bench.keys("a");
    assert!(matches!(&bench.state.popup, Some(Popup::Editor(editor)) if editor.span == bash));
    bench.key(Key::Esc);
    assert_eq!(shown(&bench), Some(bash), "the question stands again");
    time(&mut bench, 600);
    bench.keys("a");
    let sent = run_commands(update(&mut bench.state, Msg::EditorDone { text: "3 files".into() }));
    assert_eq!(sent, [release(bash, Release::Answer { text: "3 files".into() })]);
}

#[test]
fn an_edited_call_is_asked_again() {
    let (mut bench, bash) = asking();
    bench.keys("ggc");
    texts(&mut bench, bash);
    assert_eq!(bench.keys("e"), [model::Command::Edit { span: bash }]);
    bench.send(Update::Editable(Editable {
        span: bash,
        title: "arguments".into(),
        text: "{}".into(),
        scopes: vec![EditScope::Call],
        extension: "json",
        part: None,
    }));
    let sent = update(&mut bench.state, Msg::EditorDone { text: "{\"a\": 1}".into() });
    let save = model::Command::SaveEdit { span: bash, text: "{\"a\": 1}".into(), scope: EditScope::Call };
    assert_eq!(sent, [Command::Run(save), Command::Run(model::Command::Inspect { span: bash })]);
    assert_eq!(shown(&bench), Some(bash));
    assert_eq!(bench.keys("y"), [], "typed while the editor was there");
    time(&mut bench, 600);
    assert_eq!(bench.keys("y"), [], "its new text has not come yet");
    texts(&mut bench, bash);
    assert_eq!(bench.keys("y"), [release(bash, Release::Allow(Allow::Once))]);
}

#[test]
fn it_opens_by_itself_only_after_a_while_without_keys_and_over_nothing() {
    let (mut bench, bash) = asking();
    time(&mut bench, 10_000);
    bench.keys("k");
    assert!(bench.state.wants_tick());
    tick(&mut bench, 11_499);
    assert_eq!(shown(&bench), None);
    assert!(tick(&mut bench, 11_500).contains(&Command::Run(model::Command::Inspect { span: bash })));
    assert_eq!(shown(&bench), Some(bash));
    assert!(bench.state.dirty && !bench.state.wants_tick());

    for open in ["?", "/x", "]", "q", "B"] {
        let (mut bench, _) = asking();
        let before = bench.keys(open);
        tick(&mut bench, 60_000);
        assert!(before.is_empty() && shown(&bench).is_none(), "{open}");
    }
}

#[test]
fn a_paste_and_the_mouse_count_as_keys() {
    let (mut bench, _) = asking();
    time(&mut bench, 10_000);
    update(&mut bench.state, Msg::Paste("y".into()));
    tick(&mut bench, 11_000);
    assert_eq!(shown(&bench), None);
    tick(&mut bench, 11_600);
    assert!(shown(&bench).is_some());
}

#[test]
fn keys_typed_ahead_of_it_are_not_taken() {
    let (mut bench, bash) = asking();
    tick(&mut bench, 10_000);
    texts(&mut bench, bash);
    time(&mut bench, 10_499);
    for key in ["y", "1", "n", "a", "e"] {
        assert_eq!(bench.keys(key), [], "{key}");
        assert_eq!(bench.message(), "opened just now: the key was not taken");
    }
    bench.key(Key::Esc);
    assert_eq!(shown(&bench), Some(bash));
    time(&mut bench, 10_500);
    assert_eq!(bench.keys("y"), [release(bash, Release::Allow(Allow::Once))]);
}

#[test]
fn pasted_text_answers_nothing() {
    let (mut bench, bash) = asking();
    bench.keys("c");
    texts(&mut bench, bash);
    for text in ["y", "1\n", "\n", "Y3n"] {
        assert_eq!(update(&mut bench.state, Msg::Paste(text.into())), []);
        assert_eq!(shown(&bench), Some(bash));
    }
}

#[test]
fn several_come_one_after_the_other() {
    let (mut bench, first) = asking();
    let writer = bench.state.run.trace.agent_of(first);
    let second = ask(&mut bench, writer, "ask rule \"tama_bash\"");
    let third = ask(&mut bench, writer, "ask rule \"tama_bash\"");
    let title = |bench: &Bench| match &bench.state.popup {
        Some(Popup::Approval(view)) => view.title().to_owned(),
        _ => panic!("no approval"),
    };
    bench.keys("ggc");
    assert_eq!(title(&bench), "◆ Approve command? · writer · 1 of 3");
    texts(&mut bench, first);
    let sent = bench.key(Key::Char('y'));
    let inspect = Command::Run(model::Command::Inspect { span: second });
    assert_eq!(sent, [Command::Run(release(first, Release::Allow(Allow::Once))), inspect]);
    assert_eq!((shown(&bench), &title(&bench)[..]), (Some(second), "◆ Approve command? · writer · 1 of 2"));
    texts(&mut bench, second);
    assert_eq!(bench.keys("y"), [], "the answer to the first is none to the second");
    time(&mut bench, 500);
    bench.key(Key::Esc);
    assert_eq!(shown(&bench), None);
    // One that was put off opens no more by itself, the others do.
    tick(&mut bench, 5_000);
    assert_eq!(shown(&bench), Some(third));
}

#[test]
fn one_that_is_gone_closes_with_a_word() {
    let (mut bench, bash) = asking();
    bench.keys("c");
    bench.event(TraceBody::Released { span: bash, how: "allow once".into(), stale: false });
    assert_eq!(shown(&bench), None);
    assert!(bench.message().ends_with("it was answered elsewhere"), "{}", bench.message());

    let (mut bench, bash) = asking();
    bench.keys("c");
    let end = SpanEnd::new(bash, SpanStatus::Cancelled);
    bench.event(TraceBody::SpanEnded(end));
    assert_eq!(shown(&bench), None);
    assert!(bench.message().ends_with("it was cancelled"), "{}", bench.message());
}

#[test]
fn a_refused_answer_can_be_given_again() {
    let (mut bench, bash) = asking();
    bench.keys("c");
    texts(&mut bench, bash);
    bench.keys("y");
    bench.send(Update::Refused("changes of writer were undone".into()));
    bench.keys("c");
    assert_eq!(shown(&bench), Some(bash));
}

#[test]
fn a_run_that_is_only_looked_at_asks_nothing() {
    let (mut bench, _) = asking();
    let no = || Err("opened from disk".to_owned());
    bench.send(Update::Abilities(model::Abilities { pause: no(), undo: no(), retry: no() }));
    tick(&mut bench, 60_000);
    assert!(shown(&bench).is_none() && !bench.state.wants_tick());
}

#[test]
fn nothing_is_allowed_before_the_end_of_its_text_was_in_view() {
    let (mut bench, bash) = asking();
    update(&mut bench.state, Msg::Resize { width: 60, height: 16 });
    overlay(&mut bench);
    bench.keys("Gc");
    let script: Vec<String> = (1..=40).map(|at| format!("step {at}")).collect();
    let runs = || section("runs", SectionBody::Text(script.join("\n")));
    let detail = |sections| Update::Detail(SpanDetail { span: bash, path: String::new(), sections });
    bench.send(detail(vec![runs()]));
    let mut pages = 0;
    let allowed = loop {
        let commands = bench.keys("y");
        if !commands.is_empty() {
            break commands;
        }
        assert!(bench.message().starts_with("not yet: "), "{}", bench.message());
        // The same text again changes nothing.
        bench.send(detail(vec![runs()]));
        pages += 1;
    };
    assert!(pages > 3, "{pages}");
    assert_eq!(allowed, [release(bash, Release::Allow(Allow::Once))]);
}

#[test]
fn a_text_that_was_not_read_can_be_denied() {
    let (mut bench, bash) = asking();
    update(&mut bench.state, Msg::Resize { width: 60, height: 16 });
    bench.keys("Gc");
    let runs = section("runs", SectionBody::Text("step\n".repeat(40)));
    bench.send(Update::Detail(SpanDetail { span: bash, path: String::new(), sections: vec![runs] }));
    assert_eq!(bench.keys("n"), [release(bash, Release::Deny { why: String::new() })]);
}
