//! Where frames are written to.

use std::io::{self, Stdout, Write};

use super::input::is_hung_up;

/// Standard output, where a closed terminal is no error: that it is closed is told once, as an event, and whoever
/// writes last words (ratatui shows the cursor, and complains on stderr) must not fail over it.
pub(super) struct Output(Stdout);

impl Output {
    pub(super) fn new() -> Self {
        Self(io::stdout())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).or_else(|error| if is_hung_up() { Ok(bytes.len()) } else { Err(error) })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().or_else(|error| if is_hung_up() { Ok(()) } else { Err(error) })
    }
}
