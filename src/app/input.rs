//! Input of a person: keys and the mouse, in the app's own types.

use std::fmt;
use std::str::FromStr;

/// One key press. Shifted letters are their capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// A character, as it is typed.
    Char(char),
    /// A letter with Ctrl, in lower case.
    Ctrl(char),
    /// A letter with Alt.
    Alt(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Char(' ') => "Space",
            Self::Char(letter) => return write!(f, "{letter}"),
            Self::Ctrl(letter) => return write!(f, "Ctrl-{letter}"),
            Self::Alt(letter) => return write!(f, "Alt-{letter}"),
            Self::Enter => "Enter",
            Self::Esc => "Esc",
            Self::Tab => "Tab",
            Self::BackTab => "S-Tab",
            Self::Backspace => "Backspace",
            Self::Delete => "Delete",
            Self::Up => "↑",
            Self::Down => "↓",
            Self::Left => "←",
            Self::Right => "→",
            Self::Home => "Home",
            Self::End => "End",
            Self::PageUp => "PgUp",
            Self::PageDown => "PgDn",
        };
        f.write_str(name)
    }
}

impl FromStr for Key {
    type Err = ();

    /// Reads a key as people write it: as [`Key`] is shown, and `Up`, `Down`, `Left`, `Right` for the arrows.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut letters = text.chars();
        if let (Some(letter), None) = (letters.next(), letters.next())
            && !letter.is_whitespace()
            && !letter.is_control()
            && !"↑↓←→".contains(letter)
        {
            return Ok(Self::Char(letter));
        }
        let name = text.to_ascii_lowercase();
        let single = |rest: &str| rest.chars().next().filter(|letter| rest.len() == letter.len_utf8());
        if let Some(letter) = name.strip_prefix("ctrl-").and_then(single) {
            return Ok(Self::Ctrl(letter));
        }
        // Alt keeps the letter's case.
        if let Some(letter) = name.strip_prefix("alt-").and_then(|_| text.get(4..)).and_then(single) {
            return Ok(Self::Alt(letter));
        }
        Ok(match name.as_str() {
            "space" => Self::Char(' '),
            "enter" | "return" => Self::Enter,
            "esc" | "escape" => Self::Esc,
            "tab" => Self::Tab,
            "s-tab" | "shift-tab" => Self::BackTab,
            "backspace" => Self::Backspace,
            "delete" | "del" => Self::Delete,
            "up" | "↑" => Self::Up,
            "down" | "↓" => Self::Down,
            "left" | "←" => Self::Left,
            "right" | "→" => Self::Right,
            "home" => Self::Home,
            "end" => Self::End,
            "pgup" | "pageup" => Self::PageUp,
            "pgdn" | "pagedown" => Self::PageDown,
            _ => return Err(()),
        })
    }
}

/// An action of the mouse, at a cell counted from the top left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mouse {
    /// The left button went down.
    Press {
        /// Column.
        x: u16,
        /// Line.
        y: u16,
    },
    /// The wheel turned towards the person.
    WheelDown {
        /// Column.
        x: u16,
        /// Line.
        y: u16,
    },
    /// The wheel turned away.
    WheelUp {
        /// Column.
        x: u16,
        /// Line.
        y: u16,
    },
}
