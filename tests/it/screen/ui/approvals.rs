//! Approvals, drawn.

use ratatui::style::Color;
use tama_tui::app::{Msg, Setup, State};
use tama_tui::model::{
    CaptureMode, EffectClass, Gate, PauseReason, Section, SectionBody, ShellMode, SpanDetail, SpanId, Update,
};
use tama_tui::ui::ColorDepth;

use super::{cell, drawn, keys, story, tell, text};

const SIZES: [(u16, u16); 4] = [(60, 16), (80, 24), (140, 42), (200, 60)];

fn section(title: &str, body: SectionBody) -> Section {
    Section { title: title.into(), note: String::new(), body, folded: false }
}

/// A digger's tool that needs an approval, with the popup open.
fn asking(size: (u16, u16), tool: &str, lane: CaptureMode, sections: Vec<Section>) -> State {
    let mut story = story::Story::new();
    let editor = story.agent(SpanId::RUN, "editor", 1, "scatter");
    let digger = story.agent(editor, "digger", 30, "react");
    let call = story.llm(digger, 1);
    story.after(900).end(call, tama_tui::model::SpanStatus::Ok, None, (210, 20));
    let span = story.tool(digger, tool, 1, EffectClass::Reversible);
    let rule = format!("ask rule \"{tool}*\"; it runs rm -f out/*.log");
    story.pause(span, Gate::BeforeTool, PauseReason::Policy { rule });
    let mut state = State::new(Setup { size, ..Setup::default() });
    state.now = story.now();
    tell(&mut state, Msg::Update(Update::Shell(ShellMode { capture: lane, gaps: Vec::new() })));
    tell(&mut state, Msg::Update(Update::Events(story.events())));
    keys(&mut state, "Gc");
    let path = state.run.trace.path(span);
    tell(&mut state, Msg::Update(Update::Detail(SpanDetail { span, path, sections })));
    state
}

fn command(text: &str) -> Vec<Section> {
    let facts =
        [("undo", "changes in the workspace can be undone"), ("folder", "/home/user/notes/work"), ("network", "no")];
    let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    vec![section("runs", SectionBody::Text(text.into())), section("how", SectionBody::Facts(facts))]
}

#[test]
fn the_approval_of_a_command() {
    for (width, height) in SIZES {
        let state = asking((width, height), "tama_bash", CaptureMode::Overlay, command("rm -f out/*.log"));
        insta::assert_snapshot!(format!("approval_{width}x{height}"), text(&state));
    }
}

#[test]
fn a_long_command_is_scrolled_and_never_cut_in_silence() {
    let script: String = (1..=40).flat_map(|at: u32| ["step ".to_owned(), at.to_string(), "\n".to_owned()]).collect();
    for (width, height) in [(60, 16), (80, 24)] {
        let mut state = asking((width, height), "tama_bash", CaptureMode::Snapshot, command(&script));
        insta::assert_snapshot!(format!("approval_long_{width}x{height}"), text(&state));
        keys(&mut state, "G");
        assert!(text(&state).contains("step 40") && text(&state).contains("lines above, k scrolls"));
    }
}

#[test]
fn a_write_is_shown_with_its_line_breaks() {
    let json = r##"{"path": "NOTES.md", "content": "# 1.2.0\n\n- Undo puts permissions back\n\u001b[31mred\n"}"##;
    let arguments = vec![section("arguments", SectionBody::Json(json.into()))];
    let state = asking((80, 24), "tama_files_write", CaptureMode::Overlay, arguments);
    insta::assert_snapshot!(text(&state));
    let buffer = drawn(&state, ColorDepth::True);
    assert_eq!(cell(&buffer, "1 y  ").fg, Color::from_u32(0x0038_bdf8));
    assert_eq!(cell(&buffer, "2 h  ").fg, Color::from_u32(0x009a_9aa5), "it can't be given");
}

#[test]
fn an_approval_fits_any_screen() {
    for size in [(24, 8), (30, 8), (59, 9), (100, 10), (300, 100)] {
        let _ = drawn(&asking(size, "tama_bash", CaptureMode::Snapshot, command("rm -f a")), ColorDepth::None);
    }
}
