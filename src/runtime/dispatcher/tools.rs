//! The tools that a call runs by, and what it is about to run, for people.

use std::sync::Arc;

use super::super::ask::Work;
use super::Dispatcher;
use crate::effects::Masker;
use crate::effects::tools::{Prepared, ShellCall, Toolbox};
use crate::model::{EffectClass, Section, SectionBody, SpanId, SpanKind, ToolCall};

/// Characters of a command in a reason to pause.
const SHOWN: usize = 160;

impl Dispatcher {
    /// The tools of an agent: the program's own, and those of the pipeline that the agent runs by.
    pub(super) fn tools_of(&self, agent: SpanId) -> Arc<Toolbox> {
        let generation = self.log.with(|state| state.trace.get(agent).map(|found| found.generation));
        let pipeline = self.version(generation.unwrap_or_default());
        if pipeline.tools.is_empty() {
            return self.means.tools.clone();
        }
        Arc::new(self.means.tools.with(pipeline.tools.values()))
    }

    /// What a tool span runs, for people.
    pub(super) fn runs(&self, span: SpanId) -> Option<Runs> {
        let (agent, tool) = self.log.with(|state| {
            let found = state.trace.get(span).filter(|found| found.kind == SpanKind::Tool)?;
            Some((state.trace.agent_of(found.parent), state.trace.name(span).to_owned()))
        })?;
        let folder = self.means.world.root().display().to_string();
        Some(Runs { tools: self.tools_of(agent), tool, folder, masker: self.means.masker.clone() })
    }

    /// The command that a tool call at a path is about to run, on one line.
    pub(super) fn command_at(&self, path: &str) -> Option<String> {
        let flight = self.flights.get(path)?;
        let Some(Work::Tool { call, refusal: None }) = flight.work.as_ref() else { return None };
        let exact = command(&self.tools_of(flight.agent), call)?.program.exact();
        let line = exact.split_whitespace().collect::<Vec<_>>().join(" ");
        let masked = self.means.masker.mask(&line).into_owned();
        let cut: String = masked.chars().take(SHOWN).collect();
        Some(if cut.len() < masked.len() { format!("{cut}…") } else { cut })
    }
}

/// What turns the arguments of a tool into what it runs, for people.
pub(super) struct Runs {
    tools: Arc<Toolbox>,
    tool: String,
    folder: String,
    masker: Arc<Masker>,
}

impl Runs {
    /// The command to the letter, and by which rules it runs; `None` for what runs no command.
    pub(super) fn sections(&self, args: &str, effect: EffectClass) -> Option<Vec<Section>> {
        let args = serde_json::from_str(args).ok()?;
        let command = command(&self.tools, &ToolCall { name: self.tool.clone(), args })?;
        let exact = self.masker.mask(&command.program.exact()).into_owned();
        let network = if command.network { "yes" } else { "no" };
        let facts = [
            ("undo", outlook(&command, effect)),
            ("folder", self.folder.clone()),
            ("network", network.into()),
            ("at most", format!("{} s", command.timeout_seconds)),
        ];
        let facts = facts.map(|(name, value)| (name.to_owned(), value)).into();
        let section = |title: &str, body| Section { title: title.into(), note: String::new(), body, folded: false };
        Some(vec![section("runs", SectionBody::Text(exact)), section("how", SectionBody::Facts(facts))])
    }
}

/// The command that a call would run, if it runs one.
fn command(tools: &Toolbox, call: &ToolCall) -> Option<ShellCall> {
    match tools.get(&call.name)?.prepare(&call.args) {
        Ok(Prepared::Shell(command)) => Some(command),
        Ok(Prepared::World(_)) | Err(_) => None,
    }
}

/// What a command will have done to the world, in words.
fn outlook(command: &ShellCall, effect: EffectClass) -> String {
    match (&command.compensation, effect) {
        (Some(made), _) => {
            let undo: Vec<String> = made.undo.iter().map(|word| crate::model::quoted(word)).collect();
            format!("undo command {}", undo.join(" "))
        }
        (None, EffectClass::Irreversible) => "no undo".into(),
        (None, EffectClass::Read) => "not needed: the tool says it changes nothing".into(),
        (None, _) => "changes in the workspace can be undone".into(),
    }
}
