//! Passes on what an agent without a screen prints, as it comes.

use std::io::{self, IsTerminal, Write};

use tokio::sync::mpsc;

use super::text::safe;
use crate::effects::confine::OutputPart;

/// Passes on what an agent prints, until it ends. `to_stderr`: its standard output goes there too.
pub(super) async fn print(mut parts: mpsc::Receiver<OutputPart>, to_stderr: bool) {
    while let Some(part) = parts.recv().await {
        // A reader that went away (`| head`) ends neither the agent nor the run.
        let _ = tokio::task::spawn_blocking(move || write(&part, to_stderr)).await;
    }
}

fn write(part: &OutputPart, to_stderr: bool) -> io::Result<()> {
    if part.is_error || to_stderr {
        write_to(&mut io::stderr(), &part.bytes)
    } else {
        write_to(&mut io::stdout(), &part.bytes)
    }
}

/// Writes bytes as they are; to a terminal without control sequences.
fn write_to(out: &mut (impl Write + IsTerminal), bytes: &[u8]) -> io::Result<()> {
    if out.is_terminal() {
        out.write_all(safe(&String::from_utf8_lossy(bytes)).as_bytes())?;
    } else {
        out.write_all(bytes)?;
    }
    out.flush()
}
