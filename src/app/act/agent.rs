//! The terminal of an agent: its keys go to the agent, but for the one that leaves it.

use super::mouse;
use crate::app::state::Said;
use crate::app::{
    AgentButton, AgentEnd, AgentInput, AgentKey, AgentKeyCode, AgentMouse, AgentMouseAction, AgentPane, Command, Mouse,
    Pane, State,
};
use crate::model::{RunStatus, TraceBody};

/// Lines that one turn of the wheel moves.
const WHEEL: usize = 3;

/// Takes input that may be for the agent's terminal.
pub(in crate::app) fn input(state: &mut State, input: AgentInput) -> Vec<Command> {
    if state.agent.is_none() {
        return Vec::new();
    }
    match input {
        AgentInput::Key(key) if key.leaves() => {
            forget_message(state);
            toggle(state);
            Vec::new()
        }
        AgentInput::Mouse(action) => press(state, action),
        _ if !state.takes_agent_input() => Vec::new(),
        input => {
            forget_message(state);
            if let Some(agent) = &mut state.agent {
                // Who types wants to see it.
                agent.scroll(isize::MAX);
            }
            vec![Command::Agent(input)]
        }
    }
}

/// Shows the agent's terminal, and gives it the keys.
pub(in crate::app) fn enter(state: &mut State) {
    state.show(Pane::Agent);
    let Some(agent) = &mut state.agent else { return };
    agent.set_types(true);
    if let Some(end) = agent.end() {
        let said = format!("{} has ended: it takes no keys", agent.name());
        let said = if end.text.is_empty() { said } else { format!("{said} ({})", end.text) };
        state.refuse(said);
    }
}

/// A retry starts the agent: its terminal is empty, and its keys stay where they are.
pub(in crate::app) fn begin(state: &mut State, name: &str) {
    let mut agent = AgentPane::new(name);
    agent.set_types(false);
    state.agent = Some(agent);
}

/// The agent ended.
pub(in crate::app) fn take_end(state: &mut State, end: &AgentEnd) {
    let now = state.clock;
    if let Some(agent) = &mut state.agent {
        agent.take_end(end, now);
    }
}

/// The run has ended, and the agent with it: its exit code may still come.
pub(super) fn follow(state: &mut State, body: &TraceBody) {
    let ends = matches!(body, TraceBody::RunStatus { status, .. } if *status != RunStatus::Running);
    if ends && state.agent.as_ref().is_some_and(|agent| agent.end().is_none()) {
        take_end(state, &AgentEnd { exit: None, text: "ended".to_owned() });
    }
}

/// Scrolls what the agent drew.
pub(super) fn scroll(state: &mut State, by: isize) {
    if let Some(agent) = &mut state.agent {
        agent.scroll(by);
    }
}

/// Turns the wheel over the agent's terminal: on the second screen the agent scrolls, by its arrow keys.
pub(super) fn wheel(state: &mut State, by: isize) -> Vec<Command> {
    let alternate = state.agent.as_ref().is_some_and(|agent| agent.picture().is_alternate);
    if !(alternate && state.takes_agent_input()) {
        scroll(state, by);
        return Vec::new();
    }
    let code = if by < 0 { AgentKeyCode::Up } else { AgentKeyCode::Down };
    vec![Command::Agent(AgentInput::Key(AgentKey::plain(code))); WHEEL]
}

fn toggle(state: &mut State) {
    if state.popup.is_some() || state.search.is_some() {
        state.refuse("close this first (Esc): the agent's terminal is below it");
    } else if state.takes_agent_input() {
        state.show(Pane::Tree);
    } else {
        enter(state);
    }
}

/// Passes the mouse on to an agent that wants to hear of it; everything else is the screen's.
fn press(state: &mut State, action: AgentMouse) -> Vec<Command> {
    let inside = state.layout().area(Pane::Agent).inner();
    let wants = state.takes_agent_input() && state.agent.as_ref().is_some_and(|agent| agent.picture().takes_mouse);
    if wants && inside.contains(action.x, action.y) {
        let (x, y) = (action.x - inside.x, action.y - inside.y);
        return vec![Command::Agent(AgentInput::Mouse(AgentMouse { x, y, ..action }))];
    }
    let (x, y) = (action.x, action.y);
    match action.action {
        AgentMouseAction::Press(AgentButton::Left) => mouse::mouse(state, Mouse::Press { x, y }),
        AgentMouseAction::WheelDown => mouse::mouse(state, Mouse::WheelDown { x, y }),
        AgentMouseAction::WheelUp => mouse::mouse(state, Mouse::WheelUp { x, y }),
        AgentMouseAction::Press(_) | AgentMouseAction::Release(_) => Vec::new(),
    }
}

fn forget_message(state: &mut State) {
    state.message = None;
    state.said = Said::Plain;
}
