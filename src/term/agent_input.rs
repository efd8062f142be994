//! From crossterm's events to input for an agent's terminal.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::app::{AgentButton, AgentInput, AgentKey, AgentKeyCode, AgentMouse, AgentMouseAction, Modifiers};

/// Converts an event to input; `None` for events that no program gets.
pub(super) fn input(event: &Event) -> Option<AgentInput> {
    match event {
        Event::Key(event) => key(event).map(AgentInput::Key),
        Event::Mouse(event) => mouse(*event).map(AgentInput::Mouse),
        Event::Paste(text) => Some(AgentInput::Paste(text.replace("\r\n", "\n").replace('\r', "\n"))),
        Event::Resize(..) | Event::FocusGained | Event::FocusLost => None,
    }
}

/// True for the key that leaves an agent's terminal, and goes back to it.
pub(super) fn is_leave_key(event: &Event) -> bool {
    matches!(input(event), Some(AgentInput::Key(key)) if key.leaves())
}

fn held(modifiers: KeyModifiers) -> Modifiers {
    Modifiers {
        shift: modifiers.contains(KeyModifiers::SHIFT),
        alt: modifiers.contains(KeyModifiers::ALT),
        ctrl: modifiers.contains(KeyModifiers::CONTROL),
    }
}

fn key(event: &KeyEvent) -> Option<AgentKey> {
    use AgentKeyCode as K;
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let mut with = held(event.modifiers);
    let code = match event.code {
        KeyCode::Char(letter) => K::Char(letter),
        KeyCode::Enter => K::Enter,
        KeyCode::Esc => K::Esc,
        KeyCode::Tab => K::Tab,
        KeyCode::BackTab => {
            with.shift = true;
            K::Tab
        }
        KeyCode::Backspace => K::Backspace,
        KeyCode::Delete => K::Delete,
        KeyCode::Insert => K::Insert,
        KeyCode::Up => K::Up,
        KeyCode::Down => K::Down,
        KeyCode::Left => K::Left,
        KeyCode::Right => K::Right,
        KeyCode::Home => K::Home,
        KeyCode::End => K::End,
        KeyCode::PageUp => K::PageUp,
        KeyCode::PageDown => K::PageDown,
        KeyCode::F(number) => K::Function(number),
        KeyCode::Null => {
            with.ctrl = true;
            K::Char(' ')
        }
        _ => return None,
    };
    Some(AgentKey { code, with })
}

fn mouse(event: MouseEvent) -> Option<AgentMouse> {
    let button = |button| match button {
        MouseButton::Left => AgentButton::Left,
        MouseButton::Middle => AgentButton::Middle,
        MouseButton::Right => AgentButton::Right,
    };
    let action = match event.kind {
        MouseEventKind::Down(down) => AgentMouseAction::Press(button(down)),
        MouseEventKind::Up(up) => AgentMouseAction::Release(button(up)),
        MouseEventKind::ScrollDown => AgentMouseAction::WheelDown,
        MouseEventKind::ScrollUp => AgentMouseAction::WheelUp,
        _ => return None,
    };
    Some(AgentMouse { action, x: event.column, y: event.row, with: held(event.modifiers) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: KeyCode, modifiers: KeyModifiers) -> Option<AgentInput> {
        input(&Event::Key(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn every_key_has_its_modifiers() {
        let shift = Modifiers { shift: true, ..Modifiers::NONE };
        let key = |code, with| Some(AgentInput::Key(AgentKey { code, with }));
        assert_eq!(pressed(KeyCode::Char('c'), KeyModifiers::CONTROL), key(AgentKeyCode::Char('c'), Modifiers::CTRL));
        assert_eq!(pressed(KeyCode::BackTab, KeyModifiers::SHIFT), key(AgentKeyCode::Tab, shift));
        assert_eq!(pressed(KeyCode::F(5), KeyModifiers::NONE), key(AgentKeyCode::Function(5), Modifiers::NONE));
        assert_eq!(pressed(KeyCode::CapsLock, KeyModifiers::NONE), None);
    }

    #[test]
    fn one_key_leaves_and_only_by_itself() {
        let event = |modifiers| Event::Key(KeyEvent::new(KeyCode::F(12), modifiers));
        assert!(is_leave_key(&event(KeyModifiers::NONE)));
        assert!(!is_leave_key(&event(KeyModifiers::SHIFT)));
        assert!(!is_leave_key(&Event::Paste("F12".into())));
    }
}
