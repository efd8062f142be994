//! Everything that a run came to: files, memory, tree and output; and how two of them differ.

use std::collections::BTreeMap;

use tama_tui::model::{
    EffectClass, EndCause, Fan, Finish, KeyState, LlmRequestRecord, RunState, SpanEnd, SpanId, SpanSpec, SpanStart,
    SpanStatus, TextHash, TraceBody, TraceEvent, compare_runs,
};

use super::case::RAN;
use super::edit::{Edit, EditKind, OTHER, Origin};
use super::run::Run;
use crate::support::manifest::{Manifest, differences, manifest};

/// The result of a run.
pub struct Outcome {
    files: Manifest,
    memory: BTreeMap<String, Vec<String>>,
    spans: BTreeMap<String, Shown>,
    status: (String, Option<String>),
    state: RunState,
}

/// A span that no retry replaced.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    kind: &'static str,
    visit: u32,
    fan: Option<Fan>,
    pattern: String,
    effect: Option<EffectClass>,
    /// Its input, prompt, request or arguments, by name.
    sent: Vec<(String, String)>,
    end: Option<End>,
}

#[derive(Debug, Clone, PartialEq)]
struct End {
    status: SpanStatus,
    finish: Option<Finish>,
    cause: Option<EndCause>,
    answered: bool,
    output: Option<String>,
}

impl Outcome {
    /// The present one of a run.
    pub fn of(run: &Run) -> Self {
        let (usual, other) = ("script:replies.toml", format!("script:{OTHER}.toml"));
        let text = |hash: TextHash| {
            let text = run.session.log.recorder().text(hash).unwrap_or_else(|error| error.to_string());
            // The error of a model names it.
            text.replace(&other, usual)
        };
        let spans = surviving(&run.events).into_iter().map(|(path, found)| (path, found.show(&text))).collect();
        let output = run.events.iter().rev().find_map(|event| match &event.body {
            TraceBody::RunStatus { text, .. } => *text,
            _ => None,
        });
        Self {
            files: files(run),
            memory: memory(run),
            spans,
            status: (run.state.status.name().to_owned(), output.map(text)),
            state: run.state.clone(),
        }
    }

    /// Forgets what an edit makes otherwise than the change from the start that stands in for it.
    pub fn without(mut self, edit: &Edit) -> Self {
        let path = &edit.path;
        match &edit.kind {
            EditKind::Answer(_) | EditKind::AnswerForAll(..) => {
                self.forget_keys(path);
                self.spans.retain(|at, _| !at.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/')));
                if let Some(shown) = self.spans.get_mut(path) {
                    shown.pattern.clear();
                    shown.sent.retain(|(name, _)| name != "prompt");
                    shown.end.iter_mut().for_each(|end| end.answered = false);
                }
            }
            EditKind::Input(_, Origin::Message) => {
                if let Some(shown) = self.spans.get_mut(path) {
                    shown.sent.retain(|(name, _)| name != "input");
                }
            }
            EditKind::Input(_, Origin::Before { agent, call, .. }) => {
                let number = if *call > 1 { format!("#{call}") } else { String::new() };
                for at in [agent.clone(), format!("{agent}/llm{number}")] {
                    if let Some(end) = self.spans.get_mut(&at).and_then(|shown| shown.end.as_mut()) {
                        end.output = None;
                    }
                }
            }
            _ => {}
        }
        self
    }

    /// Forgets the finish keys of a span and those above it: an answer by hand ends with another one than the model's text.
    fn forget_keys(&mut self, path: &str) {
        let is_above = |at: &str| path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let ends = self.spans.iter_mut().filter(|(at, _)| is_above(at)).filter_map(|(_, shown)| shown.end.as_mut());
        ends.for_each(|end| end.finish = None);
    }

    /// The differences to the outcome of a run that has every change from its start.
    pub fn differences(&self, expected: &Self) -> Vec<String> {
        let mut found: Vec<String> = differences(&self.files, &expected.files);
        compare(&mut found, "memory", &self.memory, &expected.memory);
        compare(&mut found, "span", &self.spans, &expected.spans);
        if self.status != expected.status {
            found.push(format!("the run's end: {:?} / {:?}", self.status, expected.status));
        }
        // The comparison that a user sees says the same of the world.
        let alike = |_, _| false;
        let world = compare_runs(&self.state, &expected.state, alike).world;
        found.extend(world.iter().map(|difference| format!("compared: {difference:?}")));
        let itself = compare_runs(&self.state, &self.state, alike);
        if !itself.is_empty() {
            found.push(format!("compared with itself: {itself:?}"));
        }
        found
    }
}

fn compare<T: PartialEq + std::fmt::Debug>(
    found: &mut Vec<String>,
    what: &str,
    one: &BTreeMap<String, T>,
    other: &BTreeMap<String, T>,
) {
    let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    for name in names {
        match (one.get(name), other.get(name)) {
            (Some(one), Some(other)) if one == other => {}
            (Some(one), Some(other)) => {
                found.push(format!("{what} {name}: {}", part(&format!("{one:?}"), &format!("{other:?}"))));
            }
            (one, other) => found.push(format!("{what} {name}:\n    {one:?}\n  / {other:?}")),
        }
    }
}

/// Two texts from a little before where they differ.
fn part(one: &str, other: &str) -> String {
    const BEFORE: usize = 60;
    const SHOWN: usize = 300;
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let cut = |text: &str| text.chars().skip(same.saturating_sub(BEFORE)).take(SHOWN).collect::<String>();
    format!("after {same} letters\n    …{}\n  / …{}", cut(one), cut(other))
}

/// The workspace, without the folder that capture leaves out.
pub fn files(run: &Run) -> Manifest {
    let mut found = manifest(&run.work());
    found.retain(|path, _| path != RAN.as_bytes() && !path.starts_with(format!("{RAN}/").as_bytes()));
    found
}

/// The memory: a text, or the elements of a list.
pub fn memory(run: &Run) -> BTreeMap<String, Vec<String>> {
    let memory = run.session.log.with(|state| state.ledger.all_memory());
    let show = |state: KeyState| match state {
        KeyState::Text { text } => vec![format!("text {text}")],
        KeyState::List { elements } => elements.into_iter().map(|element| element.text).collect(),
        other => vec![format!("{other:?}")],
    };
    memory.into_iter().map(|(name, state)| (name, show(state))).collect()
}

/// A span as its events tell it.
pub struct Told {
    pub start: SpanStart,
    pub end: Option<SpanEnd>,
    /// What was sent in the place of its request, or the input in the place of an agent's.
    sent: Option<TraceBody>,
}

/// The spans that no retry replaced, by path; of two at one path the newer one, which a difference then shows.
pub fn surviving(events: &[TraceEvent]) -> BTreeMap<String, Told> {
    let mut found: BTreeMap<String, Told> = BTreeMap::new();
    let mut paths: BTreeMap<SpanId, String> = BTreeMap::new();
    let mut calls: BTreeMap<SpanId, LlmRequestRecord> = BTreeMap::new();
    for event in events {
        match &event.body {
            TraceBody::SpanStarted(start) => {
                let twice = found.contains_key(&start.path);
                let path = if twice { format!("{} TWICE", start.path) } else { start.path.clone() };
                paths.insert(start.span, path.clone());
                found.insert(path, Told { start: with_whole_conversation(start, &mut calls), end: None, sent: None });
            }
            TraceBody::Sent { span, .. } => {
                if let Some(told) = paths.get(span).and_then(|path| found.get_mut(path)) {
                    told.sent = Some(event.body.clone());
                }
            }
            TraceBody::SpanEnded(end) => {
                if let Some(told) = paths.get(&end.span).and_then(|path| found.get_mut(path)) {
                    told.end = Some(end.clone());
                }
            }
            TraceBody::Invalidated { paths: gone, reopened, .. } => {
                found.retain(|path, _| !gone.contains(path));
                for path in reopened.iter().filter_map(|span| paths.get(span)) {
                    found.get_mut(path).into_iter().for_each(|told| told.end = None);
                }
            }
            _ => {}
        }
    }
    found
}

/// A span's start; a model call's with its conversation in full.
fn with_whole_conversation(start: &SpanStart, calls: &mut BTreeMap<SpanId, LlmRequestRecord>) -> SpanStart {
    let mut start = start.clone();
    if let SpanSpec::Llm(record) = &mut start.spec {
        calls.insert(start.span, record.clone());
        let whole = record.conversation(start.span, |span| calls.get(&span)).expect("earlier calls are recorded");
        (record.messages, record.after) = (whole, None);
    }
    start
}

impl Told {
    fn show(&self, text: &dyn Fn(TextHash) -> String) -> Shown {
        let mut sent = Vec::new();
        let mut add = |name: &str, hash: TextHash| sent.push((name.to_owned(), text(hash)));
        let (mut pattern, mut effect) = (String::new(), None);
        let args_sent = match &self.sent {
            Some(TraceBody::Sent { args, .. }) => *args,
            _ => None,
        };
        match &self.start.spec {
            SpanSpec::Agent { pattern: named, input, prompt, .. } => {
                pattern.clone_from(named);
                add("input", args_sent.unwrap_or(*input));
                if let Some(prompt) = prompt {
                    add("prompt", *prompt);
                }
            }
            SpanSpec::Llm(record) => {
                let (system, messages) = match &self.sent {
                    Some(TraceBody::Sent { system, messages, .. }) => (*system, messages.as_ref()),
                    _ => (None, None),
                };
                add("system", system.unwrap_or(record.system));
                for message in messages.unwrap_or(&record.messages) {
                    add(&message.role, message.text);
                }
                sent.push(("tools".into(), record.tools.join(" ")));
            }
            SpanSpec::Tool { args, effect: of, .. } => {
                add("args", args_sent.unwrap_or(*args));
                effect = Some(*of);
            }
            SpanSpec::Human { question, .. } => add("question", *question),
        }
        let end = self.end.as_ref().map(|end| End {
            status: end.status,
            finish: end.finish.clone(),
            cause: end.cause,
            answered: end.answered,
            output: end.output.map(text),
        });
        let start = &self.start;
        Shown { kind: start.spec.kind().name(), visit: start.visit, fan: start.fan, pattern, effect, sent, end }
    }
}
