//! A project whose one agent calls tools as the test says, run without a screen.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::program;

/// Both capture modes, by their names in a pipeline.
pub const LANES: [&str; 2] = ["auto", "portable"];

/// A project with the workspace `work`.
pub struct Agent(TempDir);

impl Agent {
    /// An empty workspace; `policy`: what its pipeline says of tools.
    pub fn new(lane: &str, policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        let pipeline = format!(
            "[pipeline]\nname = \"agent\"\nentrypoint = \"lead\"\ntask = \"go\"\nworkspace = \"work\"\n\
             [models]\ndefault = \"script:replies.toml\"\n[capture]\nlane = \"{lane}\"\n[policy]\n{policy}\n\
             [agents.lead]\npattern = \"react\"\nprompt = \"lead\"\nmax_iter = 40\n\
             tools = [\"tama_bash\", \"tama_files_read\", \"tama_files_write\", \"tama_files_delete\"]\n"
        );
        fs::write(folder.path().join("pipeline.toml"), pipeline).unwrap();
        Self(folder)
    }

    /// Tools run without a question.
    pub fn allowed(lane: &str) -> Self {
        Self::new(lane, "allow = [\"tama_*\"]")
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn work(&self, name: &str) -> PathBuf {
        self.folder().join("work").join(name)
    }

    pub fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.work(name)).ok()
    }

    /// Has the agent call these tools, one after another, when it runs next.
    pub fn calls(&self, calls: &[(&str, Json)]) {
        let mut replies = String::new();
        for (at, (name, args)) in calls.iter().enumerate() {
            let args: Vec<String> =
                args.as_object().unwrap().iter().map(|(name, value)| format!("{name} = {value}")).collect();
            let call = format!("{{ name = \"{name}\", args = {{ {} }} }}", args.join(", "));
            let _ = writeln!(replies, "[[reply]]\nagent = \"lead\"\ncall = {}\ncalls = [{call}]", at + 1);
        }
        replies += "[[reply]]\nagent = \"lead\"\ntext = \"end\"\n";
        fs::write(self.folder().join("replies.toml"), replies).unwrap();
    }

    /// The same for commands.
    pub fn commands(&self, commands: &[&str]) {
        let calls: Vec<(&str, Json)> = commands.iter().map(|line| ("tama_bash", json!({ "command": line }))).collect();
        self.calls(&calls);
    }

    pub fn tama(&self, args: &[&str]) -> Output {
        let mut command = program::command();
        command.args(args).current_dir(self.folder()).env_remove("TAMA_TUI_DATA_DIR").output().unwrap()
    }

    /// Runs the pipeline; its exit code and all that it printed.
    pub fn run(&self, more: &[&str]) -> (Option<i32>, String) {
        said(&self.tama(&[&["run", "pipeline.toml"], more].concat()))
    }

    /// Undoes the newest run.
    pub fn undo(&self, more: &[&str]) -> (Option<i32>, String) {
        let id = self.newest();
        said(&self.tama(&[&["undo", &id], more].concat()))
    }

    /// The newest run.
    pub fn newest(&self) -> String {
        let runs: Json = serde_json::from_slice(&self.tama(&["runs", "--json"]).stdout).unwrap();
        runs[0]["run"].as_str().unwrap().to_owned()
    }
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}
