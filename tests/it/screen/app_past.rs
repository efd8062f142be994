//! A past run on the screen: its state is there before its log is checked, and its events follow for the log.

use tama_tui::app::{Key, Popup, State, header};
use tama_tui::model::{self, ActionChange, Checking, MadeElsewhere, SpanId, SpanStatus, Update};

use crate::support::app_support::Bench;

/// A screen that opens the run of another one: its state, and no event yet.
fn opening(run: &Bench) -> Bench {
    let mut bench = Bench::past();
    bench.send(Update::Checking(Checking { rows: 0, of: 100 }));
    bench.send(Update::State(Box::new(run.state.run.clone())));
    bench
}

fn texts(state: &State) -> Vec<String> {
    state.log.lines().iter().map(|line| line.text.clone()).collect()
}

#[test]
fn a_run_is_shown_at_once_and_its_events_fill_the_log() {
    let (mut run, spans) = Bench::paused();
    let events = run.record(|run| {
        run.change(spans.first, ActionChange::UndoStarted);
        run.change(spans.first, ActionChange::Undone { forced: false });
    });
    let mut past = opening(&run);
    assert_eq!(past.state.tree.len(), run.state.tree.len());
    assert_eq!(past.state.run, run.state.run);
    assert!(past.state.log.lines().is_empty());
    past.send(Update::Events(events.clone()));
    assert_eq!(texts(&past.state), texts(&run.state)[texts(&run.state).len() - 1..]);
    // Only once, whatever is sent again.
    past.send(Update::Events(events));
    assert_eq!(past.state.log.lines().len(), 1);
    assert_eq!(past.state.run, run.state.run);
}

#[test]
fn undo_waits_for_the_check_and_says_so() {
    let (run, spans) = Bench::paused();
    let mut past = opening(&run);
    past.send(Update::Checking(Checking { rows: 43, of: 100 }));
    assert_eq!(header(&past.state).status(), "○ checking 43 %");
    assert!(!past.state.is_live(), "its end may not be read yet");
    let undo = model::Command::Undo { action: spans.second, force: false };
    // The first one shows what would be undone.
    assert_eq!(past.keys("uu"), std::slice::from_ref(&undo));
    let said = past.state.message.clone().unwrap_or_default();
    assert_eq!(said, "waits until the run's log is checked (43 %)");
    past.send(Update::Checked(Vec::new()));
    assert!(!header(&past.state).status().contains("checking"));
    // The first one is under way now.
    assert_eq!(past.keys("u"), [model::Command::Undo { action: spans.first, force: false }]);
    assert!(!past.state.message.clone().unwrap_or_default().contains("waits"));
}

#[test]
fn a_damaged_log_stays_in_the_header() {
    let (run, _) = Bench::paused();
    let mut past = opening(&run);
    past.send(Update::Checked(vec!["row #9 is missing".into()]));
    assert!(header(&past.state).status().starts_with("✗ log damaged"), "{}", header(&past.state).status());
}

#[test]
fn a_state_that_is_less_than_what_was_shown_takes_its_place() {
    let (run, spans) = Bench::paused();
    let mut past = opening(&run);
    past.key(Key::Char('G'));
    past.send(Update::State(Box::new(Bench::new().state.run.clone())));
    assert_eq!(past.state.tree.len(), 0);
    past.send(Update::State(Box::new(run.state.run.clone())));
    assert_eq!(past.state.tree.len(), run.state.tree.len());
    assert!(past.state.run.trace.get(spans.call).is_some());
}

#[test]
fn done_workers_of_a_large_fan_out_are_folded_and_stay_open_once_opened() {
    let mut run = Bench::new();
    let lead = run.agent(SpanId::RUN, "lead");
    for index in 0..9 {
        let worker = run.worker(lead, index);
        let call = run.llm(worker, 1);
        run.end(call, SpanStatus::Ok);
        run.end(worker, SpanStatus::Ok);
    }
    let mut past = opening(&run);
    assert_eq!(past.state.tree.len(), 1 + 9);
    past.keys("ggjl");
    let open = past.state.tree.len();
    assert!(open > 10, "{open}");
    past.send(Update::State(Box::new(run.state.run.clone())));
    assert_eq!(past.state.tree.len(), open);
}

#[test]
fn a_run_made_elsewhere_asks_once_before_its_first_change() {
    let (mut bench, at) = Bench::paused();
    let question = MadeElsewhere { workspace: "/home/me/.ssh\u{1b}[2J".into(), why: "its folder was moved".into() };
    bench.send(Update::MadeElsewhere(question));
    let status = header(&bench.state).status();
    assert!(status.contains("made elsewhere"), "{status}");
    bench.keys("gg3");
    assert!(bench.keys("u").is_empty(), "nothing is sent before it is confirmed");
    let Some(Popup::Ask(ask)) = bench.state.popup.clone() else { panic!("it asks") };
    assert_eq!((ask.key, ask.lines[0].as_str()), (Key::Char('y'), "workspace /home/me/.ssh␛"));
    assert!(ask.lines.iter().any(|line| line.contains("its folder was moved")), "{:?}", ask.lines);
    assert!(bench.ask(Key::Enter).is_empty() && bench.ask(Key::Esc).is_empty());
    assert!(bench.state.popup.is_none() && bench.state.foreign.is_some());
    bench.keys("u");
    let undo = model::Command::Undo { action: at.second, force: false };
    assert_eq!(bench.keys("y"), [model::Command::ConfirmWorkspace, undo]);
    // The run is opened anew, and its events come once more.
    let lines = bench.state.log.lines().len();
    bench.send(Update::OpenedAnew);
    assert!(bench.state.foreign.is_none() && bench.state.log.lines().len() <= lines);
    bench.keys("gg3");
    assert_eq!(bench.keys("u").len(), 1, "it is asked once");
}
