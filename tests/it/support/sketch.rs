//! Small pipelines with scripted models, put together part by part.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use super::project::Project;

/// A pipeline, its script, and files beside them; its workspace is `work`.
pub struct Sketch {
    pipeline: String,
    replies: String,
    files: Vec<(String, String)>,
}

impl Sketch {
    /// A pipeline without agents whose task is "write" and whose models answer from a script.
    pub fn new(name: &str, entrypoint: &str) -> Self {
        Self::with_task(name, entrypoint, "write")
    }

    /// The same with another task.
    pub fn with_task(name: &str, entrypoint: &str, task: &str) -> Self {
        let head = format!("[pipeline]\nname = {}\nentrypoint = {}\n", string(name), string(entrypoint));
        let models = "workspace = \"work\"\n\n[models]\ndefault = \"script:replies.toml\"\n";
        Self { pipeline: format!("{head}task = {}\n{models}", string(task)), replies: String::new(), files: Vec::new() }
    }

    /// Adds tables to the pipeline, as TOML.
    pub fn table(mut self, toml: &str) -> Self {
        let _ = writeln!(self.pipeline, "\n{toml}");
        self
    }

    /// Adds a react agent with these tools.
    pub fn react(self, name: &str, prompt: &str, tools: &[&str]) -> Self {
        let head = format!("[agents.{name}]\npattern = \"react\"\nprompt = {}", string(prompt));
        self.table(&format!("{head}\ntools = {}", toml::Value::try_from(tools).unwrap()))
    }

    /// Adds an agent of one call.
    pub fn oneshot(self, name: &str, prompt: &str) -> Self {
        self.table(&format!("[agents.{name}]\npattern = \"oneshot\"\nprompt = {}", string(prompt)))
    }

    /// Adds an agent that runs workers side by side.
    pub fn parallel(self, name: &str, workers: &[&str]) -> Self {
        let workers = toml::Value::try_from(workers).unwrap();
        self.table(&format!("[agents.{name}]\npattern = \"parallel\"\nworkers = {workers}"))
    }

    /// Adds a stop before each call of this tool.
    pub fn stop_before(self, tool: &str) -> Self {
        self.table(&format!("[[breakpoints]]\nat = \"before-tool\"\ntool = {}", string(tool)))
    }

    /// Adds a reply of the script, as TOML; the first that matches is given.
    pub fn reply(mut self, agent: &str, toml: &str) -> Self {
        let _ = writeln!(self.replies, "[[reply]]\nagent = {}\n{toml}\n", string(agent));
        self
    }

    /// Adds the reply with these tool calls to an agent's call of this number.
    pub fn calls(self, agent: &str, call: usize, calls: &[(&str, Json)]) -> Self {
        self.says(agent, call, "", calls)
    }

    /// The same with a text.
    pub fn says(self, agent: &str, call: usize, text: &str, calls: &[(&str, Json)]) -> Self {
        let calls: Vec<String> = calls
            .iter()
            .map(|(name, args)| {
                format!("{{ name = {}, args = {} }}", string(name), toml::Value::try_from(args).unwrap())
            })
            .collect();
        self.reply(agent, &format!("call = {call}\ntext = {}\ncalls = [{}]", string(text), calls.join(", ")))
    }

    /// Adds the reply that ends an agent, to each call that has no other.
    pub fn finish(self, agent: &str, value: &str) -> Self {
        let args = format!("{{ key = \"done\", value = {} }}", string(value));
        self.reply(agent, &format!("calls = [{{ name = \"finish\", args = {args} }}]"))
    }

    /// Adds a file.
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// Writes it into a folder.
    pub fn write(&self, folder: &Path) {
        fs::create_dir_all(folder.join("work")).unwrap();
        let own = [("pipeline.toml", &self.pipeline), ("replies.toml", &self.replies)];
        for (path, text) in own.into_iter().chain(self.files.iter().map(|(path, text)| (path.as_str(), text))) {
            fs::write(folder.join(path), text).unwrap();
        }
    }

    /// Makes a project of it.
    pub fn project(&self) -> Project {
        let project = Project::empty();
        self.write(project.folder());
        project
    }
}

/// A text as TOML.
fn string(text: &str) -> String {
    toml::Value::from(text).to_string()
}
