//! Input for an agent's terminal: everything that a terminal can send, as its program wants more keys than the screen
//! has verbs.

/// Input for an agent's terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentInput {
    /// A key.
    Key(AgentKey),
    /// Pasted text, with line feeds at its line ends.
    Paste(String),
    /// The mouse.
    Mouse(AgentMouse),
}

/// The keys that are held down with another one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Modifiers {
    /// Shift. A shifted letter is its capital besides.
    pub shift: bool,
    /// Alt.
    pub alt: bool,
    /// Ctrl.
    pub ctrl: bool,
}

impl Modifiers {
    /// No key.
    pub const NONE: Self = Self { shift: false, alt: false, ctrl: false };
    /// Ctrl alone.
    pub const CTRL: Self = Self { ctrl: true, ..Self::NONE };
}

/// A key press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentKey {
    /// The key.
    pub code: AgentKeyCode,
    /// The keys held down with it.
    pub with: Modifiers,
}

impl AgentKey {
    /// A key by itself.
    #[must_use]
    pub fn plain(code: AgentKeyCode) -> Self {
        Self { code, with: Modifiers::NONE }
    }
}

/// The key of a press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentKeyCode {
    /// A character, as it is typed.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Insert.
    Insert,
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
    /// F1 and those after it, by their number.
    Function(u8),
}

/// An action of the mouse, at a cell counted from the top left: of the screen as it comes, of the agent's terminal as it
/// is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentMouse {
    /// The action.
    pub action: AgentMouseAction,
    /// Column.
    pub x: u16,
    /// Line.
    pub y: u16,
    /// The keys held down meanwhile.
    pub with: Modifiers,
}

/// The action of the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentMouseAction {
    /// A button went down.
    Press(AgentButton),
    /// A button came up.
    Release(AgentButton),
    /// The wheel turned towards the person.
    WheelDown,
    /// The wheel turned away.
    WheelUp,
}

/// A button of the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentButton {
    /// The left one.
    Left,
    /// The middle one.
    Middle,
    /// The right one.
    Right,
}
