//! The terminal while the program holds it; restored on drop, on panic and before stopping.

use std::io::{IsTerminal, Write, stdin, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
};
use crossterm::style::Print;
use crossterm::terminal::{
    Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};

use super::error::TermError;

/// Presses and the wheel with their place, but no motion: nothing is sent when the mouse only moves.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";

/// Keeps the terminal's title, for terminals that can.
const KEEP_TITLE: &str = "\x1b[22;2t";
/// Clears the title, and brings back the kept one where the terminal has kept it.
const RESTORE_TITLE: &str = "\x1b]2;\x1b\\\x1b[23;2t";

/// True while the terminal's title is the program's. Global for the same reason as [`HELD`].
static TITLED: AtomicBool = AtomicBool::new(false);

/// True while the program holds the terminal. Global, because a panic hook has no other access.
static HELD: AtomicBool = AtomicBool::new(false);

/// Holds the terminal: raw mode, alternate screen, mouse, bracketed paste. Dropping it restores all of them.
#[must_use = "dropping it restores the terminal"]
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
        take_terminal()?;
        Ok(Self(()))
    }
}

/// True while the program holds the terminal; false after a panic elsewhere in the program.
pub(super) fn is_held() -> bool {
    HELD.load(Ordering::SeqCst)
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore_terminal();
    }
}

/// Makes a panic restore the terminal before its message is printed. Install color-eyre's hook first.
pub fn install_panic_hook() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore_terminal();
        print(panic);
    }));
}

/// Takes the terminal; also again after it was restored.
///
/// # Errors
/// When it refuses.
pub(super) fn take_terminal() -> Result<(), TermError> {
    enable_raw_mode().map_err(TermError::io("switch the terminal to raw mode"))?;
    HELD.store(true, Ordering::SeqCst);
    execute!(stdout(), EnterAlternateScreen, Clear(ClearType::All), Print(MOUSE_ON), EnableBracketedPaste, Hide)
        .and_then(|()| execute!(stdout(), EnableFocusChange))
        .map_err(TermError::io("open the terminal's second screen"))
}

/// Returns the sequence that keeps the terminal's own title; empty when it is kept already.
pub(super) fn keep_title() -> &'static str {
    if TITLED.swap(true, Ordering::SeqCst) { "" } else { KEEP_TITLE }
}

/// Restores the terminal: for another program, before this one stops, or at the end.
///
/// Idempotent. Ignores errors: a closed terminal can't show them.
pub(super) fn restore_terminal() {
    if HELD.swap(false, Ordering::SeqCst) {
        let mut out = stdout();
        let title = if TITLED.swap(false, Ordering::SeqCst) { RESTORE_TITLE } else { "" };
        // A panic may come within a frame.
        let _ = queue!(
            out,
            EndSynchronizedUpdate,
            Print(title),
            DisableFocusChange,
            DisableBracketedPaste,
            DisableMouseCapture
        );
        let _ = queue!(out, LeaveAlternateScreen, Show);
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}
