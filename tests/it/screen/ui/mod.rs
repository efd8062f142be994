//! Whole screens, drawn on a test backend.

mod agent;
mod approvals;
mod diffs;
mod popups;
mod screens;
mod states;
mod stops;
mod story;
mod time;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use tama_tui::app::{self, Key, Msg, Setup, State};
use tama_tui::model::{
    EditScope, Editable, EffectClass, Gate, PauseReason, PlanLeave, RetryPlan, Seq, SpanDetail, SpanId, SpanStatus,
    Update,
};
use tama_tui::ui::{self, ColorDepth, Theme, View};

/// A state that was told the story of the paused run, the cursor on `writer#2`.
fn paused(size: (u16, u16)) -> State {
    let mut state = State::new(Setup { size, ..Setup::default() });
    let (events, now) = story::paused_run();
    tell(&mut state, Msg::Resize { width: size.0, height: size.1 });
    tell(&mut state, Msg::Update(Update::Events(events)));
    tell(&mut state, Msg::Tick(now));
    state.now = now;
    keys(&mut state, "Gkkkk");
    let span = state.selected();
    assert_eq!(state.run.trace.label(span), "writer#2");
    tell(&mut state, Msg::Update(Update::Detail(story::detail(span))));
    tell(&mut state, Msg::Update(Update::Plan(plan(span))));
    state
}

fn plan(span: SpanId) -> RetryPlan {
    RetryPlan {
        span,
        undoes: vec![Seq(33), Seq(29)],
        leaves: vec![PlanLeave { action: Seq(21), why: "a request has no undo".into() }],
        reruns: vec![span],
        rerun_names: vec!["writer#2".into()],
        from_journal: 11,
        saved_tokens: 12_000,
        saved_cost: 20_000,
        calls: 5,
        tokens: 5_100,
        cost: 4_000,
        changed: vec!["writer (edited): prompts/writer.md".into()],
        undone_outside: vec![Seq(11)],
        ..RetryPlan::default()
    }
}

fn tell(state: &mut State, msg: Msg) {
    let _ = app::update(state, msg);
}

fn keys(state: &mut State, typed: &str) {
    for letter in typed.chars() {
        tell(state, Msg::Key(Key::Char(letter)));
    }
}

fn drawn(state: &State, depth: ColorDepth) -> Buffer {
    drawn_with(state, Theme::new(depth))
}

fn drawn_with(state: &State, theme: Theme) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(state.size.0, state.size.1)).unwrap();
    let mut view = View::new(theme);
    view.sync(state);
    terminal.draw(|frame| ui::draw(frame, state, &mut view)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(state: &State) -> String {
    lines(&drawn(state, ColorDepth::True)).join("\n")
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width);
    let rows = buffer.content.chunks(width);
    rows.map(|row| row.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned()).collect()
}

/// The first cell of a text on the screen.
fn cell<'a>(buffer: &'a Buffer, wanted: &str) -> &'a Cell {
    let width = usize::from(buffer.area.width);
    for row in buffer.content.chunks(width) {
        for from in 0..width {
            let here: String = row[from..].iter().map(Cell::symbol).collect();
            if here.starts_with(wanted) {
                return &row[from];
            }
        }
    }
    panic!("{wanted} is not on the screen:\n{}", lines(buffer).join("\n"));
}

#[test]
fn the_paused_run_at_every_size() {
    for (width, height) in [(60, 16), (80, 24), (110, 30), (140, 42), (160, 45), (200, 60)] {
        insta::assert_snapshot!(format!("paused_{width}x{height}"), text(&paused((width, height))));
    }
}

#[test]
fn rollback_below_the_spans() {
    let mut state = paused((80, 24));
    keys(&mut state, "3");
    insta::assert_snapshot!(text(&state));
}

#[test]
fn the_log() {
    let mut state = paused((110, 30));
    keys(&mut state, "4");
    insta::assert_snapshot!(text(&state));
}

#[test]
fn the_help() {
    let mut state = paused((80, 24));
    keys(&mut state, "?");
    insta::assert_snapshot!(text(&state));
}

#[test]
fn the_plan_of_a_retry() {
    let mut state = paused((110, 30));
    keys(&mut state, "r");
    let span = state.selected();
    tell(&mut state, Msg::Update(Update::Plan(plan(span))));
    insta::assert_snapshot!(text(&state));
}

#[test]
fn what_can_follow_a_prefix() {
    let mut state = paused((80, 24));
    keys(&mut state, "]");
    insta::assert_snapshot!(text(&state));
}

#[test]
fn the_editor() {
    let mut state = paused((110, 30));
    keys(&mut state, "e");
    let span = state.selected();
    let text_before = "You write release notes.\n\nNever invent a change.";
    tell(
        &mut state,
        Msg::Update(Update::Editable(Editable {
            span,
            title: "system prompt of writer#2".into(),
            text: text_before.into(),
            scopes: vec![EditScope::Agent, EditScope::Call],
            extension: "md",
            part: None,
        })),
    );
    insta::assert_snapshot!(text(&state));
}

#[test]
fn ancestors_stay_in_view_and_cover_no_child_of_theirs() {
    let mut state = paused((60, 16));
    keys(&mut state, "Gk");
    let screen = text(&state);
    for row in ["▾ writer#2", "  llm 1", "write NOTES.md", "›      mem_set outli", "  llm 2"] {
        assert!(screen.contains(row), "{row}:\n{screen}");
    }
}

#[test]
fn colours_mean_something() {
    let mut state = paused((110, 30));
    let buffer = drawn(&state, ColorDepth::True);
    assert_eq!(cell(&buffer, "‖ PAUSED (before llm").fg, Color::from_u32(0x00fa_cc15));
    assert_eq!(cell(&buffer, "‖ paused").fg, Color::from_u32(0x00fa_cc15));
    assert_eq!(cell(&buffer, "┌ 1 Spans").fg, Color::from_u32(0x0038_bdf8), "the colour of what is active is another");
    assert_eq!(cell(&buffer, "writer#2  ").bg, Color::from_u32(0x0070_1a75));
    keys(&mut state, "3");
    let buffer = drawn(&state, ColorDepth::True);
    assert_eq!(cell(&buffer, "writer#2  ").bg, Color::Reset, "the selection is marked where the keys go");
}

#[test]
fn errors_are_red_and_said_in_a_word() {
    let mut story = story::Story::new();
    let agent = story.agent(SpanId::RUN, "editor", 1, "oneshot");
    let call = story.llm(agent, 1);
    story.after(900).end(call, SpanStatus::Error, None, (0, 0));
    let mut state = State::new(Setup { size: (80, 24), ..Setup::default() });
    tell(&mut state, Msg::Update(Update::Events(story.events())));
    let buffer = drawn(&state, ColorDepth::Indexed);
    assert_eq!(cell(&buffer, "✗ 1 failed").bg, Color::Indexed(160));
    assert_eq!(cell(&buffer, "✗ failed").bg, Color::Indexed(160));
    assert_eq!(cell(&drawn(&state, ColorDepth::Basic), "✗ failed").bg, Color::Red);
}

#[test]
fn what_cannot_be_taken_back_is_marked_before_and_after() {
    let mut story = story::Story::new();
    let agent = story.agent(SpanId::RUN, "editor", 1, "react");
    let post = story.tool(agent, "announce", 1, EffectClass::Irreversible);
    let rule = "announce has no undo; it runs announce 1.2.0".to_owned();
    story.pause(post, Gate::BeforeTool, PauseReason::Policy { rule });
    let screen = |story: &story::Story| {
        let mut state = State::new(Setup { size: (160, 24), ..Setup::default() });
        tell(&mut state, Msg::Update(Update::Events(story.clone().events())));
        keys(&mut state, "G");
        text(&state)
    };
    insta::assert_snapshot!(screen(&story));
    story.permanent(agent, post, "announce 1.2.0", "declared irreversible");
    story.end(post, SpanStatus::Ok, None, (0, 0));
    let after = screen(&story);
    let row = after.lines().find(|line| line.contains("announce 1.2.0")).unwrap();
    assert!(row.contains(" 1 ") && !row.contains("1?"), "{after}");
}

#[test]
fn without_colours_there_are_none_and_the_selection_still_shows() {
    let state = paused((110, 30));
    let buffer = drawn(&state, ColorDepth::None);
    assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(cell(&buffer, "writer#2  ").modifier.contains(Modifier::REVERSED));
    assert_eq!(lines(&buffer), lines(&drawn(&state, ColorDepth::True)));
}

#[test]
fn hostile_text_stays_text() {
    const EVIL: &str = "\u{1b}[31mevil\u{1b}]0;title\u{7}\u{9b}2J\u{202e}\r\n\t";
    let mut story = story::Story::new();
    let agent = story.agent(SpanId::RUN, EVIL, 1, EVIL);
    let tool = story.tool(agent, EVIL, 1, EffectClass::Irreversible);
    story.action(agent, tool, tama_tui::model::Key::file(EVIL), story::text(EVIL), story::text(EVIL));
    story.permanent(agent, tool, EVIL, EVIL);
    story.note(EVIL);
    for size in [(60, 16), (110, 30), (160, 45)] {
        let mut state = State::new(Setup { size, ..Setup::default() });
        tell(&mut state, Msg::Update(Update::Events(story.clone().events())));
        keys(&mut state, "G");
        let span = state.selected();
        let mut detail: SpanDetail = story::detail(span);
        for section in &mut detail.sections {
            section.title = EVIL.into();
            section.note = EVIL.into();
        }
        tell(&mut state, Msg::Update(Update::Detail(detail)));
        tell(&mut state, Msg::Update(Update::Refused(EVIL.into())));
        tell(&mut state, Msg::Update(Update::Shell(diffs::open_shell(EVIL))));
        for pane in ["2", "4", "3", "3d"] {
            keys(&mut state, pane);
            for action in state.rollback.seqs().to_vec() {
                tell(&mut state, Msg::Update(Update::Diff(diffs::of(action, EVIL))));
            }
            let buffer = drawn(&state, ColorDepth::True);
            let screen = lines(&buffer).concat();
            assert!(!screen.chars().any(|c| c.is_control() || c == '\u{202e}'), "{screen:?}");
            assert!(!screen.contains("[31m") && !screen.contains("]0;"), "{screen}");
        }
    }
}

#[test]
fn any_size_can_be_drawn() {
    let sizes = (1..=20).flat_map(|width| (1..=10).map(move |height| (width, height)));
    for size in sizes.chain([(30, 8), (24, 9), (59, 9), (99, 8), (100, 8), (130, 9), (300, 100)]) {
        for typed in ["", "?", "?/e", "]", "4", "4/e", "3", "3d", "3d/e", "3U", "B", "/x", "q"] {
            let mut state = paused((80, 24));
            keys(&mut state, typed);
            tell(&mut state, Msg::Resize { width: size.0, height: size.1 });
            let _ = drawn(&state, ColorDepth::True);
        }
    }
}

#[test]
fn a_frame_smaller_than_the_state_thinks_can_be_drawn() {
    let state = paused((160, 45));
    for (width, height) in [(40, 10), (160, 9), (24, 45)] {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut view = View::new(Theme::new(ColorDepth::True));
        terminal.draw(|frame| ui::draw(frame, &state, &mut view)).unwrap();
    }
}
