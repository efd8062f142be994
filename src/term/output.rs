//! Output of frames.

use std::io::{self, Stdout, Write};

use super::guard;
use super::input::is_hung_up;

/// Standard output that ignores a closed terminal: the loop learns of the close as an event, and ratatui, which shows
/// the cursor when it is dropped, must not fail. Nothing of a frame gets to a terminal that was restored meanwhile, by a
/// panic.
pub(super) struct Output(Stdout);

impl Output {
    pub(super) fn new() -> Self {
        Self(io::stdout())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !guard::is_held() {
            return Ok(bytes.len());
        }
        self.0.write(bytes).or_else(|error| if is_hung_up() { Ok(bytes.len()) } else { Err(error) })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().or_else(|error| if is_hung_up() { Ok(()) } else { Err(error) })
    }
}
