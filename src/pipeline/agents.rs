//! Reads `[agents.*]`: each pattern asks for its own keys, prompts and steps.

use std::fs;
use std::path::Path;

use indexmap::IndexMap;
use toml::Spanned;

use super::fsm::read_states;
use super::graph::Graph;
use super::models::{Models, Named};
use super::names::{LATER, LATER_PATTERNS, PATTERNS, is_kebab, suggest};
use super::reader::{Table, Text};
use super::skills::read_skill;
use super::spec::{Agent, Model, Pattern, Prompt, Step};
use super::tools::read_tools;

/// Model calls of a tool loop without `max_iter`.
const MAX_ITER: u32 = 10;

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
        let named = pattern_name(table)?;
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
        let whole = match named.as_str() {
            "fsm" | "parallel" => self.composite(table, &named, &mut agent),
            "scatter" => self.scatter(table, &mut agent),
            _ => self.caller(table, named == "react", &mut agent),
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
            let skills = table.strings("skills");
            agent.skills =
                skills.iter().filter_map(|name| read_skill(table.doc, self.base, name, self.tools)).collect();
        } else {
            for key in ["tools", "skills", "max_iter"] {
                table.refuse(key, &format!("`{key}` belongs to a tool loop"), "use pattern = \"react\"");
            }
        }
        (agent.model, agent.prompt) = (Some(model?), Some(prompt?));
        Some(())
    }

    /// `fsm` and `parallel`: they only run other agents.
    fn composite(&mut self, table: &Table<'a>, named: &str, agent: &mut Agent) -> Option<()> {
        for key in ["prompt", "prompt_file", "model", "tools", "skills", "max_iter", "steps"] {
            let message = format!("pattern `{named}` calls no model itself and has no `{key}`");
            table.refuse(key, &message, "put it into the agents that it runs");
        }
        agent.pattern = if named == "fsm" {
            let (initial, states) = read_states(&mut self.graph, table, &agent.name)?;
            Pattern::Fsm { initial, states }
        } else {
            Pattern::Parallel { workers: self.workers(table, &agent.name)? }
        };
        Some(())
    }

    fn workers(&mut self, table: &Table<'a>, from: &str) -> Option<Vec<String>> {
        let workers = table.strings("workers");
        if workers.is_empty() {
            match table.get("workers") {
                None => table.missing("workers", "a list of agents, e.g. workers = [\"a\", \"b\"]"),
                Some((key, value)) if value.get_ref().is_array() => table.doc.fault(key.span(), "`workers` is empty"),
                Some(_) => {}
            }
            return None;
        }
        let known: Vec<bool> = workers.iter().map(|worker| self.graph.refer(table, from, worker)).collect();
        known.iter().all(|known| *known).then(|| workers.into_iter().map(Spanned::into_inner).collect())
    }

    fn scatter(&mut self, table: &Table<'a>, agent: &mut Agent) -> Option<()> {
        for key in ["prompt", "prompt_file", "tools", "skills"] {
            let message = format!("pattern `scatter` has no `{key}` itself");
            table.refuse(key, &message, "put it into its steps `map` and `reduce`");
        }
        let worker = table.required("worker", "the agent that works on each item");
        let known = worker.as_ref().is_some_and(|worker| self.graph.refer(table, &agent.name, worker));
        agent.max_iter = table.count_u32("max_iter").unwrap_or(MAX_ITER);
        let shared = self.models.of(table);
        let steps = table.table("steps");
        let Some(steps) = steps else {
            let help = format!("it needs [agents.{0}.steps.map] and [agents.{0}.steps.reduce]", agent.name);
            table.missing("steps", &help);
            return None;
        };
        let map = self.step(&steps, "map", true, &shared);
        let reduce = self.step(&steps, "reduce", false, &shared);
        steps.finish();
        agent.model = shared.model();
        agent.steps = IndexMap::from([("map".to_owned(), map?), ("reduce".to_owned(), reduce?)]);
        agent.pattern = Pattern::Scatter { worker: worker?.into_inner() };
        known.then_some(())
    }

    /// A step; `must_react`: it has to be a tool loop (it is a single call by default otherwise).
    fn step(&self, steps: &Table<'a>, name: &'static str, must_react: bool, shared: &Named) -> Option<Step> {
        if steps.get(name).is_none() {
            steps.missing(name, &format!("a table with a prompt: {}", steps.name.replace(']', &format!(".{name}]"))));
        }
        let table = steps.table(name)?;
        let react = match table.string("pattern") {
            None => must_react,
            Some(pattern) => match pattern.get_ref().as_str() {
                "react" => true,
                "oneshot" if must_react => {
                    table.doc.fault(
                        pattern.span(),
                        format!("the step `{name}` must be a tool loop: it fans out by `finish`"),
                    );
                    true
                }
                "oneshot" => false,
                other => {
                    let message = format!("a step's pattern is `oneshot` or `react`, not `{other}`");
                    table.doc.fault_help(pattern.span(), message, suggest(other, ["oneshot", "react"]));
                    must_react
                }
            },
        };
        let prompt = self.prompt(&table);
        let tools = if react {
            read_tools(&table, self.tools)
        } else {
            table.refuse("tools", "`tools` belongs to a tool loop", "use pattern = \"react\"");
            vec![]
        };
        let model = match (table.get("model"), shared) {
            (None, Named::Is(model)) => Some(model.clone()),
            (None, Named::Faulty) => None,
            _ => self.model(&table),
        };
        table.finish();
        Some(Step { prompt: prompt?, model: Some(model?), react, tools })
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
                match fs::read_to_string(self.base.join(file.get_ref())) {
                    Ok(text) => {
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

fn pattern_name(table: &Table<'_>) -> Option<String> {
    let help = format!("one of {}", PATTERNS.join(", "));
    let pattern = table.required("pattern", &help)?;
    let name = pattern.get_ref();
    if PATTERNS.contains(&name.as_str()) {
        return Some(pattern.into_inner());
    }
    if LATER_PATTERNS.contains(&name.as_str()) {
        table.doc.fault_help(pattern.span(), format!("the pattern `{name}` is {LATER}"), help);
    } else {
        table.doc.fault_help(pattern.span(), format!("unknown pattern `{name}`"), suggest(name, PATTERNS));
    }
    None
}
