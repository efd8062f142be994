//! Words at stops, in the header, in the footer and in rows: they say who waits, for whom, and for what.

use tama_tui::app::{About, Key, footer, header, span_text};
use tama_tui::model::{
    ActionChange, Allow, CaptureMode, Fan, Gate, PauseReason, Release, Section, SectionBody, ShellMode, SpanDetail,
    SpanId, SpanStatus, SpanSubject, TraceBody, Update,
};
use tama_tui::{app, model};

use crate::support::app_support::Bench;

fn asks(bench: &mut Bench) -> SpanId {
    let agent = bench.agent(SpanId::RUN, "cleaner");
    let bash = bench.tool(agent, "tama_bash");
    let reason = PauseReason::Policy { rule: "ask rule \"tama_bash\"".into() };
    bench.event(TraceBody::Paused { span: bash, gate: Gate::BeforeTool, reason });
    bash
}

#[test]
fn a_stop_at_an_error_says_in_the_header_that_it_waits() {
    let mut bench = Bench::new();
    let agent = bench.agent(SpanId::RUN, "editor");
    let first = bench.llm(agent, 1);
    bench.end(first, SpanStatus::Error);
    assert_eq!(header(&bench.state).status(), "✗ 1 failed  ● running");
    let error = || PauseReason::Error { error: "HTTP 529".into() };
    bench.event(TraceBody::Paused { span: first, gate: Gate::Error, reason: error() });
    assert_eq!(header(&bench.state).status(), "✗ 1 failed, waits for you");
    assert_eq!(header(&bench.state).marks[0].short, "✗ 1 waits");
    let second = bench.llm(agent, 2);
    bench.end(second, SpanStatus::Error);
    assert_eq!(header(&bench.state).status(), "✗ 2 failed, 1 waits for you");
    bench.event(TraceBody::Paused { span: second, gate: Gate::Error, reason: error() });
    assert_eq!(header(&bench.state).status(), "✗ 2 failed, 2 wait for you");
}

#[test]
fn at_an_approval_the_footer_says_that_c_opens_it() {
    let mut bench = Bench::new();
    asks(&mut bench);
    bench.keys("Gc");
    bench.key(Key::Esc);
    let told = footer(&bench.state);
    let hints: Vec<String> = told.hints.iter().map(|(key, name)| format!("{key} {name}")).collect();
    assert!(hints.contains(&"c open the approval".into()), "{hints:?}");
    assert!(!hints.iter().any(|hint| hint == "s step" || hint == "c continue"), "{hints:?}");
}

/// Lets the command run with its changes held.
fn run_and_hold(bench: &mut Bench, bash: SpanId) {
    bench.send(Update::Shell(ShellMode { capture: CaptureMode::Overlay, gaps: Vec::new() }));
    bench.keys("Gc");
    let runs = SectionBody::Text("ls".into());
    let runs = Section { title: "runs".into(), note: String::new(), body: runs, folded: false };
    bench.send(Update::Detail(SpanDetail { span: bash, path: String::new(), sections: vec![runs] }));
    assert_eq!(bench.keys("2"), [model::Command::Release { span: bash, how: Release::Allow(Allow::Held) }]);
    bench.event(TraceBody::Released { span: bash, how: "allow".into(), stale: false });
}

#[test]
fn a_command_that_was_to_be_held_and_changed_nothing_says_so() {
    let mut bench = Bench::new();
    let bash = asks(&mut bench);
    run_and_hold(&mut bench, bash);
    bench.end(bash, SpanStatus::Ok);
    assert_eq!(bench.message(), "tama_bash has run and changed no file: nothing is held");
}

#[test]
fn a_command_whose_changes_are_held_says_no_such_thing() {
    let mut bench = Bench::new();
    let bash = asks(&mut bench);
    run_and_hold(&mut bench, bash);
    let agent = bench.state.run.trace.agent_of(bash);
    bench.action(agent, bash, model::Key::file("a"));
    bench.event(TraceBody::Paused { span: bash, gate: Gate::AfterTool, reason: PauseReason::Asked });
    bench.event(TraceBody::Released { span: bash, how: "apply".into(), stale: false });
    bench.end(bash, SpanStatus::Ok);
    assert_eq!(bench.message(), "");
}

#[test]
fn a_held_rename_is_one_change_everywhere() {
    let mut bench = Bench::new();
    let agent = bench.agent(SpanId::RUN, "mover");
    let bash = bench.tool(agent, "tama_bash");
    bench.renamed(agent, bash, "a.md", "b.md");
    let title = bench.state.rollback.title(&bench.state.run);
    assert!(title.ends_with("0 of 2 undone"), "each half can be undone alone: {title}");
    let seqs = bench.state.rollback.seqs().to_vec();
    for seq in &seqs {
        bench.change(*seq, ActionChange::Held);
    }
    bench.pause(bash, Gate::AfterTool);
    assert_eq!(bench.state.held_here(), Some((bash, 1)));
    assert!(bench.state.rollback.title(&bench.state.run).ends_with("1 held"));
    assert_eq!(footer(&bench.state).left, "1 held change: c applies, D discards");
    bench.keys("D");
    let Some(app::Popup::Ask(ask)) = &bench.state.popup else { panic!("no question") };
    assert_eq!(ask.lines[0], "discard 1 held change");
    assert_eq!(ask.lines.len(), 3, "{:?}", ask.lines);
    assert!(ask.lines[2].contains("b.md") && ask.lines[2].contains("← a.md"), "{:?}", ask.lines);
}

#[test]
fn calls_that_have_not_run_and_branches_say_what_they_are_about() {
    let mut bench = Bench::new();
    let agent = bench.agent(SpanId::RUN, "diggers");
    let branch = bench.fanned(agent, "digger", Fan { group: 0, index: 0 });
    let bash = bench.tool(branch, "tama_bash");
    let write = bench.tool(branch, "tama_files_write");
    let subject = |span, text: &str, is_path| SpanSubject { span, text: text.into(), is_path };
    bench.send(Update::Subjects(vec![
        subject(branch, "old logs", false),
        subject(bash, "rm -f out/*.log", false),
        subject(write, "docs/a.md", true),
    ]));
    let about = |bench: &Bench, span| span_text(&bench.state.run, span).about;
    assert_eq!(about(&bench, branch), About::Text("\"old logs\"".into()));
    assert_eq!(about(&bench, bash), About::Text("rm -f out/*.log".into()));
    assert_eq!(about(&bench, write), About::Path("docs/a.md".into()));
    bench.action(branch, write, model::Key::file("docs/b.md"));
    assert_eq!(about(&bench, write), About::Path("docs/b.md".into()), "what it did counts more");
}
