//! The edits of a retry, which are made when its span starts anew.

use std::collections::HashMap;
use std::sync::Arc;

use super::Dispatcher;
use super::reversal::RunBy;
use crate::model::{
    Conversation, EditReach, Finish, Generation, LlmRequest, RetryEdits, RetryPlan, SpanEnd, SpanId, SpanKind,
    SpanStatus, TraceBody,
};
use crate::pipeline::{Model, Pipeline};
use crate::runtime::ask::{Begin, Output, Work};
use crate::runtime::by_hand::{ByHand, Given};
use crate::runtime::refusal::{EditRefusal, Refusal, RetryRefusal};

/// The edits of the retry that was asked for last.
#[derive(Default)]
pub(super) struct Wishes {
    /// Those of a retry that has not begun.
    asked: Option<(SpanId, String, RetryEdits)>,
    /// Those of the retry under way, or of one that was cut off.
    given: ByHand,
    /// Those of the span that starts next at a path.
    at: HashMap<String, RetryEdits>,
    /// The model and the temperature of calls whose agents began in an earlier generation, and go on.
    models: Option<(Generation, Option<Model>, Option<f64>)>,
}

impl Wishes {
    /// Those of a stored run whose retry was cut off.
    pub fn of(given: ByHand) -> Self {
        Self { given, ..Self::default() }
    }

    /// Forgets the edits of a retry that did not begin.
    pub fn forget_asked(&mut self) {
        self.asked = None;
    }

    /// A prompt is edited.
    pub fn note_prompt_edit(&mut self, reach: &EditReach) {
        self.given.prompt_edited(reach);
    }

    /// Takes the edits for the span that starts at a path.
    pub fn take(&mut self, path: &str) -> Option<RetryEdits> {
        self.at.remove(path)
    }

    /// A request as it is sent, of a call whose agent began in a generation.
    pub fn with_model(&self, mut request: LlmRequest, began: Generation) -> LlmRequest {
        if let Some((since, model, temperature)) = &self.models
            && began < *since
        {
            if let Some(model) = model {
                request.model = model.name.clone();
                request.options = model.options;
            }
            request.options.temperature = temperature.or(request.options.temperature);
        }
        request
    }
}

impl Dispatcher {
    /// Begins a retry with edits.
    pub(super) fn retry_edited(
        &mut self,
        plan: RetryPlan,
        edits: RetryEdits,
        with_readers: bool,
    ) -> Result<(), Refusal> {
        let span = plan.span;
        self.check_edits(span, &edits)?;
        if edits.prompt.is_some() {
            // Fails for a span without a prompt, before anything is undone.
            let name = self.prompted(span)?;
            self.edits.prompt_now(&self.versions.newest(), &name).map_err(EditRefusal::from)?;
        }
        let by = RunBy::Edited { model: edits.model.clone(), temperature: edits.temperature };
        self.retry(plan, with_readers, by)?;
        let path = self.log.with(|state| state.trace.path(span));
        self.wishes.asked = Some((span, path, edits));
        Ok(())
    }

    fn check_edits(&self, span: SpanId, edits: &RetryEdits) -> Result<(), RetryRefusal> {
        let kind = self.log.with(|state| state.trace.get(span).map(|found| found.kind)).unwrap_or(SpanKind::Run);
        match edits.misfit(kind) {
            Some((what, of)) => Err(RetryRefusal::NoEdit { what, span, kind: kind.name(), of: of.name() }),
            None => Ok(()),
        }
    }

    /// Makes the edits of a retry that begins: its set is undone, and nothing of it has started. A resume goes on with
    /// those of the retry that was cut off.
    pub(super) fn begin_edits(&mut self, generation: Generation, cause: SpanId, pipeline: &Pipeline) {
        self.end_edits();
        self.wishes.models = None;
        self.wishes.at.clear();
        if let Some((span, path, edits)) = self.wishes.asked.take() {
            let name = edits.prompt.as_ref().and_then(|_| self.prompted(span).ok());
            self.give(Given { generation, path, edits, prompted: name }, true);
        } else if let Some(given) = self.wishes.given.given().filter(|_| cause == SpanId::RUN).cloned() {
            self.give(given, false);
        } else {
            self.wishes.given.end();
        }
        let Some(Given { generation: since, path, edits, .. }) = self.wishes.given.given().cloned() else { return };
        // Its rights to the model were looked at in the check.
        let model = edits.model.as_ref().and_then(|written| pipeline.model_to_try(written));
        if model.is_some() || edits.temperature.is_some() {
            self.wishes.models = Some((since, model, edits.temperature));
        }
        self.wishes.at.insert(path, edits);
    }

    /// Records edits, and edits the prompt. `is_first`: not those of a retry that was cut off.
    fn give(&mut self, given: Given, is_first: bool) {
        let Given { edits, prompted, .. } = &given;
        // One that is kept holds since the retry began.
        let prompted = prompted.clone().filter(|_| is_first || !edits.keeps_prompt);
        let prompt = edits.prompt.clone().zip(prompted);
        let lent = prompt.as_ref().filter(|_| !edits.keeps_prompt).map(|(_, name)| name.clone());
        let before = lent.as_ref().and_then(|name| self.edits.prompt_of(name)).map(str::to_owned);
        self.log.append(vec![given.event(&self.log)]);
        self.wishes.given.begin(given, lent.map(|name| (name, before)));
        if let Some((text, name)) = prompt {
            self.add_prompt(EditReach::Agent { name }, text);
            self.send_edits();
        }
    }

    /// Ends the edit of a prompt that held for one retry.
    pub(super) fn end_edits(&mut self) {
        if let Some(lent) = self.wishes.given.take_lent() {
            let reach = EditReach::Agent { name: lent.name };
            let actions = self.edits.restore_prompt(reach, self.generation(), lent.before);
            self.carry_out(actions);
            self.send_edits();
        }
    }

    /// Forgets the edits of a retry that came to its end.
    pub(super) fn forget_edits(&mut self) {
        self.end_edits();
        self.wishes.given.end();
    }

    /// Makes the edits of a call that was just asked for; true when it is answered, and nothing of it runs.
    pub(super) fn edit_call(&mut self, path: &str) -> bool {
        let Some(edits) = self.wishes.take(path) else { return false };
        let Some(pending) = self.calls.get(path) else { return false };
        let span = pending.span();
        if let Some(text) = &edits.answer {
            self.answer(path, text);
            self.calls.reply(path);
            return true;
        }
        if let (Some(messages), Some(Work::Llm(request))) = (edits.messages, pending.work().cloned()) {
            let messages = Conversation::from(messages);
            self.add_conversation(EditReach::Call { span }, span, request.messages.len(), messages);
        }
        if let Some(args) = edits.args {
            self.replace_args(path, args);
        }
        false
    }

    /// Says how an agent begins that was just started.
    pub(super) fn begin_agent(&mut self, span: SpanId, path: &str, pipeline: Arc<Pipeline>) -> Begin {
        let Some(edits) = self.wishes.take(path) else { return Begin::run(pipeline) };
        if let Some(text) = &edits.answer {
            return Begin::Done(self.end_answered(span, path, text));
        }
        if let Some(input) = &edits.input {
            let args = Some(self.log.text(input));
            self.log.append(vec![TraceBody::Sent { span, system: None, messages: None, args, model: None }]);
            self.calls.give_input(path, input.clone());
        }
        Begin::Run { pipeline, input: edits.input }
    }

    /// Records an agent that the user answers in the place of when it begins.
    fn end_answered(&mut self, span: SpanId, path: &str, text: &str) -> Output {
        let output = Output::new("done", text);
        let end = SpanEnd {
            finish: Some(Finish { key: output.key.clone(), synthetic: false }),
            output: Some(self.log.text(text)),
            answered: true,
            ..SpanEnd::new(span, SpanStatus::Ok)
        };
        self.calls.end_agent(path, &end);
        self.calls.record_agent_answer(path, span, output.clone());
        self.log.append(vec![TraceBody::SpanEnded(end)]);
        output
    }
}
