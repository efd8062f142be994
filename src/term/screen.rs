//! The terminal with everything that reads it: keys, size, signals.

use std::io::BufWriter;

use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use crossterm::{execute, queue};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};
use tokio::sync::mpsc;

use super::error::TermError;
use super::guard::{self, Guard};
use super::input::{Input, Reader, watch_hangup};
use super::output::Output;
use super::signals::Signals;

/// The terminal's columns and lines; `None` when there is none that says so.
#[must_use]
pub fn size() -> Option<(u16, u16)> {
    crossterm::terminal::size().ok()
}

/// The terminal with everything that reads it.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Output>>>,
    pub(super) inputs: mpsc::UnboundedReceiver<Input>,
    pub(super) signals: Signals,
    to_inputs: mpsc::UnboundedSender<Input>,
    reader: Option<Reader>,
    _guard: Guard,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When there is none, or it refuses.
    pub(super) fn open() -> Result<Self, TermError> {
        let signals = Signals::listen()?;
        let guard = Guard::enter()?;
        let backend = CrosstermBackend::new(BufWriter::with_capacity(1 << 16, Output::new()));
        let terminal = Terminal::new(backend).map_err(TermError::io("ask the terminal for its size"))?;
        let (to_inputs, inputs) = mpsc::unbounded_channel();
        watch_hangup(to_inputs.clone());
        let reader = Some(Reader::start(to_inputs.clone()));
        Ok(Self { terminal, inputs, signals, to_inputs, reader, _guard: guard })
    }

    /// The terminal's columns and lines.
    ///
    /// # Errors
    /// When the terminal doesn't say.
    pub(super) fn size(&self) -> Result<(u16, u16), TermError> {
        let size = self.terminal.size().map_err(TermError::io("ask the terminal for its size"))?;
        Ok((size.width, size.height))
    }

    /// Draws a frame. The terminal shows it as a whole, where it knows synchronized output (DEC mode 2026); a frame is
    /// longer than a terminal takes in at once.
    ///
    /// # Errors
    /// When the terminal fails.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame)) -> Result<(), TermError> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)
            .and_then(|()| self.terminal.draw(draw).map(drop))
            .and_then(|()| execute!(self.terminal.backend_mut(), EndSynchronizedUpdate))
            .map_err(TermError::io("draw"))
    }

    /// Restores the terminal for another program.
    pub(super) fn release(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.stop();
        }
        guard::restore_terminal();
    }

    /// Takes the terminal again.
    ///
    /// # Errors
    /// When it refuses.
    pub(super) fn reclaim(&mut self) -> Result<(), TermError> {
        guard::take_terminal()?;
        self.reader = Some(Reader::start(self.to_inputs.clone()));
        // Not `Terminal::clear`: it asks the terminal where its cursor is, and the answer gets lost among the keys.
        self.terminal.swap_buffers();
        Ok(())
    }
}
