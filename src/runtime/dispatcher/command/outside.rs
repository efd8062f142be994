//! What a command may do outside of the workspace: whether it can be taken back, made up for, or neither.

use super::super::exec::ToolRun;
use super::super::{Dispatcher, Services};
use super::{NotRun, Started};
use crate::effects::confine::ShellRun;
use crate::effects::tools::{Program, ShellCall, ShellOutcome, ToolError, Toolbox};
use crate::model::{ActionChange, ActionEvent, ActionRecord, EffectClass, KeyState, SpanId, ToolCall, TraceBody};
use crate::rollback::{compensation_record, external_record};

impl Services {
    /// What a call does to the world here: a command can be undone only where it is confined.
    pub(in super::super) fn effect_of(&self, tools: &Toolbox, call: &ToolCall) -> EffectClass {
        let Some(tool) = tools.get(&call.name) else { return EffectClass::Read };
        let confined = self.commands.shell.mode().gaps.is_empty();
        match tool.effect_of(&call.args) {
            EffectClass::Reversible if tool.is_command() && !confined => EffectClass::Irreversible,
            effect => effect,
        }
    }
}

impl Dispatcher {
    /// What a call of an agent does to the world here.
    pub(in super::super) fn effect_of(&self, agent: SpanId, call: &ToolCall) -> EffectClass {
        self.services.effect_of(&self.tools_of(agent), call)
    }
}

impl ToolRun {
    /// The action that stands for what a command may do outside, if it may do anything there. `before`: what the
    /// command that runs before it printed.
    pub(super) fn outside(
        &self,
        call: &ShellCall,
        effect: EffectClass,
        before: Option<String>,
    ) -> Result<Option<ActionRecord>, NotRun> {
        let line = self.line(call);
        if let Some(compensation) = &call.compensation {
            return Ok(Some(compensation_record(&self.origin, &line, before, compensation)?));
        }
        let gaps = self.services.commands.shell.mode().gaps;
        let why = match effect {
            // Its user says that it changes nothing.
            EffectClass::Read => None,
            _ if !gaps.is_empty() => Some(format!("ran without a full sandbox: {}", gaps.join(", "))),
            EffectClass::Irreversible => Some("declared irreversible".into()),
            _ if call.network => Some("had the network".into()),
            _ if call.local_sockets => Some("could use services of this machine".into()),
            _ => None,
        };
        Ok(why.map(|why| external_record(&self.origin, &line, why)))
    }

    /// What the command before printed, if it went well.
    pub(super) fn printed_before(&self, first: &ShellCall, outcome: ShellOutcome) -> Result<String, NotRun> {
        if outcome.exit == Some(0) {
            return Ok(outcome.printed);
        }
        let (tool, line, text) = (&self.origin.tool_name, first.program.to_string(), outcome.text);
        let why = format!("{tool} was not run: the command before it failed: {line}\n{text}");
        Err(NotRun::Before(ToolError(why)))
    }

    /// The command ran, or could not be started and so did nothing outside.
    pub(super) fn outside_ended(&self, started: &Started, call: &ShellCall, effect: EffectClass, ran: &ShellRun) {
        let Some(action) = started.outside else { return self.found_open(call, effect, ran) };
        let change = match (ran.outcome.started, &call.compensation) {
            (false, _) => ActionChange::Failed { error: ran.outcome.text.clone() },
            (true, None) => ActionChange::Applied { after: KeyState::Unknown, kept: false },
            (true, Some(_)) => {
                ActionChange::Applied { after: KeyState::Text { text: ran.outcome.printed.clone() }, kept: false }
            }
        };
        self.log.append(vec![TraceBody::ActionEvent(ActionEvent { action, change })]);
    }

    /// A command may have found something open that was closed when the run began.
    fn found_open(&self, call: &ShellCall, effect: EffectClass, ran: &ShellRun) {
        if effect == EffectClass::Read || !ran.outcome.started || !ran.may_have_reached_outside {
            return;
        }
        let why = format!("ran without a full sandbox this time: {}", ran.gaps.join(", "));
        let record = external_record(&self.origin, &self.line(call), why);
        let action = self.log.append(vec![TraceBody::Action(record)]);
        let change = ActionChange::Applied { after: KeyState::Unknown, kept: false };
        self.log.append(vec![TraceBody::ActionEvent(ActionEvent { action, change })]);
    }
}

/// The command that has to run before another one, if any.
pub(super) fn first_of(call: &ShellCall) -> Option<ShellCall> {
    let argv = call.compensation.as_ref()?.before.clone()?;
    Some(ShellCall { program: Program::Argv(argv), compensation: None, ..call.clone() })
}
