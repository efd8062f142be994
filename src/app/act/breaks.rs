//! Breakpoints: set from the selection, listed, switched, deleted.

use super::editing;
use crate::app::{BreakList, Choice, Command, Item, Key, Menu, Pane, Popup, State, safe};
use crate::model::{self, Breakpoint, Condition, Gate, KeyKind, SpanId, SpanKind};

/// The condition that holds at the first hit only.
const FIRST_HIT: &str = "hits = 1";

/// Offers breakpoints that the selected span would have hit.
pub(super) fn menu(state: &mut State) {
    let trace = &state.run.trace;
    let span = state.selected();
    let agent = trace.agent_of(span);
    let agent = (agent != SpanId::RUN).then(|| trace.name(agent).to_owned());
    let tool = trace.get(span).filter(|found| found.kind == SpanKind::Tool).map(|_| trace.name(span).to_owned());
    let at = |gate: Gate, agent: Option<&String>, tool: Option<&String>| Breakpoint {
        agent: agent.cloned(),
        tool: tool.cloned(),
        ..Breakpoint::new(gate)
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
    let mut items = memory_key(state).map(|key| writes(&key)).unwrap_or_default();
    items.extend(offers.into_iter().map(item));
    state.popup = Some(Popup::Menu(Menu::new("Break at", Vec::new(), items)));
}

/// Stops at the writes of a memory key: the next one, or each.
fn writes(key: &str) -> Vec<Item> {
    let each = Breakpoint { writes: Some(key.to_owned()), ..Breakpoint::new(Gate::BeforeTool) };
    let once = Condition::parse(FIRST_HIT).ok().map(|when| Breakpoint { when: Some(when), ..each.clone() });
    let item = |letter: char, label: String, point: Breakpoint| {
        Item::new(Key::Char(letter), safe::line(&label), Choice::Break(point))
    };
    let once = once.map(|point| item('k', format!("the next write of {key}, once"), point));
    once.into_iter().chain([item('K', format!("each write of {key}"), each)]).collect()
}

/// The memory key under the cursor of Rollback or State, where there is one.
fn memory_key(state: &State) -> Option<String> {
    let key = match state.focus {
        Pane::State => state.panels.world.key().cloned(),
        _ => state.rollback.selected().and_then(|seq| state.run.ledger.get(seq)).map(|entry| entry.record.key.clone()),
    };
    key.filter(|key| key.kind == KeyKind::Memory).map(|key| key.name)
}

/// Gives a breakpoint the condition that was typed, or none; a fault leaves the text open.
pub(super) fn set_condition(state: &mut State, breakpoint: Breakpoint, text: &str) -> Vec<Command> {
    let read = || Condition::parse(text).and_then(|when| when.check_at(breakpoint.at).map(|()| when));
    let when = if text.trim().is_empty() { Ok(None) } else { read().map(Some) };
    match when {
        Ok(when) => {
            let cursor = state.breakpoints.iter().position(|known| *known == breakpoint);
            let known = cursor.and_then(|at| {
                let known = state.breakpoints.get_mut(at)?;
                known.when = when;
                known.enabled = true;
                Some(known.label())
            });
            if let Some(label) = known {
                state.say(format!("will stop at {}", safe::line(&label)));
            }
            state.popup = Some(Popup::Breakpoints(BreakList { cursor: cursor.unwrap_or_default() }));
            send(state)
        }
        Err(error) => {
            let before = text.get(..error.at().start).unwrap_or_default().chars().count();
            editing::condition(state, breakpoint, text.to_owned());
            state.refuse(format!("column {}: {error}; {}", before + 1, error.help()));
            Vec::new()
        }
    }
}

/// Sets one, or switches on the one that is there already.
pub(super) fn set(state: &mut State, breakpoint: Breakpoint) -> Vec<Command> {
    let label = format!("will stop at {}", safe::line(&breakpoint.label()));
    let counts = breakpoint.when.as_ref().is_some_and(|when| when.text() == FIRST_HIT);
    let mut commands = Vec::new();
    match state.breakpoints.iter().position(|old| old.is_like(&breakpoint)) {
        Some(at) if counts => {
            // One that is removed and set again counts from its start.
            state.breakpoints.remove(at);
            commands = send(state);
            state.breakpoints.insert(at, breakpoint);
        }
        Some(at) => state.breakpoints[at].enabled = true,
        None => state.breakpoints.push(breakpoint),
    }
    state.say(label);
    commands.extend(send(state));
    commands
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
        Key::Char('w') if cursor < state.breakpoints.len() => {
            let breakpoint = state.breakpoints[cursor].clone();
            let text = breakpoint.when.as_ref().map(|when| when.text().to_owned()).unwrap_or_default();
            editing::condition(state, breakpoint, text);
            return commands;
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
    state.popup = Some(Popup::Breakpoints(BreakList { cursor }));
    commands
}

fn send(state: &State) -> Vec<Command> {
    vec![Command::Run(model::Command::SetBreakpoints(state.breakpoints.clone()))]
}
