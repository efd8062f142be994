//! Breakpoints on the screen: conditions that are typed, faults with their place, hit counts.

use tama_tui::app::{Command, Key, Msg, Popup, update};
use tama_tui::model::{self, Breakpoint, Condition, Gate, PauseReason, TraceBody};

use crate::support::app_support::{Bench, run_commands};

/// Types the condition of the breakpoint under the cursor.
fn condition(bench: &mut Bench, text: &str) -> Vec<model::Command> {
    assert!(matches!(bench.state.popup, Some(Popup::Editor(_))), "{:?}", bench.state.popup);
    assert!(bench.key(Key::Ctrl('s')).contains(&Command::EditorTake));
    run_commands(update(&mut bench.state, Msg::EditorDone { text: text.into() }))
}

fn with_one() -> Bench {
    let (mut bench, _) = Bench::paused();
    bench.state.breakpoints = vec![Breakpoint::new(Gate::AfterLlm)];
    bench.keys("Bw");
    bench
}

#[test]
fn a_condition_is_typed_into_the_list() {
    let mut bench = with_one();
    let sent = condition(&mut bench, "tokens > 4000 and output ~ \"TODO\"");
    let when = Some(Condition::parse("tokens > 4000 and output ~ \"TODO\"").unwrap());
    let point = Breakpoint { when, ..Breakpoint::new(Gate::AfterLlm) };
    assert_eq!(sent, [model::Command::SetBreakpoints(vec![point.clone()])]);
    assert!(bench.message().contains("after-llm when tokens > 4000"), "{}", bench.message());
    assert!(matches!(bench.state.popup, Some(Popup::Breakpoints(_))));
    bench.keys("w");
    let Some(Popup::Editor(editor)) = &bench.state.popup else { panic!("no editor") };
    assert!(editor.initial.contains("TODO"), "it can be changed");
    assert_eq!(condition(&mut bench, " "), [model::Command::SetBreakpoints(vec![Breakpoint::new(Gate::AfterLlm)])]);
}

#[test]
fn a_fault_says_where_it_is_and_the_text_stays_open() {
    let mut bench = with_one();
    assert_eq!(condition(&mut bench, "tokens > 1 and tokns > 2"), []);
    assert!(bench.message().starts_with("column 16: unknown word `tokns`"), "{}", bench.message());
    let Some(Popup::Editor(editor)) = &bench.state.popup else { panic!("the text is lost") };
    assert_eq!(editor.initial, "tokens > 1 and tokns > 2");
    assert_eq!(condition(&mut bench, "key = \"x\""), []);
    assert!(bench.message().contains("`key` is not known at after-llm"), "{}", bench.message());
}

#[test]
fn hits_are_counted() {
    let (mut bench, spans) = Bench::paused();
    let point = Breakpoint::new(Gate::BeforeLlm);
    for _ in 0..2 {
        let reason = PauseReason::Breakpoint { breakpoint: point.label() };
        bench.event(TraceBody::Paused { span: spans.call, gate: Gate::BeforeLlm, reason });
    }
    assert_eq!(bench.state.break_hits(&point), 2);
    assert_eq!(bench.state.break_hits(&Breakpoint::new(Gate::AfterLlm)), 0);
}
