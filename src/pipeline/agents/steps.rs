//! Agents whose work is done in steps, each with a prompt of its own.

use indexmap::IndexMap;

use super::super::models::Named;
use super::super::names::suggest;
use super::super::patterns::{MAX_ITER, PatternRow, PromptPlace};
use super::super::reader::Table;
use super::super::spec::{Agent, Pattern, Step};
use super::super::tools::read_tools;
use super::{Agents, required_count};

/// A pattern of steps. `rounds`: how often a reflexion acts at most; `n`: how many variants, where the pattern has some.
pub(in super::super) fn stepped_pattern(row: &PatternRow, rounds: u32, n: Option<u32>) -> Option<Pattern> {
    Some(match row.name {
        "critic" => Pattern::Critic,
        "reflexion" => Pattern::Reflexion { rounds },
        "constitutional" => Pattern::Constitutional,
        "chain-of-verification" => Pattern::ChainOfVerification,
        "plan-execute" => Pattern::PlanExecute,
        "human" => Pattern::Human,
        _ => Pattern::BestOfN { n: n? },
    })
}

impl<'a> Agents<'a> {
    /// `scatter`: a map step, a worker, and a reduce step.
    pub(super) fn scatter(&mut self, table: &Table<'a>, agent: &mut Agent) -> Option<()> {
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
                    let why = if name == "map" { "it fans out by `finish`" } else { "`start` gives it the answer" };
                    table.doc.fault(pattern.span(), format!("the step `{name}` must be a tool loop: {why}"));
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
        let (mut tools, mut skills, mut max_iter) = (vec![], vec![], None);
        if react {
            tools = read_tools(&table, self.tools);
            skills = self.skills(&table);
            max_iter = table.count_u32("max_iter");
        } else {
            for key in ["tools", "skills", "max_iter"] {
                table.refuse(key, &format!("`{key}` belongs to a tool loop"), "use pattern = \"react\"");
            }
        }
        let model = match (table.get("model"), shared) {
            (None, Named::Is(model)) => Some(model.clone()),
            (None, Named::Faulty) => None,
            _ => self.model(&table),
        };
        table.finish();
        Some(Step { prompt: prompt?, model: Some(model?), react, tools, skills, max_iter })
    }

    /// Patterns of steps, of which one may be the agent's own prompt.
    pub(super) fn stepped(&self, table: &Table<'a>, row: &'static PatternRow, agent: &mut Agent) -> Option<()> {
        let refused = ["prompt", "prompt_file", "tools", "skills", "max_iter"];
        let has = |key: &str| row.keys.contains(&key.strip_suffix("_file").unwrap_or(key));
        for key in refused.into_iter().filter(|key| !has(key)) {
            let message = format!("pattern `{}` has no `{key}` itself", row.name);
            table.refuse(key, &message, "put it into its steps");
        }
        let shared = self.models.of(table);
        if row.max_iter > 0 {
            agent.max_iter = table.count_u32("max_iter").unwrap_or(row.max_iter);
        }
        if has("skills") {
            agent.skills = self.skills(table);
        }
        let n = if has("n") { required_count(table, "n", "how many variants") } else { None };
        let steps = self.steps(table, row, &agent.name, &shared);
        agent.model = shared.model();
        agent.steps = steps?;
        agent.pattern = stepped_pattern(row, agent.max_iter, n)?;
        if matches!(agent.pattern, Pattern::Reflexion { .. }) {
            // It bounds the attempts; their tool loops have the usual bound.
            agent.max_iter = MAX_ITER;
        }
        Some(())
    }

    fn steps(
        &self,
        table: &Table<'a>,
        row: &'static PatternRow,
        agent: &str,
        shared: &Named,
    ) -> Option<IndexMap<String, Step>> {
        let (own, below): (Vec<_>, Vec<_>) = row.steps.iter().partition(|step| step.prompt == PromptPlace::Agent);
        let mut found = Vec::new();
        for step in own {
            let prompt = self.prompt(table);
            let tools = if step.react { read_tools(table, self.tools) } else { Vec::new() };
            let model = self.model(table);
            found.push(prompt.zip(model).map(|(prompt, model)| {
                let (skills, max_iter) = (vec![], None);
                let read = Step { prompt, model: Some(model), react: step.react, tools, skills, max_iter };
                (step.name.to_owned(), read)
            }));
        }
        let Some(steps) = table.table("steps") else {
            let names: Vec<String> = below.iter().map(|step| format!("[agents.{agent}.steps.{}]", step.name)).collect();
            table.missing("steps", &format!("it needs {}", names.join(", ")));
            return None;
        };
        for step in below {
            found.push(self.step(&steps, step.name, step.react, shared).map(|read| (step.name.to_owned(), read)));
        }
        steps.finish();
        found.into_iter().collect()
    }
}
