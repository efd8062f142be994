//! Writing edited prompts back into the files that they came from.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::super::refusal::{NotWritten, NotWrittenBack, Refusal};
use super::Dispatcher;
use super::edit::stored_prompt;
use crate::model::{EditReach, Generation, TraceBody, UnwrittenEdit, Update};
use crate::pipeline::Pipeline;

impl Dispatcher {
    /// Writes every edited prompt into its file, unless somebody changed that file since.
    pub(super) fn write_back(&mut self) -> Result<(), Refusal> {
        let (written, left): (Vec<_>, Vec<_>) =
            self.unwritten().into_iter().map(|name| self.write_prompt(&name)).partition(Result::is_ok);
        for line in written.iter().flatten() {
            self.note(None, false, format!("wrote {line}"));
        }
        self.send_edits();
        let left: Vec<NotWritten> = left.into_iter().filter_map(Result::err).collect();
        if left.is_empty() { Ok(()) } else { Err(NotWrittenBack(left).into()) }
    }

    /// Says which edits are in no file.
    pub(in super::super) fn send_edits(&self) {
        let stored = self.version(Generation(u32::MAX));
        let file = |name: &str| stored_prompt(&stored, name).and_then(|prompt| prompt.file.clone());
        let edits = self.unwritten().into_iter().map(|agent| UnwrittenEdit { file: file(&agent), agent });
        self.sink.send(Update::Edits(edits.collect()));
    }

    /// Edit names whose edited prompt is not what today's files say.
    fn unwritten(&self) -> Vec<String> {
        if self.edits.edited().is_empty() {
            return Vec::new();
        }
        let today = self.today().ok();
        let is_in_file = |name: &str| {
            let prompt = today.as_ref().and_then(|today| stored_prompt(today, name));
            prompt.map(|prompt| prompt.text.as_str()) == self.edits.prompt_of(name)
        };
        self.edits.edited().into_iter().filter(|name| !is_in_file(name)).collect()
    }

    /// Edits that were written into their files are left to the files, when those say something else now.
    pub(super) fn leave_to_files(&mut self, today: &Pipeline) {
        let generation = self.generation();
        for name in self.edits.edited() {
            let says = stored_prompt(today, &name).map(|prompt| prompt.text.as_str());
            if self.written.contains_key(&name) && says != self.edits.prompt_of(&name) {
                let reach = EditReach::Agent { name };
                self.log.append(vec![TraceBody::PromptEdited { reach: reach.clone(), generation, text: None }]);
                self.edits.prompt(reach, None);
            }
        }
        self.send_edits();
    }

    fn write_prompt(&mut self, name: &str) -> Result<String, NotWritten> {
        let stored = self.version(Generation(u32::MAX));
        let agent = || name.to_owned();
        let known = stored_prompt(&stored, name).ok_or_else(|| NotWritten::NoAgent { agent: agent() })?;
        let file = known.file.as_ref().ok_or_else(|| NotWritten::NoFile { agent: agent() })?;
        let today = self.today()?;
        let today = stored_prompt(&today, name).map(|prompt| &prompt.text);
        if today != Some(&known.text) && today != self.written.get(name) {
            return Err(NotWritten::Changed { file: file.clone() });
        }
        let folder = self.source.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
        let text = self.edits.prompt_of(name).unwrap_or_default();
        replace(&folder.join(file), text).map_err(|error| NotWritten::Io { file: file.clone(), error })?;
        let text = text.to_owned();
        self.written.insert(name.to_owned(), text);
        Ok(format!("the prompt of {name} into {file}"))
    }
}

/// Replaces a file's content at once, and keeps its mode.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().set_permissions(fs::metadata(path)?.permissions())?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    Ok(())
}
