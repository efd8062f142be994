//! `graph`: the agents of a pipeline, their tools and skills, and which runs which.

use std::collections::HashSet;
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::check::print_faults;
use super::exit::Exit;
use super::global::Global;
use super::text::{print, print_json, to_lines};
use crate::pipeline::{self, Agent, Callee, CustomTool, Pattern, Pipeline, Step};

/// `tama-tui graph`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A pipeline.toml, a tama.toml, or a folder that holds one
    pipeline: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints the graph; creates no files.
pub(super) fn run(args: &Args, global: &Global) -> color_eyre::Result<Exit> {
    let pipeline = match pipeline::check(&args.pipeline) {
        Ok(loaded) => loaded.pipeline,
        Err(faults) => return Ok(print_faults(&faults, global)),
    };
    if args.json {
        print_json(&to_json(&pipeline))?;
    } else {
        print(&to_lines(&Drawing::of(&pipeline)))?;
    }
    Ok(Exit::Done)
}

fn to_json(pipeline: &Pipeline) -> Json {
    let reached = pipeline.reached();
    let agents = pipeline.agents.values().map(|agent| agent_json(agent, reached.contains(agent.name.as_str())));
    json!({
        "name": pipeline.name,
        "entrypoint": pipeline.entrypoint,
        "agents": agents.collect::<Vec<_>>(),
        "tools": pipeline.tools.values().map(tool_json).collect::<Vec<_>>(),
    })
}

fn agent_json(agent: &Agent, is_reached: bool) -> Json {
    let skills = agent.skills.iter().map(|skill| json!({ "name": skill.name, "tools": skill.tools }));
    json!({
        "name": agent.name,
        "description": agent.description,
        "pattern": agent.pattern.name(),
        "model": agent.model.as_ref().map(|model| model.name.to_string()),
        "tools": agent.tools,
        "skills": skills.collect::<Vec<_>>(),
        "steps": agent.steps.iter().map(|(name, step)| step_json(name, step)).collect::<Vec<_>>(),
        "runs": agent.pattern.callees().iter().map(callee_json).collect::<Vec<_>>(),
        "initial": initial(&agent.pattern),
        "reached": is_reached,
    })
}

fn step_json(name: &str, step: &Step) -> Json {
    json!({
        "name": name,
        "pattern": if step.react { "react" } else { "oneshot" },
        "model": step.model.as_ref().map(|model| model.name.to_string()),
        "tools": step.tools,
    })
}

fn callee_json(callee: &Callee<'_>) -> Json {
    let next = callee.next.iter().map(|(key, agent)| json!({ "finish": key, "agent": agent }));
    json!({ "agent": callee.agent, "part": callee.part, "next": next.collect::<Vec<_>>() })
}

fn tool_json(tool: &CustomTool) -> Json {
    json!({ "name": tool.name, "description": tool.description, "effect": tool.effect, "network": tool.network })
}

fn initial(pattern: &Pattern) -> Option<&str> {
    match pattern {
        Pattern::Fsm { initial, .. } => Some(initial),
        _ => None,
    }
}

/// The graph as lines: each agent below the one that runs it, and in full only once.
struct Drawing<'a> {
    pipeline: &'a Pipeline,
    lines: Vec<String>,
    drawn: HashSet<&'a str>,
}

impl<'a> Drawing<'a> {
    fn of(pipeline: &'a Pipeline) -> Vec<String> {
        let mut drawing = Self { pipeline, lines: vec![pipeline.name.clone()], drawn: HashSet::new() };
        drawing.draw(&pipeline.entrypoint, "", 1);
        let reached = pipeline.reached();
        for name in pipeline.agents.keys().filter(|name| !reached.contains(name.as_str())) {
            drawing.draw(name, "never run: ", 1);
        }
        if !pipeline.tools.is_empty() {
            drawing.lines.push("own tools".to_owned());
            let tools = pipeline.tools.values().map(|tool| format!("  {}: {}", tool.name, tool.effect.name()));
            drawing.lines.extend(tools);
        }
        drawing.lines
    }

    /// Draws an agent and all that it runs. `before`: its part in the agent above.
    fn draw(&mut self, name: &'a str, before: &str, depth: usize) {
        let Some(agent) = self.pipeline.agents.get(name) else { return };
        let indent = "  ".repeat(depth);
        if !self.drawn.insert(name) {
            self.lines.push(format!("{indent}{before}{name} (above)"));
            return;
        }
        let model = agent.model.as_ref().map(|model| format!(" · {}", model.name)).unwrap_or_default();
        self.lines.push(format!("{indent}{before}{name} · {}{model}", agent.pattern.name()));
        self.lines.extend(parts(agent).into_iter().map(|part| format!("{indent}    {part}")));
        for callee in agent.pattern.callees() {
            let starts = initial(&agent.pattern) == Some(callee.agent);
            let part = if starts { "state, starts" } else { callee.part };
            self.draw(callee.agent, &format!("{part}: "), depth + 1);
            self.lines.extend(ways(&callee).map(|way| format!("{indent}      {way}")));
        }
    }
}

/// The tools, skills and steps of an agent, a line each.
fn parts(agent: &Agent) -> Vec<String> {
    let tools = |tools: &[String]| (!tools.is_empty()).then(|| format!("tools {}", tools.join(", ")));
    let skills = agent.skills.iter().map(|skill| {
        let unlocks = tools(&skill.tools).map(|tools| format!(" unlocks {tools}")).unwrap_or_default();
        format!("skill {}{unlocks}", skill.name)
    });
    let steps = agent.steps.iter().map(|(name, step)| {
        let kind = if step.react { "react" } else { "oneshot" };
        let own = step.model.as_ref().filter(|model| agent.model.as_ref() != Some(model));
        let model = own.map(|model| format!(" · {}", model.name)).unwrap_or_default();
        let tools = tools(&step.tools).map(|tools| format!(" · {tools}")).unwrap_or_default();
        format!("step {name} · {kind}{model}{tools}")
    });
    tools(&agent.tools).into_iter().chain(skills).chain(steps).collect()
}

/// The ways on from a state, a line each.
fn ways<'a>(callee: &'a Callee<'_>) -> impl Iterator<Item = String> + 'a {
    let end = |agent: Option<&str>| agent.unwrap_or("the end").to_owned();
    callee.next.iter().map(move |(key, agent)| match *key {
        "*" if callee.next.len() == 1 => format!("then {}", end(*agent)),
        "*" => format!("any other key: {}", end(*agent)),
        key => format!("{key}: {}", end(*agent)),
    })
}
