//! Sequences that draw nothing: the bell is counted, questions to the terminal are answered, and everything else (titles,
//! the clipboard, sizes) goes nowhere.

use std::fmt::Write as _;

use vt100::{Callbacks, Screen};

/// Bytes of answers that may wait; an agent that asks more before it reads gets no more.
const ANSWERS: usize = 1024;

/// The sequences heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    bells: u64,
    answers: String,
}

impl Heard {
    /// How often the bell was rung.
    pub fn bells(&self) -> u64 {
        self.bells
    }

    /// Takes the answers to the agent's questions.
    pub fn take_answers(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.answers).into_bytes()
    }
}

impl Callbacks for Heard {
    fn audible_bell(&mut self, _: &mut Screen) {
        self.bells += 1;
    }

    fn visual_bell(&mut self, _: &mut Screen) {
        self.bells += 1;
    }

    fn unhandled_csi(&mut self, screen: &mut Screen, i1: Option<u8>, i2: Option<u8>, params: &[&[u16]], c: char) {
        let first = params.first().and_then(|param| param.first()).copied().unwrap_or(0);
        let room = self.answers.len() < ANSWERS;
        // Writing to a text can't fail.
        let _ = match (i1, i2, c, first) {
            _ if !room => Ok(()),
            // The state of the terminal: well. The place of the cursor; programs wait for it.
            (None, None, 'n', 5) => self.answers.write_str("\x1b[0n"),
            (None, None, 'n', 6) => {
                let ((line, column), (_, columns)) = (screen.cursor_position(), screen.size());
                write!(self.answers, "\x1b[{};{}R", line + 1, (column + 1).min(columns.get()))
            }
            // The kind of terminal: a VT220 with colours; and its version.
            (None, None, 'c', 0) => self.answers.write_str("\x1b[?62;22c"),
            (Some(b'>'), None, 'c', 0) => self.answers.write_str("\x1b[>1;10;0c"),
            _ => Ok(()),
        };
    }
}

#[cfg(test)]
mod tests {
    use crate::ui::AgentTerminal;

    #[test]
    fn questions_that_programs_wait_for_are_answered() {
        let mut terminal = AgentTerminal::new((5, 10));
        assert_eq!(terminal.take(b"ab\r\nc\x1b[6n"), b"\x1b[2;2R");
        assert_eq!(terminal.take(b"\x1b[5n\x1b[c\x1b[>c"), b"\x1b[0n\x1b[?62;22c\x1b[>1;10;0c");
        assert_eq!(terminal.take(b"0123456789\x1b[6n"), b"\x1b[3;2R");
        assert_eq!(terminal.take(b"\x1b[?u\x1b]11;?\x07\x1b[>q\x1b[?2026$p"), b"");
    }

    #[test]
    fn who_asks_all_the_time_gets_so_much_only() {
        let mut terminal = AgentTerminal::new((5, 10));
        assert!(terminal.take("\x1b[6n".repeat(100_000).as_bytes()).len() < 2_000);
    }

    #[test]
    fn the_bell_is_counted() {
        let mut terminal = AgentTerminal::new((5, 10));
        terminal.take(b"\x07a\x07\x1b]0;title\x07");
        assert_eq!(terminal.picture().bells, 2, "the end of a title is no bell");
    }
}
