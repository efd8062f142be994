//! Calls that another program answers: recorded before they are sent, unless they only read.

use super::exec::{Done, ToolRun, fault};
use crate::effects::remote::{RemoteAnswer, RemoteCall, ServerHost};
use crate::effects::tools::ToolError;
use crate::model::{ActionChange, ActionEvent, ActionRecord, EffectClass, KeyState, Seq, TraceBody};
use crate::rollback::{ActError, compensation_record, external_record};
use crate::world::{Protected, Scope};

impl ToolRun {
    /// Sends a call, and records what it may have done.
    pub(super) async fn run_remote(&self, call: &RemoteCall, effect: EffectClass) -> Done {
        if self.stop.is_cancelled() {
            return stopped();
        }
        let is_program = call.server().is_some_and(|server| server.is_program());
        if !is_program {
            return self.run_away(call, effect).await;
        }
        if let Err(error) = self.services.world.check_root() {
            return fault(&ToolError(format!("the server was not asked: failed to {error}")));
        }
        match &self.services.commands.folders {
            Some(folders) => self.run_server(call, effect, folders).await,
            None => match self.lock_unless_stopped(&Scope::Shell).await {
                Some(_guard) => done(self.ask(call).await, None),
                None => stopped(),
            },
        }
    }

    /// A call whose receiver is not in the workspace.
    async fn run_away(&self, call: &RemoteCall, effect: EffectClass) -> Done {
        let action = match self.remote_action(call, effect).await {
            Ok(action) => action,
            Err(error) => return Done::from_error(&error),
        };
        let answer = self.ask(call).await;
        if let Some(action) = action {
            self.record_answer(action, call, &answer);
        }
        done(answer, None)
    }

    /// Sends a call, and waits for the answer.
    pub(super) async fn ask(&self, call: &RemoteCall) -> RemoteAnswer {
        let read_only = Protected::look_up(&self.own_files).real_paths().cloned().collect();
        self.services.remotes.run(call, &ServerHost { read_only }, &self.stop).await
    }

    /// Records the action that stands for what a call may do; durable before it is sent. `None`: it only reads.
    async fn remote_action(&self, call: &RemoteCall, effect: EffectClass) -> Result<Option<Seq>, ActError> {
        let Some(record) = self.remote_record(call, effect)? else { return Ok(None) };
        Ok(Some(self.log.append_durable(vec![TraceBody::Action(record)]).durable().await?))
    }

    /// The action that stands for what a call may do outside of the workspace, if it may do anything there.
    pub(super) fn remote_record(
        &self,
        call: &RemoteCall,
        effect: EffectClass,
    ) -> Result<Option<ActionRecord>, ActError> {
        let line = self.services.masker.mask(&call.line()).into_owned();
        if let Some(compensation) = &call.compensation {
            return Ok(Some(compensation_record(&self.origin, &line, None, compensation)?));
        }
        let is_program = call.server().is_some_and(|server| server.is_program());
        let gaps = if is_program { self.services.commands.shell.mode().gaps } else { Vec::new() };
        let why = match effect {
            EffectClass::Read => None,
            _ if !gaps.is_empty() => Some(format!("ran without a full sandbox: {}", gaps.join(", "))),
            EffectClass::Reversible => None,
            EffectClass::Compensable | EffectClass::Irreversible => Some("was sent".to_owned()),
        };
        Ok(why.map(|why| external_record(&self.origin, &line, why)))
    }

    /// Records how a call ended: one that reached nobody did nothing.
    pub(super) fn record_answer(&self, action: Seq, call: &RemoteCall, answer: &RemoteAnswer) {
        let result = answer.result.as_ref().unwrap_or(&answer.text);
        let after = match call.compensation {
            Some(_) if !answer.fault => KeyState::Text { text: self.services.masker.mask(result).into_owned() },
            _ => KeyState::Unknown,
        };
        let change = if answer.reached {
            ActionChange::Applied { after, kept: false }
        } else {
            ActionChange::Failed { error: self.services.masker.mask(&answer.text).into_owned() }
        };
        self.log.append(vec![TraceBody::ActionEvent(ActionEvent { action, change })]);
    }
}

/// The answer as the model gets it. `more`: a remark on the changes.
pub(super) fn done(answer: RemoteAnswer, more: Option<&str>) -> Done {
    let text = if answer.fault { format!("[error: {}]", answer.text) } else { answer.text };
    let text = more.iter().fold(text, |text, remark| format!("{text}\n[{remark}]"));
    Done::Tool { text, fault: answer.fault, cause: None }
}

/// The result of a call that was stopped before it was sent; nobody reads it.
pub(super) fn stopped() -> Done {
    Done::Tool { text: "[stopped]".into(), fault: true, cause: None }
}
