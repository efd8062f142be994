//! The terminal while the program has it; given back on drop, on panic and before stopping.

use std::io::{IsTerminal, Write, stdin, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste};
use crossterm::style::Print;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};

use super::TermError;

/// Presses and the wheel with their place, but no motion: nothing is sent when the mouse only moves.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";

/// Whether the terminal is ours now. Global, because a panic hook has nothing else to ask.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Holds the terminal: raw mode, alternate screen, mouse, bracketed paste. Dropping it gives everything back.
#[must_use = "dropping it gives the terminal back"]
#[derive(Debug)]
pub(super) struct Guard(());

impl Guard {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When there is none, or it refuses.
    pub(super) fn enter() -> Result<Self, TermError> {
        if !(stdin().is_terminal() && stdout().is_terminal()) {
            return Err(TermError::NotATerminal);
        }
        take()?;
        Ok(Self(()))
    }
}

/// Whether the terminal is still ours; not after a panic elsewhere in the program.
pub(super) fn is_held() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Has a panic give the terminal back before its message is printed. Install color-eyre's hook first.
pub fn install_panic_hook() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        print(panic);
    }));
}

/// Takes the terminal, again after it was given back.
///
/// # Errors
/// When it refuses.
pub(super) fn take() -> Result<(), TermError> {
    enable_raw_mode().map_err(TermError::io("switch the terminal to raw mode"))?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(stdout(), EnterAlternateScreen, Clear(ClearType::All), Print(MOUSE_ON), EnableBracketedPaste, Hide)
        .map_err(TermError::io("open the terminal's second screen"))
}

/// Gives the terminal back: for a while, because another program gets it or this one is stopped, or for good.
///
/// Idempotent, and silent: where the terminal is gone there is nobody to tell.
pub(super) fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = stdout();
        let _ = queue!(out, DisableBracketedPaste, DisableMouseCapture, LeaveAlternateScreen, Show);
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}
