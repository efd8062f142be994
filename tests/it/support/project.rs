//! Projects on disk for the program to run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A folder with a pipeline, its script, and a workspace `work`.
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// With an own pipeline.toml and replies.toml, and files beside them.
    pub fn new(pipeline: &str, replies: &str, files: &[(&str, &str)]) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(project.path("work")).unwrap();
        project.write("pipeline.toml", pipeline);
        project.write("replies.toml", replies);
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    /// The demo, whose models answer without delay.
    pub fn demo() -> Self {
        let project = Self::quick("assets/demo", "");
        let prompts = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/prompts");
        for entry in fs::read_dir(prompts).unwrap() {
            let entry = entry.unwrap();
            let name = format!("prompts/{}", entry.file_name().to_str().unwrap());
            project.write(&name, &fs::read_to_string(entry.path()).unwrap());
        }
        project
    }

    /// The demo of an agent's shell that goes wrong, with more in its pipeline.toml.
    pub fn wreck(more: &str) -> Self {
        Self::quick("assets/demo/wreck", more)
    }

    /// A pipeline and its script from this folder of the repository; its models answer without delay.
    fn quick(folder: &str, more: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let replies = read("replies.toml");
        let quick: Vec<&str> = replies.lines().filter(|line| !line.starts_with("delay_ms")).collect();
        Self::new(&format!("{}\n{more}", read("pipeline.toml")), &quick.join("\n"), &[])
    }

    /// One react agent, `main`, that writes `out.txt` over what was there and remembers a word, then ends.
    pub fn writer() -> Self {
        Self::new(WRITER, WRITER_REPLIES, &[("work/out.txt", "old\n")])
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

    /// Runs the program; returns the JSON that it prints.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let output = Command::new(env!("CARGO_BIN_EXE_tama-tui"))
            .args(args)
            .arg("--json")
            .current_dir(self.folder())
            .env_remove("TAMA_TUI_DATA_DIR")
            .output()
            .unwrap();
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

const WRITER: &str = r#"
[pipeline]
name = "one"
entrypoint = "main"
task = "write"
workspace = "work"

[models]
default = "script:replies.toml"

[agents.main]
pattern = "react"
prompt = "You write."
tools = ["tama_files_write", "tama_mem_set"]

[[breakpoints]]
at = "before-tool"
tool = "tama_files_write"
"#;

const WRITER_REPLIES: &str = r#"
[[reply]]
agent = "main"
call = 1
text = "Writing."
calls = [
    { name = "tama_mem_set", args = { key = "word", value = "new" } },
    { name = "tama_files_write", args = { path = "out.txt", content = "new\n" } },
]

[[reply]]
agent = "main"
calls = [{ name = "finish", args = { key = "done", value = "it is written" } }]
"#;
