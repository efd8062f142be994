//! The resolved pipeline: everything a run needs to be understood and executed again, without any file.

use std::collections::BTreeMap;
use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::wrapped::Wrapped;
use crate::model::{Breakpoint, EffectClass, McpServer, ModelName, ModelOptions};

/// A pipeline with every prompt, step and skill read in. It is stored with the run as JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Its name, kebab-case.
    pub name: String,
    /// The agent it starts with.
    pub entrypoint: String,
    /// The task used when none is given.
    pub task: Option<String>,
    /// The folder tools may touch, relative to the pipeline's folder.
    pub workspace: String,
    /// The agents by name, in file order.
    pub agents: IndexMap<String, Agent>,
    /// The user's own tools by name, in file order.
    #[serde(default)]
    pub tools: IndexMap<String, CustomTool>,
    /// The MCP servers by name, in file order.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub mcp: IndexMap<String, McpServer>,
    /// Settings of providers by name.
    pub providers: BTreeMap<String, Provider>,
    /// Prices by `provider:model`.
    pub prices: BTreeMap<String, Price>,
    /// The settings for finding the changes of commands.
    #[serde(default)]
    pub capture: Capture,
    /// The rules that let tools run, ask or be denied.
    pub policy: Policy,
    /// Bounds on a run.
    pub limits: Limits,
    /// The command that judges a try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// The models of roles by name, for tries with another model.
    #[serde(default, skip_serializing_if = "Roles::is_empty")]
    pub roles: Roles,
    /// Shared breakpoints.
    pub breakpoints: Vec<Breakpoint>,
    /// Files, relative to the pipeline's folder, that it was loaded from beside those of its prompts, skills and scripts;
    /// also some that are not there, and would change it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// The agent of another program that is run in place of a pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapped: Option<Wrapped>,
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// Its purpose.
    pub description: String,
    /// Its pattern.
    pub pattern: Pattern,
    /// Its model; `None` for patterns that call none themselves.
    pub model: Option<Model>,
    /// Names of the tools it may call.
    pub tools: Vec<String>,
    /// Skills it may read.
    pub skills: Vec<Skill>,
    /// Bound on the model calls of a tool loop.
    pub max_iter: u32,
    /// Its system prompt; `None` for patterns that have none themselves.
    pub prompt: Option<Prompt>,
    /// Its steps by name (`map` and `reduce` of a scatter).
    pub steps: IndexMap<String, Step>,
}

/// The pattern of an agent; the meaning of each pattern is tama's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "pattern", rename_all = "kebab-case")]
pub enum Pattern {
    /// One model call.
    Oneshot,
    /// A tool loop.
    React,
    /// Agents routed by finish key.
    Fsm {
        /// The first state.
        initial: String,
        /// Transitions by state: finish key (lower case, or `*`) to the next.
        states: IndexMap<String, IndexMap<String, Target>>,
    },
    /// Fixed workers, same input, concurrently.
    Parallel {
        /// The workers' agent names; one may be listed twice.
        workers: Vec<String>,
    },
    /// Map to items, one worker per item, reduce.
    Scatter {
        /// The worker's agent name.
        worker: String,
    },
    /// Draft, critique, refine.
    Critic,
    /// Act and reflect, until the reflection is content.
    Reflexion {
        /// How often it acts at most.
        rounds: u32,
    },
    /// Generate, critique, revise.
    Constitutional,
    /// Generate, list the claims, check each, revise.
    ChainOfVerification,
    /// Plan, execute each step, verify.
    PlanExecute,
    /// Agents argue in rounds, then one judges.
    Debate {
        /// Names of those that argue.
        agents: Vec<String>,
        /// How many rounds.
        rounds: u32,
        /// The name of the one that judges.
        judge: String,
    },
    /// Variants at once, then a step picks.
    BestOfN {
        /// How many variants.
        n: u32,
    },
    /// Asks a person, and goes on with the answer.
    Human,
    /// An agent of another program, which this program watches. No file can name it.
    Wrapped,
}

impl Pattern {
    /// Returns the name used in pipeline.toml.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Oneshot => "oneshot",
            Self::React => "react",
            Self::Fsm { .. } => "fsm",
            Self::Parallel { .. } => "parallel",
            Self::Scatter { .. } => "scatter",
            Self::Critic => "critic",
            Self::Reflexion { .. } => "reflexion",
            Self::Constitutional => "constitutional",
            Self::ChainOfVerification => "chain-of-verification",
            Self::PlanExecute => "plan-execute",
            Self::Debate { .. } => "debate",
            Self::BestOfN { .. } => "best-of-n",
            Self::Human => "human",
            Self::Wrapped => "wrapped",
        }
    }
}

/// The next state of an fsm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// It stops with the last output.
    End,
    /// It runs this agent.
    Agent(String),
}

/// One step of an agent, with its own prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its system prompt.
    pub prompt: Prompt,
    /// Its model (the agent's unless it sets its own).
    pub model: Option<Model>,
    /// True for a tool loop, false for one call.
    pub react: bool,
    /// Names of the tools it may call.
    pub tools: Vec<String>,
    /// Skills it may read beside those of its agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<Skill>,
    /// Bound on the model calls of its tool loop; `None`: its agent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_iter: Option<u32>,
}

/// A prompt and its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The text.
    pub text: String,
    /// Its file as the pipeline names it; `None` when it is written in the pipeline itself.
    pub file: Option<String>,
}

/// A model with its options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Its name.
    pub name: ModelName,
    /// Its options.
    #[serde(default)]
    pub options: ModelOptions,
}

/// A skill: instructions an agent may read, which unlock tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skill {
    /// Its name.
    pub name: String,
    /// Its purpose, one line for the model.
    pub description: String,
    /// The instructions.
    pub body: String,
    /// Tools it unlocks.
    pub tools: Vec<String>,
    /// Its file, relative to the pipeline's folder; `None`: `skills/NAME/SKILL.md`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// A tool of the user's own: a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomTool {
    /// Its name.
    pub name: String,
    /// Its purpose, for the model.
    pub description: String,
    /// The program and its arguments, with holes ([`crate::model::fill`]): `{ARGUMENT}`.
    pub command: Vec<String>,
    /// The command that runs before it; its output is `{before}`.
    pub before: Option<Vec<String>>,
    /// The undo command, with holes `{ARGUMENT}`, `{before}`, `{result}`, `{result.FIELD}`.
    pub undo: Option<Vec<String>>,
    /// The class of its effect on the world.
    pub effect: EffectClass,
    /// True when it may use the network.
    pub network: bool,
    /// True when it may use Unix sockets, also without the network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub local_sockets: bool,
    /// Seconds it may take.
    pub timeout_seconds: u64,
    /// Its arguments by name, in file order.
    pub args: IndexMap<String, ToolArg>,
}

/// An argument of a tool of the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolArg {
    /// Its type.
    #[serde(rename = "type")]
    pub holds: ArgType,
    /// Its purpose, for the model.
    pub description: String,
    /// True when it must be given.
    pub required: bool,
}

/// The type of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArgType {
    /// A string.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
}

impl ArgType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::String, Self::Integer, Self::Number, Self::Boolean];

    /// Returns the name used in pipeline.toml and JSON Schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// Settings of a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// The address of its API, ending with `/`; `None`: the provider's own.
    pub base_url: Option<String>,
    /// The environment variable that holds the key; `None`: the provider's usual one.
    pub api_key_env: Option<String>,
    /// The longest time without a byte of the answer, in seconds.
    pub timeout_seconds: Option<u64>,
    /// The dialect that it speaks: one of [`super::APIS`]; `None`: the provider's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// How often a call that the server refuses for now is sent at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// How long a call waits between tries at most, in all, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<u64>,
}

/// US dollars per million tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// Of the request.
    pub input: f64,
    /// Of the response.
    pub output: f64,
    /// Of the part of the request that the provider read from its cache; `None`: as the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<f64>,
    /// The day for which it was public; `None`: it is the pipeline's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<String>,
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${} in, ", self.input)?;
        if let Some(cached) = self.cached {
            write!(f, "${cached} cached, ")?;
        }
        write!(f, "${} out per million tokens", self.output)?;
        match &self.public {
            Some(day) => write!(f, " (public price of {day})"),
            None => f.write_str(" (from [prices])"),
        }
    }
}

/// Globs over tool names, and over arguments after a colon; deny beats ask beats allow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Run without asking.
    pub allow: Vec<String>,
    /// Ask first (headless: denied).
    pub ask: Vec<String>,
    /// Never run.
    pub deny: Vec<String>,
    /// The lines of the rules in the pipeline's file.
    #[serde(default, skip_serializing_if = "RuleLines::is_empty")]
    pub lines: RuleLines,
}

/// The lines, from 1, on which the rules that ask stand. Two policies that differ in nothing else are the same.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RuleLines(BTreeMap<String, u32>);

impl RuleLines {
    /// The line of a rule.
    #[must_use]
    pub fn of(&self, rule: &str) -> Option<u32> {
        self.0.get(rule).copied()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, u32)> for RuleLines {
    fn from_iter<T: IntoIterator<Item = (String, u32)>>(lines: T) -> Self {
        Self(lines.into_iter().collect())
    }
}

impl PartialEq for RuleLines {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for RuleLines {}

/// The settings for finding the changes of commands in the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// Compare the workspace with a snapshot of before, even where an overlay could be used.
    #[serde(rename = "portable")]
    pub snapshot: bool,
    /// Globs over paths in the workspace; changes there can't be undone.
    pub exclude: Vec<String>,
    /// Larger files can't be undone, in millions of bytes; `None`: the usual bound.
    pub max_file_mb: Option<u64>,
    /// Keep the files that actions leave, too, so that every moment can be shown and redone.
    #[serde(default = "yes")]
    pub after: bool,
}

impl Default for Capture {
    fn default() -> Self {
        Self { snapshot: false, exclude: Vec::new(), max_file_mb: None, after: true }
    }
}

fn yes() -> bool {
    true
}

/// A command that judges a try: exit code 0 passes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verify {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Seconds it may take.
    pub timeout_seconds: u64,
}

/// The models of roles by name. They are for tries with another model: agents have their own, so two pipelines that
/// differ in nothing else are the same.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Roles(BTreeMap<String, Model>);

impl Roles {
    /// The model of a role.
    #[must_use]
    pub fn get(&self, role: &str) -> Option<&Model> {
        self.0.get(role)
    }

    /// All roles with their models, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Model)> {
        self.0.iter()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, Model)> for Roles {
    fn from_iter<T: IntoIterator<Item = (String, Model)>>(roles: T) -> Self {
        Self(roles.into_iter().collect())
    }
}

impl PartialEq for Roles {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Bounds on a run; crossing one pauses it (headless: fails).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Tokens, input and output together.
    pub max_tokens: Option<u64>,
    /// US dollars.
    pub max_cost_usd: Option<f64>,
    /// Effects (model calls and tools) at work at once; 8 when it is left out.
    pub max_parallel: Option<usize>,
}

impl Limits {
    /// Effects at work at once, unless `max_parallel` says otherwise.
    const USUAL_PARALLEL: usize = 8;

    /// How many effects may be at work at once.
    #[must_use]
    pub fn effects_at_once(&self) -> usize {
        self.max_parallel.unwrap_or(Self::USUAL_PARALLEL).max(1)
    }
}
