//! Popups as they are drawn: the rest is dim, the footer is theirs, what a search finds is marked.

use ratatui::style::Modifier;
use tama_tui::app::{Key, Msg};
use tama_tui::model::Update;
use tama_tui::ui::{ColorDepth, Theme};

use super::{cell, drawn, keys, paused, plan, tell, text};

#[test]
fn the_help_in_two_columns() {
    let mut state = paused((140, 42));
    keys(&mut state, "?");
    insta::assert_snapshot!(text(&state));
}

#[test]
fn a_plan_on_a_small_screen_says_what_is_below() {
    let mut state = paused((60, 16));
    keys(&mut state, "r");
    let span = state.selected();
    let mut long = plan(span);
    long.changed.extend((0..6).map(|at| format!("agent{at} (file): prompts/agent{at}.md")));
    tell(&mut state, Msg::Update(Update::Plan(long)));
    insta::assert_snapshot!(text(&state));
    keys(&mut state, "G");
    let end = text(&state);
    assert!(end.contains("above …") && !end.contains("more below") && end.contains("agent5"), "{end}");
}

#[test]
fn a_line_of_the_log_in_full() {
    let mut state = paused((80, 24));
    let why = format!("a command was refused\nthe reason is long: {}", "word after word ".repeat(12));
    tell(&mut state, Msg::Update(Update::Refused(why)));
    keys(&mut state, "4G");
    tell(&mut state, Msg::Key(Key::Enter));
    insta::assert_snapshot!(text(&state));
}

#[test]
fn what_lies_behind_a_popup_is_dim_with_and_without_colours() {
    for depth in [ColorDepth::True, ColorDepth::None] {
        let mut state = paused((110, 30));
        let before = drawn(&state, depth);
        assert!(!cell(&before, "release-notes").modifier.contains(Modifier::DIM));
        keys(&mut state, "U");
        let buffer = drawn(&state, depth);
        for behind in ["release-notes", "Detail"] {
            assert!(cell(&buffer, behind).modifier.contains(Modifier::DIM), "{behind}");
        }
        assert!(!cell(&buffer, "newest first").modifier.contains(Modifier::DIM));
        assert!(!cell(&buffer, "Esc Cancel").modifier.contains(Modifier::DIM));
    }
}

#[test]
fn what_a_search_finds_is_marked_in_every_panel() {
    let hit = Theme::new(ColorDepth::True).hit();
    for (pane, find, shown) in [("", "writer", "writer#2"), ("4", "editor", "editor/"), ("3", "notes", "NOTES.md")] {
        let mut state = paused((160, 45));
        keys(&mut state, pane);
        keys(&mut state, &format!("/{find}"));
        let buffer = drawn(&state, ColorDepth::True);
        let marked = buffer.content.iter().filter(|cell| Some(cell.bg) == hit.bg).count();
        assert!(marked >= find.len(), "{shown} in {pane}: {marked}\n{}", text(&state));
    }
}
