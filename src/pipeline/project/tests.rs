//! Projects as files in a folder: as tama's documentation describes them, as `tama init` writes them, and every trap.

mod environment;
mod random;
mod traps;
mod whole;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::super::faults::Fault;
use super::super::load::{Loaded, read};
use super::Environment;

/// A project in a folder.
struct Files(TempDir);

impl Files {
    /// A tama.toml whose models answer from a script.
    fn scripted(entrypoint: &str) -> Self {
        let files = Self::none();
        let head = format!("[project]\nname = \"sample\"\nentrypoint = \"{entrypoint}\"\n");
        files.file("tama.toml", &format!("{head}\n[models]\ndefault = \"script:replies.toml\"\n"))
    }

    fn none() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.file("replies.toml", "[[reply]]\nagent = \"*\"\ntext = \"x\"\n")
    }

    fn file(self, name: &str, text: &str) -> Self {
        self.put(name, text);
        self
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// An AGENT.md with these lines in its head beside `name`, `description` and `version`.
    fn agent(self, name: &str, head: &str) -> Self {
        let text = agent(name, head);
        self.file(&format!("agents/{name}/AGENT.md"), &text)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn load(&self) -> Loaded {
        self.load_with(&[])
    }

    fn load_with(&self, env: &[(&str, &str)]) -> Loaded {
        self.read(env).unwrap_or_else(|faults| panic!("{faults:#?}"))
    }

    /// Loads it; faults are `FILE:LINE:COLUMN [underlined] message | help`.
    fn read(&self, env: &[(&str, &str)]) -> Result<Loaded, Vec<String>> {
        let env: Environment = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let bare = format!("{}/", self.path().display());
        let line = |fault: &Fault| {
            let help = fault.help.as_deref().unwrap_or_default();
            let (file, at) = (fault.file.replace(&bare, ""), (fault.line, fault.column));
            format!("{file}:{}:{} [{}] {} | {help}", at.0, at.1, fault.underlined(), fault.message)
        };
        let read = read(self.path(), false, &env).map(|mut loaded| {
            loaded.warnings.iter_mut().for_each(|line| *line = line.replace(&bare, ""));
            loaded
        });
        read.map_err(|faults| faults.all().iter().map(line).collect())
    }
}

/// An AGENT.md with these lines in its head beside `name`, `description` and `version`.
fn agent(name: &str, head: &str) -> String {
    format!("---\nname: {name}\ndescription: It works.\nversion: 1.0.0\n{head}\n---\n\nYou are {name}.\n")
}
