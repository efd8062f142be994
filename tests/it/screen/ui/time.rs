//! State, Diff, the timeline, the palette and breakpoints: empty, busy and failed, at three sizes.

use tama_tui::app::{Key, Msg, Setup, State, update};
use tama_tui::model::{
    self, Breakpoint, Comparison, Condition, DiffBody, Gate, Hunk, HunkLine, LineIn, Millis, Moment, MomentAsked,
    PauseReason, RunState, SectionDiff, Seq, SpanId, TraceBody, TraceEvent, Update,
};

use super::story;
use super::{keys, tell, text};

const SIZES: [(u16, u16); 3] = [(80, 24), (140, 42), (200, 60)];

/// A state that was told a story.
fn told(size: (u16, u16), (events, now): (Vec<TraceEvent>, Millis)) -> (State, Vec<TraceEvent>) {
    let mut state = State::new(Setup { size, ..Setup::default() });
    tell(&mut state, Msg::Update(Update::Events(events.clone())));
    state.now = now;
    (state, events)
}

/// A run that has just started.
fn started() -> (Vec<TraceEvent>, Millis) {
    let (events, now) = story::paused_run();
    (events.into_iter().take(3).collect(), now)
}

fn at_each_size(name: &str, show: impl Fn((u16, u16)) -> State) {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), text(&show((width, height))));
    }
}

/// Shows the run as it was at an event.
fn scrub(state: &mut State, events: &[TraceEvent], seq: Seq) {
    keys(state, "<");
    let mut run = RunState::default();
    for event in events.iter().filter(|event| event.seq <= seq) {
        run.apply(event);
    }
    let event = events.iter().find(|event| event.seq == seq).cloned();
    let began = state.run.trace.spans().iter().last().map(|span| span.started).unwrap();
    let asked = MomentAsked { from: began, by: 0 };
    tell(state, Msg::Update(Update::Moment(Box::new(Moment { asked, run, event }))));
    assert_eq!(state.timeline.seq(), Some(seq));
}

#[test]
fn state_busy() {
    at_each_size("state_busy", |size| {
        let (mut state, _) = told(size, story::paused_run());
        keys(&mut state, "5ggjl");
        state
    });
}

#[test]
fn state_empty() {
    at_each_size("state_empty", |size| {
        let (mut state, _) = told(size, started());
        keys(&mut state, "5");
        state
    });
}

#[test]
fn state_of_a_failed_run() {
    at_each_size("state_failed", |size| {
        let (mut state, _) = told(size, story::every_state());
        keys(&mut state, "5");
        state
    });
}

#[test]
fn timeline_before_a_write() {
    at_each_size("timeline", |size| {
        let (mut state, events) = told(size, story::paused_run());
        let first = state.run.ledger.heads().next().unwrap().seq;
        scrub(&mut state, &events, first);
        keys(&mut state, "5");
        state
    });
}

#[test]
fn timeline_of_a_failed_run_and_at_its_first_event() {
    at_each_size("timeline_failed", |size| {
        let (mut state, events) = told(size, story::every_state());
        let seq = events[events.len() - 2].seq;
        scrub(&mut state, &events, seq);
        state
    });
    let (mut state, events) = told((80, 24), story::paused_run());
    scrub(&mut state, &events, Seq(1));
    insta::assert_snapshot!("timeline_first_80x24", text(&state));
}

fn line(side: LineIn, text: &str) -> HunkLine {
    HunkLine { side, number: 1, text: text.into(), unended: false }
}

#[test]
fn diff_busy() {
    at_each_size("compare_busy", |size| {
        let (mut state, _) = told(size, story::paused_run());
        let spans: Vec<SpanId> = (1..u32::try_from(state.run.trace.len()).unwrap()).map(SpanId).collect();
        let is_llm = |span: &&SpanId| state.run.trace.name(**span) == "llm";
        let llms: Vec<SpanId> = spans.iter().filter(is_llm).copied().collect();
        let (left, right) = (llms[0], llms[1]);
        keys(&mut state, &format!(":{left}"));
        tell(&mut state, Msg::Key(Key::Enter));
        keys(&mut state, &format!("m:{right}"));
        tell(&mut state, Msg::Key(Key::Enter));
        keys(&mut state, "6");
        let lines = vec![
            line(LineIn::Both, "You write the release notes."),
            line(LineIn::Old, "Be kind."),
            line(
                LineIn::New,
                "Be brief, and name every change that somebody who upgrades has to know of, \u{1b}[31mfirst.",
            ),
        ];
        let hunk = Hunk { old: (1, 2), new: (1, 2), lines };
        let body = DiffBody::Lines { hunks: vec![hunk], added: 1, removed: 1 };
        let section = |title: &str, body| SectionDiff { title: title.into(), body, notes: Vec::new() };
        let sections = vec![section("system", body), section("messages", DiffBody::Same)];
        tell(&mut state, Msg::Update(Update::Comparison(Box::new(Comparison { left, right, sections }))));
        state
    });
}

#[test]
fn diff_empty_and_marked() {
    at_each_size("compare_empty", |size| {
        let (mut state, _) = told(size, story::paused_run());
        keys(&mut state, "6");
        state
    });
}

#[test]
fn the_palette() {
    at_each_size("palette", |size| {
        let (mut state, _) = told(size, story::paused_run());
        keys(&mut state, ":un");
        state
    });
}

#[test]
fn the_breakpoints() {
    at_each_size("breakpoints", |size| {
        let (mut state, _) = told(size, story::paused_run());
        let when = Some(Condition::parse("tokens > 4000 and output ~ \"TODO\"").unwrap());
        let stop = Breakpoint { when, agent: Some("writer".into()), ..Breakpoint::new(Gate::AfterLlm) };
        let write = Breakpoint { writes: Some("outline".into()), enabled: false, ..Breakpoint::new(Gate::BeforeTool) };
        let (seq, at) = (Seq(state.run.last.0 + 1), state.now);
        let span = state.run.trace.paused().next().unwrap();
        let reason = PauseReason::Breakpoint { breakpoint: stop.label() };
        let body = TraceBody::Paused { span, gate: Gate::AfterLlm, reason };
        tell(&mut state, Msg::Update(Update::Events(vec![TraceEvent { seq, at, happened: None, body }])));
        state.breakpoints = vec![stop, write];
        keys(&mut state, "B");
        state
    });
}

#[test]
fn nothing_of_the_strip_is_a_control_character() {
    let (mut state, mut events) = told((140, 42), story::paused_run());
    let seq = Seq(events.last().unwrap().seq.0 + 1);
    let body = TraceBody::Note { span: None, error: false, text: "evil \u{1b}[2J\u{202e}text".into() };
    let note = TraceEvent { seq, at: state.now, happened: None, body };
    let after = TraceEvent {
        seq: Seq(seq.0 + 1),
        body: model::TraceBody::Note { span: None, error: false, text: "b".into() },
        ..note.clone()
    };
    events.extend([note.clone(), after.clone()]);
    update(&mut state, Msg::Update(Update::Events(vec![note, after])));
    scrub(&mut state, &events, seq);
    assert!(!text(&state).chars().any(|letter| letter.is_control() && letter != '\n' || letter == '\u{202e}'));
}
