//! The tools that a call runs by, and the command that it would run.

use std::sync::Arc;

use super::Dispatcher;
use crate::effects::tools::{Prepared, RemoteCall, ShellCall, Toolbox};
use crate::model::{EffectClass, SpanId, ToolCall};

/// Characters of a command in a reason to pause.
const SHOWN: usize = 160;

impl Dispatcher {
    /// The tools of an agent: the program's own, and those of the pipeline that the agent runs by.
    pub(super) fn tools_of(&self, agent: SpanId) -> Arc<Toolbox> {
        let generation = self.log.with(|state| state.trace.get(agent).map(|found| found.generation));
        let pipeline = self.versions.at(generation.unwrap_or_default());
        self.services.tools.for_pipeline(&pipeline)
    }

    /// The command that a tool call would run, or the request that it would send, on one line.
    pub(super) fn command_line(&self, tools: &Toolbox, call: &ToolCall) -> Option<String> {
        let exact = match tools.get(&call.name)?.prepare(&call.args) {
            Ok(Prepared::Shell(command)) => command.program.exact(),
            Ok(Prepared::Remote(remote)) => remote.line(),
            Ok(Prepared::Program(agent)) => crate::model::command_line(&agent.command),
            Ok(Prepared::Outside(line)) => line,
            Ok(Prepared::World(_)) | Err(_) => return None,
        };
        let line = exact.split_whitespace().collect::<Vec<_>>().join(" ");
        let masked = self.services.masker.mask(&line).into_owned();
        let cut: String = masked.chars().take(SHOWN).collect();
        Some(if cut.len() < masked.len() { format!("{cut}…") } else { cut })
    }
}

/// The command that a call would run, if it runs one.
pub(super) fn command(tools: &Toolbox, call: &ToolCall) -> Option<ShellCall> {
    match tools.get(&call.name)?.prepare(&call.args) {
        Ok(Prepared::Shell(command)) => Some(command),
        Ok(Prepared::World(_) | Prepared::Remote(_) | Prepared::Program(_) | Prepared::Outside(_)) | Err(_) => None,
    }
}

/// The call of another program that a call would make, if it makes one.
pub(super) fn remote(tools: &Toolbox, call: &ToolCall) -> Option<RemoteCall> {
    match tools.get(&call.name)?.prepare(&call.args) {
        Ok(Prepared::Remote(remote)) => Some(remote),
        Ok(Prepared::World(_) | Prepared::Shell(_) | Prepared::Program(_) | Prepared::Outside(_)) | Err(_) => None,
    }
}

/// How the changes of a command can be undone, for people.
pub(super) fn outlook(command: &ShellCall, effect: EffectClass) -> String {
    match (&command.compensation, effect) {
        (Some(made), _) => {
            let undo: Vec<String> = made.undo.iter().map(|word| crate::model::quoted(word)).collect();
            format!("undo command {}", undo.join(" "))
        }
        (None, EffectClass::Read) => "not needed: the tool says it changes nothing".into(),
        (None, effect) if effect == EffectClass::Irreversible || command.network || command.local_sockets => {
            "changes in the workspace can be undone, what it does outside has no undo".into()
        }
        (None, _) => "changes in the workspace can be undone".into(),
    }
}
