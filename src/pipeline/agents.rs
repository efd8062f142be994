//! Reads `[agents.*]`: each pattern asks for its own keys, prompts and steps.

mod steps;

pub(super) use steps::stepped_pattern;

use std::fs;
use std::path::Path;

use indexmap::IndexMap;
use toml::Spanned;

use super::fsm::read_states;
use super::graph::Graph;
use super::markdown::prompt_text;
use super::models::{Models, Named};
use super::names::{is_kebab, suggest};
use super::patterns::{self, MAX_ITER, PatternRow};
use super::reader::{Table, Text};
use super::skills::read_skill;
use super::spec::{Agent, Model, Pattern, Prompt, Skill};
use super::tools::read_tools;

/// Reads agents with the settings that they share.
pub(super) struct Agents<'a> {
    base: &'a Path,
    models: &'a Models<'a>,
    /// Names of the user's own tools, those with faults too.
    tools: &'a [String],
    graph: Graph,
}

impl<'a> Agents<'a> {
    /// Prepares to read agents; `tools`: names of the user's own tools, those with faults too.
    pub(super) fn new(base: &'a Path, models: &'a Models<'a>, tools: &'a [String]) -> Self {
        Self { base, models, tools, graph: Graph::default() }
    }

    /// Returns the graph of the agents that were read.
    pub(super) fn into_graph(self) -> Graph {
        self.graph
    }

    /// Reads every agent; those with faults are left out.
    pub(super) fn read(&mut self, table: &Table<'a>) -> IndexMap<String, Agent> {
        let children = table.children();
        self.graph = Graph::new(children.iter().map(|(name, _)| name.get_ref().clone()).collect());
        let mut agents = IndexMap::new();
        for (name, table) in children {
            if !is_kebab(name.get_ref()) {
                let help = "lower-case words with hyphens, e.g. `release-notes`";
                table.doc.fault_help(
                    name.span(),
                    format!("the agent's name `{}` is not kebab-case", name.get_ref()),
                    help,
                );
            }
            if let Some(agent) = self.agent(name.get_ref(), &table) {
                agents.insert(name.into_inner(), agent);
            }
        }
        agents
    }

    fn agent(&mut self, name: &str, table: &Table<'a>) -> Option<Agent> {
        let description = table.string("description").map(Spanned::into_inner).unwrap_or_default();
        let row = read_pattern(table)?;
        let mut agent = Agent {
            name: name.to_owned(),
            description,
            pattern: Pattern::Oneshot,
            model: None,
            tools: vec![],
            skills: vec![],
            max_iter: MAX_ITER,
            prompt: None,
            steps: IndexMap::new(),
        };
        let whole = match row.name {
            "fsm" | "parallel" | "debate" => self.composite(table, row, &mut agent),
            "scatter" => self.scatter(table, &mut agent),
            "oneshot" | "react" => self.caller(table, row.name == "react", &mut agent),
            _ => self.stepped(table, row, &mut agent),
        };
        table.finish();
        whole.map(|()| agent)
    }

    /// `oneshot` and `react`: a prompt and a model of its own.
    fn caller(&self, table: &Table<'a>, react: bool, agent: &mut Agent) -> Option<()> {
        let prompt = self.prompt(table);
        let model = self.model(table);
        if react {
            agent.pattern = Pattern::React;
            agent.tools = read_tools(table, self.tools);
            agent.max_iter = table.count_u32("max_iter").unwrap_or(MAX_ITER);
            agent.skills = self.skills(table);
        } else {
            for key in ["tools", "skills", "max_iter"] {
                table.refuse(key, &format!("`{key}` belongs to a tool loop"), "use pattern = \"react\"");
            }
        }
        (agent.model, agent.prompt) = (Some(model?), Some(prompt?));
        Some(())
    }

    /// `fsm`, `parallel` and `debate`: they only run other agents.
    fn composite(&mut self, table: &Table<'a>, row: &PatternRow, agent: &mut Agent) -> Option<()> {
        let named = row.name;
        for key in ["prompt", "prompt_file", "model", "tools", "skills", "max_iter", "steps"] {
            let message = format!("pattern `{named}` calls no model itself and has no `{key}`");
            table.refuse(key, &message, "put it into the agents that it runs");
        }
        agent.pattern = match named {
            "fsm" => {
                let (initial, states) = read_states(&mut self.graph, table, &agent.name)?;
                Pattern::Fsm { initial, states }
            }
            "debate" => self.debate(table, &agent.name)?,
            _ => Pattern::Parallel { workers: self.agents(table, "workers", &agent.name)? },
        };
        Some(())
    }

    fn debate(&mut self, table: &Table<'a>, from: &str) -> Option<Pattern> {
        let agents = self.agents(table, "agents", from);
        let rounds = required_count(table, "rounds", "how many rounds they argue");
        let judge = table.required("judge", "the agent that judges at the end");
        let known = judge.as_ref().is_some_and(|judge| self.graph.refer(table, from, judge));
        let judge = judge.filter(|_| known)?.into_inner();
        Some(Pattern::Debate { agents: agents?, rounds: rounds?, judge })
    }

    /// A list of agents that it runs.
    fn agents(&mut self, table: &Table<'a>, key: &'static str, from: &str) -> Option<Vec<String>> {
        let workers = table.strings(key);
        if workers.is_empty() {
            match table.get(key) {
                None => table.missing(key, &format!("a list of agents, e.g. {key} = [\"a\", \"b\"]")),
                Some((at, value)) if value.get_ref().is_array() => {
                    table.doc.fault(at.span(), format!("`{key}` is empty"));
                }
                Some(_) => {}
            }
            return None;
        }
        let known: Vec<bool> = workers.iter().map(|worker| self.graph.refer(table, from, worker)).collect();
        known.iter().all(|known| *known).then(|| workers.into_iter().map(Spanned::into_inner).collect())
    }

    fn skills(&self, table: &Table<'a>) -> Vec<Skill> {
        let skills = table.strings("skills");
        skills.iter().filter_map(|name| read_skill(table.doc, self.base, name, self.tools)).collect()
    }

    fn model(&self, table: &Table<'a>) -> Option<Model> {
        let named = self.models.of(table);
        if matches!(named, Named::Missing) {
            table.missing("model", "name a role of [models] or `provider:model`, or add a role `default`");
        }
        named.model()
    }

    /// `prompt` or `prompt_file`: exactly one, not empty.
    fn prompt(&self, table: &Table<'a>) -> Option<Prompt> {
        match (table.get("prompt"), table.get("prompt_file")) {
            (Some((_, _)), Some((key, _))) => {
                table.doc.fault_help(
                    key.span(),
                    format!("{} has both `prompt` and `prompt_file`", table.name),
                    "keep one of them",
                );
                None
            }
            (None, None) => {
                table.missing("prompt", "give it `prompt_file = \"prompts/NAME.md\"` or `prompt = \"\"\"…\"\"\"`");
                None
            }
            (Some(_), None) => {
                let text = table.string("prompt")?;
                not_blank(table, &text, text.get_ref())?;
                Some(Prompt { text: text.into_inner(), file: None })
            }
            (None, Some(_)) => {
                let file = table.string("prompt_file")?;
                let path = self.base.join(file.get_ref());
                match fs::read_to_string(&path) {
                    Ok(text) => {
                        let text = prompt_text(&table.doc.beside(&path.display().to_string(), text))?;
                        not_blank(table, &file, &text)?;
                        Some(Prompt { text, file: Some(file.into_inner()) })
                    }
                    Err(error) => {
                        let message = format!("failed to read the prompt file `{}`: {error}", file.get_ref());
                        table.doc.fault_help(file.span(), message, "paths are relative to the pipeline's file");
                        None
                    }
                }
            }
        }
    }
}

fn not_blank(table: &Table<'_>, at: &Text, text: &str) -> Option<()> {
    if text.trim().is_empty() {
        table.doc.fault(at.span(), "the prompt is empty");
        return None;
    }
    Some(())
}

/// A count that must be there.
fn required_count(table: &Table<'_>, key: &'static str, help: &str) -> Option<u32> {
    if table.get(key).is_none() {
        table.missing(key, help);
    }
    table.count_u32(key)
}

fn read_pattern(table: &Table<'_>) -> Option<&'static PatternRow> {
    let help = format!("one of {}", patterns::names().collect::<Vec<_>>().join(", "));
    let pattern = table.required("pattern", &help)?;
    let name = pattern.get_ref().as_str();
    let row = patterns::find(name);
    if row.is_none() {
        table.doc.fault_help(pattern.span(), format!("unknown pattern `{name}`"), suggest(name, patterns::names()));
    }
    row
}
