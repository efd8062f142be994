//! The edits of a retry or a fork, and how a run has each of them from its start.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use tama_tui::model::{Gate, Generation, Message, RetryEdits, SpanKind, SpanSpec, TraceBody};

use super::case::{Answer, Change, Reply};
use super::outcome::surviving;
use super::run::Run;

/// The role of the model that an edit names.
pub const OTHER: &str = "other";

/// An edit, and the span that it is of.
#[derive(Debug, Clone)]
pub struct Edit {
    pub path: String,
    pub kind: EditKind,
    /// The generation that it was made in, once it is.
    pub since: Option<Generation>,
    /// The calls of the model that were made in that generation and stand, by agent and number.
    pub asked: BTreeSet<(String, u32)>,
}

#[derive(Debug, Clone)]
pub enum EditKind {
    /// Another prompt for the agent of this name.
    Prompt(String),
    /// Another input for an agent, and the origin of inputs such as this one.
    Input(String, Origin),
    /// An answer by hand for a model or an agent.
    Answer(String),
    /// An answer by hand for an agent of agents, whose name no other one has.
    AnswerForAll(String, String),
    /// An answer by hand for a tool.
    ToolAnswer(String),
    /// One other message for a model call.
    Message(String),
    /// Other arguments for a tool call.
    Args(Json),
    /// The other model, and this temperature.
    Model(f64),
}

/// The origin of an agent's input.
#[derive(Debug, Clone)]
pub enum Origin {
    /// The task of the run.
    Task,
    /// The answer of the agent before it, at this path, in its last call.
    Before { agent: String, call: u32, finish: Option<String> },
    /// It is sent as the only message of the agent's call.
    Message,
}

/// A deed of the user where a run stops before a call.
pub enum Deed {
    /// The arguments.
    Args(String),
    /// The whole message.
    Message(String),
    /// The answer.
    Answer(String),
}

impl Edit {
    /// The edit as a retry or a fork takes it.
    pub fn for_retry(&self) -> RetryEdits {
        let none = RetryEdits::default();
        match &self.kind {
            EditKind::Prompt(name) => RetryEdits { prompt: Some(edited_prompt(name)), ..none },
            EditKind::Input(text, _) => RetryEdits { input: Some(text.clone()), ..none },
            EditKind::Answer(text) | EditKind::AnswerForAll(_, text) | EditKind::ToolAnswer(text) => {
                RetryEdits { answer: Some(text.clone()), ..none }
            }
            EditKind::Message(text) => {
                RetryEdits { messages: Some(vec![Message::User { text: text.clone() }]), ..none }
            }
            EditKind::Args(args) => RetryEdits { args: Some(args.clone()), ..none },
            EditKind::Model(temperature) => {
                RetryEdits { model: Some(OTHER.into()), temperature: Some(*temperature), ..none }
            }
        }
    }

    /// The replies that a run has from its start for it. `others`: those of the other model.
    pub fn replies(&self, others: &[Reply]) -> Vec<Reply> {
        let reply = |agent: &str, call: u32, answer| Reply { agent: agent.to_owned(), call, contains: None, answer };
        match &self.kind {
            EditKind::Answer(text) | EditKind::AnswerForAll(_, text) => {
                let (agent, call) = call_of(&self.path);
                vec![reply(&agent, call, Answer::Text(text.clone()))]
            }
            EditKind::Input(text, Origin::Before { agent, call, finish }) => {
                let answer = match finish {
                    None => Answer::Text(text.clone()),
                    Some(key) => super::generate::finish(key, text),
                };
                vec![reply(agent, *call, answer)]
            }
            EditKind::Model(_) => {
                let is_asked = |reply: &&Reply| self.asked.contains(&(reply.agent.clone(), reply.call));
                others.iter().filter(is_asked).cloned().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The gate at which the user of a run that has it from the start stops it.
    pub fn gate(&self) -> Option<Gate> {
        match &self.kind {
            EditKind::Message(_) | EditKind::Input(_, Origin::Message) => Some(Gate::BeforeLlm),
            EditKind::Args(_) | EditKind::ToolAnswer(_) => Some(Gate::BeforeTool),
            _ => None,
        }
    }

    /// The deed of that user at a call.
    pub fn deed(&self, path: &str) -> Option<Deed> {
        match &self.kind {
            EditKind::Input(text, Origin::Message) if path == format!("{}/llm", self.path) => {
                Some(Deed::Message(text.clone()))
            }
            _ if path != self.path => None,
            EditKind::Message(text) => Some(Deed::Message(text.clone())),
            EditKind::Args(args) => Some(Deed::Args(args.to_string())),
            EditKind::ToolAnswer(text) => Some(Deed::Answer(text.clone())),
            _ => None,
        }
    }

    /// True when it holds no more once a set of paths runs anew.
    pub fn ends_with(&self, set: &BTreeSet<String>) -> bool {
        !matches!(self.kind, EditKind::Model(_)) && set.contains(&self.path)
    }

    /// True for an edit after which no other retry is made: an agent that a later retry goes on with has two prompts then.
    pub fn is_only_for_one(&self) -> bool {
        matches!(self.kind, EditKind::Prompt(_))
    }

    /// Checks that the calls that were made since were sent as the edit says, and no others.
    pub fn check(&self, run: &Run) -> Result<(), String> {
        match (&self.kind, self.since) {
            (EditKind::Model(temperature), Some(since)) => check_models(run, *temperature, since),
            (EditKind::Answer(_), Some(_)) if call_of(&self.path).0 != self.path => check_not_sent(run, &self.path),
            _ => Ok(()),
        }
    }

    pub fn describe(&self) -> String {
        format!("edited: {}: {:?}", self.path, self.kind)
    }
}

/// The prompt of an agent that has another one.
pub fn edited_prompt(name: &str) -> String {
    format!("{name} works. {}", super::case::NEW)
}

/// The agent and the number of a model's call by its path; of an agent, its first one.
pub fn call_of(path: &str) -> (String, u32) {
    let (agent, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name.split_once('#') {
        None if name == "llm" => (agent.to_owned(), 1),
        Some(("llm", number)) => (agent.to_owned(), number.parse().unwrap()),
        _ => (path.to_owned(), 1),
    }
}

/// Notes which calls each edit was of, for a run that has them from its start.
pub fn note_asked(run: &Run, changes: &mut [Change]) {
    for change in changes {
        if let Change::Edit(Edit { since: Some(since), asked, .. }) = change {
            *asked = asked_in(run, *since);
        }
    }
}

/// The calls of the model, by agent and number, that were made in a generation and stand.
fn asked_in(run: &Run, since: Generation) -> BTreeSet<(String, u32)> {
    let calls = surviving(&run.events).into_iter();
    let calls = calls.filter(|(_, told)| told.start.generation == since && told.start.spec.kind() == SpanKind::Llm);
    calls.map(|(path, _)| call_of(&path)).collect()
}

/// Every call of the generation is sent to the other model, and none before it.
fn check_models(run: &Run, temperature: f64, since: Generation) -> Result<(), String> {
    let mut wrong = Vec::new();
    for event in &run.events {
        let TraceBody::SpanStarted(start) = &event.body else { continue };
        let SpanSpec::Llm(record) = &start.spec else { continue };
        let sent = run.events.iter().find_map(|event| match &event.body {
            TraceBody::Sent { span, model: Some(model), .. } if *span == start.span => Some(model),
            _ => None,
        });
        let name = sent.map_or(&record.model, |sent| &sent.name);
        let options = sent.map_or(&record.options, |sent| &sent.options);
        let is_other = name.to_string().contains(OTHER) && options.temperature == Some(temperature);
        if is_other != (start.generation == since) {
            wrong.push(format!("{} of {:?} was sent to {name} {options:?}", start.path, start.generation));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// A call that is answered by hand is not sent: it was sent at most as often as it has other spans.
fn check_not_sent(run: &Run, path: &str) -> Result<(), String> {
    let spans = run.events.iter().filter(|event| match &event.body {
        TraceBody::SpanStarted(start) => start.path == path,
        _ => false,
    });
    let (spans, sent) = (spans.count(), run.sent.paths().iter().filter(|sent| *sent == path).count());
    if sent < spans { Ok(()) } else { Err(format!("{path} was answered by hand, and sent {sent} times of {spans}")) }
}

/// A retry of a set of paths began: the edit that was added at `last` is one of its generation, and those before it end
/// that were of a span of the set.
pub fn end_edits(changes: &mut Vec<Change>, set: &BTreeSet<String>, last: usize, generation: Generation) {
    let mut at = 0;
    changes.retain_mut(|change| {
        let is_new = at >= last;
        at += 1;
        let Change::Edit(edit) = change else { return true };
        if is_new {
            edit.since = Some(generation);
        }
        is_new || !edit.ends_with(set)
    });
}
