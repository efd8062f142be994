//! Input of [`super::update`] and its output.

use super::{AgentEnd, AgentInput, AgentPicture, Key, Mouse};
use crate::model::{self, Millis, Update};

/// An event for the app.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a message is moved once, and most are updates")]
pub enum Msg {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted: it is text, never a key.
    Paste(String),
    /// The mouse did something.
    Mouse(Mouse),
    /// The terminal has this size.
    Resize {
        /// Columns.
        width: u16,
        /// Lines.
        height: u16,
    },
    /// Something came up from the run.
    Update(Update),
    /// Input that may be for the agent's terminal; wanted while [`super::State::takes_agent_input`].
    Agent(AgentInput),
    /// The agent drew on its terminal.
    AgentDrew(AgentPicture),
    /// The agent of that name is started by a retry.
    AgentBegan(String),
    /// The agent ended.
    AgentEnded(AgentEnd),
    /// So late is it, before another message: times in what follows are as of then. Nothing is drawn for it.
    Clock(Millis),
    /// So late is it; wanted only while [`super::State::wants_tick`].
    Tick(Millis),
    /// The whole text of the editor popup: the answer to [`Command::EditorTake`].
    EditorDone {
        /// The text.
        text: String,
    },
    /// `$EDITOR` ended: the answer to [`Command::OpenEditor`]. `Err` says why there is no text.
    ExternalDone(Result<String, String>),
}

/// A request to the loop around the app.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Send this to the run.
    Run(model::Command),
    /// Give this to the editor popup's text area.
    EditorInput(EditorInput),
    /// Take the editor popup's text: answer with [`Msg::EditorDone`].
    EditorTake,
    /// Leave the screen, edit the text in `$EDITOR`, come back: answer with [`Msg::ExternalDone`].
    OpenEditor {
        /// The text.
        text: String,
        /// File extension, without a dot.
        extension: &'static str,
    },
    /// Pass this on to the agent.
    Agent(AgentInput),
    /// Put what the agent's terminal shows on the clipboard.
    CopyAgent,
    /// Put the text on the clipboard.
    Copy(String),
    /// Stop as a job of the shell does; draw anew when it goes on.
    Suspend,
    /// Leave the program with this exit code, once what was sent before is done.
    Exit(u8),
}

/// Input of the editor popup's text area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditorInput {
    /// A key.
    Key(Key),
    /// Pasted text.
    Paste(String),
}
