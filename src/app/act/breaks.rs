//! Breakpoints: set from the selection, listed, switched, deleted.

use crate::app::{Choice, Command, Item, Key, Menu, Popup, State, safe};
use crate::model::{self, Breakpoint, Gate, SpanId, SpanKind};

/// Offers breakpoints that the selected span would have hit.
pub(super) fn menu(state: &mut State) {
    let trace = &state.run.trace;
    let span = state.selected();
    let agent = trace.agent_of(span);
    let agent = (agent != SpanId::RUN).then(|| trace.name(agent).to_owned());
    let tool = trace.get(span).filter(|found| found.kind == SpanKind::Tool).map(|_| trace.name(span).to_owned());
    let at = |gate: Gate, agent: Option<&String>, tool: Option<&String>| Breakpoint {
        at: gate,
        agent: agent.cloned(),
        tool: tool.cloned(),
        model: None,
        enabled: true,
    };
    let (agent, tool) = (agent.as_ref(), tool.as_ref());
    let mut offers = Vec::new();
    if tool.is_some() {
        offers.push(('t', at(Gate::BeforeTool, None, tool)));
        offers.push(('T', at(Gate::AfterTool, None, tool)));
    }
    offers.push(('l', at(Gate::BeforeLlm, agent, None)));
    offers.push(('L', at(Gate::AfterLlm, agent, None)));
    offers.push(('w', at(Gate::BeforeTool, agent, None)));
    offers.push(('a', at(Gate::AfterAgent, agent, None)));
    offers.push(('e', at(Gate::Error, agent, None)));
    let item = |(key, breakpoint): (char, Breakpoint)| {
        let label = safe::line(&breakpoint.label()).into_owned();
        Item::new(Key::Char(key), label, Choice::Break(breakpoint))
    };
    let items = offers.into_iter().map(item).collect();
    state.popup = Some(Popup::Menu(Menu::new("Break at", Vec::new(), items)));
}

/// Sets one, or switches on the one that is there already.
pub(super) fn set(state: &mut State, breakpoint: Breakpoint) -> Vec<Command> {
    let same = |old: &&mut Breakpoint| Breakpoint { enabled: true, ..(**old).clone() } == breakpoint;
    let label = format!("will stop at {}", safe::line(&breakpoint.label()));
    match state.breakpoints.iter_mut().find(same) {
        Some(old) => old.enabled = true,
        None => state.breakpoints.push(breakpoint),
    }
    state.say(label);
    send(state)
}

/// A key in the list.
pub(super) fn key(state: &mut State, mut cursor: usize, key: Key) -> Vec<Command> {
    let mut commands = Vec::new();
    match key {
        Key::Char('j') | Key::Down => cursor += 1,
        Key::Char('k') | Key::Up => cursor = cursor.saturating_sub(1),
        Key::Char(' ') | Key::Enter if cursor < state.breakpoints.len() => {
            state.breakpoints[cursor].enabled ^= true;
            commands = send(state);
        }
        Key::Char('d') if cursor < state.breakpoints.len() => {
            state.breakpoints.remove(cursor);
            commands = send(state);
        }
        Key::Char('a') => {
            menu(state);
            return commands;
        }
        Key::Esc | Key::Char('q' | 'B') => {
            state.popup = None;
            return commands;
        }
        _ => {}
    }
    cursor = cursor.min(state.breakpoints.len().saturating_sub(1));
    state.popup = Some(Popup::Breakpoints(crate::app::BreakList { cursor }));
    commands
}

fn send(state: &State) -> Vec<Command> {
    vec![Command::Run(model::Command::SetBreakpoints(state.breakpoints.clone()))]
}
