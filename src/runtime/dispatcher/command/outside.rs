//! What a command may do outside of the workspace: whether it can be taken back, made up for, or neither.

use super::super::exec::ToolRun;
use super::super::{Dispatcher, Means};
use super::NotRun;
use crate::effects::tools::{Program, ShellCall, ToolError, Toolbox};
use crate::model::{ActionRecord, Compensation, EffectClass, SpanId, ToolCall};
use crate::rollback::{compensable, outside};

impl Means {
    /// What a call does to the world here: a command can be undone only where it is confined.
    fn effect_of(&self, tools: &Toolbox, call: &ToolCall) -> EffectClass {
        let Some(tool) = tools.get(&call.name) else { return EffectClass::Read };
        let confined = self.commands.shell.mode().gaps.is_empty();
        match tool.effect() {
            EffectClass::Reversible if tool.is_command() && !confined => EffectClass::Irreversible,
            effect => effect,
        }
    }
}

impl Dispatcher {
    /// What a call of an agent does to the world here.
    pub(in super::super) fn effect_of(&self, agent: SpanId, call: &ToolCall) -> EffectClass {
        self.means.effect_of(&self.tools_of(agent), call)
    }
}

impl ToolRun {
    /// The action that stands for what a command may do outside, if it may do anything there. What has to run before
    /// it is run here.
    pub(super) async fn outside(
        &self,
        call: &ShellCall,
        effect: EffectClass,
        line: &str,
    ) -> Result<Option<ActionRecord>, NotRun> {
        if let Some(compensation) = &call.compensation {
            let before = self.before(call, compensation).await.map_err(NotRun::Before)?;
            return Ok(Some(compensable(&self.doer, line, before, compensation)?));
        }
        let gaps = self.means.commands.shell.mode().gaps;
        let why = match effect {
            // Its user says that it changes nothing.
            EffectClass::Read => None,
            EffectClass::Irreversible => Some("can't be taken back".into()),
            _ if call.network => Some("may have reached outside: it has the network".into()),
            _ if gaps.is_empty() => None,
            _ => Some(format!("may have reached outside; not enforced here: {}", gaps.join(", "))),
        };
        Ok(why.map(|why| outside(&self.doer, line, why)))
    }

    /// What the command before prints; `None` when there is no such command.
    async fn before(&self, call: &ShellCall, compensation: &Compensation) -> Result<Option<String>, ToolError> {
        let Some(argv) = &compensation.before else { return Ok(None) };
        let program = Program::Argv(argv.clone());
        let line = program.to_string();
        let before = ShellCall { program, compensation: None, ..call.clone() };
        let outcome = self.execute(&before, true).await.outcome;
        if outcome.exit == Some(0) {
            return Ok(Some(outcome.printed));
        }
        let (tool, text) = (&self.doer.tool_name, outcome.text);
        Err(ToolError(format!("{tool} was not run: the command before it failed: {line}\n{text}")))
    }
}
