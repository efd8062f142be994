//! The panel's state.

use super::{AgentKey, AgentKeyCode};
use crate::app::safe;
use crate::model::Millis;

/// The key that takes the keys from the agent's terminal, and gives them back. No shell, no editor and no known agent
/// needs it.
pub const LEAVE_KEY: &str = "F12";
/// Milliseconds after an agent's end in which a key was meant for the agent.
const TYPED_ON: u64 = 700;

/// How an agent ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentEnd {
    /// Its exit code, if it ended by itself.
    pub exit: Option<i32>,
    /// Its end in a few words: `ended with exit code 3`.
    pub text: String,
}

/// The parts of the terminal's picture that keys and the mouse need to know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AgentPicture {
    /// Lines that were scrolled out at its top, and are kept.
    pub history: usize,
    /// Lines that it is scrolled back.
    pub scrolled: usize,
    /// True while the agent wants to hear of the mouse.
    pub takes_mouse: bool,
    /// True while the agent draws on the second screen, which has no history.
    pub is_alternate: bool,
    /// How often the agent rang the bell.
    pub bells: u64,
}

/// The panel with the terminal of an agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentPane {
    name: String,
    types: bool,
    end: Option<AgentEnd>,
    /// The time of the last key that was still meant for the agent.
    typed_on: Option<Millis>,
    picture: AgentPicture,
    rings: bool,
}

impl AgentKey {
    /// True for the key that takes the keys from the agent's terminal.
    #[must_use]
    pub fn leaves(self) -> bool {
        self == Self::plain(AgentKeyCode::Function(12))
    }
}

impl AgentPane {
    /// The panel of an agent that starts; it has the keys.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: safe::line(name).into_owned(), types: true, ..Self::default() }
    }

    /// The agent's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True while keys are for the agent, if the panel has the focus.
    #[must_use]
    pub fn types(&self) -> bool {
        self.types
    }

    /// How the agent ended; `None` while it lives.
    #[must_use]
    pub fn end(&self) -> Option<&AgentEnd> {
        self.end.as_ref()
    }

    /// The picture, as far as it is known here.
    #[must_use]
    pub fn picture(&self) -> AgentPicture {
        self.picture
    }

    /// True when the agent rang the bell after the last key.
    #[must_use]
    pub fn rings(&self) -> bool {
        self.rings
    }

    /// Gives the keys to the agent, if it lives, or takes them from it.
    pub(in crate::app) fn set_types(&mut self, types: bool) {
        self.types = types && self.end.is_none();
        self.typed_on = None;
    }

    /// Takes in that the agent has drawn.
    pub(in crate::app) fn take_picture(&mut self, picture: AgentPicture) {
        self.rings |= picture.bells > self.picture.bells;
        self.picture = picture;
    }

    /// The agent ended: its last picture stays.
    pub(in crate::app) fn take_end(&mut self, end: &AgentEnd, now: Millis) {
        if self.end.is_none() {
            self.typed_on = self.types.then_some(now);
        }
        self.types = false;
        self.end = Some(AgentEnd { text: safe::line(&end.text).into_owned(), exit: end.exit });
    }

    /// True for a key that was typed for the agent, and came after its end.
    pub(in crate::app) fn was_for_agent(&mut self, now: Millis) -> bool {
        let ended = self.typed_on.filter(|at| now.0.checked_sub(at.0).is_some_and(|since| since < TYPED_ON));
        self.typed_on = ended.map(|_| now);
        ended.is_some()
    }

    /// A person is there.
    pub(in crate::app) fn hear(&mut self) {
        self.rings = false;
    }

    /// Scrolls by lines, down to where the agent draws.
    pub(in crate::app) fn scroll(&mut self, by: isize) {
        let (back, history) = (self.picture.scrolled, self.picture.history);
        self.picture.scrolled = if by < 0 {
            back.saturating_add(by.unsigned_abs()).min(history)
        } else {
            back.saturating_sub(by.unsigned_abs())
        };
    }
}
