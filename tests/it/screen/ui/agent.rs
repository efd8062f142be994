//! The panel with the terminal of an agent.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use ratatui::style::{Color, Modifier};
use tama_tui::app::{self, AgentEnd, AgentInput, AgentKey, AgentKeyCode, Key as Press, Msg, Pane, Setup, State};
use tama_tui::model::{EffectClass, Key, SpanId, Update};
use tama_tui::ui::{self, ColorDepth, Theme, View};

use super::{cell, keys, lines, story, tell};

/// A screen with an agent that has drawn.
struct Shown {
    state: State,
    view: View,
    cursor: Option<Position>,
}

impl Shown {
    fn new(size: (u16, u16)) -> Self {
        let mut state = State::new(Setup { size, agent: Some("claude".into()), ..Setup::default() });
        let mut story = story::Story::new();
        let agent = story.agent(SpanId::RUN, "claude", 1, "wrapped");
        let program = story.tool(agent, "program", 1, EffectClass::Reversible);
        story.after(4_200).action(agent, program, Key::file("notes/todo.md"), story::file(30), story::file(90));
        let now = story.now();
        tell(&mut state, Msg::Update(Update::Events(story.events())));
        tell(&mut state, Msg::Tick(now));
        state.now = now;
        let mut view = View::new(Theme::new(ColorDepth::True));
        view.open_agent(state.agent_size().unwrap());
        Self { state, view, cursor: None }
    }

    fn write(&mut self, text: &str) -> &mut Self {
        let terminal = self.view.agent().unwrap();
        terminal.take(text.as_bytes());
        let picture = terminal.picture();
        tell(&mut self.state, Msg::AgentDrew(picture));
        self
    }

    /// A program that fills its terminal: a frame, two lines, a place to type.
    fn fill(&mut self) -> &mut Self {
        let (rows, columns) = self.state.agent_size().unwrap();
        self.write("\x1b[?1049h\x1b[2J\x1b[H\x1b[1;38;5;208m*\x1b[m Welcome\r\n\r\n> tidy the repo\r\n\r\n")
            .write("\x1b[32mBash\x1b[m(rm -rf docs)\r\n");
        let line = "-".repeat(usize::from(columns));
        self.write(&format!("\x1b[{};1H{line}\x1b[{rows};1H> ", rows - 1))
    }

    fn leave(&mut self) -> &mut Self {
        let leave = AgentInput::Key(AgentKey::plain(AgentKeyCode::Function(12)));
        tell(&mut self.state, Msg::Agent(leave));
        self
    }

    fn drawn(&mut self) -> Buffer {
        let (width, height) = self.state.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        self.view.sync(&self.state);
        terminal.draw(|frame| ui::draw(frame, &self.state, &mut self.view)).unwrap();
        self.cursor = terminal.backend().cursor_visible().then(|| terminal.backend().cursor_position());
        terminal.backend().buffer().clone()
    }

    fn text(&mut self) -> String {
        lines(&self.drawn()).join("\n")
    }
}

#[test]
fn an_agent_at_every_size() {
    for (width, height) in [(60, 16), (80, 24), (140, 42), (200, 60)] {
        insta::assert_snapshot!(format!("agent_{width}x{height}"), Shown::new((width, height)).fill().text());
    }
}

#[test]
fn the_other_panels_while_the_agent_is_left() {
    for (width, height) in [(80, 24), (140, 42)] {
        let mut shown = Shown::new((width, height));
        let text = shown.fill().leave().text();
        insta::assert_snapshot!(format!("agent_left_{width}x{height}"), text);
    }
}

#[test]
fn an_agent_that_has_ended_keeps_its_last_picture() {
    let mut shown = Shown::new((140, 42));
    shown.write("last words\r\n");
    tell(&mut shown.state, Msg::AgentEnded(AgentEnd { exit: Some(3), text: "ended with exit code 3".into() }));
    let text = shown.text();
    assert!(text.contains("claude · ended with exit code 3 ") && text.contains("last words"), "{text}");
    assert_eq!(shown.cursor, None);
}

#[test]
fn the_cursor_is_the_agents_while_it_has_the_keys() {
    let mut shown = Shown::new((140, 42));
    let inside = shown.state.layout().area(Pane::Agent).inner();
    shown.write("ab\r\nabc");
    shown.drawn();
    assert_eq!(shown.cursor, Some(Position::new(inside.x + 3, inside.y + 1)));
    shown.write("\x1b[?25l");
    shown.drawn();
    assert_eq!(shown.cursor, None, "the agent hides it");
    shown.write("\x1b[?25h");
    shown.leave().drawn();
    assert_eq!(shown.cursor, None, "the keys go elsewhere");
}

#[test]
fn lines_further_back_are_shown_with_their_place() {
    let mut shown = Shown::new((80, 24));
    let all: Vec<String> = (0..100).map(|line| format!("line {line}\r\n")).collect();
    shown.write(&all.concat());
    assert!(shown.text().contains("line 99"));
    shown.leave();
    while shown.state.focus != app::Pane::Agent {
        tell(&mut shown.state, Msg::Key(Press::Tab));
    }
    keys(&mut shown.state, "kkkkk");
    let text = shown.text();
    assert!(text.contains("5 lines back") && text.contains("line 95") && !text.contains("line 96"), "{text}");
    assert!(text.contains('▼') && text.contains('▲'), "{text}");
    keys(&mut shown.state, "gg");
    let text = shown.text();
    assert!(text.contains("line 0 ") && !text.contains('▲'), "{text}");
}

#[test]
fn colours_and_styles_are_the_agents() {
    let mut shown = Shown::new((140, 42));
    shown.write("\x1b[31mred\x1b[m \x1b[48;2;1;2;3mback\x1b[m \x1b[38;5;200mpink\x1b[m \x1b[1;3;4;7mall\x1b[m");
    let buffer = shown.drawn();
    assert_eq!(cell(&buffer, "red").fg, Color::Red);
    assert_eq!(cell(&buffer, "back").bg, Color::Rgb(1, 2, 3));
    assert_eq!(cell(&buffer, "pink").fg, Color::Indexed(200));
    let all = Modifier::BOLD | Modifier::ITALIC | Modifier::UNDERLINED | Modifier::REVERSED;
    assert!(cell(&buffer, "all").modifier.contains(all));
    shown.view = View::new(Theme::new(ColorDepth::None));
    shown.view.open_agent(shown.state.agent_size().unwrap());
    shown.write("\x1b[31mred\x1b[44mback");
    let buffer = shown.drawn();
    assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
}

#[test]
fn wide_and_joined_letters_move_nothing() {
    let mut shown = Shown::new((140, 42));
    shown.write("世界|\r\ne\u{301}|\r\n\u{2601}\u{fe0f}|\r\n");
    let inside = shown.state.layout().area(Pane::Agent).inner();
    let buffer = shown.drawn();
    let at = |x: u16, y: u16| buffer[(inside.x + x, inside.y + y)].symbol().to_owned();
    assert_eq!([at(0, 0), at(2, 0), at(4, 0)], ["世", "界", "|"]);
    assert_eq!([at(0, 1), at(1, 1)], ["e\u{301}", "|"]);
    assert_eq!([at(0, 2), at(2, 2)], ["\u{2601}\u{fe0f}", "|"]);
    // Terminals that join symbols would draw these in fewer columns.
    shown.write("\x1b[8;1H\u{1f468}\u{200d}\u{1f469}|\r\n\u{1f44d}\u{1f3fd}|");
    let buffer = shown.drawn();
    let at = |x: u16, y: u16| buffer[(inside.x + x, inside.y + y)].symbol().to_owned();
    assert_eq!([at(0, 7), at(2, 7), at(4, 7)], ["\u{1f468}", "\u{1f469}", "|"]);
    assert_eq!([at(0, 8), at(2, 8), at(4, 8)], ["\u{1f44d}", " ", "|"]);
    // One that is cut by the panel's edge is left out.
    shown.write(&format!("\x1b[5;{}H世", inside.width - 1));
    let buffer = shown.drawn();
    assert_eq!(buffer[(inside.x + inside.width, inside.y + 4)].symbol(), "│");
}

#[test]
fn no_sequence_of_an_agent_is_in_a_cell() {
    let evil = "\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07\x1bPq\x1b\\\u{9b}31mred\u{202e}dnuora\u{200b}\x1b[?1049l\x07\x1b[8;5;5t\x1bc";
    for size in [(60, 16), (140, 42)] {
        let mut shown = Shown::new(size);
        shown.write(evil).write(&evil.replace("\x1bc", ""));
        let text = shown.text();
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}' || c == '\u{200b}'), "{text:?}");
        assert!(!text.contains("owned") && !text.contains("b3duZWQ"), "{text}");
    }
}

#[test]
fn any_size_can_be_drawn_with_an_agent() {
    let sizes = (1..=30).flat_map(|width| (1..=10).map(move |height| (width, height)));
    for size in sizes.chain([(99, 8), (119, 9), (120, 8), (300, 100)]) {
        for left in [false, true] {
            let mut shown = Shown::new((80, 24));
            shown.fill();
            tell(&mut shown.state, Msg::Resize { width: size.0, height: size.1 });
            if let Some(size) = shown.state.agent_size() {
                shown.view.agent().unwrap().resize(size);
            }
            if left {
                shown.leave();
                keys(&mut shown.state, "+");
            }
            let _ = shown.drawn();
        }
    }
}
