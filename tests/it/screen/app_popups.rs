//! Popups own their keys and the footer; no key is silent; the Log and the plan of a retry show everything.

use tama_tui::app::{Command, Key, LogKind, Msg, Pane, PlanAsk, Popup, State, footer, update};
use tama_tui::model::{
    self, CaptureMode, EndCause, Gate, Millis, PauseReason, PlanLeave, ReadBack, Release, RetryPlan, ShellMode,
    SpanEnd, SpanId, SpanStatus, TraceBody, UndoReport, Update,
};

use crate::support::app_support::{Bench, Spans, edit};

/// Every key that a terminal sends here.
fn all_keys() -> Vec<Key> {
    let printable = (' '..='~').map(Key::Char);
    let ctrl = ('a'..='z').filter(|letter| *letter != 'c').map(Key::Ctrl);
    let named = [
        Key::Alt('x'),
        Key::Enter,
        Key::Esc,
        Key::Tab,
        Key::BackTab,
        Key::Backspace,
        Key::Delete,
        Key::Up,
        Key::Down,
        Key::Left,
        Key::Right,
        Key::Home,
        Key::End,
        Key::PageUp,
        Key::PageDown,
    ];
    printable.chain(ctrl).chain(named).collect()
}

fn plan(spans: &Spans) -> RetryPlan {
    RetryPlan {
        span: spans.writer,
        readers: vec![spans.llm],
        rerun_names: vec!["writer".into()],
        ..RetryPlan::default()
    }
}

/// A paused run, its keys typed; the answers that popups wait for come.
fn opened(typed: &str) -> Bench {
    let (mut bench, spans) = Bench::paused();
    bench.event(TraceBody::Note { span: Some(spans.writer), error: false, text: "a note".into() });
    bench.keys(typed);
    bench.send(Update::Plan(plan(&spans)));
    bench
}

/// The state with its message, to find out whether a key was silent.
fn shown(state: &State) -> String {
    let mut state = state.clone();
    (state.message, state.dirty) = (None, false);
    format!("{state:?}")
}

#[test]
fn no_key_is_silent() {
    // Panels, popups, prefixes, searches.
    let places = [
        "", "2", "4", "3", "h", "?", "hr", "U", "3!", "b", "B", "bl B", "a", "3d", "4\r", "q", "X", "]", "g", "/",
        "/zz", "?/z", "4/z",
    ];
    for place in places {
        for key in all_keys() {
            let mut bench = opened("");
            for letter in place.chars() {
                bench.key(if letter == '\r' { Key::Enter } else { Key::Char(letter) });
            }
            bench.send(Update::Plan(plan(&Bench::paused().1)));
            let before = shown(&bench.state);
            let commands = bench.key(key);
            let silent = commands.is_empty() && bench.message().is_empty() && shown(&bench.state) == before;
            assert!(!silent, "{key} is silent after {place:?}");
        }
    }
}

#[test]
fn an_unbound_key_names_itself() {
    for (typed, key, says) in [
        ("", '&', "&: no such key here, ? shows all"),
        ("]", 'x', "x: no such key after ], ] shows which there are"),
        ("hU", 'x', "x: nothing more here; Esc closes"),
        ("?", '&', "&: nothing more here; Esc closes"),
        ("B", '&', "&: nothing more here; Esc closes"),
    ] {
        let mut bench = opened(typed);
        bench.keys(&key.to_string());
        assert_eq!(bench.message(), says, "{typed}: {:?}", bench.state.popup);
        assert!(footer(&bench.state).is_refusal);
    }
}

#[test]
fn the_footer_belongs_to_the_popup() {
    for (typed, keys) in [
        ("hU", &["Enter", "Esc"][..]),
        ("h3!", &["y", "Esc"]),
        ("hr", &["Enter", "e", "Space", "/ n N", "Esc"]),
        ("B", &["Space", "w", "d", "a", "Esc"]),
        ("?", &["j k PgDn PgUp", "/ n N", "Esc"]),
        ("a", &["Ctrl-s", "Esc"]),
    ] {
        let bench = opened(typed);
        let told = footer(&bench.state);
        let hints: Vec<&str> = told.hints.iter().map(|(key, _)| &key[..]).collect();
        assert_eq!(hints, keys, "{typed}");
        assert_eq!(told.left, "", "{typed}: nothing of the panels below");
    }
}

#[test]
fn what_a_retry_would_do_is_said_where_it_can_be_done_only() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("h");
    let names = ["writer", "digger#1", "digger#2", "reviewer"].map(str::to_owned).to_vec();
    let full = RetryPlan {
        undoes: vec![spans.second, spans.first],
        leaves: vec![PlanLeave { action: spans.first, why: "sent".into() }],
        rerun_names: names,
        tokens: 12_000,
        cost: 24_000,
        ..plan(&spans)
    };
    bench.send(Update::Plan(full));
    let says = "retry writer: undo 2, keep 1, rerun writer + digger ×2 + 1 more · ~12.0k tok $0.024";
    assert_eq!(footer(&bench.state).left, says);
    let no = || Err("opened from disk".to_owned());
    bench.send(Update::Abilities(model::Abilities { pause: no(), undo: no(), retry: no() }));
    assert_eq!(footer(&bench.state).left, "");
}

#[test]
fn at_a_failed_call_the_footer_says_what_each_key_does() {
    let (mut bench, spans) = Bench::paused();
    bench.event(TraceBody::Released { span: spans.call, how: "continue".into(), stale: false });
    let error = "HTTP 529".to_owned();
    bench.event(TraceBody::Paused { span: spans.call, gate: Gate::Error, reason: PauseReason::Error { error } });
    let told = footer(&bench.state);
    assert_eq!(told.left, "failed: HTTP 529");
    let hints: Vec<String> = told.hints[..told.needed].iter().map(|(key, name)| format!("{key} {name}")).collect();
    assert_eq!(hints, ["r retry", "a answer instead", "c continue as failed", "e edit"]);
    let last = bench.state.log.lines().last().unwrap();
    assert_eq!((last.kind, &last.text[..]), (LogKind::Error, "editor/writer/llm#2: FAILED: HTTP 529"));
    // The call ends, and with it what is around it: one failure is one line.
    let lines = bench.state.log.lines().len();
    for span in [spans.call, spans.writer, spans.editor] {
        bench.end(span, SpanStatus::Error);
    }
    assert_eq!(bench.state.log.lines().len(), lines);
}

#[test]
fn the_keys_of_a_footer_act_on_one_span() {
    let (mut bench, spans) = Bench::paused();
    bench.event(TraceBody::Released { span: spans.call, how: "continue".into(), stale: false });
    let error = "HTTP 529".to_owned();
    bench.event(TraceBody::Paused { span: spans.call, gate: Gate::Error, reason: PauseReason::Error { error } });
    let needed = |bench: &Bench| -> Vec<String> {
        let told = footer(&bench.state);
        told.hints[..told.needed].iter().map(|(key, name)| format!("{key} {name}")).collect()
    };
    // Another row of the same agent: what belongs to it is told and done, and nothing of the failed call.
    for other in [spans.tool, spans.llm] {
        bench.state.tree.select(other, 20);
        bench.key(Key::Char('v'));
        bench.state.message = None;
        assert!(!footer(&bench.state).left.contains("failed"), "{}", footer(&bench.state).left);
        let shown = needed(&bench);
        assert!(!shown.iter().any(|hint| hint.starts_with("a ") || hint.starts_with("c ")), "{shown:?}");
        for key in ["c", "a", "s"] {
            assert_eq!(bench.keys(key), []);
            assert!(
                bench.message().contains("select editor/writer/llm#2 first, which failed (]e)"),
                "{}",
                bench.message()
            );
            assert!(bench.state.popup.is_none());
        }
        bench.keys("]e");
        assert_eq!(bench.state.selected(), spans.call);
    }
    // Above it, the failed call is named, and no key of the selected span stands among its own.
    bench.state.tree.select(spans.writer, 20);
    bench.key(Key::Char('v'));
    bench.state.message = None;
    assert_eq!(footer(&bench.state).left, "editor/writer/llm#2 failed: HTTP 529");
    assert_eq!(needed(&bench), ["a answer instead", "c continue as failed"]);
    let how = Release::Continue { notify_model: false };
    assert_eq!(bench.keys("c"), [model::Command::Release { span: spans.writer, how }]);
}

fn plan_texts(bench: &Bench) -> Vec<String> {
    let Some(Popup::Plan(ask)) = &bench.state.popup else { panic!("no plan") };
    ask.window().iter().map(|line| format!("{}|{}", line.label, line.text)).collect()
}

#[test]
fn the_plan_of_a_retry_is_grouped_and_names_everything() {
    let (mut bench, spans) = Bench::paused();
    bench.keys("h");
    bench.actions(spans.writer, spans.tool, (1..=30).map(|at| model::Key::file(format!("out/{at}.md"))));
    let files: Vec<model::Seq> = bench.state.rollback.seqs().iter().copied().take(30).collect();
    let key = model::Key { kind: model::KeyKind::Compensation, name: "deploy v2".into() };
    let deploy = bench.action(spans.writer, spans.tool, key);
    let post = bench.permanent(spans.writer, spans.tool, "POST /hooks/ci");
    bench.keys("r");
    let undoes = [vec![deploy], files, vec![spans.second]].concat();
    bench.send(Update::Plan(RetryPlan {
        undoes,
        leaves: vec![PlanLeave { action: post, why: "a request was sent".into() }],
        rerun_names: (1..=30).map(|at| format!("checks#{at}")).chain(["reviewer".to_owned()]).collect(),
        readers: Vec::new(),
        from_journal: 11,
        saved_tokens: 12_000,
        saved_cost: 20_000,
        calls: 31,
        tokens: 1_900,
        cost: 4_000,
        changed: vec!["writer (edited): prompts/writer.md".into()],
        ..plan(&spans)
    }));
    let lines = plan_texts(&bench);
    assert!(lines.contains(&"undo|32 changes".into()), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("|A out/1.md … out/30.md ×30")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("deploy v2")), "{lines:#?}");
    assert!(lines.contains(&format!("keep|{post} POST /hooks/ci  no undo, a request was sent")), "{lines:#?}");
    assert!(lines.contains(&"rerun|checks ×30, reviewer  31 model calls".into()), "{lines:#?}");
    assert!(lines.contains(&"reuse|11 recorded calls  saves ~12.0k tok  $0.020".into()), "{lines:#?}");
    assert!(lines.contains(&"cost|~1.9k tok  $0.004, as last time".into()), "{lines:#?}");
    assert!(lines.contains(&"changed|writer (edited): prompts/writer.md".into()), "{lines:#?}");
}

#[test]
fn a_plan_longer_than_the_screen_scrolls() {
    let (mut bench, spans) = Bench::paused();
    let words: Vec<String> =
        (0..60).map(|at| format!("{}.md", "abcdefghij".repeat(at % 7 + 1) + &"x".repeat(at))).collect();
    bench.actions(spans.writer, spans.tool, words.into_iter().map(model::Key::file));
    bench.keys("h");
    let undoes = bench.state.rollback.seqs().to_vec();
    bench.keys("r");
    bench.send(Update::Plan(RetryPlan { undoes, readers: Vec::new(), ..plan(&spans) }));
    let below = |bench: &Bench| match &bench.state.popup {
        Some(Popup::Plan(ask)) => (ask.reading().above(), ask.reading().below()),
        _ => panic!("no plan"),
    };
    let (above, first) = below(&bench);
    assert!(above == 0 && first > 20, "{first}");
    bench.keys("j");
    assert_eq!(below(&bench), (1, first - 1));
    bench.key(Key::PageDown);
    assert!(below(&bench).0 > 20);
    bench.keys("G");
    assert_eq!(below(&bench).1, 0);
    bench.keys("j");
    assert_eq!(bench.message(), "j: nothing more here; Esc closes");
    bench.keys("g");
    assert_eq!(below(&bench), (0, first));
    let confirmed: PlanAsk = match bench.state.popup.clone() {
        Some(Popup::Plan(ask)) => *ask,
        _ => panic!("no plan"),
    };
    assert!(matches!(confirmed.confirm().unwrap().into_commands()[..], [Command::Run(model::Command::Retry { .. })]));
}

#[test]
fn a_line_of_the_log_opens_in_full() {
    let (mut bench, spans) = Bench::paused();
    let text = format!("first line\nsecond line\n{}", "a long one ".repeat(30));
    bench.event(TraceBody::Note { span: Some(spans.writer), error: false, text: text.clone() });
    bench.keys("4G");
    let line = bench.state.log.selected().unwrap();
    assert!(line.text.starts_with("first line · second line · a long one"), "{}", line.text);
    assert_eq!(bench.key(Key::Char('y')), [Command::Copy(text.clone())]);
    bench.key(Key::Enter);
    let Some(Popup::Entry(entry)) = &bench.state.popup else { panic!("no line") };
    assert!(entry.title.ends_with("editor/writer"), "{}", entry.title);
    let texts = entry.texts(bench.state.size);
    assert_eq!(texts[..2], ["first line", "second line"]);
    assert_eq!(texts[2..].join(" ").split_whitespace().count(), 90, "nothing is cut");
    assert_eq!(bench.key(Key::Char('y')), [Command::Copy(text)]);
    bench.keys("l");
    assert_eq!((bench.state.selected(), bench.state.focus), (spans.writer, Pane::Tree));
    assert!(bench.state.popup.is_none());
}

#[test]
fn lines_of_answers_have_the_time_of_the_answer() {
    let (mut bench, _) = Bench::paused();
    let at = bench.last().0 * 1000;
    assert!(!bench.state.wants_tick() || bench.tick().len() == 1);
    update(&mut bench.state, Msg::Clock(Millis(at + 26_000)));
    bench.send(Update::Refused("not now".into()));
    let run = bench.state.run.trace.get(SpanId::RUN).unwrap().start.0;
    let seconds = (at + 26_000 - run) / 1000;
    assert_eq!(bench.state.log.lines().last().unwrap().time, format!("{:02}:{:02}", seconds / 60, seconds % 60));
    assert_eq!(bench.state.now, Millis(at + 26_000), "the header's clock is the same");
}

#[test]
fn errors_are_for_errors_only() {
    let (mut bench, spans) = Bench::paused();
    bench.send(Update::Shell(ShellMode { capture: CaptureMode::Snapshot, gaps: vec!["network".into()] }));
    assert_eq!(bench.state.log.lines().last().unwrap().kind, LogKind::Warning);
    let bash = bench.tool(spans.writer, "tama_bash");
    let end = |span, cause| TraceBody::SpanEnded(SpanEnd { cause: Some(cause), ..SpanEnd::new(span, SpanStatus::Ok) });
    bench.event(end(bash, EndCause::Exit { code: 3 }));
    let last = bench.state.log.lines().last().unwrap();
    assert_eq!((last.kind, &last.text[..]), (LogKind::Error, "editor/writer/tama_bash: failed: exit 3"));
    let lines = bench.state.log.lines().len();
    let other = bench.start(spans.writer, "tama_bash", 2, 1, crate::support::app_support::tool());
    bench.event(end(other, EndCause::Discarded));
    assert_eq!(bench.state.log.lines().len(), lines);
}

#[test]
fn an_undo_of_one_action_is_one_line() {
    let (mut bench, spans) = Bench::paused();
    bench.change(spans.first, model::ActionChange::Undone { forced: false });
    let lines = bench.state.log.lines().len();
    let read_back = ReadBack { restored: 1, total: 1, differs: Vec::new() };
    bench.send(Update::Undo(UndoReport { undone: vec![spans.first], read_back, ..UndoReport::default() }));
    let log = bench.state.log.lines();
    assert_eq!(log.len(), lines, "{log:?}");
    assert!(log.last().unwrap().text.contains("NOTES.md: undone · restored 1/1, read back"), "{log:?}");
    assert!(!footer(&bench.state).is_refusal, "a success is no warning");
}

#[test]
fn write_back_names_its_files_and_is_refused_for_an_inline_prompt() {
    let (mut bench, _) = Bench::paused();
    bench.send(Update::Edits(vec![edit("writer", None)]));
    bench.keys("W");
    assert!(bench.state.popup.is_none());
    assert!(bench.message().contains("the prompt of writer stands in the pipeline's own file"), "{}", bench.message());
    bench.send(Update::Edits(vec![edit("writer", Some("prompts/writer.md"))]));
    bench.keys("W");
    let Some(Popup::Ask(ask)) = &bench.state.popup else { panic!("no question") };
    assert_eq!(ask.title, "Write the edited prompt into prompts/writer.md");
    assert_eq!(bench.ask(Key::Enter), [model::Command::WriteBack]);
}

#[test]
fn the_text_of_a_cancelled_response_stays() {
    let (mut bench, spans) = Bench::paused();
    bench.send(Update::Chunk { span: spans.call, text: "half of an ans".into() });
    bench.end(spans.call, SpanStatus::Cancelled);
    let detail = model::SpanDetail { span: spans.call, path: "p".into(), sections: Vec::new() };
    bench.send(Update::Detail(detail.clone()));
    bench.send(Update::Detail(detail));
    let lines: Vec<&str> = bench.state.detail.lines().iter().map(|line| &line.text[..]).collect();
    assert_eq!(lines, ["response  cut off: this came before it ended", "half of an ans"]);
}

#[test]
fn a_breakpoint_is_added_from_the_list() {
    let mut bench = opened("Ba");
    let Some(Popup::Menu(menu)) = &bench.state.popup else { panic!("no menu") };
    assert_eq!(menu.title, "Break at");
    let set = bench.keys("l");
    assert!(matches!(set[..], [model::Command::SetBreakpoints(_)]), "{set:?}");
}
