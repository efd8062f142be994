//! Every state on the screen: words, glyphs, colours, counts of what lies below.

use ratatui::style::{Color, Modifier};
use tama_tui::app::{Msg, Pane, Setup, State};
use tama_tui::model::{RunStatus, Seq, SpanId, TraceBody, TraceEvent, Update};
use tama_tui::ui::{ColorDepth, Ground, Theme};

use super::{cell, drawn, drawn_with, keys, lines, story, tell, text};

const SIZES: [(u16, u16); 4] = [(60, 16), (80, 24), (140, 42), (200, 60)];

fn every_state(size: (u16, u16)) -> State {
    let mut state = State::new(Setup { size, ..Setup::default() });
    let (events, now) = story::every_state();
    tell(&mut state, Msg::Update(Update::Events(events)));
    state.now = now;
    state
}

fn find(state: &State, path: &str) -> SpanId {
    state.run.trace.find(path).unwrap_or_else(|| panic!("no span at {path}"))
}

#[test]
fn every_state_at_every_size() {
    for size in SIZES {
        let mut state = every_state(size);
        keys(&mut state, "gg");
        insta::assert_snapshot!(format!("states_{}x{}", size.0, size.1), text(&state));
    }
}

#[test]
fn a_folded_parent_counts_what_matters_below_it() {
    let mut state = every_state((140, 42));
    let diggers = find(&state, "editor/diggers");
    state.tree.set_open(diggers, false);
    let screen = text(&state);
    let row = screen.lines().find(|line| line.contains("diggers")).unwrap();
    assert!(row.contains("2 of 6 done") && row.contains("◆ 1 ✗ 1 ‖ 1"), "{row}");
    assert!(!screen.contains("running"), "nothing runs:\n{screen}");
    let header = screen.lines().next().unwrap();
    assert!(header.contains("◆ 1 NEEDS APPROVAL  ✗ 2 failed, 1 waits for you  ‖ 1 paused"), "{header}");
    assert!(header.contains("work 0:04 · open 1:50"), "{header}");
}

#[test]
fn what_wants_the_user_is_filled_and_stays_so_under_the_selection() {
    let mut state = every_state((140, 42));
    keys(&mut state, "gg]a");
    let buffer = drawn(&state, ColorDepth::True);
    let header = cell(&buffer, "◆ 1 NEEDS");
    assert_eq!((header.bg, header.fg), (Color::from_u32(0x00fb_bf24), Color::from_u32(0)));
    assert_eq!(cell(&buffer, "◆ approval").bg, header.bg, "on its agent");
    assert_eq!(state.selected(), find(&state, "editor/diggers/digger#4/tama_bash"));
    let selected = lines(&buffer).iter().position(|line| line.contains("│›")).unwrap();
    let row = &buffer.content[selected * 140..(selected + 1) * 140];
    assert!(row.iter().any(|cell| cell.symbol() == "◆" && cell.bg == header.bg));
    let failed = cell(&buffer, "✗ HTTP 529");
    assert_eq!((failed.bg, failed.fg), (Color::from_u32(0x00c8_1e1e), Color::from_u32(0x00ff_ffff)));
    assert_eq!(cell(&buffer, "✗ exit 3").bg, failed.bg);
    let paused = cell(&buffer, "‖ 1 paused");
    assert_eq!((paused.fg, paused.bg), (Color::from_u32(0x00fa_cc15), Color::Reset));
    assert!(paused.modifier.contains(Modifier::BOLD));
    assert_eq!(cell(&buffer, "⊘ denied").fg, Color::from_u32(0x00f8_7171));
    assert_eq!(cell(&buffer, "∅ discarded").fg, Color::from_u32(0x00d6_b98c));
    assert_eq!(cell(&buffer, "○ waiting").fg, Color::from_u32(0x00a7_8bfa));
    assert_eq!(cell(&buffer, "✓ publish").fg, Color::from_u32(0x0034_d399));
}

#[test]
fn nothing_of_an_interrupted_run_is_said_to_go_on() {
    let mut state = every_state((140, 42));
    let (seq, at) = (Seq(state.run.last.0 + 1), state.now);
    let body = TraceBody::RunStatus { status: RunStatus::Interrupted, text: None };
    tell(&mut state, Msg::Update(Update::Events(vec![TraceEvent { seq, at, happened: None, body }])));
    let screen = text(&state);
    assert!(screen.contains("↯ interrupted"), "{screen}");
    for word in ["running", "paused", "waiting", "approval", "APPROVAL"] {
        assert!(!screen.contains(word), "{word}:\n{screen}");
    }
}

#[test]
fn a_row_says_the_command_and_what_was_read() {
    let screen = text(&every_state((200, 60)));
    for row in ["files_read docs/guide/start.md", "bash make check &&", "bash#3 rm -rf out", "llm 1 → files_read +5"]
    {
        assert!(screen.contains(row), "{row}:\n{screen}");
    }
}

#[test]
fn rollback_says_the_kind_the_agent_and_the_state_of_each() {
    let mut state = every_state((200, 60));
    keys(&mut state, "gg3");
    let screen = text(&state);
    for row in ["A file NOTES.md", "  call POST /hoo", "A file a.md"] {
        assert!(screen.contains(row), "{row}:\n{screen}");
    }
    let line = |what: &str| screen.lines().find(|line| line.contains(what)).unwrap().to_owned();
    assert!(line("file NOTES.md").contains("writer") && line("file NOTES.md").contains("ready"));
    assert!(line("call POST").contains("no undo"));
    assert!(line("file a.md").contains("digger#5") && line("file a.md").contains("held"));
}

#[test]
fn rollback_takes_no_height_without_rows_and_the_tree_stays_put() {
    let mut state = every_state((140, 42));
    state.tree.select(find(&state, "editor/diggers/digger"), 38);
    keys(&mut state, "j");
    assert_eq!(state.layout().area(Pane::Rollback).height, 0);
    let before = lines(&drawn(&state, ColorDepth::True));
    assert!(!before.iter().any(|line| line.contains("Rollback")));
    let at = |lines: &[String], row: &str| lines.iter().position(|line| line.contains(row));
    keys(&mut state, "gg");
    let after = lines(&drawn(&state, ColorDepth::True));
    assert!(state.layout().area(Pane::Rollback).height >= 6 && after.iter().any(|line| line.contains("Rollback")));
    assert_eq!(at(&before, "make check"), at(&after, "make check"));
}

#[test]
fn a_long_list_says_that_it_goes_on() {
    let mut state = every_state((80, 24));
    keys(&mut state, "gg");
    let top = text(&state);
    assert!(top.contains('▼') && !top.contains('▲'), "{top}");
    keys(&mut state, "G");
    let end = text(&state);
    assert!(end.contains('▲') && end.contains('┃'), "{end}");
    assert!(end.contains("more"), "rows that the ancestors cover are counted:\n{end}");
}

#[test]
fn a_screen_that_paints_its_background_leaves_no_cell_out() {
    let mut state = every_state((110, 30));
    for typed in ["", "?", "]", "3"] {
        keys(&mut state, typed);
        for depth in [ColorDepth::True, ColorDepth::Indexed] {
            let buffer = drawn_with(&state, Theme::on(depth, Ground::Painted));
            assert!(buffer.content.iter().all(|cell| cell.bg != Color::Reset && cell.fg != Color::Reset));
        }
    }
    let plain = drawn_with(&state, Theme::on(ColorDepth::None, Ground::Painted));
    assert!(plain.content.iter().all(|cell| cell.bg == Color::Reset && cell.fg == Color::Reset));
}
