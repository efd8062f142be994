//! Detail at a stop: before a write, before a command, at an approval, at an error, with held changes.

use ratatui::style::Color;
use tama_tui::app::{Key, Msg, Setup, State};
use tama_tui::model::{
    BlobHash, Bytes, DiffBody, EffectClass, Gate, Hunk, HunkLine, KeyChange, LineIn, PauseReason, Section, SectionBody,
    SpanDetail, SpanId, SpanStatus, Update,
};
use tama_tui::ui::ColorDepth;

use super::story::Story;
use super::{cell, drawn, lines, tell, text};

const SIZES: [(u16, u16); 2] = [(80, 24), (140, 42)];

fn section(title: &str, note: &str, body: SectionBody) -> Section {
    Section { title: title.into(), note: note.into(), body, folded: false }
}

fn facts(all: &[(&str, &str)]) -> SectionBody {
    SectionBody::Facts(all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

fn prose(text: &str) -> SectionBody {
    SectionBody::Text(text.into())
}

/// Lines by their signs.
fn diff(of: &[&str]) -> DiffBody {
    let lines: Vec<HunkLine> = of
        .iter()
        .map(|line| {
            let (side, text) = match line.split_at(1) {
                ("-", text) => (LineIn::Old, text),
                ("+", text) => (LineIn::New, text),
                (_, text) => (LineIn::Both, text),
            };
            HunkLine { side, number: 1, text: text.into(), unended: false }
        })
        .collect();
    let count = |side| lines.iter().filter(|line| line.side == side).count();
    let (removed, added, both) = (count(LineIn::Old), count(LineIn::New), count(LineIn::Both));
    let hunk = Hunk { old: (1, both + removed), new: (1, both + added), lines };
    DiffBody::Lines { hunks: vec![hunk], added, removed }
}

fn change(letter: char, key: &str, change: &str, body: Option<DiffBody>) -> KeyChange {
    KeyChange { letter, key: key.into(), change: change.into(), notes: Vec::new(), body }
}

/// A run that stopped at its last span, which is selected; `told` are its texts.
fn stopped(size: (u16, u16), story: Story, told: &dyn Fn() -> Vec<Section>) -> State {
    let mut state = State::new(Setup { size, ..Setup::default() });
    tell(&mut state, Msg::Update(Update::Events(story.events())));
    tell(&mut state, Msg::Key(Key::Char('G')));
    let span = state.selected();
    let path = state.run.trace.path(span);
    tell(&mut state, Msg::Update(Update::Detail(SpanDetail { span, path, sections: told() })));
    state
}

/// A tool of an agent, stopped there.
fn tool(name: &str, gate: Gate, reason: PauseReason) -> Story {
    let mut story = Story::new();
    let agent = story.agent(SpanId::RUN, "writer", 1, "react");
    let call = story.llm(agent, 1);
    story.after(900).end(call, SpanStatus::Ok, None, (900, 120));
    let tool = story.tool(agent, name, 1, EffectClass::Reversible);
    story.pause(tool, gate, reason);
    story
}

fn before(name: &str) -> Story {
    tool(name, Gate::BeforeTool, PauseReason::Breakpoint { breakpoint: format!("before-tool {name}") })
}

fn snapshots(name: &str, story: &Story, told: &dyn Fn() -> Vec<Section>) {
    for (width, height) in SIZES {
        let state = stopped((width, height), story.clone(), told);
        insta::assert_snapshot!(format!("stop_{name}_{width}x{height}"), text(&state));
    }
}

fn changed() -> Vec<Section> {
    let body = diff(&[
        " # 1.2.0",
        " ",
        "-- Bug fixes and performance improvements",
        "+- Undo puts permissions back too, so scripts stay executable after a retry of the span that made them",
        "+- The log opens after a crash  ",
        " ",
        " Thanks to everybody.",
    ]);
    let content = "# 1.2.0\n\n- Undo puts permissions back too, so scripts stay executable after a retry of the span \
                   that made them\n- The log opens after a crash  \n\nThanks to everybody.\n";
    vec![
        section(
            "changes",
            "NOTES.md +2 -1",
            SectionBody::Changes(vec![change('M', "NOTES.md", "64 B → 178 B · rw-r--r--", Some(body))]),
        ),
        section("arguments", "", facts(&[("path", "NOTES.md")])),
        section("content", "6 lines", prose(content)),
    ]
}

#[test]
fn before_a_write_the_diff_comes_first() {
    snapshots("before_a_write", &before("tama_files_write"), &changed);
    let state = stopped((140, 42), before("tama_files_write"), &changed);
    let buffer = drawn(&state, ColorDepth::True);
    let green = Color::from_u32(0x0034_d399);
    let red = Color::from_u32(0x00f8_7171);
    assert_eq!(cell(&buffer, "+ - The log opens").fg, green);
    assert_eq!(cell(&buffer, "- - Bug fixes").fg, red);
    assert_eq!(cell(&buffer, "# 1.2.0").fg, Color::Reset);
    // Without colours the signs say it.
    assert_eq!(lines(&drawn(&state, ColorDepth::None)), lines(&buffer));
}

#[test]
fn a_new_file_is_all_added_and_a_deleted_one_all_removed() {
    let new = || {
        let changes = vec![
            change('A', "changes/", "added folder · rwxr-xr-x", None),
            change('A', "changes/fix.md", "added file · 14 B · rw-r--r--", Some(diff(&["+one fix", "+more"]))),
        ];
        vec![
            section("changes", "changes/fix.md +2 -0 · 2 changes", SectionBody::Changes(changes)),
            section("arguments", "", facts(&[("path", "changes/fix.md")])),
            section("content", "2 lines", prose("one fix\nmore\n")),
        ]
    };
    snapshots("before_a_new_file", &before("tama_files_write"), &new);
    let deleted = || {
        let body = diff(&["-# Old notes", "-nobody reads them"]);
        let changes = vec![change('D', "old.md", "deleted file · 31 B · rw-r--r--", Some(body))];
        vec![
            section("changes", "old.md +0 -2", SectionBody::Changes(changes)),
            section("arguments", "", facts(&[("path", "old.md")])),
        ]
    };
    snapshots("before_a_deletion", &before("tama_files_delete"), &deleted);
    let bytes = |size, byte| Some(Bytes { size, hash: BlobHash([byte; 16]) });
    let binary = || {
        let body = DiffBody::Opaque { why: "binary".into(), old: bytes(48_213, 1), new: bytes(2, 2) };
        let changes = vec![change('M', "logo.png", "48.2 kB → 2 B · rw-r--r--", Some(body))];
        vec![section("changes", "logo.png", SectionBody::Changes(changes))]
    };
    snapshots("before_a_binary", &before("tama_files_write"), &binary);
}

fn approval() -> Vec<Section> {
    let how = facts(&[
        ("folder", "/home/user/notes/work"),
        ("network", "no"),
        ("at most", "120 s"),
        ("undo", "changes in the workspace can be undone"),
    ]);
    vec![
        section("runs", "", prose("for f in out/*.log\ndo\n  rm -f \"$f\"\ndone")),
        section("how", "", how),
        section(
            "approval",
            "needed before it runs",
            facts(&[("why", "ask rule \"tama_bash:*rm *\""), ("where", "pipeline.toml:31")]),
        ),
    ]
}

#[test]
fn before_a_command_the_command_comes_first() {
    snapshots("before_a_command", &before("tama_bash"), &|| approval()[..2].to_vec());
    let rule = PauseReason::Policy { rule: "ask rule \"tama_bash:*rm *\"; it runs for f in out/*.log".into() };
    snapshots("approval", &tool("tama_bash", Gate::BeforeTool, rule), &approval);
}

#[test]
fn at_an_error_the_error_comes_first_and_then_what_can_be_done() {
    let mut story = Story::new();
    let agent = story.agent(SpanId::RUN, "writer", 1, "oneshot");
    let call = story.llm(agent, 1);
    let error = "failed to call the model: HTTP 529: the server is overloaded, and was after 4 tries".to_owned();
    story.after(900).end(call, SpanStatus::Error, None, (0, 0));
    story.pause(call, Gate::Error, PauseReason::Error { error: error.clone() });
    let told = || {
        vec![
            section("error", "", SectionBody::Error(error.clone())),
            section("call", "", facts(&[("model", "openai:gpt-5-mini")])),
            section("system", "", prose("You write release notes.")),
        ]
    };
    snapshots("error", &story, &told);
}

#[test]
fn held_changes_stand_below_the_output() {
    let mut story = Story::new();
    let agent = story.agent(SpanId::RUN, "cleaner", 1, "react");
    let bash = story.tool(agent, "tama_bash", 1, EffectClass::Reversible);
    story.pause(bash, Gate::AfterTool, PauseReason::Asked);
    let told = || {
        let changes = vec![
            change('M', "src/main.rs", "812 B → 1.9 kB", None),
            change('D', "notes.md", "64 B", None),
            change('R', "a.txt → docs/a.txt", "", None),
            change('A', "docs/", "folder", None),
        ];
        vec![
            section("runs", "", prose("./tidy")),
            section("result", "its changes are held", prose("tidied up\n[exit code 0]")),
            section("held changes", "4", SectionBody::Changes(changes)),
        ]
    };
    snapshots("held", &story, &told);
}

#[test]
fn hostile_changes_stay_text() {
    const EVIL: &str = "\u{1b}[31mevil\u{1b}]0;title\u{7}\u{9b}2J\u{202e}\r\n\t";
    let told = || {
        let line = HunkLine { side: LineIn::New, number: 1, text: EVIL.into(), unended: true };
        let hunk = Hunk { old: (0, 0), new: (1, 1), lines: vec![line] };
        let lines = DiffBody::Lines { hunks: vec![hunk], added: 1, removed: 0 };
        let opaque = DiffBody::Opaque { why: EVIL.into(), old: None, new: None };
        let bad = |body| KeyChange {
            letter: 'M',
            key: EVIL.into(),
            change: EVIL.into(),
            notes: vec![EVIL.into()],
            body: Some(body),
        };
        vec![
            section(EVIL, EVIL, SectionBody::Changes(vec![bad(lines), bad(opaque)])),
            section(EVIL, EVIL, facts(&[(EVIL, EVIL)])),
        ]
    };
    for size in [(60, 16), (80, 24), (140, 42)] {
        let screen = lines(&drawn(&stopped(size, before("tama_files_write"), &told), ColorDepth::True)).concat();
        assert!(!screen.chars().any(|c| c.is_control() || c == '\u{202e}'), "{screen:?}");
        assert!(!screen.contains("[31m") && !screen.contains("]0;"), "{screen}");
    }
}
