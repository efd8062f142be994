//! The whole screen in each state of a run and under each popup, at three sizes.

use tama_tui::app::{Key as KeyPress, Msg, Setup, State};
use tama_tui::model::{
    ActionChange, ActionEvent, CaptureMode, Conflict, ConflictBy, EffectClass, Gate, Generation, KeyState, PauseReason,
    RunStatus, Section, SectionBody, Seq, ShellMode, SpanDetail, SpanEnd, SpanId, SpanStatus, SpanSubject, TraceBody,
    TraceEvent, UndoReport, Update,
};

use super::story::{self, Story};
use super::{keys, paused, plan, tell, text};

const SIZES: [(u16, u16); 3] = [(80, 24), (140, 42), (200, 60)];

fn at_each_size(name: &str, show: impl Fn((u16, u16)) -> State) {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), text(&show((width, height))));
    }
}

fn section(title: &str, note: &str, body: SectionBody) -> Section {
    Section { title: title.into(), note: note.into(), body, folded: false }
}

fn facts(all: &[(&str, &str)]) -> SectionBody {
    SectionBody::Facts(all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// A command that ran, with its output.
fn ran(command: &str, error: Option<&str>, output: &str) -> Vec<Section> {
    let error = error.map(|error| section("error", "", SectionBody::Error(error.into())));
    let how = facts(&[("folder", "/home/user/notes/work"), ("network", "no"), ("at most", "120 s")]);
    let mut out: Vec<Section> = error.into_iter().collect();
    out.push(section("runs", "", SectionBody::Text(command.into())));
    out.push(section("how", "", how));
    if !output.is_empty() {
        out.push(section("result", "", SectionBody::Text(output.into())));
    }
    out
}

/// Tells more events of the run.
fn more(state: &mut State, bodies: impl IntoIterator<Item = TraceBody>) {
    for body in bodies {
        let (seq, at) = (Seq(state.run.last.0 + 1), state.now);
        tell(state, Msg::Update(Update::Events(vec![TraceEvent { seq, at, happened: None, body }])));
    }
}

/// Selects a span, and tells its texts.
fn select(state: &mut State, path: &str, sections: Vec<Section>) {
    let span = state.run.trace.find(path).unwrap_or_else(|| panic!("no span at {path}"));
    keys(state, "ggZgg");
    for _ in 0..100 {
        if state.selected() == span {
            break;
        }
        keys(state, "j");
    }
    assert_eq!(state.selected(), span, "{path}");
    tell(state, Msg::Update(Update::Detail(SpanDetail { span, path: path.into(), sections })));
}

/// The run with a span in every state, one of them selected.
fn every_state(size: (u16, u16), path: &str, sections: Vec<Section>) -> State {
    let mut state = State::new(Setup { size, ..Setup::default() });
    let (events, now) = story::every_state();
    tell(&mut state, Msg::Update(Update::Shell(ShellMode { capture: CaptureMode::Overlay, gaps: Vec::new() })));
    tell(&mut state, Msg::Update(Update::Events(events)));
    state.now = now;
    let subject = |path: &str, text: &str, is_path| {
        let span = state.run.trace.find(path).unwrap_or_else(|| panic!("no span at {path}"));
        SpanSubject { span, text: text.into(), is_path }
    };
    let subjects = vec![
        subject("editor/writer/tama_bash#2", "git push --force", false),
        subject("editor/diggers/digger", "undo of files", false),
        subject("editor/diggers/digger#2", "names with spaces", false),
        subject("editor/diggers/digger#3", "time zones", false),
        subject("editor/diggers/digger#4", "old logs", false),
        subject("editor/diggers/digger#4/tama_bash", "rm -f out/*.log", false),
        subject("editor/diggers/digger#5", "spelling", false),
        subject("editor/diggers/digger#6", "the index", false),
        subject("editor/diggers/digger#6/tama_files_write", "docs/guide/index.md", true),
    ];
    tell(&mut state, Msg::Update(Update::Subjects(subjects)));
    select(&mut state, path, sections);
    state
}

fn approval() -> Vec<Section> {
    let mut out = ran("rm -f out/*.log", None, "");
    let rule = facts(&[("why", "ask rule \"tama_bash:rm *\""), ("where", "pipeline.toml:31")]);
    out.push(section("approval", "needed before it runs", rule));
    out
}

#[test]
fn a_call_that_needs_approval() {
    at_each_size("needs_approval", |size| every_state(size, "editor/diggers/digger#4/tama_bash", approval()));
}

#[test]
fn the_popup_of_an_approval() {
    at_each_size("approval_popup", |size| {
        let mut state = every_state(size, "editor/diggers/digger#4/tama_bash", approval());
        keys(&mut state, "c");
        let (span, path) = (state.selected(), String::new());
        tell(&mut state, Msg::Update(Update::Detail(SpanDetail { span, path, sections: approval() })));
        state
    });
}

#[test]
fn a_call_that_stopped_at_its_error() {
    let error = "failed to call the model: HTTP 529: the server is overloaded";
    let told = || {
        let call = facts(&[("model", "openai:gpt-5-mini"), ("tries", "4")]);
        vec![section("error", "", SectionBody::Error(error.into())), section("call", "", call)]
    };
    at_each_size("failed_stop", |size| every_state(size, "editor/diggers/digger#3/llm", told()));
}

#[test]
fn a_call_that_was_denied() {
    let error = "tama_bash was denied: policy denies \"tama_bash:git push*\" (pipeline.toml:33)";
    let told = || ran("git push --force", Some(error), "");
    at_each_size("denied", |size| every_state(size, "editor/writer/tama_bash#2", told()));
}

#[test]
fn a_command_whose_changes_were_discarded() {
    let told = || ran("rm -rf out", None, "[exit code 0]");
    at_each_size("discarded", |size| every_state(size, "editor/writer/tama_bash#3", told()));
}

#[test]
fn a_command_with_held_changes() {
    let told = || ran("sed -i s/a/b/ *.md", None, "[exit code 0]");
    at_each_size("held_changes", |size| every_state(size, "editor/diggers/digger#5/tama_bash", told()));
}

#[test]
fn a_run_that_runs() {
    at_each_size("running", |size| {
        let mut story = Story::new();
        let editor = story.agent(SpanId::RUN, "editor", 1, "fsm");
        let writer = story.agent(editor, "writer", 1, "react");
        let call = story.llm(writer, 1);
        story.after(2_200).end(call, SpanStatus::Ok, None, (2_400, 610));
        let bash = story.tool(writer, "tama_bash", 1, EffectClass::Reversible);
        story.command(bash, "make check");
        let mut state = State::new(Setup { size, follow: true, ..Setup::default() });
        tell(&mut state, Msg::Update(Update::Shell(ShellMode { capture: CaptureMode::Overlay, gaps: Vec::new() })));
        let now = story.after(1_300).now();
        tell(&mut state, Msg::Update(Update::Events(story.events())));
        state.now = now;
        select(&mut state, "editor/writer/tama_bash", ran("make check", None, ""));
        state
    });
}

/// Ends the paused run.
fn ended(size: (u16, u16), status: RunStatus) -> State {
    let mut state = paused(size);
    let (call, agent) = (find(&state, "editor/writer#2/llm#2"), state.selected());
    let editor = find(&state, "editor");
    let ends = [call, agent, editor].map(|span| TraceBody::SpanEnded(SpanEnd::new(span, SpanStatus::Ok)));
    match status {
        RunStatus::Ok => {
            more(&mut state, [TraceBody::Released { span: call, how: "continue".into(), stale: false }]);
            more(&mut state, ends);
        }
        RunStatus::Cancelled => {
            let ends =
                [call, agent, editor].map(|span| TraceBody::SpanEnded(SpanEnd::new(span, SpanStatus::Cancelled)));
            more(&mut state, ends);
        }
        _ => {}
    }
    more(&mut state, [TraceBody::RunStatus { status, text: None }]);
    state
}

fn find(state: &State, path: &str) -> SpanId {
    state.run.trace.find(path).unwrap_or_else(|| panic!("no span at {path}"))
}

#[test]
fn a_run_that_ended_each_way() {
    at_each_size("finished", |size| ended(size, RunStatus::Ok));
    at_each_size("cancelled", |size| ended(size, RunStatus::Cancelled));
    at_each_size("interrupted", |size| ended(size, RunStatus::Interrupted));
}

#[test]
fn a_span_that_was_undone_and_tried_again() {
    at_each_size("undone", |size| {
        let mut state = paused(size);
        let spans = state.run.trace.subtree(state.selected());
        let undone: Vec<Seq> = state.rollback.seqs().to_vec();
        let undo =
            |action| TraceBody::ActionEvent(ActionEvent { action, change: ActionChange::Undone { forced: false } });
        more(&mut state, undone.into_iter().map(undo));
        let (cause, generation) = (state.selected(), Generation(2));
        let paths = vec![state.run.trace.path(cause)];
        let reopened = vec![find(&state, "editor")];
        let taken = TraceBody::Invalidated { generation, cause, spans, paths, reopened, stale: Vec::new() };
        more(&mut state, [taken]);
        state
    });
}

#[test]
fn an_undo_that_found_a_conflict() {
    at_each_size("conflict", |size| {
        let mut state = paused(size);
        let by = ConflictBy::Outside { found: "other content (913 bytes)".into() };
        let conflict = Conflict { action: Seq(29), key: "NOTES.md".into(), by };
        tell(&mut state, Msg::Update(Update::Undo(UndoReport { conflict: Some(conflict), ..UndoReport::default() })));
        state
    });
}

#[test]
fn an_undo_that_is_blocked() {
    at_each_size("blocked", |size| {
        let mut state = paused(size);
        let by = ConflictBy::Actions { first: vec![(Seq(29), state.selected())] };
        let conflict = Conflict { action: Seq(11), key: "NOTES.md".into(), by };
        tell(&mut state, Msg::Update(Update::Undo(UndoReport { conflict: Some(conflict), ..UndoReport::default() })));
        state
    });
}

#[test]
fn the_plan_of_a_retry() {
    at_each_size("retry_plan", |size| {
        let mut state = paused(size);
        keys(&mut state, "r");
        let span = state.selected();
        tell(&mut state, Msg::Update(Update::Plan(plan(span))));
        state
    });
}

#[test]
fn a_search_while_it_is_typed() {
    at_each_size("search", |size| {
        let mut state = paused(size);
        keys(&mut state, "/writ");
        state
    });
}

#[test]
fn the_help() {
    at_each_size("help", |size| {
        let mut state = paused(size);
        keys(&mut state, "?");
        state
    });
}

/// A command that would delete many files, held, with the question before they are discarded.
fn discarding(size: (u16, u16)) -> State {
    let mut story = Story::new();
    let agent = story.agent(SpanId::RUN, "cleaner", 1, "react");
    let bash = story.tool(agent, "tama_bash", 1, EffectClass::Reversible);
    story.command(bash, "rm -f out/*.log");
    for at in 0..70 {
        story.held_as(agent, bash, &format!("out/{at:02}.log"), story::file(4_000 + at), KeyState::Absent);
    }
    story.pause(bash, Gate::AfterTool, PauseReason::Asked);
    let mut state = State::new(Setup { size, ..Setup::default() });
    state.now = story.now();
    tell(&mut state, Msg::Update(Update::Shell(ShellMode { capture: CaptureMode::Overlay, gaps: Vec::new() })));
    tell(&mut state, Msg::Update(Update::Events(story.events())));
    keys(&mut state, "GD");
    state
}

#[test]
fn a_question_that_is_longer_than_the_screen() {
    insta::assert_snapshot!("discard_60x16", text(&discarding((60, 16))));
    at_each_size("discard", discarding);
    let mut state = discarding((60, 16));
    tell(&mut state, Msg::Key(KeyPress::Enter));
    insta::assert_snapshot!("discard_goes_on_60x16", text(&state));
}
