//! The panel with the terminal of an agent: who gets the keys, what it shows of the agent's end, its size.

use tama_tui::app::{
    About, AgentButton, AgentEnd, AgentInput, AgentKey, AgentKeyCode, AgentMouse, AgentMouseAction, AgentPicture,
    Command, Key, Modifiers, Mouse, Msg, Pane, Popup, footer, header, notice, span_text, update,
};
use tama_tui::model::{self, Abilities, Gate, Millis, PauseReason, RunStatus, SpanId, SpanSpec, TraceBody, Update};

use crate::support::app_support::{Bench, agent, run_commands, tool};

fn letter(letter: char) -> AgentInput {
    AgentInput::Key(AgentKey::plain(AgentKeyCode::Char(letter)))
}

fn leave() -> AgentInput {
    AgentInput::Key(AgentKey::plain(AgentKeyCode::Function(12)))
}

/// The input that the agent gets.
fn give(bench: &mut Bench, input: AgentInput) -> Vec<AgentInput> {
    let commands = update(&mut bench.state, Msg::Agent(input));
    commands
        .into_iter()
        .filter_map(|command| match command {
            Command::Agent(input) => Some(input),
            _ => None,
        })
        .collect()
}

fn draw(bench: &mut Bench, picture: AgentPicture) {
    update(&mut bench.state, Msg::AgentDrew(picture));
}

fn end(bench: &mut Bench, exit: Option<i32>, text: &str) {
    update(&mut bench.state, Msg::AgentEnded(AgentEnd { exit, text: text.into() }));
}

fn clock(bench: &mut Bench, millis: u64) {
    update(&mut bench.state, Msg::Clock(Millis(millis)));
}

fn mouse(action: AgentMouseAction, x: u16, y: u16) -> AgentInput {
    AgentInput::Mouse(AgentMouse { action, x, y, with: Modifiers::NONE })
}

fn scrolled(bench: &Bench) -> usize {
    bench.state.agent.as_ref().unwrap().picture().scrolled
}

#[test]
fn every_key_but_one_goes_to_the_agent() {
    use AgentKeyCode as K;
    let mut bench = Bench::wrapped((140, 42));
    assert_eq!(bench.state.focus, Pane::Agent);
    let keys = [K::Char('q'), K::Char('X'), K::Char('u'), K::Char(']'), K::Esc, K::Tab, K::Enter, K::Function(1)];
    let ctrl = |code| AgentKey { code, with: Modifiers::CTRL };
    let controls = [ctrl(K::Char('c')), ctrl(K::Char('z')), ctrl(K::Char(']')), ctrl(K::Function(12))];
    for key in keys.map(AgentKey::plain).into_iter().chain(controls) {
        assert_eq!(give(&mut bench, AgentInput::Key(key)), [AgentInput::Key(key)]);
        assert!(bench.state.popup.is_none() && bench.state.focus == Pane::Agent, "{key:?}");
    }
    let paste = AgentInput::Paste("rm -rf /\n".into());
    assert_eq!(give(&mut bench, paste.clone()), [paste]);

    assert_eq!(give(&mut bench, leave()), []);
    assert_eq!((bench.state.focus, bench.state.takes_agent_input()), (Pane::Tree, false));
    assert_eq!(give(&mut bench, letter('a')), [], "it has left");
    assert_eq!(give(&mut bench, leave()), []);
    assert_eq!((bench.state.focus, bench.state.takes_agent_input()), (Pane::Agent, true));
}

#[test]
fn the_way_out_stands_in_the_footer_and_others_say_the_way_in() {
    let mut bench = Bench::wrapped((80, 24));
    assert_eq!(footer(&bench.state).hints, [("F12".to_owned(), "leave the agent's terminal")]);
    give(&mut bench, leave());
    bench.keys("i");
    assert!(bench.state.takes_agent_input());
    give(&mut bench, leave());
    // Tab shows it, and its keys scroll it, until Enter.
    while bench.state.focus != Pane::Agent {
        bench.key(Key::Tab);
    }
    assert!(!bench.state.takes_agent_input());
    bench.key(Key::Enter);
    assert!(bench.state.takes_agent_input());

    let (mut other, _) = Bench::paused();
    other.keys("i");
    assert_eq!(other.message(), "i agent: no agent of another program runs here");
    assert_eq!(give(&mut other, letter('a')), []);
    assert_eq!(give(&mut other, leave()), []);
}

#[test]
fn an_approval_waits_until_nobody_types_and_then_has_the_keys() {
    let mut bench = Bench::wrapped((140, 42));
    let agent = bench.agent(SpanId::RUN, "claude");
    let tool = bench.tool(agent, "Bash");
    clock(&mut bench, 100_000);
    give(&mut bench, letter('a'));
    let reason = PauseReason::Policy { rule: "ask".into() };
    bench.event(TraceBody::Paused { span: tool, gate: Gate::BeforeTool, reason });
    assert!(header(&bench.state).status().contains("1 NEEDS APPROVAL"));
    assert!(footer(&bench.state).left.contains("F12, then ]a"), "{:?}", footer(&bench.state));
    update(&mut bench.state, Msg::Tick(Millis(101_400)));
    assert!(bench.state.popup.is_none(), "a key came 1.4 s ago");
    update(&mut bench.state, Msg::Tick(Millis(101_600)));
    assert!(matches!(bench.state.popup, Some(Popup::Approval(_))));
    assert!(!bench.state.takes_agent_input());
    assert_eq!(give(&mut bench, letter('y')), [], "the keys are the popup's");
    assert_eq!(give(&mut bench, leave()), []);
    assert!(bench.message().contains("Esc"), "{}", bench.message());
    clock(&mut bench, 110_000);
    bench.key(Key::Esc);
    assert!(bench.state.takes_agent_input(), "they go back to the agent");
}

#[test]
fn a_key_for_the_agent_does_nothing_when_the_agent_has_just_ended() {
    let mut bench = Bench::wrapped((140, 42));
    clock(&mut bench, 100_000);
    give(&mut bench, letter('e'));
    end(&mut bench, Some(0), "ended with exit code 0");
    bench.status(RunStatus::Ok);
    assert!(!bench.state.takes_agent_input());
    clock(&mut bench, 100_300);
    assert_eq!(bench.keys("q"), []);
    assert!(bench.message().contains("has just ended"), "{}", bench.message());
    clock(&mut bench, 100_900);
    assert_eq!(bench.keys("U"), [], "it was typed on");
    clock(&mut bench, 103_000);
    assert!(bench.keys("q").contains(&model::Command::Quit));

    // Who has left it before has no such keys.
    let mut bench = Bench::wrapped((140, 42));
    clock(&mut bench, 100_000);
    give(&mut bench, leave());
    end(&mut bench, Some(0), "ended with exit code 0");
    bench.status(RunStatus::Ok);
    assert!(bench.keys("q").contains(&model::Command::Quit));
}

#[test]
fn quitting_ends_with_the_agents_exit_code() {
    let code = |exit, status| {
        let mut bench = Bench::wrapped((140, 42));
        end(&mut bench, exit, "ended");
        bench.status(status);
        clock(&mut bench, 1_000_000);
        let quit = bench.key(Key::Char('q'));
        quit.into_iter().find_map(|command| if let Command::Exit(code) = command { Some(code) } else { None }).unwrap()
    };
    assert_eq!(code(Some(0), RunStatus::Ok), 0);
    assert_eq!(code(Some(7), RunStatus::Failed), 7);
    assert_eq!(code(None, RunStatus::Failed), 1, "killed by a signal, or not started");
    assert_eq!(code(None, RunStatus::Cancelled), 130);
}

#[test]
fn quitting_asks_while_the_agent_lives() {
    let mut bench = Bench::wrapped((140, 42));
    give(&mut bench, leave());
    assert_eq!(bench.keys("q"), []);
    let Some(Popup::Ask(ask)) = &bench.state.popup else { panic!("{:?}", bench.state.popup) };
    assert!(ask.lines.concat().contains("claude still runs: quitting ends it"), "{:?}", ask.lines);
    let commands = bench.key(Key::Enter);
    assert!(commands.contains(&Command::Exit(130)), "{commands:?}");
    assert!(run_commands(commands).contains(&model::Command::Quit));
}

#[test]
fn its_end_is_said_and_nothing_is_offered_that_the_run_refuses() {
    let mut bench = Bench::wrapped((140, 42));
    let no = Err("the agent can't be started here".to_owned());
    bench.send(Update::Abilities(Abilities { pause: Ok(()), undo: Ok(()), retry: no }));
    end(&mut bench, Some(3), "ended with exit code 3\u{1b}[31m");
    bench.status(RunStatus::Ok);
    assert_eq!(header(&bench.state).status(), "✓ finished: u undo  q quit");
    let agent = bench.state.agent.as_ref().unwrap();
    assert_eq!(agent.end().unwrap().text, "ended with exit code 3␛");
    clock(&mut bench, 1_000_000);
    bench.keys("i");
    assert!(bench.message().contains("claude has ended"), "{}", bench.message());
    assert!(!bench.state.takes_agent_input());
}

#[test]
fn the_mouse_gives_the_keys_and_is_told_to_who_asks() {
    let mut bench = Bench::wrapped((140, 42));
    let press = AgentMouseAction::Press(AgentButton::Left);
    let agent = bench.state.layout().area(Pane::Agent);
    let inside = (agent.x + 5, agent.y + 3);
    assert_eq!(give(&mut bench, mouse(press, inside.0, inside.1)), [], "it did not ask");
    draw(&mut bench, AgentPicture { takes_mouse: true, ..AgentPicture::default() });
    assert_eq!(give(&mut bench, mouse(press, inside.0, inside.1)), [mouse(press, 4, 2)]);
    assert_eq!(give(&mut bench, mouse(press, agent.x, agent.y)), [], "the border is not its own");
    assert_eq!(give(&mut bench, mouse(press, 3, 5)), []);
    assert_eq!(bench.state.focus, Pane::Tree, "a press elsewhere leaves it");
    update(&mut bench.state, Msg::Mouse(Mouse::Press { x: inside.0, y: inside.1 }));
    assert!(bench.state.takes_agent_input());
}

#[test]
fn what_was_scrolled_out_is_scrolled_back_to_by_keys_and_wheel() {
    let mut bench = Bench::wrapped((140, 42));
    bench.agent(SpanId::RUN, "claude");
    draw(&mut bench, AgentPicture { history: 100, ..AgentPicture::default() });
    let agent = bench.state.layout().area(Pane::Agent);
    assert_eq!(give(&mut bench, mouse(AgentMouseAction::WheelUp, agent.x + 1, agent.y + 1)), []);
    assert_eq!(scrolled(&bench), 3);
    give(&mut bench, letter('a'));
    assert_eq!(scrolled(&bench), 0, "who types wants to see it");
    give(&mut bench, leave());
    bench.key(Key::BackTab);
    assert_eq!(bench.state.focus, Pane::Agent);
    for (keys, lines) in [("k", 1), ("kk", 3), ("j", 2), ("gg", 100), ("k", 100), ("G", 0), ("j", 0)] {
        bench.keys(keys);
        assert_eq!(scrolled(&bench), lines, "{keys}");
    }
    assert!(bench.message().contains("this is the end"), "{}", bench.message());
    bench.key(Key::PageUp);
    assert_eq!(scrolled(&bench), usize::from(agent.height) - 3);
    bench.keys("/");
    assert!(bench.state.search.is_none() && bench.message().contains("can't be searched"), "{}", bench.message());
    assert!(bench.key(Key::Char('y')).contains(&Command::CopyAgent));
}

#[test]
fn on_the_second_screen_the_wheel_is_arrows() {
    let mut bench = Bench::wrapped((140, 42));
    draw(&mut bench, AgentPicture { is_alternate: true, ..AgentPicture::default() });
    let agent = bench.state.layout().area(Pane::Agent);
    let sent = give(&mut bench, mouse(AgentMouseAction::WheelDown, agent.x + 1, agent.y + 1));
    assert_eq!(sent, vec![AgentInput::Key(AgentKey::plain(AgentKeyCode::Down)); 3]);
}

#[test]
fn its_size_is_that_of_its_place() {
    let size = |size, keys: &str| {
        let mut bench = Bench::wrapped(size);
        give(&mut bench, leave());
        bench.key(Key::BackTab);
        bench.keys(keys);
        bench.state.agent_size()
    };
    assert_eq!(size((60, 16), ""), Some((12, 58)));
    assert_eq!(size((80, 24), ""), Some((20, 78)));
    assert_eq!(size((140, 42), ""), Some((38, 82)));
    assert_eq!(size((200, 60), ""), Some((56, 118)));
    assert_eq!(size((140, 42), "+"), Some((38, 138)));
    assert_eq!(size((140, 42), "+_"), Some((38, 82)));
    // Where it has no place it keeps the size that it had.
    let mut bench = Bench::wrapped((80, 24));
    give(&mut bench, leave());
    assert_eq!(bench.state.agent_size(), None);
}

#[test]
fn any_panel_can_have_the_whole_screen() {
    let (mut bench, _) = Bench::paused();
    bench.keys("+");
    assert_eq!(bench.state.layout().area(Pane::Tree).height, 38);
    assert_eq!(bench.state.layout().area(Pane::Detail).height, 0);
    bench.keys("2");
    assert_eq!((bench.state.layout().area(Pane::Tree).height, bench.state.layout().area(Pane::Detail).height), (0, 38));
    bench.keys("+");
    assert!(bench.message().contains("has the whole screen already"), "{}", bench.message());
    bench.keys("_");
    assert!(bench.state.layout().area(Pane::Tree).height > 0);
    bench.keys("_");
    assert!(bench.message().contains("no panel has the whole screen"), "{}", bench.message());
}

#[test]
fn its_bell_calls_a_person_until_one_is_there() {
    let mut bench = Bench::wrapped((140, 42));
    let text = |bench: &Bench| notice(&bench.state);
    assert!(!text(&bench).calls);
    draw(&mut bench, AgentPicture { bells: 1, ..AgentPicture::default() });
    assert!(text(&bench).calls && text(&bench).text.contains("the agent rings"), "{:?}", text(&bench));
    draw(&mut bench, AgentPicture { bells: 1, ..AgentPicture::default() });
    assert!(text(&bench).calls);
    give(&mut bench, letter('a'));
    assert!(!text(&bench).calls, "{:?}", text(&bench));
}

#[test]
fn the_program_of_a_next_try_is_no_tool_of_the_answer_before_it() {
    let mut bench = Bench::wrapped((140, 42));
    let mut spec = agent();
    if let SpanSpec::Agent { pattern, .. } = &mut spec {
        *pattern = "wrapped".into();
    }
    let agent = bench.start(SpanId::RUN, "claude", 1, 1, spec);
    bench.tool(agent, "program");
    let llm = bench.llm(agent, 1);
    bench.tool(agent, "Bash");
    let last = bench.llm(agent, 2);
    bench.start(agent, "program", 1, 2, tool());
    bench.start(agent, "Bash", 1, 2, tool());
    let about = |span| span_text(&bench.state.run, span).about;
    assert_eq!((about(llm), about(last)), (About::Text("→ Bash".into()), About::Nothing));
}
