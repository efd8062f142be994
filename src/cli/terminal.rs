//! Commands that need a terminal.

use std::io::IsTerminal;
use std::path::Path;

use color_eyre::eyre::eyre;

/// True when input and output are a terminal.
pub(super) fn is_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Fails unless input and output are a terminal; `instead` is the command for scripts, `what` its argument.
pub(super) fn require_terminal(instead: &str, what: &Path) -> color_eyre::Result<()> {
    if is_terminal() {
        return Ok(());
    }
    Err(eyre!(
        "failed to open the debugger: it needs a terminal, and input or output is none here. For scripts use \
         `tama-tui {instead} {}`.",
        what.display()
    ))
}
