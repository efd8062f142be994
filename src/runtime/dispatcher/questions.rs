//! The facts about a call that the gatekeeper decides by.

use super::super::ask::Work;
use super::Dispatcher;
use super::gatekeeper::{ModelQuestion, Question, ToolQuestion};
use super::open_files::{self, OpenLook};
use crate::effects::tools::Prepared;
use crate::model::{EffectClass, Generation, KeyKind, SpanId, SpanStatus, ToolCall};

impl Dispatcher {
    /// The question whether the call at a path may run; `None`: it needs no approval.
    pub(super) fn question(&self, path: &str) -> Option<Question> {
        let pending = self.calls.get(path)?;
        let (span, agent) = (pending.span(), pending.agent());
        match pending.work()? {
            Work::Llm(_) => {
                let counts = self.log.with(|state| state.trace.get(SpanId::RUN).map(|run| run.counts));
                let counts = counts.unwrap_or_default();
                let pipeline = self.version_now();
                Some(Question::Model(ModelQuestion { span, pipeline, usage: counts.usage, cost: counts.cost }))
            }
            Work::Tool { call, refusal: None } => {
                let own_file = pending.own_file().cloned();
                let open = pending.open_files().and_then(OpenLook::found).map(open_files::reason);
                let asked = self.tool_question((span, agent), call, own_file)?;
                let repeats = asked.repeats.filter(|_| !self.resume.is_decided(path));
                Some(Question::Tool(ToolQuestion { repeats, open, ..asked }))
            }
            Work::Tool { .. } | Work::Human { .. } => None,
        }
    }

    fn tool_question(
        &self,
        (span, agent): (SpanId, SpanId),
        call: &ToolCall,
        own_file: Option<String>,
    ) -> Option<ToolQuestion> {
        let tools = self.tools_of(agent);
        let tool = tools.get(&call.name)?;
        let effect = self.services.effect_of(&tools, call);
        // Nothing asks for these alone: the effect is worse for each gap.
        let would_run = tool.is_command() && tool.effect() == EffectClass::Reversible;
        let gaps = if would_run { self.services.commands.shell.mode().gaps } else { Vec::new() };
        Some(ToolQuestion {
            span,
            call: call.clone(),
            effect,
            generation: self.generation(),
            pipeline: self.version_now(),
            root: self.services.world.root().to_owned(),
            command: self.command_line(&tools, call),
            repeats: self.done_before(agent, call),
            own_file,
            open: None,
            gaps,
        })
    }

    /// Names the earlier try that ran this command or sent this request, if that try was replaced and the command was not undone: it may
    /// have reached outside, its undo command failed, or its outcome is not known. `None`: the call repeats nothing.
    fn done_before(&self, agent: SpanId, call: &ToolCall) -> Option<String> {
        // Before the first retry no try was replaced.
        if self.generation() <= Generation(1) {
            return None;
        }
        let line = match self.tools_of(agent).get(&call.name)?.prepare(&call.args) {
            Ok(Prepared::Shell(prepared)) => prepared.program.to_string(),
            Ok(Prepared::Remote(prepared)) => prepared.line(),
            Ok(Prepared::World(_) | Prepared::Program(_) | Prepared::Outside(_)) | Err(_) => return None,
        };
        let command = self.services.masker.mask(&line).into_owned();
        self.log.with(|state| {
            let mut standing = state.ledger.entries().iter().rev().filter(|entry| {
                let key = &entry.record.key;
                matches!(key.kind, KeyKind::External | KeyKind::Compensation)
                    && key.name == command
                    && entry.is_applied()
            });
            standing.find_map(|entry| {
                let span = state.trace.get(entry.record.tool_span)?;
                let stands = entry.check_undoable().err().unwrap_or_else(|| "it was not undone".into());
                let done = || format!("already done in try {}, as {}; {stands}", span.attempt.0, entry.seq);
                (span.status == SpanStatus::Undone).then(done)
            })
        })
    }
}
