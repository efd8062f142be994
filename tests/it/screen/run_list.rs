//! The run list without a terminal: keys and what they ask for, what is drawn, and the notices of a run.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};
use tama_tui::app::{self, Key, LIST_VERBS, ListCommand, ListSetup, Mouse, Msg, RunList, RunRow};
use tama_tui::model::{Gate, Millis, PauseReason, RunStatus, SpanId, SpanStatus, TraceBody};
use tama_tui::ui::{self, ColorDepth, Theme};

use crate::support::app_support::Bench;

const NOW: Millis = Millis(1_800_000_000_000);
const HOUR: u64 = 3_600_000;

fn row(id: &str, name: &str, status: RunStatus, hours: u64) -> RunRow {
    let started = Millis(NOW.0 - hours * HOUR);
    RunRow {
        id: id.into(),
        name: name.into(),
        task: format!("Write the notes of {id}.\nMore."),
        status: Ok(status),
        held_by: None,
        is_foreign: false,
        is_wrapped: false,
        started,
        ended: (status != RunStatus::Running).then(|| Millis(started.0 + 41_900)),
        changes: 7,
        tokens: 12_200,
        cost: if name == "notes" { 24_000 } else { 0 },
    }
}

fn rows() -> Vec<RunRow> {
    vec![
        RunRow { held_by: Some(4711), ..row("1kq0live01", "notes", RunStatus::Running, 0) },
        row("1kq0aaaa02", "notes", RunStatus::Ok, 2),
        row("1kq0bbbb03", "tidy-up", RunStatus::Failed, 30),
        row("1kq0cccc04", "tidy-up", RunStatus::Cancelled, 31),
        RunRow { held_by: Some(815), ..row("1kq0open05", "notes", RunStatus::Ok, 32) },
        row("1kq0dddd06", "tidy-up", RunStatus::Interrupted, 900),
        RunRow::unreadable("1kq0zzzz07".into(), "failed to read manifest.json: EVIL\u{1b}[2J".into()),
    ]
}

fn setup(rows: Vec<RunRow>, pipeline: Option<&str>) -> ListSetup {
    let pipeline = pipeline.map(str::to_owned);
    ListSetup { rows, pipeline, not_resumed: None, folder: "~/projects/notes/.tama".into(), now: NOW, size: (80, 24) }
}

fn list() -> RunList {
    RunList::new(setup(rows(), Some("notes")))
}

/// Types characters; returns the last command.
fn keys(list: &mut RunList, typed: &str) -> Option<ListCommand> {
    typed.chars().map(|letter| list.update(Msg::Key(Key::Char(letter)))).last().flatten()
}

fn key(list: &mut RunList, key: Key) -> Option<ListCommand> {
    list.update(Msg::Key(key))
}

fn at(list: &RunList) -> &str {
    list.selected().map_or("", |row| &row.id)
}

fn drawn(list: &mut RunList, (width, height): (u16, u16), depth: ColorDepth) -> ratatui::buffer::Buffer {
    list.update(Msg::Resize { width, height });
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| ui::draw_run_list(frame, list, Theme::new(depth))).unwrap();
    terminal.backend().buffer().clone()
}

fn screen(list: &mut RunList, size: (u16, u16)) -> String {
    let buffer = drawn(list, size, ColorDepth::True);
    let rows = buffer.content.chunks(usize::from(size.0));
    let line = |row: &[Cell]| row.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned();
    rows.map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_list_at_every_size() {
    for size in [(30, 8), (60, 16), (80, 24), (140, 42), (200, 60)] {
        insta::assert_snapshot!(format!("runs_{}x{}", size.0, size.1), screen(&mut list(), size));
    }
}

#[test]
fn an_interrupted_run_is_resumed_and_others_say_why_not() {
    let mut rows = rows();
    rows[5].id = "1kq0wrap08".into();
    rows[5].is_wrapped = true;
    rows.push(row("1kq0dead09", "tidy-up", RunStatus::Running, 901));
    rows.push(RunRow { is_foreign: true, ..row("1kq0else10", "tidy-up", RunStatus::Interrupted, 902) });
    let mut list = RunList::new(setup(rows.clone(), Some("notes")));
    list.update(Msg::Resize { width: 160, height: 24 });
    for (id, why) in [
        ("1kq0live01", Some("another process (4711) has it open")),
        ("1kq0aaaa02", Some("it has come to its end")),
        ("1kq0bbbb03", Some("it has come to its end")),
        ("1kq0cccc04", None),
        ("1kq0open05", Some("another process (815) has it open")),
        ("1kq0wrap08", Some("only the agent's own program")),
        ("1kq0zzzz07", Some("failed to read")),
        ("1kq0dead09", None),
        ("1kq0else10", Some("it was made elsewhere")),
    ] {
        assert_eq!(at(&list), id);
        let offered = list.footer().1.iter().any(|(_, name)| name == "resume");
        assert_eq!(offered, why.is_none(), "{id}");
        let asked = keys(&mut list, "c");
        assert_eq!(asked, why.is_none().then(|| ListCommand::Resume(id.to_owned())), "{id}");
        let said = list.footer().0;
        assert!(why.is_none_or(|why| said.contains(why)), "{id}: {said}");
        keys(&mut list, "j");
    }
    let tama = ListSetup { not_resumed: Some("they are only looked at"), ..setup(rows, None) };
    let mut list = RunList::new(tama);
    keys(&mut list, "jjj");
    assert_eq!(keys(&mut list, "c"), None);
    assert!(list.footer().0.contains("only looked at"));
}

#[test]
fn an_empty_list_says_how_to_begin() {
    let mut with = RunList::new(setup(Vec::new(), Some("notes")));
    insta::assert_snapshot!("runs_none_with_pipeline", screen(&mut with, (80, 12)));
    assert_eq!(keys(&mut with, "n"), Some(ListCommand::New));
    let mut without = RunList::new(setup(Vec::new(), None));
    insta::assert_snapshot!("runs_none_at_all", screen(&mut without, (80, 12)));
    assert_eq!(keys(&mut without, "n"), None);
    assert!(
        screen(&mut without, (120, 12))
            .contains("n new run: there is no pipeline.toml or tama.toml in this folder: tama-tui")
    );
}

#[test]
fn keys_move_and_enter_opens() {
    let mut list = list();
    keys(&mut list, "j");
    assert_eq!(at(&list), "1kq0aaaa02");
    assert_eq!(key(&mut list, Key::Enter), Some(ListCommand::Open("1kq0aaaa02".into())));
    keys(&mut list, "G");
    assert_eq!(at(&list), "1kq0zzzz07");
    keys(&mut list, "k");
    assert_eq!(at(&list), "1kq0dddd06");
    keys(&mut list, "gg");
    assert_eq!(at(&list), "1kq0live01");
    list.update(Msg::Resize { width: 80, height: 9 });
    key(&mut list, Key::PageDown);
    key(&mut list, Key::Down);
    assert_eq!(at(&list), "1kq0cccc04");
    list.update(Msg::Mouse(Mouse::Press { x: 5, y: 3 }));
    assert_eq!(at(&list), "1kq0live01", "the first line in view");
    assert_eq!(
        [keys(&mut list, "q"), key(&mut list, Key::Ctrl('c'))],
        [Some(ListCommand::Quit), Some(ListCommand::Quit)]
    );
}

#[test]
fn a_run_that_another_process_has_open_is_marked_and_opened_to_look_at() {
    let mut list = list();
    let shown = screen(&mut list, (140, 20));
    assert!(shown.contains("● live") && shown.contains("● open"), "{shown}");
    assert_eq!(at(&list), "1kq0live01");
    assert_eq!(key(&mut list, Key::Enter), Some(ListCommand::Open("1kq0live01".into())));
}

#[test]
fn a_run_that_was_made_elsewhere_is_marked() {
    let mut rows = rows();
    rows[1].is_foreign = true;
    let mut list = RunList::new(setup(rows, None));
    let shown = screen(&mut list, (140, 20));
    assert_eq!(shown.matches("made elsewhere").count(), 1, "{shown}");
    assert!(shown.contains("✓ finished (made elsewhere)"), "{shown}");
}

#[test]
fn an_unreadable_run_says_why() {
    let mut list = list();
    keys(&mut list, "G");
    assert_eq!(key(&mut list, Key::Enter), None);
    let shown = screen(&mut list, (140, 20));
    assert_eq!(shown.matches("failed to read manifest.json: EVIL").count(), 2, "{shown}");
    assert!(!shown.contains('\u{1b}') && !shown.contains("[2J"), "{shown}");
}

#[test]
fn a_search_takes_every_key_until_it_is_kept_or_left() {
    let mut list = list();
    assert_eq!(keys(&mut list, "/qn?"), None, "letters are text");
    assert!(screen(&mut list, (80, 24)).contains("No run matches."));
    for _ in 0..3 {
        key(&mut list, Key::Backspace);
    }
    keys(&mut list, "TIDY fail");
    assert_eq!(at(&list), "1kq0bbbb03");
    key(&mut list, Key::Enter);
    assert_eq!(key(&mut list, Key::Enter), Some(ListCommand::Open("1kq0bbbb03".into())));
    key(&mut list, Key::Esc);
    assert_eq!(list.in_view().count(), 7);
    assert_eq!(at(&list), "1kq0bbbb03", "the cursor stays on its run");
    keys(&mut list, "/");
    list.update(Msg::Paste("open05\nq".into()));
    assert_eq!(at(&list), "1kq0open05");
}

#[test]
fn no_key_is_silent() {
    let mut list = list();
    let before = screen(&mut list, (80, 24));
    keys(&mut list, "x");
    let shown = screen(&mut list, (80, 24));
    assert!(shown.contains("x means nothing here: ? shows the keys") && shown != before);
    keys(&mut list, "gx");
    assert!(screen(&mut list, (80, 24)).contains("gx means nothing here"));
    list.update(Msg::Paste("q".into()));
    assert!(screen(&mut list, (80, 24)).contains("pasted text is never taken as keys"));
    assert_eq!(keys(&mut list, "r"), Some(ListCommand::Reload));
}

#[test]
fn the_help_has_every_verb_and_scrolls() {
    let mut list = list();
    keys(&mut list, "?");
    let shown = screen(&mut list, (80, 24));
    for verb in LIST_VERBS {
        assert!(shown.contains(verb.doc), "{}", verb.doc);
    }
    assert!(!screen(&mut list, (60, 8)).contains("every key"));
    keys(&mut list, "jjjjjjjjjjjjjj");
    assert!(screen(&mut list, (60, 8)).contains("every key"));
    key(&mut list, Key::Esc);
    assert!(list.help().is_none());
}

#[test]
fn the_list_is_read_again_under_the_cursor() {
    let mut list = list();
    keys(&mut list, "jj");
    list.fill(rows().split_off(1), NOW);
    assert_eq!(at(&list), "1kq0bbbb03");
    list.fill(Vec::new(), NOW);
    assert_eq!(at(&list), "");
    list.fill(rows(), NOW);
    assert_eq!(at(&list), "1kq0live01");
}

#[test]
fn states_have_colours_that_mean_something_and_words_without_them() {
    let buffer = drawn(&mut list(), (140, 20), ColorDepth::True);
    let of = |word: &str| {
        let width = usize::from(buffer.area.width);
        let row =
            buffer.content.chunks(width).find(|row| row.iter().map(Cell::symbol).collect::<String>().contains(word));
        let row = row.unwrap();
        let glyph = word.chars().next().unwrap().to_string();
        row.iter().find(|cell| cell.symbol() == glyph).unwrap().fg
    };
    assert_eq!(of("✓ finished"), Color::from_u32(0x0034_d399));
    assert_eq!(of("✗ failed"), Color::from_u32(0x00f8_7171));
    assert_eq!(of("● open"), Color::from_u32(0x0038_bdf8));
    let plain = drawn(&mut list(), (140, 20), ColorDepth::None);
    assert!(plain.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(plain.content.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)));
}

#[test]
fn any_size_can_be_drawn() {
    for width in [1, 5, 23, 24, 30, 59, 80, 300] {
        for height in [1, 3, 7, 8, 9, 24, 100] {
            for typed in ["", "?", "/x", "x", "G"] {
                let mut list = list();
                keys(&mut list, typed);
                let _ = drawn(&mut list, (width, height), ColorDepth::True);
            }
        }
    }
}

fn notice(bench: &Bench) -> (String, bool) {
    let notice = app::notice(&bench.state);
    (notice.text, notice.calls)
}

#[test]
fn a_notice_names_what_matters_most_and_calls_for_what_no_key_asked() {
    let mut bench = Bench::new();
    assert_eq!(notice(&bench), ("● running · release-notes".into(), false));
    let agent = bench.agent(SpanId::RUN, "editor");
    let mut stop = |name: &str, gate: Gate, reason: PauseReason| {
        let span = if gate == Gate::BeforeTool { bench.tool(agent, name) } else { bench.llm(agent, 1) };
        bench.event(TraceBody::Paused { span, gate, reason });
        notice(&bench)
    };
    assert_eq!(stop("a", Gate::BeforeLlm, PauseReason::Step), ("◆ paused · release-notes".into(), false));
    let breakpoint = PauseReason::Breakpoint { breakpoint: "before-tool".into() };
    assert_eq!(stop("b", Gate::BeforeTool, breakpoint), ("◆ paused · release-notes".into(), true));
    let error = PauseReason::Error { error: "HTTP 529".into() };
    assert_eq!(stop("c", Gate::BeforeTool, error), ("✗ failed · release-notes".into(), true));
    let policy = PauseReason::Policy { rule: "ask".into() };
    assert_eq!(stop("d", Gate::BeforeTool, policy), ("◆ needs approval · release-notes".into(), true));
}

#[test]
fn a_notice_tells_of_the_end() {
    let mut bench = Bench::new();
    let agent = bench.agent(SpanId::RUN, "editor");
    bench.end(agent, SpanStatus::Ok);
    for (status, words, calls) in [
        (RunStatus::Ok, "✓ finished", true),
        (RunStatus::Failed, "✗ failed", true),
        (RunStatus::Cancelled, "■ cancelled", false),
        (RunStatus::Interrupted, "↯ interrupted", false),
    ] {
        bench.status(status);
        assert_eq!(notice(&bench), (format!("{words} · release-notes"), calls));
    }
}
