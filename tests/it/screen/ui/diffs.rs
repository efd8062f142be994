//! The diff, what has not landed, conflicts and how commands run, drawn.

use ratatui::style::Color;
use tama_tui::app::{Msg, Setup, State};
use tama_tui::model::{
    ActionChange, ActionDiff, ActionEvent, BlobHash, Bytes, CaptureMode, Conflict, ConflictBy, DiffBody, DiffSides,
    EffectClass, Gate, Hunk, HunkLine, Key, KeyState, LineIn, PauseReason, Seq, ShellMode, SpanId, TraceBody,
    UndoReport, Undoability, Update,
};
use tama_tui::ui::ColorDepth;

use super::{cell, drawn, keys, paused, story, tell, text};

const SIZES: [(u16, u16); 3] = [(60, 16), (80, 24), (160, 45)];

/// Takes a screen of each size, with what `name` shows.
fn at_each_size(name: &str, show: impl Fn(&mut State)) {
    for (width, height) in SIZES {
        let mut state = paused((width, height));
        show(&mut state);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), text(&state));
    }
}

/// Opens the diff of the older action of the list, which wrote NOTES.md over what the writer wrote first.
fn open(state: &mut State, diff: impl Fn(Seq) -> ActionDiff) {
    keys(state, "3jd");
    let action = state.rollback.selected().unwrap();
    tell(state, Msg::Update(Update::Diff(diff(action))));
}

fn notes(action: Seq) -> ActionDiff {
    let line = |side, number, text: &str| HunkLine { side, number, text: text.into(), unended: false };
    let (both, old, new) = (LineIn::Both, LineIn::Old, LineIn::New);
    let hunks = vec![
        Hunk {
            old: (1, 5),
            new: (1, 6),
            lines: vec![
                line(both, 1, "# 1.2.0"),
                line(both, 2, ""),
                line(old, 3, "- Bug fixes and performance improvements"),
                line(new, 3, "- Undo puts permissions back too, so scripts stay executable after a retry of the span"),
                line(new, 4, "- \u{1b}[31mred\u{1b}[0m\tand a tab, and spaces at the end  "),
                line(both, 5, "- The log opens after a crash"),
                line(both, 6, ""),
            ],
        },
        Hunk {
            old: (40, 2),
            new: (41, 2),
            lines: vec![
                line(both, 41, "Thanks to everybody."),
                HunkLine { unended: true, ..line(old, 41, "The end") },
                line(new, 42, "The end"),
            ],
        },
    ];
    ActionDiff {
        action,
        sides: DiffSides::Action,
        change: "812 B → 1.9 kB · rw-r--r-- → rwxr-xr-x".into(),
        notes: Vec::new(),
        body: DiffBody::Lines { hunks, added: 3, removed: 2 },
        outside: false,
    }
}

/// A diff that says nothing but `text`.
pub fn of(action: Seq, text: &str) -> ActionDiff {
    let line = HunkLine { side: LineIn::New, number: 1, text: text.into(), unended: true };
    let hunk = Hunk { old: (0, 0), new: (1, 1), lines: vec![line] };
    let body = DiffBody::Lines { hunks: vec![hunk], added: 1, removed: 0 };
    ActionDiff { change: text.into(), notes: vec![text.into()], body, ..notes(action) }
}

/// Commands are not confined, and why.
pub fn open_shell(gap: &str) -> ShellMode {
    ShellMode { capture: CaptureMode::Snapshot, gaps: vec![gap.into()] }
}

#[test]
fn the_diff_of_a_text() {
    at_each_size("diff_text", |state| open(state, notes));
}

#[test]
fn the_diff_of_a_binary() {
    at_each_size("diff_binary", |state| {
        open(state, |action| {
            let bytes = |size, hash| Some(Bytes { size, hash: BlobHash([hash; 16]) });
            let body = DiffBody::Opaque { why: "binary".into(), old: bytes(812, 7), new: bytes(1_900, 0xa1) };
            ActionDiff { body, outside: true, ..notes(action) }
        });
    });
}

#[test]
fn the_diff_of_a_mode() {
    at_each_size("diff_mode", |state| {
        open(state, |action| ActionDiff {
            body: DiffBody::Same,
            change: "812 B, the same content · rw-r--r-- → rwxr-xr-x".into(),
            ..notes(action)
        });
    });
}

#[test]
fn the_diff_is_never_told_by_colour_alone() {
    let mut state = paused((110, 30));
    open(&mut state, notes);
    let buffer = drawn(&state, ColorDepth::True);
    assert_eq!(cell(&buffer, "- - Bug fixes").fg, Color::from_u32(0x00f8_7171));
    assert_eq!(cell(&buffer, "+ - Undo puts").fg, Color::from_u32(0x0034_d399));
    assert_eq!(super::lines(&buffer), super::lines(&drawn(&state, ColorDepth::None)));
}

/// A command of the reviewer that moved a file, made one executable and wrote two, stopped before any of it landed.
fn held(size: (u16, u16)) -> State {
    let mut story = story::Story::new();
    let editor = story.agent(SpanId::RUN, "editor", 1, "fsm");
    let tidier = story.agent(editor, "tidier", 1, "react");
    let bash = story.tool(tidier, "tama_bash", 1, EffectClass::Reversible);
    let file = |blob, size, mode| KeyState::File { blob: BlobHash([blob; 16]), size, mode };
    let changes = [
        ("docs/draft.md", file(1, 812, 0o644), KeyState::Absent),
        ("docs/notes.md", KeyState::Absent, file(1, 812, 0o644)),
        ("bin/release", file(2, 340, 0o644), file(2, 340, 0o755)),
        ("CHANGELOG.md", file(3, 4_100, 0o644), file(4, 4_800, 0o644)),
    ];
    let mut rows = Vec::new();
    for (path, old, new) in changes {
        let action = story.intent(tidier, bash, Key::file(path), old, new, Undoability::Undo);
        story.event(TraceBody::ActionEvent(ActionEvent { action, change: ActionChange::Held }));
        rows.push(action);
    }
    story.event(TraceBody::Renamed { from: rows[0], to: rows[1] });
    story.pause(bash, Gate::AfterTool, PauseReason::Step);
    let mut state = State::new(Setup { size, ..Setup::default() });
    state.now = story.now();
    tell(&mut state, Msg::Update(Update::Shell(ShellMode { capture: CaptureMode::Overlay, gaps: Vec::new() })));
    tell(&mut state, Msg::Update(Update::Events(story.events())));
    keys(&mut state, "G3");
    state
}

#[test]
fn changes_that_have_not_landed() {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("held_{width}x{height}"), text(&held((width, height))));
    }
}

#[test]
fn dropping_what_has_not_landed_asks() {
    let mut state = held((80, 24));
    keys(&mut state, "D");
    insta::assert_snapshot!(text(&state));
}

#[test]
fn a_conflict_with_later_actions() {
    at_each_size("conflict_later", |state| {
        let writer = state.selected();
        let by = ConflictBy::Actions { first: vec![(Seq(29), writer)] };
        let conflict = Conflict { action: Seq(11), key: "NOTES.md".into(), by };
        tell(state, Msg::Update(Update::Undo(UndoReport { conflict: Some(conflict), ..UndoReport::default() })));
    });
}

#[test]
fn a_conflict_with_someone_outside() {
    at_each_size("conflict_outside", |state| {
        let by = ConflictBy::Outside { found: "other content (913 bytes)".into() };
        let conflict = Conflict { action: Seq(29), key: "NOTES.md".into(), by };
        tell(state, Msg::Update(Update::Undo(UndoReport { conflict: Some(conflict), ..UndoReport::default() })));
    });
}

#[test]
fn how_commands_run_is_in_the_header() {
    let header = |width, gaps: &[&str]| {
        let mut state = paused((width, 24));
        let gaps = gaps.iter().map(|gap| (*gap).to_owned()).collect();
        tell(&mut state, Msg::Update(Update::Shell(ShellMode { capture: CaptureMode::Snapshot, gaps })));
        text(&state).lines().next().unwrap().to_owned()
    };
    let gaps = ["network", "writes outside of the workspace"];
    let headers = [
        header(160, &[]),
        header(160, &gaps),
        header(110, &gaps),
        header(80, &gaps),
        header(60, &gaps),
        header(60, &[]),
        header(40, &gaps),
    ];
    insta::assert_snapshot!(headers.join("\n"));
}
