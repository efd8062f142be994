//! Input as the bytes that xterm sends for it.

use vt100::{MouseProtocolEncoding, MouseProtocolMode, Screen};

use crate::app::{AgentButton, AgentKey, AgentKeyCode, AgentMouse, AgentMouseAction, Modifiers};

/// The modes that the agent has set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Modes {
    /// Arrows have the form of the application.
    cursor: bool,
    /// Pasted text is marked as such.
    paste: bool,
    mouse: MouseProtocolMode,
    encoding: MouseProtocolEncoding,
}

impl Modes {
    /// The modes of a terminal.
    pub fn of(screen: &Screen) -> Self {
        Self {
            cursor: screen.application_cursor(),
            paste: screen.bracketed_paste(),
            mouse: screen.mouse_protocol_mode(),
            encoding: screen.mouse_protocol_encoding(),
        }
    }
}

/// The bytes of a key.
pub(super) fn key(key: AgentKey, modes: Modes) -> Vec<u8> {
    use AgentKeyCode as K;
    let with = key.with;
    match key.code {
        K::Char(letter) => {
            let mut bytes = if with.alt { vec![0x1b] } else { Vec::new() };
            match control(letter).filter(|_| with.ctrl) {
                Some(byte) => bytes.push(byte),
                None => bytes.extend(letter.to_string().bytes()),
            }
            bytes
        }
        K::Enter => single(b"\r", with),
        K::Esc => single(b"\x1b", with),
        K::Tab if with.shift => b"\x1b[Z".to_vec(),
        K::Tab => single(b"\t", with),
        K::Backspace if with.ctrl => single(b"\x08", with),
        K::Backspace => single(b"\x7f", with),
        K::Up => moving('A', with, modes),
        K::Down => moving('B', with, modes),
        K::Right => moving('C', with, modes),
        K::Left => moving('D', with, modes),
        K::Home => moving('H', with, modes),
        K::End => moving('F', with, modes),
        K::Insert => numbered(2, with),
        K::Delete => numbered(3, with),
        K::PageUp => numbered(5, with),
        K::PageDown => numbered(6, with),
        K::Function(number) => function(number, with),
    }
}

/// The bytes of pasted text. No control character is in it: it could end the paste, and act as a key.
pub(super) fn paste(text: &str, modes: Modes) -> Vec<u8> {
    let kept = text.chars().filter(|letter| matches!(letter, '\t' | '\n') || !letter.is_control());
    let text: String = kept.map(|letter| if letter == '\n' { '\r' } else { letter }).collect();
    if modes.paste { format!("\x1b[200~{text}\x1b[201~").into_bytes() } else { text.into_bytes() }
}

/// The bytes of the mouse; none that the agent did not ask for.
pub(super) fn mouse(mouse: AgentMouse, modes: Modes) -> Vec<u8> {
    let is_release = matches!(mouse.action, AgentMouseAction::Release(_));
    match modes.mouse {
        MouseProtocolMode::None => return Vec::new(),
        MouseProtocolMode::Press if is_release => return Vec::new(),
        _ => {}
    }
    let button = match mouse.action {
        AgentMouseAction::Press(button) | AgentMouseAction::Release(button) => match button {
            AgentButton::Left => 0,
            AgentButton::Middle => 1,
            AgentButton::Right => 2,
        },
        AgentMouseAction::WheelUp => 64,
        AgentMouseAction::WheelDown => 65,
    };
    let with = mouse.with;
    let held = if modes.mouse == MouseProtocolMode::Press {
        0
    } else {
        u16::from(with.shift) * 4 + u16::from(with.alt) * 8 + u16::from(with.ctrl) * 16
    };
    let (x, y) = (mouse.x + 1, mouse.y + 1);
    // Older forms don't say which button came up.
    let old = if is_release { 3 } else { button } + held + 32;
    match modes.encoding {
        MouseProtocolEncoding::Sgr => {
            let end = if is_release { 'm' } else { 'M' };
            format!("\x1b[<{};{x};{y}{end}", button + held).into_bytes()
        }
        MouseProtocolEncoding::Utf8 => {
            let cells = [old, x + 32, y + 32].map(|value| char::from_u32(u32::from(value)).unwrap_or(' '));
            format!("\x1b[M{}{}{}", cells[0], cells[1], cells[2]).into_bytes()
        }
        MouseProtocolEncoding::Default => {
            // A place that has no byte is not told.
            let cells = [old, x + 32, y + 32].map(u8::try_from);
            let [Ok(button), Ok(x), Ok(y)] = cells else { return Vec::new() };
            vec![0x1b, b'[', b'M', button, x, y]
        }
    }
}

/// The byte of a letter with Ctrl.
fn control(letter: char) -> Option<u8> {
    let letter = u8::try_from(letter.to_ascii_lowercase()).ok()?;
    Some(match letter {
        b'a'..=b'z' => letter - b'a' + 1,
        b'@' | b' ' | b'2' => 0,
        b'[' | b'3' => 0x1b,
        b'\\' | b'4' => 0x1c,
        b']' | b'5' => 0x1d,
        b'^' | b'6' => 0x1e,
        b'_' | b'/' | b'7' => 0x1f,
        b'?' | b'8' => 0x7f,
        _ => return None,
    })
}

fn single(bytes: &[u8], with: Modifiers) -> Vec<u8> {
    if with.alt { [b"\x1b", bytes].concat() } else { bytes.to_vec() }
}

/// The number for the keys that are held down; `None` for none.
fn held(with: Modifiers) -> Option<u8> {
    let number = 1 + u8::from(with.shift) + u8::from(with.alt) * 2 + u8::from(with.ctrl) * 4;
    (number > 1).then_some(number)
}

fn moving(letter: char, with: Modifiers, modes: Modes) -> Vec<u8> {
    match held(with) {
        Some(held) => format!("\x1b[1;{held}{letter}"),
        None if modes.cursor => format!("\x1bO{letter}"),
        None => format!("\x1b[{letter}"),
    }
    .into_bytes()
}

fn numbered(number: u8, with: Modifiers) -> Vec<u8> {
    held(with).map_or_else(|| format!("\x1b[{number}~"), |held| format!("\x1b[{number};{held}~")).into_bytes()
}

fn function(number: u8, with: Modifiers) -> Vec<u8> {
    let code = match number {
        1..=4 => {
            let letter = char::from(b'P' + number - 1);
            let text = held(with).map_or_else(|| format!("\x1bO{letter}"), |held| format!("\x1b[1;{held}{letter}"));
            return text.into_bytes();
        }
        5 => 15,
        6..=10 => number + 11,
        11..=14 => number + 12,
        15 | 16 => number + 13,
        17..=20 => number + 14,
        _ => return Vec::new(),
    };
    numbered(code, with)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::AgentInput;
    use crate::ui::AgentTerminal;

    /// The bytes of some input after the agent wrote this.
    fn after(written: &str, input: &AgentInput) -> String {
        let mut terminal = AgentTerminal::new((10, 40));
        terminal.take(written.as_bytes());
        String::from_utf8(terminal.encode(input)).unwrap()
    }

    fn typed(code: AgentKeyCode, with: Modifiers) -> String {
        after("", &AgentInput::Key(AgentKey { code, with }))
    }

    const SHIFT: Modifiers = Modifiers { shift: true, ..Modifiers::NONE };
    const ALT: Modifiers = Modifiers { alt: true, ..Modifiers::NONE };

    #[test]
    fn letters_are_bytes_and_control_letters_are_control_bytes() {
        use AgentKeyCode::Char;
        assert_eq!(typed(Char('a'), Modifiers::NONE), "a");
        assert_eq!(typed(Char('É'), SHIFT), "É");
        assert_eq!(typed(Char('c'), Modifiers::CTRL), "\x03");
        assert_eq!(typed(Char('Z'), Modifiers { shift: true, ..Modifiers::CTRL }), "\x1a");
        assert_eq!(typed(Char(' '), Modifiers::CTRL), "\0");
        assert_eq!(typed(Char(']'), Modifiers::CTRL), "\x1d");
        assert_eq!(typed(Char('b'), ALT), "\x1bb");
        assert_eq!(typed(Char('b'), Modifiers { ctrl: true, ..ALT }), "\x1b\x02");
    }

    #[test]
    fn the_other_keys_are_those_of_xterm() {
        use AgentKeyCode as K;
        let plain = [
            (K::Enter, "\r"),
            (K::Esc, "\x1b"),
            (K::Tab, "\t"),
            (K::Backspace, "\x7f"),
            (K::Up, "\x1b[A"),
            (K::End, "\x1b[F"),
            (K::Insert, "\x1b[2~"),
            (K::Delete, "\x1b[3~"),
            (K::PageUp, "\x1b[5~"),
            (K::Function(1), "\x1bOP"),
            (K::Function(5), "\x1b[15~"),
            (K::Function(6), "\x1b[17~"),
            (K::Function(11), "\x1b[23~"),
            (K::Function(20), "\x1b[34~"),
        ];
        for (code, bytes) in plain {
            assert_eq!(typed(code, Modifiers::NONE), bytes, "{code:?}");
        }
        assert_eq!(typed(K::Tab, SHIFT), "\x1b[Z");
        assert_eq!(typed(K::Left, Modifiers::CTRL), "\x1b[1;5D");
        assert_eq!(typed(K::Delete, SHIFT), "\x1b[3;2~");
        assert_eq!(typed(K::Function(2), ALT), "\x1b[1;3Q");
        assert_eq!(typed(K::Enter, ALT), "\x1b\r");
    }

    #[test]
    fn arrows_have_the_form_that_the_agent_asked_for() {
        let up = || AgentInput::Key(AgentKey::plain(AgentKeyCode::Up));
        assert_eq!(after("\x1b[?1h", &up()), "\x1bOA");
        assert_eq!(after("\x1b[?1h\x1b[?1l", &up()), "\x1b[A");
    }

    #[test]
    fn a_paste_is_marked_only_for_who_asked_for_it_and_never_ends_itself() {
        let paste = || AgentInput::Paste("a\nb\x1b[201~\x03c".into());
        assert_eq!(after("", &paste()), "a\rb[201~c");
        assert_eq!(after("\x1b[?2004h", &paste()), "\x1b[200~a\rb[201~c\x1b[201~");
    }

    #[test]
    fn the_mouse_is_told_only_to_who_asked_for_it() {
        let mouse = |action| AgentInput::Mouse(AgentMouse { action, x: 4, y: 2, with: Modifiers::CTRL });
        let press = || mouse(AgentMouseAction::Press(AgentButton::Right));
        let release = || mouse(AgentMouseAction::Release(AgentButton::Right));
        assert_eq!(after("", &press()), "");
        assert_eq!(after("\x1b[?9h", &release()), "");
        assert_eq!(after("\x1b[?1000h\x1b[?1006h", &press()), "\x1b[<18;5;3M");
        assert_eq!(after("\x1b[?1000h\x1b[?1006h", &release()), "\x1b[<18;5;3m");
        assert_eq!(after("\x1b[?1002h\x1b[?1006h", &mouse(AgentMouseAction::WheelDown)), "\x1b[<81;5;3M");
        assert_eq!(after("\x1b[?1000h", &press()), "\x1b[M2%#");
        assert_eq!(after("\x1b[?1000h", &release()), "\x1b[M3%#");
    }
}
