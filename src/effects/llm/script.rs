//! `script:FILE`: answers from a TOML file, offline.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::sleep;

use super::call::{CallPosition, LlmError};
use super::progress::Progress;
use super::whole;
use crate::model::{LlmRequest, LlmResponse};
use crate::pipeline::{Reply, Script};

/// The largest number of pieces that a streamed text is cut into.
const MAX_PIECES: usize = 20;

/// A model that answers from one script file.
pub struct ScriptModel {
    file: PathBuf,
    script: Script,
}

impl ScriptModel {
    /// Reads a script.
    ///
    /// # Errors
    /// When the file can't be read or is not a valid script.
    pub fn open(file: &Path) -> Result<Self, LlmError> {
        let fault = |why: String| LlmError::new(format!("use the scripted model {}: {why}", file.display()));
        let text = fs::read_to_string(file).map_err(|error| fault(error.to_string()))?;
        let script = Script::parse(&text).map_err(|error| {
            let line = error.span.map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let prefix = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            fault(format!("{prefix}{}", error.message))
        })?;
        Ok(Self { file: file.to_owned(), script })
    }

    /// Answers a call with the first reply that matches.
    ///
    /// # Errors
    /// When none matches, or the reply is an error.
    pub async fn call(
        &self,
        request: &LlmRequest,
        position: &CallPosition,
        progress: &Progress,
    ) -> Result<LlmResponse, LlmError> {
        let found = self.script.find(&position.agent, position.call, position.attempt, request);
        let reply = found.ok_or_else(|| self.no_reply(position))?;
        stream(reply, progress).await;
        if let Some(error) = &reply.error {
            return Err(LlmError::new(format!("get an answer from {}: {error}", request.model)));
        }
        let (text, calls, stop) = (reply.text.clone(), reply.calls.clone(), reply.stop.clone());
        let kind = stop.as_deref().map(whole::kind_of_word);
        let response = LlmResponse { text, calls, usage: reply.tokens, stop, ..LlmResponse::default() };
        whole::check(request, response, kind, None)
    }

    fn no_reply(&self, position: &CallPosition) -> LlmError {
        let CallPosition { agent, call, attempt, .. } = position;
        let file = self.file.display();
        LlmError::new(format!(
            "find a reply for agent {agent:?}, call {call}, try {attempt} in {file}: none matches; add a [[reply]] with \
             agent = {agent:?} and call = {call}"
        ))
    }
}

/// Sends the text in pieces, spread over the reply's delay.
async fn stream(reply: &Reply, progress: &Progress) {
    let delay = Duration::from_millis(reply.delay_ms);
    let letters: Vec<char> = reply.text.chars().collect();
    let pieces: Vec<&[char]> = letters.chunks(letters.len().div_ceil(MAX_PIECES).max(1)).collect();
    let Some(count) = u32::try_from(pieces.len()).ok().filter(|count| *count > 0) else {
        return sleep(delay).await;
    };
    for piece in pieces {
        if !delay.is_zero() {
            sleep(delay / count).await;
        }
        progress.text(piece.iter().collect());
    }
}
