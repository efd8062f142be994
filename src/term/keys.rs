//! From crossterm's events to the app's messages.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::app::{Key, Mouse, Msg};

/// Converts an event to a message; `None` for events that the app ignores.
pub(super) fn message(event: Event) -> Option<Msg> {
    match event {
        Event::Key(event) => key(event).map(Msg::Key),
        Event::Mouse(event) => mouse(event).map(Msg::Mouse),
        Event::Paste(text) => Some(Msg::Paste(text.replace("\r\n", "\n").replace('\r', "\n"))),
        Event::Resize(width, height) => Some(Msg::Resize { width, height }),
        Event::FocusGained | Event::FocusLost => None,
    }
}

fn key(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let held = |modifier| event.modifiers.contains(modifier);
    Some(match event.code {
        KeyCode::Char(letter) if held(KeyModifiers::CONTROL) => Key::Ctrl(letter.to_ascii_lowercase()),
        KeyCode::Char(letter) if held(KeyModifiers::ALT) => Key::Alt(letter),
        KeyCode::Char(letter) => Key::Char(letter),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab if held(KeyModifiers::SHIFT) => Key::BackTab,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        _ => return None,
    })
}

fn mouse(event: MouseEvent) -> Option<Mouse> {
    let (x, y) = (event.column, event.row);
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => Some(Mouse::Press { x, y }),
        MouseEventKind::ScrollDown => Some(Mouse::WheelDown { x, y }),
        MouseEventKind::ScrollUp => Some(Mouse::WheelUp { x, y }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: KeyCode, modifiers: KeyModifiers) -> Option<Msg> {
        message(Event::Key(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn modifiers_become_part_of_the_key() {
        assert_eq!(pressed(KeyCode::Char('R'), KeyModifiers::SHIFT), Some(Msg::Key(Key::Char('R'))));
        assert_eq!(pressed(KeyCode::Char('C'), KeyModifiers::CONTROL), Some(Msg::Key(Key::Ctrl('c'))));
        assert_eq!(pressed(KeyCode::Tab, KeyModifiers::SHIFT), Some(Msg::Key(Key::BackTab)));
        assert_eq!(pressed(KeyCode::F(1), KeyModifiers::NONE), None);
    }

    #[test]
    fn a_released_key_is_no_second_press() {
        let event = KeyEvent::new_with_kind(KeyCode::Enter, KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(message(Event::Key(event)), None);
    }

    #[test]
    fn pasted_line_ends_become_one_kind() {
        assert_eq!(message(Event::Paste("a\r\nb\rc".into())), Some(Msg::Paste("a\nb\nc".into())));
    }
}
