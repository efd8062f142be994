//! Reads an AGENT.md into an agent.

use indexmap::IndexMap;

use super::super::agents::stepped_pattern;
use super::super::faults::Doc;
use super::super::markdown::{Keys, Markdown, Node};
use super::super::names::suggest;
use super::super::patterns::{self, MAX_ITER, PatternRow, PromptPlace};
use super::super::reader::Text;
use super::super::spec::{Agent, Model, Pattern, Prompt, Step};
use super::Reader;
use super::folder::Folder;
use super::head::{Head, read_head};
use super::states::read_states;
use super::steps::Asking;

/// Patterns whose agents have no prompt of their own.
const WITHOUT_PROMPT: [&str; 5] = ["fsm", "parallel", "debate", "critic", "reflexion"];

/// Patterns whose agents read skills themselves.
const WITH_SKILLS: [&str; 4] = ["react", "scatter", "best-of-n", "human"];

/// Patterns that `max_iter` bounds.
const WITH_MAX_ITER: [&str; 4] = ["react", "scatter", "reflexion", "human"];

/// Keys of one pattern each.
const OWN_KEYS: [(&str, &[&str]); 5] = [
    ("scatter", &["worker"]),
    ("parallel", &["workers"]),
    ("fsm", &["initial", "states"]),
    ("debate", &["agents", "rounds", "judge"]),
    ("best-of-n", &["n"]),
];

/// An AGENT.md that was read.
#[derive(Default)]
pub(super) struct ReadAgent {
    /// `None` after a fault.
    pub agent: Option<Agent>,
    /// The agents that it runs, with the place that names them.
    pub runs: Vec<Text>,
    /// Names of agents that are not there, and would run if they were.
    pub absent: Vec<String>,
}

/// An AGENT.md whose head was read.
struct Parts<'k, 'f> {
    name: &'k str,
    row: &'static PatternRow,
    head: &'k Head<'f>,
    file: &'k Markdown<'f>,
}

impl Reader<'_> {
    /// Reads an AGENT.md, its steps and its skills.
    pub(super) fn agent(&self, name: &str, doc: Doc<'_>) -> ReadAgent {
        let Some(file) = Markdown::parse(doc) else { return ReadAgent::default() };
        let Some(keys) = file.keys() else {
            let help = "with `name`, `description`, `version` and `pattern`";
            file.doc.fault_help(0..0, "an AGENT.md begins with a head between two `---` lines", help);
            return ReadAgent::default();
        };
        let Some(head) = read_head(&keys, name, self.env) else { return ReadAgent::default() };
        let Some(row) = find_pattern(&keys, &head.pattern) else { return ReadAgent::default() };
        let read = self.parts(&Parts { name, row, head: &head, file: &file });
        warn_of_others(&keys, row);
        warn_of_body(&file, row);
        head.finish();
        read
    }

    fn parts(&self, parts: &Parts<'_, '_>) -> ReadAgent {
        let (keys, row) = (parts.head.keys, parts.row);
        let max_iter = keys.count("max_iter").filter(|_| WITH_MAX_ITER.contains(&row.name));
        let mut agent = Agent {
            name: parts.name.to_owned(),
            description: parts.head.description.clone(),
            pattern: Pattern::Oneshot,
            model: None,
            tools: vec![],
            skills: vec![],
            max_iter: max_iter.unwrap_or(MAX_ITER),
            prompt: None,
            steps: IndexMap::new(),
        };
        let mut read = ReadAgent::default();
        let is_whole = match row.name {
            "fsm" | "parallel" | "debate" => composite(keys, row, self.folder, &mut agent, &mut read),
            "react" | "oneshot" => self.caller(parts, &mut agent),
            _ => self.stepped(parts, max_iter, &mut agent, &mut read),
        };
        read.agent = is_whole.map(|()| agent);
        read
    }

    /// `react` and `oneshot`: a prompt and a model of its own.
    fn caller(&self, parts: &Parts<'_, '_>, agent: &mut Agent) -> Option<()> {
        let model = self.own_model(parts);
        if parts.row.name == "react" {
            agent.pattern = Pattern::React;
            agent.skills = parts.head.call.as_ref().map(|call| self.skills(call)).unwrap_or_default();
        }
        (agent.prompt, agent.model) = (Some(self.own_prompt(parts)?), Some(model?));
        Some(())
    }

    /// Patterns of steps: one may be the AGENT.md itself, each other one is a file.
    fn stepped(
        &self,
        parts: &Parts<'_, '_>,
        max_iter: Option<u32>,
        agent: &mut Agent,
        read: &mut ReadAgent,
    ) -> Option<()> {
        let (keys, row) = (parts.head.keys, parts.row);
        let asking = Asking { agent: parts.name, pattern: row.name, doc: keys.doc, at: parts.head.pattern.span() };
        let mut steps = vec![];
        for step in row.steps {
            // The map of a scatter is its AGENT.md; in a pipeline.toml it has a table of its own.
            let read = if step.prompt == PromptPlace::Agent || step.name == "map" {
                self.own_step(parts, step.react, agent.max_iter)
            } else {
                self.step(&asking, step.name, step.react)
            };
            steps.push(read.map(|read| (step.name.to_owned(), read)));
        }
        agent.pattern = if row.name == "scatter" {
            let worker = keys.required("worker", "the agent that works on each item")?;
            read.runs.push(worker.clone());
            Pattern::Scatter { worker: worker.into_inner() }
        } else {
            let n = if row.name == "best-of-n" { required_count(keys, "n", "how many variants") } else { None };
            stepped_pattern(row, max_iter.unwrap_or(row.max_iter), n)?
        };
        agent.steps = steps.into_iter().collect::<Option<_>>()?;
        Some(())
    }

    /// The step whose prompt is the AGENT.md.
    fn own_step(&self, parts: &Parts<'_, '_>, react: bool, max_iter: u32) -> Option<Step> {
        let model = self.own_model(parts);
        let prompt = self.own_prompt(parts)?;
        let call = parts.head.call.as_ref().filter(|_| react);
        let skills = call.map(|call| self.skills(call)).unwrap_or_default();
        // The variants of `best-of-n` have a bound of their own.
        let bound = if WITH_MAX_ITER.contains(&parts.row.name) { max_iter } else { parts.row.max_iter };
        Some(Step { prompt, model: Some(model?), react, tools: vec![], skills, max_iter: react.then_some(bound) })
    }

    fn own_model(&self, parts: &Parts<'_, '_>) -> Option<Model> {
        let at = parts.head.pattern.span();
        self.models.resolve(parts.head.call.as_ref(), parts.head.keys.doc, parts.row.name, &at)
    }

    fn own_prompt(&self, parts: &Parts<'_, '_>) -> Option<Prompt> {
        if let Some(at) = parts.file.body().find("{{input}}") {
            let at = parts.file.body_start() + at;
            let message = "`{{input}}` is sent as it is: nothing is put in its place";
            parts.file.doc.warn(
                at..at + "{{input}}".len(),
                message,
                "remove it: the agent receives its input by itself",
            );
        }
        self.prompt(parts.file, &Folder::agent_file(parts.name))
    }
}

/// `fsm`, `parallel` and `debate`: they only run other agents.
fn composite(
    keys: &Keys<'_>,
    row: &PatternRow,
    folder: &Folder,
    agent: &mut Agent,
    read: &mut ReadAgent,
) -> Option<()> {
    let list = |key: &'static str, help: &str| {
        let names = keys.strings(key);
        if names.is_empty() {
            match keys.value(key) {
                None => keys.missing(key, help),
                Some(value) if value.items().is_some_and(<[_]>::is_empty) => {
                    keys.doc.fault_help(value.span.clone(), format!("`{key}` is empty"), help);
                }
                Some(_) => {}
            }
        }
        names
    };
    let bare = |names: &[Text]| names.iter().map(|name| name.get_ref().clone()).collect::<Vec<_>>();
    agent.pattern = match row.name {
        "fsm" => {
            let states = read_states(keys, folder);
            read.runs = states.agents;
            read.absent = states.absent;
            states.pattern?
        }
        "debate" => {
            read.runs = list("agents", "the agents that argue, e.g. [pro, con]");
            let agents = bare(&read.runs);
            let rounds = required_count(keys, "rounds", "how many rounds they argue");
            let judge = keys.required("judge", "the agent that judges at the end");
            read.runs.extend(judge.clone());
            Pattern::Debate { agents, rounds: rounds?, judge: judge?.into_inner() }
        }
        _ => {
            read.runs = list("workers", "the agents that work at once, e.g. [a, b]");
            Pattern::Parallel { workers: bare(&read.runs) }
        }
    };
    (!read.runs.is_empty() || row.name == "fsm").then_some(())
}

fn required_count(keys: &Keys<'_>, key: &'static str, help: &str) -> Option<u32> {
    if keys.value(key).is_none() {
        keys.missing(key, help);
    }
    keys.count(key)
}

fn find_pattern(keys: &Keys<'_>, pattern: &Text) -> Option<&'static PatternRow> {
    let name = pattern.get_ref().as_str();
    let row = patterns::find(name);
    if row.is_none() {
        keys.doc.fault_help(pattern.span(), format!("unknown pattern `{name}`"), suggest(name, patterns::names()));
    }
    row
}

/// Warns of keys that are there, and that the pattern doesn't read.
fn warn_of_others(keys: &Keys<'_>, row: &PatternRow) {
    for (pattern, own) in OWN_KEYS.into_iter().filter(|(pattern, _)| *pattern != row.name) {
        for key in own {
            let message = format!("`{key}` belongs to the pattern `{pattern}`, and is ignored by `{}`", row.name);
            keys.warn_of(key, &message, "remove it");
        }
    }
    if !WITH_MAX_ITER.contains(&row.name) {
        let message = format!("the pattern `{}` ignores `max_iter`", row.name);
        keys.warn_of("max_iter", &message, "remove it; a step that is a tool loop has its own, under `call`");
    }
    let call = keys.value("call").and_then(Node::entries).unwrap_or_default();
    let uses = call.iter().find(|(key, value)| key.text() == Some("uses") && !value.is_nothing());
    let is_used = WITH_SKILLS.contains(&row.name) || uses.is_some_and(|(_, value)| value.items() == Some(&[]));
    if let Some((key, _)) = uses.filter(|_| !is_used) {
        let message = format!("the pattern `{}` ignores the skills in its AGENT.md", row.name);
        keys.doc.warn(key.span.clone(), message, "name them in the files of its steps, or remove them");
    }
}

fn warn_of_body(file: &Markdown<'_>, row: &PatternRow) {
    let body = file.body();
    if WITHOUT_PROMPT.contains(&row.name) && !body.trim().is_empty() {
        let at = file.body_start() + (body.len() - body.trim_start().len());
        let line = body.trim_start().lines().next().unwrap_or_default().len();
        let message = format!("the pattern `{}` has no prompt of its own: this text is never sent", row.name);
        file.doc.warn(at..at + line, message, "remove it, or put it into a step or another agent");
    }
}
