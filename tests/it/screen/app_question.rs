//! A question to a person on the screen: seen in the header and the tree, opened by itself, answered with a text.

use tama_tui::app::{Command, Key, Msg, Popup, Purpose, header, notice, popup_keys, row_marks, update};
use tama_tui::model::{
    self, Millis, Release, RunState, Section, SectionBody, SpanDetail, SpanEnd, SpanId, SpanSpec, SpanState,
    SpanStatus, SpanSubject, TextHash, TraceBody, Update, WaitFor,
};

use crate::support::app_support::Bench;

const HASH: TextHash = TextHash([0; 16]);

/// An editor whose reviewer asks a person.
fn asking() -> (Bench, SpanId) {
    let mut bench = Bench::new();
    let editor = bench.agent(SpanId::RUN, "editor");
    let reviewer = bench.agent(editor, "reviewer");
    let human = ask(&mut bench, reviewer);
    (bench, human)
}

fn ask(bench: &mut Bench, agent: SpanId) -> SpanId {
    let spec = SpanSpec::Human { question: HASH, request: HASH, channel: "release".into() };
    let human = bench.start(agent, "human", 1, 1, spec);
    bench.event(TraceBody::SpanWaiting { span: human, on: Some("an answer".into()), why: WaitFor::Person });
    let text = "Ship 1.2?".to_owned();
    bench.send(Update::Subjects(vec![SpanSubject { span: human, text, is_path: false }]));
    human
}

fn release(span: SpanId, text: &str) -> Command {
    Command::Run(model::Command::Release { span, how: Release::Answer { text: text.into() } })
}

fn marks(run: &RunState, span: SpanId) -> String {
    row_marks(run, span, false, 20).iter().map(|mark| mark.text.clone()).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_header_the_tree_and_the_title_say_that_a_person_is_asked() {
    let (mut bench, human) = asking();
    let state = &bench.state;
    assert_eq!(header(state).status(), "? 1 NEEDS ANSWER");
    assert_eq!(notice(state).text, "? needs an answer · release-notes");
    assert!(notice(state).calls);
    assert_eq!(state.run.span_state(human), SpanState::NeedsAnswer);
    assert_eq!([SpanId(1), SpanId(2), human].map(|span| marks(&state.run, span)), ["? NEEDS ANSWER"; 3]);
    assert_eq!(state.selected(), human, "it is followed");
    let work = header(state).work;
    bench.event(TraceBody::Note { span: None, error: false, text: "later".into() });
    assert_eq!(header(&bench.state).work, work, "to wait for a person is no work");
    bench.event(TraceBody::SpanEnded(SpanEnd { output: Some(HASH), ..SpanEnd::new(human, SpanStatus::Ok) }));
    assert_eq!(bench.state.run.span_state(human), SpanState::Ok);
    assert!(!header(&bench.state).status().contains("ANSWER"));
}

#[test]
fn a_answers_with_a_text_and_a_continue_only_opens_the_question() {
    let (mut bench, human) = asking();
    bench.keys("c");
    let Some(Popup::Approval(view)) = &bench.state.popup else { panic!("{:?}", bench.state.popup) };
    assert!(view.is_question() && view.title().starts_with("? Answer wanted · reviewer · 1 of 1"), "{}", view.title());
    let sections = vec![Section {
        title: "question".into(),
        note: String::new(),
        body: SectionBody::Text("Ship 1.2?".into()),
        folded: false,
    }];
    bench.send(Update::Detail(SpanDetail { span: human, path: "editor/reviewer/human".into(), sections }));
    let Some(Popup::Approval(view)) = &bench.state.popup else { panic!() };
    assert_eq!(view.window().iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["Ship 1.2?"]);
    assert_eq!(popup_keys(&bench.state)[0], ("a".to_owned(), "answer"));
    for key in ["y", "1", "n", "h", "Y"] {
        assert!(bench.keys(key).is_empty(), "{key} is no answer to a question");
        assert!(matches!(&bench.state.popup, Some(Popup::Approval(_))));
    }
    bench.keys("a");
    let Some(Popup::Editor(editor)) = &bench.state.popup else { panic!("{:?}", bench.state.popup) };
    assert_eq!((editor.span, editor.title.as_str(), &editor.purpose), (human, "Answer: Ship 1.2?", &Purpose::Answer));
    let sent = update(&mut bench.state, Msg::EditorDone { text: "yes".into() });
    assert!(sent.contains(&release(human, "yes")), "{sent:?}");
    assert!(bench.state.popup.is_none());
}

#[test]
fn a_works_without_the_popup_and_esc_comes_back_to_it() {
    let (mut bench, human) = asking();
    bench.keys("kk");
    assert_ne!(bench.state.selected(), human);
    bench.keys("a");
    assert!(matches!(&bench.state.popup, Some(Popup::Editor(editor)) if editor.span == human));
    bench.key(Key::Esc);
    assert!(matches!(&bench.state.popup, Some(Popup::Approval(view)) if view.span() == human));
    update(&mut bench.state, Msg::Clock(Millis(1_000_000)));
    bench.key(Key::Esc);
    assert!(bench.state.popup.is_none());
    assert_eq!(bench.message(), "answer later: ]a goes there, a answers");
    bench.keys("]a");
    assert_eq!(bench.state.selected(), human);
}

#[test]
fn it_opens_by_itself_once_nobody_types_and_only_until_it_was_put_off() {
    let (mut bench, human) = asking();
    let tick = |bench: &mut Bench, ms| update(&mut bench.state, Msg::Tick(Millis(ms)));
    tick(&mut bench, 2_000_000);
    assert!(matches!(&bench.state.popup, Some(Popup::Approval(view)) if view.span() == human));
    // The key was meant for what was there before.
    bench.keys("a");
    assert_eq!(bench.message(), "opened just now: the key was not taken");
    tick(&mut bench, 2_001_000);
    bench.key(Key::Esc);
    tick(&mut bench, 3_000_000);
    assert!(bench.state.popup.is_none());
    assert!(!bench.state.wants_tick(), "nothing moves while a person is asked");
}

#[test]
fn the_popup_closes_when_the_question_is_gone() {
    let (mut bench, human) = asking();
    bench.keys("c");
    bench.event(TraceBody::SpanEnded(SpanEnd::new(human, SpanStatus::Cancelled)));
    assert!(bench.state.popup.is_none());
    assert_eq!(bench.message(), "human needs no answer any more: it was cancelled");
}

#[test]
fn of_two_questions_the_next_opens_after_an_answer() {
    let (mut bench, first) = asking();
    let second = ask(&mut bench, SpanId(1));
    assert_eq!(header(&bench.state).status(), "? 2 NEEDS ANSWER");
    bench.state.tree.select(first, 20);
    bench.keys("ca");
    update(&mut bench.state, Msg::EditorDone { text: "yes".into() });
    let Some(Popup::Approval(view)) = &bench.state.popup else { panic!("{:?}", bench.state.popup) };
    assert_eq!(view.span(), second);
}
