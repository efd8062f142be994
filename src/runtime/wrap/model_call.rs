//! One model call of an agent of another program, as it came through the gateway.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use super::announced::HeldAnswer;
use super::line::AgentLine;
use super::recorded_calls::{Recall, RecordedCalls};
use crate::effects::gateway::{ClientState, ExchangeError, Forwarded, ModelCall};
use crate::effects::llm::{CallPosition, LlmError, LlmProvider, Progress, ScriptModel};
use crate::model::{LlmRequest, LlmResponse};
use crate::runtime::failure::{Divergence, Failure, Halt};
use crate::runtime::pattern_scope::PatternScope;

/// The status of a call that was not sent: a limit was reached, or its provider not. Agents try again later.
const UNREACHED: u16 = 502;

/// Asks for the answer to a model call, and sees that the agent gets it: from the record of an earlier try, where that
/// has one.
pub(super) async fn call_model(
    scope: &PatternScope,
    line: &AgentLine,
    mut call: Box<ModelCall>,
) -> Result<(), Failure> {
    let (request, is_aux) = (call.request.clone(), call.facts.aux.is_some());
    let differs = match recall(line, &request, is_aux) {
        Recall::Answered(answer, differs) => {
            if let Some(differs) = differs {
                let text = format!("answered from the record, although it is not quite the same: {differs}");
                line.note(Some(answer.span), false, text);
            }
            forget(call.exchange.answer(&answer.response).await);
            return Ok(());
        }
        Recall::Ask => None,
        Recall::Unknown(differs) => Some(differs),
    };
    if let Some(differs) = &differs {
        line.note(None, true, format!("the agent asks its model what it did not ask before: {differs}"));
        if line.recorded().as_ref().is_some_and(RecordedCalls::is_headless) {
            forget(call.exchange.refuse(UNREACHED, "the call is not as recorded").await);
            return Err(diverged(scope, differs));
        }
    }
    let is_unknown = differs.is_some();
    let (own_path, mut client) = (OnceLock::new(), call.exchange.watch());
    let announce = |path: &str| {
        let _ = own_path.set(path.to_owned());
        if is_unknown {
            line.announced().stop_at(path);
        }
        line.announced().add_model(path, call);
    };
    let given_up = async {
        let has_left = client.wait_for(|state| *state == ClientState::Left).await.is_ok();
        if has_left && let Some(path) = own_path.get() {
            scope.give_up(path);
        }
        std::future::pending::<Infallible>().await
    };
    let outcome = tokio::select! {
        biased;
        outcome = scope.outside_llm(request, is_aux, announce) => outcome,
        never = given_up => match never {},
    };
    let own_path = own_path.get().map(String::as_str).unwrap_or_default();
    if is_unknown && let Some(recorded) = &mut *line.recorded() {
        // The user has let it go, or answered it: the agent may be on another way.
        recorded.go_on();
    }
    if let Some(mut call) = line.announced().take_model(own_path) {
        // It was not sent: the answer is the user's, or there is none.
        match &outcome {
            Ok(response) => forget(call.exchange.answer(response).await),
            Err(failure) => forget(call.exchange.refuse(UNREACHED, &failure.to_string()).await),
        }
    } else if let Some(HeldAnswer { mut call, response }) = line.announced().take_held(own_path) {
        match (&outcome, &response) {
            (Ok(now), None) => forget(call.exchange.answer(now).await),
            (Ok(now), Some(response)) => forget(call.exchange.release((now != response).then_some(now)).await),
            (Err(failure), None) => forget(call.exchange.refuse(UNREACHED, &failure.to_string()).await),
            // The provider's own error.
            (Err(_), Some(_)) => forget(call.exchange.release(None).await),
        }
    }
    match outcome {
        Err(halt @ Failure::Halt(_)) => Err(halt),
        // The agent has heard of it, and goes on as it likes.
        Ok(_) | Err(Failure::Agent(_)) => Ok(()),
    }
}

/// The answer of an earlier try's record to a request; without one, it is asked.
fn recall(line: &AgentLine, request: &LlmRequest, is_aux: bool) -> Recall {
    line.recorded().as_mut().map_or(Recall::Ask, |recorded| recorded.find(request, is_aux))
}

/// The halt at a call that is none of the recorded ones.
fn diverged(scope: &PatternScope, differs: &str) -> Failure {
    let asked = format!("another one ({differs}). Retry an earlier span, or the agent itself");
    let divergence = Divergence { path: scope.path().to_owned(), recorded: "a model call".into(), asked };
    Halt::from(Box::new(divergence)).into()
}

/// The agent has gone meanwhile; its call is recorded all the same.
fn forget(_: Result<(), ExchangeError>) {}

/// Answers the model calls of an agent by sending them on to where the agent wanted them to go.
pub(super) struct AgentModels {
    pub line: Arc<AgentLine>,
    /// Answers in the place of a provider.
    pub script: Option<Arc<ScriptModel>>,
}

#[async_trait]
impl LlmProvider for AgentModels {
    async fn call(
        &self,
        request: &LlmRequest,
        position: &CallPosition,
        progress: &Progress,
    ) -> Result<LlmResponse, LlmError> {
        let call = self.line.announced().take_model(&position.path);
        let call = call.filter(|call| call.exchange.client() != ClientState::Left);
        let mut call = call.ok_or_else(|| LlmError::new("send the call: the agent no longer waits for it".into()))?;
        if let Some(script) = &self.script {
            let answered = script.call(request, position, progress).await;
            // The agent waits: it gets this answer, or the failure, from the one who asked.
            let held = HeldAnswer { call, response: None };
            self.line.announced().add_held(&position.path, held);
            return answered;
        }
        let edited = (*request != call.request).then_some(request);
        let forwarded = call.exchange.forward(edited, position.stops_after, progress).await;
        let Forwarded { status, response, whole, fault, raw, .. } = match forwarded {
            Ok(forwarded) => forwarded,
            Err(error) => {
                let why = format!("send the call: {error}");
                if !matches!(error, ExchangeError::Left) {
                    // It still waits, and gets the answer to this failure.
                    self.line.announced().add_model(&position.path, call);
                }
                return Err(LlmError::new(why));
            }
        };
        progress.keep_raw(raw);
        if position.stops_after {
            self.line.announced().add_held(&position.path, HeldAnswer { call, response: Some(response.clone()) });
        }
        if status >= 400 || !whole {
            let why = fault.unwrap_or_else(|| "its end did not come".into());
            let so_far = Some(Box::new(response)).filter(|_| status < 400);
            return Err(LlmError { why: format!("call the model: HTTP {status}: {why}"), so_far });
        }
        Ok(response)
    }
}
