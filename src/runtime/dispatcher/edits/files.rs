//! The files of edited prompts: read and written beside the loop, never on it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::versions::read_today;
use crate::model::UnwrittenEdit;
use crate::pipeline::replace_prompt;
use crate::runtime::prompt::stored_prompt;
use crate::runtime::refusal::NotWritten;

/// The edited prompts of a run, and the file of today's pipeline.
pub(in super::super::super) struct PromptFiles {
    prompts: Vec<EditedPrompt>,
    source: Option<PathBuf>,
}

/// An edited prompt.
pub(super) struct EditedPrompt {
    /// The agent's edit name.
    pub agent: String,
    pub text: String,
    /// False when the run's pipeline has no such prompt.
    pub is_known: bool,
    /// Its file, relative to the pipeline's folder.
    pub file: Option<String>,
    /// The text that the run knows its file by.
    pub known: String,
    /// The text that was written into its file.
    pub written: Option<String>,
}

/// A prompt that was written into its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super::super) struct WrittenPrompt {
    /// The agent's edit name.
    pub agent: String,
    /// The file.
    pub file: String,
    /// The prompt.
    pub text: String,
}

impl PromptFiles {
    /// Takes the edited prompts, and the file of today's pipeline.
    pub(super) fn new(prompts: Vec<EditedPrompt>, source: Option<PathBuf>) -> Self {
        Self { prompts, source }
    }

    /// True when no prompt is edited.
    pub fn is_empty(&self) -> bool {
        self.prompts.is_empty()
    }

    /// Lists the edits that today's files don't have. Reads files.
    pub fn unwritten(&self) -> Vec<UnwrittenEdit> {
        let of = |edit: &EditedPrompt| UnwrittenEdit { agent: edit.agent.clone(), file: edit.file.clone() };
        self.left().into_iter().map(of).collect()
    }

    /// Writes every edited prompt into its file, unless somebody changed that file since. Reads and writes files.
    pub fn write(&self) -> (Vec<WrittenPrompt>, Vec<NotWritten>) {
        let (mut written, mut not) = (Vec::new(), Vec::new());
        for edit in self.left() {
            match self.write_one(edit) {
                Ok(prompt) => written.push(prompt),
                Err(why) => not.push(why),
            }
        }
        (written, not)
    }

    /// The edits that today's files don't have.
    fn left(&self) -> Vec<&EditedPrompt> {
        if self.prompts.is_empty() {
            return Vec::new();
        }
        let today = read_today(self.source.as_deref()).ok();
        let is_in_file = |edit: &&EditedPrompt| {
            let prompt = today.as_ref().and_then(|today| stored_prompt(today, &edit.agent));
            prompt.is_some_and(|prompt| prompt.text == edit.text)
        };
        self.prompts.iter().filter(|edit| !is_in_file(edit)).collect()
    }

    fn write_one(&self, edit: &EditedPrompt) -> Result<WrittenPrompt, NotWritten> {
        let agent = || edit.agent.clone();
        if !edit.is_known {
            return Err(NotWritten::NoAgent { agent: agent() });
        }
        let file = edit.file.clone().ok_or_else(|| NotWritten::NoFile { agent: agent() })?;
        // Read anew for each: two agents may share a file.
        let today = read_today(self.source.as_deref())?;
        let text = stored_prompt(&today, &edit.agent).map(|prompt| &prompt.text);
        if text != Some(&edit.known) && text != edit.written.as_ref() {
            return Err(NotWritten::Changed { file });
        }
        let folder = self.source.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
        match replace(&folder.join(&file), &edit.text) {
            Ok(()) => Ok(WrittenPrompt { agent: agent(), file, text: edit.text.clone() }),
            Err(error) => Err(NotWritten::Io { file, error }),
        }
    }
}

/// Replaces the prompt in a file at once, and keeps its head and its mode.
fn replace(path: &Path, prompt: &str) -> std::io::Result<()> {
    let text = replace_prompt(&fs::read_to_string(path)?, prompt);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().set_permissions(fs::metadata(path)?.permissions())?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    Ok(())
}
