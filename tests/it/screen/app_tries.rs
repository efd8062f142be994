//! Tries with choices on the screen: what is asked for, the table while they go on, and keeping one.

use tama_tui::app::{Key, Msg, Popup, TriesForm, footer, update};
use tama_tui::model::{
    self, Key as WorldKey, KeyState, NetChange, NetKind, RetryPlan, RunStatus, SpanStatus, TraceBody, TriesReport,
    TriesStep, TryReport, TrySettings, TryVerdict, Update,
};

use crate::support::app_support::{Bench, Spans};

/// A run that has ended, the writer selected.
fn ended() -> (Bench, Spans) {
    let (mut bench, spans) = Bench::paused();
    bench.end(spans.call, SpanStatus::Ok);
    bench.end(spans.writer, SpanStatus::Ok);
    bench.end(spans.editor, SpanStatus::Ok);
    bench.event(TraceBody::RunStatus { status: RunStatus::Ok, text: None });
    let models = [("fast", "openai:gpt-5-mini"), ("ollama:qwen3:4b", "ollama:qwen3:4b")];
    let models = models.map(|(name, model)| (name.to_owned(), model.to_owned())).to_vec();
    bench.send(Update::Models(models));
    bench.state.tree.select(spans.writer, 20);
    bench.keys("");
    (bench, spans)
}

fn plan(spans: &Spans) -> RetryPlan {
    RetryPlan { span: spans.writer, rerun_names: vec!["writer".into()], tokens: 1000, ..RetryPlan::default() }
}

fn made(number: u32, verdict: TryVerdict) -> TryReport {
    TryReport {
        number,
        span: None,
        model: Some("fast".into()),
        status: RunStatus::Ok,
        finish: Some("publish".into()),
        failure: None,
        verdict,
        tokens: 1200,
        cost: 4000,
        ms: 2300,
        changes: vec![NetChange {
            key: WorldKey::file("NOTES.md"),
            kind: NetKind::Modified,
            from: None,
            old: KeyState::Text { text: "old".into() },
            new: KeyState::Text { text: "new".into() },
        }],
        not_keepable: None,
    }
}

fn report(spans: &Spans, step: TriesStep, tries: Vec<TryReport>) -> TriesReport {
    TriesReport {
        span: spans.writer,
        path: "editor/writer".into(),
        step,
        total: 3,
        verify: Some("./check.sh".into()),
        tries,
        kept: None,
        stopped: None,
        cancelled: false,
        is_left: false,
    }
}

fn tell(bench: &mut Bench, report: TriesReport) {
    bench.send(Update::Tries(Box::new(report)));
}

/// The lines of the popup.
fn lines(bench: &Bench) -> Vec<String> {
    let (run, size) = (&bench.state.run, bench.state.size);
    let rows = match bench.state.popup.as_ref().unwrap() {
        Popup::TriesForm(form) => form.lines(run, size),
        Popup::Tries(table) => table.lines(bench.state.tries.as_ref().unwrap(), run, size),
        other => panic!("{other:?}"),
    };
    rows.into_iter().map(|row| row.text).collect()
}

fn form(bench: &Bench) -> &TriesForm {
    let Some(Popup::TriesForm(form)) = &bench.state.popup else { panic!("{:?}", bench.state.popup) };
    form
}

#[test]
fn the_form_asks_how_often_and_with_which_models_and_says_what_it_costs() {
    let (mut bench, spans) = ended();
    assert_eq!(bench.keys("R"), [model::Command::Plan { span: spans.writer }]);
    bench.send(Update::Plan(plan(&spans)));
    assert_eq!(form(&bench).settings(), TrySettings { models: Vec::new(), times: 5 });
    let shown = lines(&bench).join("\n");
    assert!(shown.contains("5 tries, with the models as they are: ~5.0k tok"), "{shown}");
    assert!(shown.contains("[ ] fast  openai:gpt-5-mini") && shown.contains("[ ] ollama:qwen3:4b"), "{shown}");
    bench.keys("3j j ");
    let settings = TrySettings { models: vec!["fast".into(), "ollama:qwen3:4b".into()], times: 3 };
    assert_eq!(form(&bench).settings(), settings);
    let shown = lines(&bench).join("\n");
    assert!(shown.contains("6 tries, 3 times with each of 2 models: ~6.0k tok"), "{shown}");
    bench.keys("lllh");
    assert_eq!(form(&bench).settings().times, 5);
    let begun = bench.ask(Key::Enter);
    assert_eq!(
        begun,
        [model::Command::Try { plan: Box::new(plan(&spans)), settings: TrySettings { times: 5, ..settings } }]
    );
    assert!(matches!(bench.state.popup, Some(Popup::Tries(_))));
}

#[test]
fn wider_rights_want_y_and_too_many_tries_are_refused() {
    let (mut bench, spans) = ended();
    bench.keys("R");
    let wider = RetryPlan { authority: vec!["policy allow: + tama_bash".into()], ..plan(&spans) };
    bench.send(Update::Plan(wider));
    assert_eq!(bench.ask(Key::Enter), []);
    assert!(bench.message().contains("y tries it"), "{}", bench.message());
    assert!(lines(&bench).iter().any(|line| line.contains("rights: policy allow")));
    assert_eq!(bench.keys("y").len(), 1);

    let (mut bench, spans) = ended();
    bench.keys("R");
    bench.send(Update::Plan(plan(&spans)));
    bench.keys("j j 9");
    bench.keys(&"l".repeat(60));
    assert_eq!(bench.ask(Key::Enter), []);
    assert!(bench.message().contains("at most 100"), "{}", bench.message());
    assert_eq!(bench.ask(Key::Esc), []);
    assert_eq!(bench.state.popup, None);
}

#[test]
fn the_table_can_be_left_and_come_back_to_and_nothing_else_changes_the_run() {
    let (mut bench, spans) = ended();
    tell(&mut bench, report(&spans, TriesStep::Trying, vec![made(1, TryVerdict::Fail("2 tests failed".into()))]));
    bench.keys("R");
    let shown = lines(&bench).join("\n");
    assert!(shown.contains("try 2 of 3: running") && shown.contains("2 tests failed"), "{shown}");
    assert!(shown.contains("fast: 0 of 1 passed") && shown.contains("1 try: 2 tests failed"), "{shown}");
    bench.ask(Key::Enter);
    assert!(bench.message().contains("when all are made"), "{}", bench.message());
    bench.ask(Key::Esc);
    assert_eq!(bench.state.popup, None);
    for key in ["r", "u", "U"] {
        assert_eq!(bench.keys(key), [], "{key}");
        assert!(bench.message().contains("tries are under way"), "{key}: {}", bench.message());
    }
    // A cancel asks first.
    bench.keys("X");
    assert_eq!(bench.ask(Key::Enter), [model::Command::Cancel]);
    tell(&mut bench, report(&spans, TriesStep::Choosing, vec![made(1, TryVerdict::Pass)]));
    assert!(bench.message().contains("R shows them"), "{}", bench.message());
}

#[test]
fn enter_keeps_the_selected_try_and_esc_asks_before_none_is_kept() {
    let (mut bench, spans) = ended();
    let mut lost = made(2, TryVerdict::Pass);
    lost.not_keepable = Some("#9 deploy can be undone, but not done again".into());
    let tries = vec![made(1, TryVerdict::Fail("no notes".into())), lost, made(3, TryVerdict::Pass)];
    tell(&mut bench, report(&spans, TriesStep::Choosing, tries));
    bench.keys("R");
    assert!(lines(&bench)[0].contains("the run is as it was before"));
    bench.keys("j");
    assert_eq!(bench.ask(Key::Enter), []);
    assert!(bench.message().contains("can't be kept"), "{}", bench.message());
    bench.keys("jd");
    let shown = lines(&bench).join("\n");
    assert!(shown.contains("changes of try 3") && shown.contains("M NOTES.md"), "{shown}");
    // None: asked, and taken back.
    bench.ask(Key::Esc);
    assert!(matches!(&bench.state.popup, Some(Popup::Ask(ask)) if ask.lines[0].contains("as they were before R")));
    bench.ask(Key::Esc);
    assert!(matches!(bench.state.popup, Some(Popup::Tries(_))));
    bench.ask(Key::Esc);
    assert_eq!(bench.ask(Key::Enter), [model::Command::KeepTry { number: None }]);
    // One of them.
    bench.keys("Rjj");
    assert_eq!(bench.ask(Key::Enter), [model::Command::KeepTry { number: Some(3) }]);
    let over = TriesReport { kept: Some(3), ..report(&spans, TriesStep::Over, vec![made(1, TryVerdict::Pass); 3]) };
    tell(&mut bench, over);
    assert_eq!((bench.state.popup.is_none(), bench.state.tries.is_none()), (true, true));
    assert!(bench.message().contains("try 3 of 3 is kept"), "{}", bench.message());
}

#[test]
fn a_run_under_way_is_not_tried_and_the_footer_belongs_to_the_table() {
    let (mut bench, spans) = Bench::paused();
    assert_eq!(bench.keys("R"), []);
    assert!(bench.message().contains("wait until it has ended"), "{}", bench.message());
    tell(&mut bench, report(&spans, TriesStep::Choosing, vec![made(1, TryVerdict::Pass)]));
    bench.keys("R");
    let hints: Vec<&str> = footer(&bench.state).hints.iter().map(|(_, name)| *name).collect();
    assert!(hints.contains(&"Keep") && hints.contains(&"Keep none"), "{hints:?}");
    // It fits small screens.
    for size in [(60, 16), (80, 24), (140, 42)] {
        update(&mut bench.state, Msg::Resize { width: size.0, height: size.1 });
        let rows = lines(&bench);
        assert!(rows.len() <= usize::from(size.1) - 3, "{size:?}: {rows:#?}");
        let widest = rows.iter().map(|row| row.chars().count()).max().unwrap();
        assert!(rows[1].chars().count() <= usize::from(size.0) && widest > 20, "{size:?}: {rows:#?}");
    }
}
