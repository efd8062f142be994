//! Projects on disk for the program to run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::json;
use tempfile::TempDir;

use super::program;
use super::pty::{Pty, Start};
use super::sketch::Sketch;

/// A folder with a pipeline, its script, and a workspace `work`.
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// A folder without anything.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// The demo of an agent's shell that goes wrong, with more in its pipeline.toml.
    pub fn wreck(more: &str) -> Self {
        Self::quick("assets/demo/wreck", more)
    }

    /// A pipeline, its script and its prompts from this folder of the repository, with more in its pipeline.toml; its
    /// models answer without delay.
    pub fn quick(folder: &str, more: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let project = Self::empty();
        project.write("pipeline.toml", &format!("{}\n{more}", read("pipeline.toml")));
        let replies = read("replies.toml");
        let quick: Vec<&str> = replies.lines().filter(|line| !line.starts_with("delay_ms")).collect();
        project.write("replies.toml", &quick.join("\n"));
        for entry in fs::read_dir(folder.join("prompts")).into_iter().flatten() {
            let name = format!("prompts/{}", entry.unwrap().file_name().to_str().unwrap());
            project.write(&name, &read(&name));
        }
        project
    }

    /// One react agent, `main`, that writes `out.txt` over what was there and remembers a word, then ends.
    pub fn writer() -> Self {
        let word = json!({ "key": "word", "value": "new" });
        let file = json!({ "path": "out.txt", "content": "new\n" });
        Sketch::new("one", "main")
            .react("main", "You write.", &["tama_files_write", "tama_mem_set"])
            .stop_before("tama_files_write")
            .says("main", 1, "Writing.", &[("tama_mem_set", word), ("tama_files_write", file)])
            .finish("main", "it is written")
            .file("work/out.txt", "old\n")
            .project()
    }

    /// Opens it in the debugger, in a terminal of 110 columns and 30 lines.
    pub fn open(&self) -> Pty {
        Start::tama(self.folder(), &["."]).at(110, 30)
    }

    /// Opens it, and waits until its run stops before a tool.
    pub fn paused(&self) -> Pty {
        let mut pty = self.open();
        pty.wait("PAUSED (before tool");
        pty
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A file's text; `None` when there is none.
    pub fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    /// A file of the workspace.
    pub fn work(&self, name: &str) -> Option<String> {
        self.read(&format!("work/{name}"))
    }

    /// Runs the program here.
    pub fn tama(&self, args: &[&str]) -> Output {
        program::run(self.folder(), args)
    }

    /// Runs the program; returns the JSON that it prints.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let output = self.tama(&[args, &["--json"]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {said}"))
    }

    /// The id of the newest run.
    pub fn newest(&self) -> String {
        self.json(&["runs"])[0]["run"].as_str().unwrap().to_owned()
    }

    /// The statuses of the stored runs, newest first.
    pub fn statuses(&self) -> Vec<String> {
        let runs = self.json(&["runs"]);
        let status = |run: &serde_json::Value| run["manifest"]["status"].as_str().unwrap().to_owned();
        runs.as_array().unwrap().iter().map(status).collect()
    }
}
