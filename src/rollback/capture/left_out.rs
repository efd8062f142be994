//! The reasons why a path is left out.

/// The reason why a path is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum LeftOut {
    TooLarge,
    Excluded,
    Unreadable,
    InUnreadable,
    Pipe,
    Socket,
    Device,
    Mount,
    Unsteady,
    Lost,
    /// Set-user-id or set-group-id, of another owner.
    Owner,
}

impl LeftOut {
    const ALL: [Self; 11] = [
        Self::TooLarge,
        Self::Excluded,
        Self::Unreadable,
        Self::InUnreadable,
        Self::Pipe,
        Self::Socket,
        Self::Device,
        Self::Mount,
        Self::Unsteady,
        Self::Lost,
        Self::Owner,
    ];

    /// A number for the list's format: 0 is "not left out".
    pub(super) fn code(why: Option<Self>) -> u8 {
        let at = Self::ALL.iter().position(|one| Some(*one) == why);
        at.and_then(|at| u8::try_from(at + 1).ok()).unwrap_or(0)
    }

    pub(super) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }
}
