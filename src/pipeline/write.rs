//! A pipeline as a pipeline.toml: the other direction of the loader.

use indexmap::IndexMap;
use toml::{Table, Value};

use super::patterns;
use super::spec::{Agent, CustomTool, Model, Pattern, Pipeline, Price, Provider, Skill, Step, Target, Verify};
use super::write_servers::server_table;

/// The end of an fsm.
const END: &str = "$end";

impl Pipeline {
    /// Writes it as a pipeline.toml, with every prompt in it. Its skills are files of their own
    /// ([`Pipeline::skill_files`]). Breakpoints are left out.
    ///
    /// # Errors
    /// When a value can't be written as TOML.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let mut root = Table::new();
        let mut head = Table::new();
        set(&mut head, "name", kebab(&self.name));
        set(&mut head, "entrypoint", self.entrypoint.as_str());
        set_some(&mut head, "task", self.task.as_deref());
        set(&mut head, "workspace", self.workspace.as_str());
        root.insert("pipeline".into(), head.into());
        let providers = self.providers.iter().map(|(name, provider)| (name.clone(), provider_table(provider)));
        set_table(&mut root, "providers", providers.collect());
        let own = self.prices.iter().filter(|(_, price)| price.public.is_none());
        set_table(&mut root, "prices", own.map(|(name, price)| (name.clone(), price_table(price))).collect());
        let agents = self.agents.iter().map(|(name, agent)| (name.clone(), Value::from(agent_table(agent))));
        root.insert("agents".into(), agents.collect::<Table>().into());
        let tools = self.tools.iter().map(|(name, tool)| (name.clone(), tool_table(tool)));
        set_table(&mut root, "tools", tools.collect());
        let mut servers = Table::new();
        for (name, server) in &self.mcp {
            servers.insert(name.clone(), server_table(server)?);
        }
        set_table(&mut root, "mcp", servers);
        set_table(&mut root, "policy", self.policy_table());
        set_table(&mut root, "limits", self.limits_table());
        set_table(&mut root, "capture", self.capture_table());
        set_table(&mut root, "verify", self.verify.as_ref().map(verify_table).unwrap_or_default());
        toml::to_string_pretty(&root)
    }

    /// The files of its skills: path and text.
    #[must_use]
    pub fn skill_files(&self) -> IndexMap<String, String> {
        let skills = self.agents.values().flat_map(Agent::every_skill);
        skills.map(|skill| (format!("skills/{}/SKILL.md", skill.name), skill_text(skill))).collect()
    }

    fn policy_table(&self) -> Table {
        let mut table = Table::new();
        for (key, rules) in [("allow", &self.policy.allow), ("ask", &self.policy.ask), ("deny", &self.policy.deny)] {
            set_list(&mut table, key, rules);
        }
        table
    }

    fn limits_table(&self) -> Table {
        let mut table = Table::new();
        set_some(&mut table, "max_tokens", self.limits.max_tokens.map(to_integer));
        set_some(&mut table, "max_cost_usd", self.limits.max_cost_usd);
        set_some(&mut table, "max_parallel", self.limits.max_parallel.map(|most| to_integer(most as u64)));
        table
    }

    fn capture_table(&self) -> Table {
        let mut table = Table::new();
        set_some(&mut table, "lane", self.capture.snapshot.then_some("snapshot"));
        set_list(&mut table, "exclude", &self.capture.exclude);
        set_some(&mut table, "max_file_mb", self.capture.max_file_mb.map(to_integer));
        set_some(&mut table, "after", (!self.capture.after).then_some(false));
        table
    }
}

fn verify_table(verify: &Verify) -> Table {
    let mut table = Table::new();
    set(&mut table, "command", verify.command.clone());
    set(&mut table, "timeout_seconds", to_integer(verify.timeout_seconds));
    table
}

fn set(table: &mut Table, key: &str, value: impl Into<Value>) {
    table.insert(key.to_owned(), value.into());
}

fn set_some(table: &mut Table, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        set(table, key, value);
    }
}

/// Sets a list, unless it is empty.
fn set_list(table: &mut Table, key: &str, list: &[String]) {
    if !list.is_empty() {
        set(table, key, list.to_vec());
    }
}

/// Sets a table, unless it is empty.
fn set_table(table: &mut Table, key: &str, below: Table) {
    if !below.is_empty() {
        table.insert(key.to_owned(), below.into());
    }
}

fn to_integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn provider_table(provider: &Provider) -> Value {
    let mut table = Table::new();
    set_some(&mut table, "base_url", provider.base_url.as_deref());
    set_some(&mut table, "api_key_env", provider.api_key_env.as_deref());
    set_some(&mut table, "api", provider.api.as_deref());
    set_some(&mut table, "timeout_seconds", provider.timeout_seconds.map(to_integer));
    set_some(&mut table, "tries", provider.tries.map(i64::from));
    set_some(&mut table, "wait_seconds", provider.wait_seconds.map(to_integer));
    table.into()
}

fn price_table(price: &Price) -> Value {
    let mut table = Table::new();
    set(&mut table, "input", price.input);
    set(&mut table, "output", price.output);
    set_some(&mut table, "cached", price.cached);
    table.into()
}

fn model_value(model: &Model) -> Value {
    let options = model.options;
    let mut table = Table::new();
    set(&mut table, "name", model.name.to_string());
    set_some(&mut table, "temperature", options.temperature);
    set_some(&mut table, "max_tokens", options.max_tokens.map(i64::from));
    set_some(&mut table, "accept_cut", options.accept_cut.then_some(true));
    if table.len() == 1 { model.name.to_string().into() } else { table.into() }
}

fn agent_table(agent: &Agent) -> Table {
    let mut table = Table::new();
    let name = agent.pattern.name();
    set(&mut table, "pattern", name);
    if !agent.description.is_empty() {
        set(&mut table, "description", agent.description.as_str());
    }
    set_some(&mut table, "model", agent.model.as_ref().map(model_value));
    let skills: Vec<String> = agent.skills.iter().map(|skill| skill.name.clone()).collect();
    set_list(&mut table, "skills", &skills);
    set_list(&mut table, "tools", &agent.tools);
    set_some(&mut table, "prompt", agent.prompt.as_ref().map(|prompt| prompt.text.as_str()));
    let row = patterns::find(name);
    // Of a reflexion it bounds the attempts, which the pattern holds.
    if row.is_some_and(|row| row.keys.contains(&"max_iter")) && !matches!(agent.pattern, Pattern::Reflexion { .. }) {
        set(&mut table, "max_iter", i64::from(agent.max_iter));
    }
    pattern_keys(&agent.pattern, &mut table);
    let own = agent.own_step();
    let mut steps = Table::new();
    for (name, step) in &agent.steps {
        if own.is_some_and(|(own, _)| own == name) {
            set(&mut table, "prompt", step.prompt.text.as_str());
            set_list(&mut table, "tools", &step.tools);
            set_some(&mut table, "model", step.model.as_ref().map(model_value));
            // Its skills and its bound are written as its agent's.
            let skills = agent.skills.iter().chain(&step.skills).map(|skill| skill.name.clone());
            set_list(&mut table, "skills", &skills.collect::<Vec<_>>());
            set_some(&mut table, "max_iter", step.max_iter.map(i64::from));
        } else {
            let inherited = own.map_or(agent.max_iter, |(_, own)| own.max_iter.unwrap_or(agent.max_iter));
            steps.insert(name.clone(), step_table(step, agent.max_iter, inherited).into());
        }
    }
    set_table(&mut table, "steps", steps);
    table
}

fn pattern_keys(pattern: &Pattern, table: &mut Table) {
    match pattern {
        Pattern::Fsm { initial, states } => {
            set(table, "initial", initial.as_str());
            let routes = |routes: &IndexMap<String, Target>| -> Table {
                routes.iter().map(|(key, target)| (key.clone(), target_name(target).into())).collect()
            };
            let mut written: Table = states.iter().map(|(name, way)| (name.clone(), routes(way).into())).collect();
            // A project has last states without a way on.
            for last in pattern.callees().into_iter().filter(|state| !states.contains_key(state.agent)) {
                set(&mut written, last.agent, END);
            }
            table.insert("states".into(), written.into());
        }
        Pattern::Parallel { workers } => set(table, "workers", workers.clone()),
        Pattern::Scatter { worker } => set(table, "worker", worker.as_str()),
        Pattern::Reflexion { rounds } => set(table, "max_iter", i64::from(*rounds)),
        Pattern::Debate { agents, rounds, judge } => {
            set(table, "agents", agents.clone());
            set(table, "rounds", i64::from(*rounds));
            set(table, "judge", judge.as_str());
        }
        Pattern::BestOfN { n } => set(table, "n", i64::from(*n)),
        Pattern::Oneshot
        | Pattern::React
        | Pattern::Critic
        | Pattern::Constitutional
        | Pattern::ChainOfVerification
        | Pattern::PlanExecute
        | Pattern::Human
        | Pattern::Wrapped => {}
    }
}

/// A text as a name: lower-case words with hyphens.
fn kebab(text: &str) -> String {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "pipeline".to_owned() } else { words.join("-") }
}

fn target_name(target: &Target) -> &str {
    match target {
        Target::End => END,
        Target::Agent(name) => name,
    }
}

/// A step. `usual`: the bound of its agent; `inherited`: the one that is written for its agent.
fn step_table(step: &Step, usual: u32, inherited: u32) -> Table {
    let mut table = Table::new();
    set(&mut table, "pattern", if step.react { "react" } else { "oneshot" });
    set_some(&mut table, "model", step.model.as_ref().map(model_value));
    if step.react {
        set_list(&mut table, "tools", &step.tools);
        set_list(&mut table, "skills", &step.skills.iter().map(|skill| skill.name.clone()).collect::<Vec<_>>());
        let other = step.max_iter.or_else(|| (usual != inherited).then_some(usual));
        set_some(&mut table, "max_iter", other.map(i64::from));
    }
    set(&mut table, "prompt", step.prompt.text.as_str());
    table
}

fn tool_table(tool: &CustomTool) -> Value {
    let mut table = Table::new();
    set(&mut table, "description", tool.description.as_str());
    set(&mut table, "command", tool.command.clone());
    set_some(&mut table, "before", tool.before.clone());
    set_some(&mut table, "undo", tool.undo.clone());
    set(&mut table, "effect", tool.effect.name());
    set_some(&mut table, "network", tool.network.then_some(true));
    set_some(&mut table, "local_sockets", tool.local_sockets.then_some(true));
    set(&mut table, "timeout_seconds", to_integer(tool.timeout_seconds));
    let args = tool.args.iter().map(|(name, arg)| {
        let mut table = Table::new();
        set(&mut table, "type", arg.holds.name());
        set(&mut table, "description", arg.description.as_str());
        set(&mut table, "required", arg.required);
        (name.clone(), Value::from(table))
    });
    set_table(&mut table, "args", args.collect());
    table.into()
}

fn skill_text(skill: &Skill) -> String {
    let tools: Vec<String> = skill.tools.iter().map(|tool| format!("  - {tool}\n")).collect();
    let tools = if tools.is_empty() { String::new() } else { format!("tools:\n{}", tools.concat()) };
    // Of YAML, too, it is a text in quotes.
    let description = serde_json::Value::from(skill.description.as_str());
    format!("---\nname: {}\ndescription: {description}\n{tools}---\n\n{}\n", skill.name, skill.body)
}
