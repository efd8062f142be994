//! The terminal of an agent of another program: its bytes become a picture here, and nowhere else. No control sequence
//! of the agent reaches the real terminal: what is drawn are the cells of the picture.

mod draw;
mod encode;
mod hear;
mod unknown;

use std::num::NonZeroU16;

pub(super) use draw::draw;

use crate::app::{AgentInput, AgentPicture};
use encode::Modes;
use hear::Heard;
use unknown::Unknown;

/// Lines that were scrolled out at the top and are kept.
const HISTORY: usize = 2_000;

/// The terminal of an agent.
pub struct AgentTerminal {
    parser: vt100::Parser<Heard>,
    unknown: Unknown,
}

impl std::fmt::Debug for AgentTerminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentTerminal").field("picture", &self.picture()).finish_non_exhaustive()
    }
}

impl AgentTerminal {
    /// An empty terminal of so many lines and columns, one each at least.
    #[must_use]
    pub fn new((lines, columns): (u16, u16)) -> Self {
        let heard = Heard::default();
        let parser = vt100::Parser::new_with_callbacks(at_least_one(lines), at_least_one(columns), HISTORY, heard);
        Self { parser, unknown: Unknown::default() }
    }

    /// Takes in what the agent wrote. Returns what the agent asked its terminal, answered: it must be typed.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.parser.process(self.unknown.stand_in(bytes).as_bytes());
        self.parser.callbacks_mut().take_answers()
    }

    /// Gives it another size, in lines and columns.
    pub fn resize(&mut self, (lines, columns): (u16, u16)) {
        self.parser.set_size(at_least_one(lines), at_least_one(columns));
    }

    /// Scrolls it back by so many lines, as far as there are any.
    pub fn scroll_back(&mut self, lines: usize) {
        if self.parser.screen().scrollback() != lines {
            self.parser.screen_mut().set_scrollback(lines);
        }
    }

    /// The parts of its picture that keys and the mouse need to know.
    #[must_use]
    pub fn picture(&self) -> AgentPicture {
        let screen = self.parser.screen();
        AgentPicture {
            history: screen.scrollback_len(),
            scrolled: screen.scrollback(),
            takes_mouse: screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
            is_alternate: screen.alternate_screen(),
            bells: self.parser.callbacks().bells(),
        }
    }

    /// The bytes that a terminal sends for some input, in the modes that the agent has set; none for what the agent does
    /// not want to hear of.
    #[must_use]
    pub fn encode(&self, input: &AgentInput) -> Vec<u8> {
        let modes = Modes::of(self.parser.screen());
        match input {
            AgentInput::Key(key) => encode::key(*key, modes),
            AgentInput::Paste(text) => encode::paste(text, modes),
            AgentInput::Mouse(mouse) => encode::mouse(*mouse, modes),
        }
    }

    /// The text of its picture.
    #[must_use]
    pub fn text(&self) -> String {
        unknown::shown(&self.parser.screen().contents()).into_owned()
    }

    fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }
}

fn at_least_one(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).unwrap_or(NonZeroU16::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_scrolled_out_can_be_scrolled_back_to_and_stays_in_view() {
        let mut terminal = AgentTerminal::new((3, 10));
        let write = |terminal: &mut AgentTerminal, range: std::ops::Range<u32>| {
            for line in range {
                terminal.take(format!("\r\nline {line}").as_bytes());
            }
        };
        write(&mut terminal, 0..10);
        assert_eq!((terminal.picture().history, terminal.picture().scrolled), (8, 0));
        terminal.scroll_back(4);
        assert_eq!(terminal.text(), "line 3\nline 4\nline 5");
        write(&mut terminal, 10..12);
        assert_eq!((terminal.text().as_str(), terminal.picture().scrolled), ("line 3\nline 4\nline 5", 6));
        terminal.scroll_back(1_000);
        assert_eq!(terminal.picture().scrolled, 10, "no further than there are lines");
        terminal.scroll_back(0);
        assert_eq!(terminal.text(), "line 9\nline 10\nline 11");
    }

    #[test]
    fn memory_is_bounded() {
        let mut terminal = AgentTerminal::new((24, 80));
        for _ in 0..20 {
            terminal.take("y\r\n".repeat(1_000).as_bytes());
        }
        assert_eq!(terminal.picture().history, HISTORY);
    }

    #[test]
    fn no_size_is_too_small() {
        let mut terminal = AgentTerminal::new((0, 0));
        terminal.take("a世b\r\n\x1b[5;5Hx".as_bytes());
        terminal.resize((0, 3));
        terminal.take("世世".as_bytes());
        terminal.resize((40, 1));
        assert!(terminal.picture().scrolled == 0);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_it(parts in proptest::collection::vec((proptest::prelude::any::<Vec<u8>>(), 0u16..40, 0u16..40), 0..8)) {
            let mut terminal = AgentTerminal::new((10, 20));
            for (bytes, lines, columns) in parts {
                terminal.take(&bytes);
                terminal.resize((lines, columns));
                terminal.scroll_back(usize::from(columns));
                terminal.take(&bytes);
                let _ = (terminal.picture(), terminal.text());
            }
        }

        #[test]
        fn no_sequences_break_it(parts in proptest::collection::vec(("(\x1b\\[[?>]?[0-9;]{0,8}[@-~]|\x1b[ -~]|[a-z世\u{300}\r\n\t]){0,30}", 1u16..30, 1u16..30), 0..8)) {
            let mut terminal = AgentTerminal::new((10, 20));
            for (text, lines, columns) in parts {
                terminal.take(text.as_bytes());
                terminal.resize((lines, columns));
                let _ = (terminal.picture(), terminal.text());
            }
        }
    }
}
