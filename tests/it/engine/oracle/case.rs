//! A pipeline with its scripted model, as data; and the files that it is written into.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::{Value as Json, json};
use tama_tui::model::CaptureMode;

use super::edit::{Edit, EditKind, OTHER, Origin, edited_prompt};
use super::tools::Written;

/// The text that every changed outcome has, and by which the script's other replies are chosen.
pub const NEW: &str = "NEW";

/// A folder of the workspace that capture leaves out: commands leave a file there each time they run, and find there
/// what the test puts in.
pub const RAN: &str = "ran";

/// Changes that are made to one run, at most.
pub const MOST_CHANGES: usize = 4;

/// The numbers of the commands in a changed reply.
pub fn changed_commands(change: usize) -> std::ops::Range<usize> {
    let first = 1000 * change + 1;
    first..first + 4
}

/// How large a case may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Levels of agents.
    pub depth: usize,
    /// Agents that one agent runs, at most.
    pub width: usize,
    /// Model calls of a tool loop, at most.
    pub steps: usize,
}

/// A pipeline and the replies of its model.
pub struct Case {
    pub seed: u64,
    pub size: Size,
    /// Branches of a fan-out use the same keys. One tool then runs at a time, in an order by the seed.
    pub shares: bool,
    pub capture: CaptureMode,
    pub max_parallel: Option<usize>,
    pub agents: Vec<Agent>,
    pub replies: Vec<Reply>,
    /// The places that a changed reply can be made for.
    pub spots: Vec<Spot>,
    /// The call that does not come to its end before the retry.
    pub held: Option<Held>,
    /// Commands in the script; each has a number of its own, from 1.
    pub commands: usize,
    /// The replies that the other model has instead.
    pub others: Vec<Reply>,
    /// Everything that the script writes.
    pub written: Vec<Written>,
}

/// An agent of the pipeline.
pub struct Agent {
    pub name: String,
    /// Its keys but the prompts.
    pub keys: String,
    /// Its prompt, where it has one of its own.
    pub prompt: Option<String>,
}

/// A reply of the scripted model.
#[derive(Clone)]
pub struct Reply {
    pub agent: String,
    pub call: u32,
    /// Only for requests that have this text in them.
    pub contains: Option<String>,
    pub answer: Answer,
}

#[derive(Clone)]
pub enum Answer {
    Text(String),
    Calls(Vec<(String, Json)>),
    Error(String),
}

/// A call of the model, and what may stand there.
#[derive(Clone)]
pub struct Spot {
    pub agent: String,
    pub call: u32,
    pub kind: SpotKind,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpotKind {
    Oneshot,
    Loop,
    Map,
}

/// The keys that an agent may touch, by their beginnings.
#[derive(Clone, Default)]
pub struct Place {
    /// Those that no branch beside it uses.
    pub own: Vec<String>,
    /// Those that it only reads.
    pub read: Vec<String>,
    /// The branches beside it, which it reads while they run; none where keys are disjoint.
    pub beside: Vec<Neighbor>,
    /// True in a branch of a fan-out.
    pub is_branch: bool,
}

/// A branch of the same fan-out, or of one around it.
#[derive(Clone)]
pub struct Neighbor {
    /// The beginning of its keys.
    pub key: String,
    /// Its agent's path, with which the texts that it writes begin.
    pub path: String,
}

#[derive(Clone)]
pub enum Held {
    /// A model call.
    Llm { agent: String, call: u32 },
    /// A command, by its number.
    Command(usize),
}

/// A changed outcome.
#[derive(Clone)]
pub enum Change {
    /// A call of the model answers this.
    Reply(Reply),
    /// A command finds the changed text outside.
    Flag(usize),
    /// An agent's prompt in its file.
    PromptFile(String),
    /// An agent's prompt, edited in the run.
    PromptEdit(String),
    /// An edit that a retry or a fork is made with.
    Edit(Edit),
}

impl Case {
    /// pipeline.toml. `for_test`: as the run under test has it; a run for comparison starts all branches at once.
    pub fn pipeline(&self, changes: &[Change], for_test: bool) -> String {
        let lane = match self.capture {
            CaptureMode::Overlay => "auto",
            CaptureMode::Snapshot => "snapshot",
        };
        let width = if for_test { self.max_parallel } else { Some(64) };
        let limits = width.map(|width| format!("[limits]\nmax_parallel = {width}\n")).unwrap_or_default();
        let edits: Vec<&EditKind> = changes.iter().filter(|_| !for_test).filter_map(Change::edit_kind).collect();
        let task = edits.iter().find_map(|edit| match edit {
            EditKind::Input(text, Origin::Task) => Some(text.as_str()),
            _ => None,
        });
        let mut text = format!(
            "[pipeline]\nname = \"oracle\"\nentrypoint = \"{}\"\ntask = \"{}\"\nworkspace = \"work\"\n\
             [models]\ndefault = \"script:replies.toml\"\n{OTHER} = \"script:{OTHER}.toml\"\n\
             [policy]\nallow = [\"tama_*\"]\n\
             [capture]\nlane = \"{lane}\"\nexclude = [\"{RAN}\"]\n{limits}",
            self.agents[0].name,
            task.unwrap_or("the task"),
        );
        for agent in &self.agents {
            let is_new = changes.iter().any(|change| match change {
                Change::PromptFile(name) => *name == agent.name,
                // A run for comparison has the edited prompt from the start.
                Change::PromptEdit(name) => !for_test && *name == agent.name,
                _ => false,
            });
            let is_edited = |edit: &&EditKind| matches!(edit, EditKind::Prompt(name) if *name == agent.name);
            let is_answered = |edit: &&EditKind| matches!(edit, EditKind::AnswerForAll(name, _) if *name == agent.name);
            writeln!(text, "[agents.{}]", agent.name).unwrap();
            if edits.iter().any(is_answered) {
                writeln!(text, "pattern = \"oneshot\"\nprompt = \"answered\"").unwrap();
                continue;
            }
            writeln!(text, "{}", agent.keys).unwrap();
            if edits.iter().any(is_edited) {
                writeln!(text, "prompt = \"{}\"", edited_prompt(&agent.name)).unwrap();
            } else if let Some(prompt) = &agent.prompt {
                // Before the tables of steps, which only agents without a prompt have.
                let new = if is_new { format!(" {NEW}") } else { String::new() };
                writeln!(text, "prompt = \"{prompt}{new}\"").unwrap();
            }
        }
        text
    }

    /// replies.toml. `held`: with the call that does not come to its end. `first`: the replies before all others.
    pub fn script(&self, changes: &[Change], held: bool, first: &[Reply]) -> String {
        let mut replies: Vec<Json> = first.iter().map(Reply::json).collect();
        if let (true, Some(Held::Llm { agent, call })) = (held, &self.held) {
            replies.push(json!({ "agent": agent, "call": call, "text": "never", "delay_ms": 3_600_000 }));
        }
        let newest = changes.iter().rev().filter_map(|change| match change {
            Change::Reply(reply) => Some(reply),
            _ => None,
        });
        replies.extend(newest.chain(&self.replies).map(Reply::json));
        replies.push(json!({ "agent": "*", "text": "nothing more" }));
        toml::to_string(&json!({ "reply": replies })).unwrap()
    }

    /// Writes everything into a folder.
    pub fn write(&self, folder: &Path, changes: &[Change], for_test: bool) {
        let work = folder.join("work");
        for at in [RAN, "start/d"] {
            fs::create_dir_all(work.join(at)).unwrap();
        }
        // A new name in there would be told in the result of the command that made it.
        let changes_made = MOST_CHANGES + self.spots.len();
        for number in (1..=self.commands).chain((1..=changes_made).flat_map(changed_commands)) {
            fs::write(work.join(RAN).join(format!("t.{number}")), "").unwrap();
        }
        fs::write(work.join("start/a"), "v:start;").unwrap();
        fs::write(work.join("start/d/b"), "v:below;").unwrap();
        fs::set_permissions(work.join("start/d/b"), PermissionsExt::from_mode(0o600)).unwrap();
        symlink("a", work.join("start/link")).unwrap();
        self.write_changes(folder, changes, for_test);
        let held = work.join(RAN).join("hold");
        match self.held {
            Some(Held::Command(number)) if for_test => fs::write(held, number.to_string()).unwrap(),
            _ => fs::write(held, "none").unwrap(),
        }
        if for_test {
            fs::write(folder.join("replies.toml"), self.script(changes, true, &[])).unwrap();
        }
    }

    /// Writes what a change is made by; nothing is held any more.
    pub fn write_changes(&self, folder: &Path, changes: &[Change], for_test: bool) {
        let ran = folder.join("work").join(RAN);
        fs::write(folder.join("pipeline.toml"), self.pipeline(changes, for_test)).unwrap();
        let edited: Vec<Reply> = if for_test {
            Vec::new()
        } else {
            let edits = changes.iter().filter_map(Change::edit);
            edits.flat_map(|edit| edit.replies(&self.others)).collect()
        };
        fs::write(folder.join("replies.toml"), self.script(changes, false, &edited)).unwrap();
        fs::write(folder.join(format!("{OTHER}.toml")), self.script(changes, false, &self.others)).unwrap();
        fs::write(ran.join("hold"), "none").unwrap();
        let flags: Vec<String> = changes
            .iter()
            .filter_map(|change| match change {
                Change::Flag(number) => Some(format!("{number}.")),
                _ => None,
            })
            .collect();
        fs::write(ran.join("flags"), format!(".{}", flags.concat())).unwrap();
    }
}

impl Reply {
    fn json(&self) -> Json {
        let mut reply = json!({ "agent": self.agent, "call": self.call });
        if let Some(text) = &self.contains {
            reply["contains"] = text.as_str().into();
        }
        match &self.answer {
            Answer::Text(text) => reply["text"] = text.as_str().into(),
            Answer::Error(error) => reply["error"] = error.as_str().into(),
            Answer::Calls(calls) => {
                let calls = calls.iter().map(|(name, args)| json!({ "name": name, "args": args }));
                reply["calls"] = calls.collect();
            }
        }
        reply
    }
}

impl Change {
    /// The edit that it is.
    pub fn edit(&self) -> Option<&Edit> {
        match self {
            Self::Edit(edit) => Some(edit),
            _ => None,
        }
    }

    fn edit_kind(&self) -> Option<&EditKind> {
        self.edit().map(|edit| &edit.kind)
    }

    /// The change in a line.
    pub fn describe(&self) -> String {
        match self {
            Self::Reply(reply) => format!("changed: {}", reply.json()),
            Self::Flag(number) => format!("changed: command {number} finds {NEW}"),
            Self::PromptFile(name) => format!("changed: the prompt of {name} in its file"),
            Self::PromptEdit(name) => format!("changed: the prompt of {name}, edited"),
            Self::Edit(edit) => edit.describe(),
        }
    }
}
