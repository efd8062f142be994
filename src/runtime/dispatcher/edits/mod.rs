//! The edits of a run: what is sent in place of what the code asks for, and what the user was offered to edit.

mod files;

use std::collections::HashMap;
use std::sync::Arc;

pub(in super::super) use files::{PromptFiles, WrittenPrompt};

use super::driver_action::DriverAction;
use super::versions::Versions;
use crate::model::{Conversation, EditReach, Generation, LlmRequest, MessageRecord, SpanId, TraceBody};
use crate::pipeline::Pipeline;
use crate::runtime::edit_history::{EditHistory, Target};
use crate::runtime::prompt::{prompt_now, stored_prompt};
use crate::runtime::refusal::{EditRefusal, PromptError};
use crate::store::hash_text;

/// The text that the user was given to edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Offered {
    /// A request about to be sent.
    Request,
    /// The arguments of a tool about to run.
    Args,
    /// An agent's prompt.
    Prompt,
}

/// The edits of a run.
#[derive(Default)]
pub(in super::super) struct Edits {
    history: EditHistory,
    /// The texts that the user edits now, by span.
    offered: HashMap<SpanId, Offered>,
    /// Prompts that were written into their files, by edit name.
    written: HashMap<String, String>,
    /// Edit names of agents, by span.
    agent_names: Arc<HashMap<SpanId, String>>,
}

impl Edits {
    /// Takes the edits of a stored run, and the edit names of its agents.
    pub fn new(history: EditHistory, agent_names: HashMap<SpanId, String>) -> Self {
        Self { history, agent_names: Arc::new(agent_names), ..Self::default() }
    }

    /// Stores the edit name of an agent's span.
    pub fn name_agent(&mut self, span: SpanId, name: String) {
        Arc::make_mut(&mut self.agent_names).insert(span, name);
    }

    /// Returns the edit name of an agent's span.
    pub fn name_of(&self, span: SpanId) -> Option<&String> {
        self.agent_names.get(&span)
    }

    /// Returns the edit names of all agents, by span.
    pub fn names(&self) -> Arc<HashMap<SpanId, String>> {
        self.agent_names.clone()
    }

    /// Returns the prompt that an agent of this edit name is sent, where it was edited.
    pub fn prompt_of(&self, name: &str) -> Option<&str> {
        self.history.prompt_of(name)
    }

    /// Returns the prompt that an agent of this edit name is sent: the edited one, or the pipeline's.
    pub fn prompt_now(&self, pipeline: &Pipeline, name: &str) -> Result<String, PromptError> {
        prompt_now(&self.history, pipeline, name)
    }

    /// Lists the edit names with an edited prompt.
    pub fn edited(&self) -> Vec<String> {
        self.history.edited()
    }

    /// Returns the request that is sent in place of what the code asks for; `None` when nothing is edited.
    pub fn apply(&self, request: &LlmRequest, agent: SpanId, call: SpanId) -> Option<LlmRequest> {
        self.history.apply(request, self.target(agent, call))
    }

    /// Returns how far the edits of a request reach: of its system prompt, and of its messages.
    pub fn reaches(&self, request: &LlmRequest, agent: SpanId, call: SpanId) -> (Option<EditReach>, Option<EditReach>) {
        self.history.reaches(request, self.target(agent, call))
    }

    fn target(&self, agent_span: SpanId, call: SpanId) -> Target<'_> {
        let agent = self.name_of(agent_span).map(String::as_str).unwrap_or_default();
        Target { agent, agent_span, call }
    }

    /// Remembers the text that the user edits for a span.
    pub fn offer(&mut self, span: SpanId, offered: Offered) {
        self.offered.insert(span, offered);
    }

    /// Takes the edited text of a span back. `now`: the text that would be offered now.
    ///
    /// # Errors
    /// When the span left its stop while its text was edited.
    pub fn take_back(&mut self, span: SpanId, now: Offered) -> Result<(), EditRefusal> {
        match self.offered.remove(&span) {
            Some(offered) if offered != now => Err(EditRefusal::SentMeanwhile),
            _ => Ok(()),
        }
    }

    /// Edits a prompt.
    pub fn edit_prompt(&mut self, reach: EditReach, generation: Generation, text: String) -> Vec<DriverAction> {
        let event = TraceBody::PromptEdited { reach: reach.clone(), generation, text: Some(hash_text(&text)) };
        self.history.prompt(reach, Some(text.clone()));
        vec![DriverAction::Text(text), DriverAction::append(event)]
    }

    /// Ends the edit of a prompt; `before`: the text that was edited before it, if one was.
    pub fn restore_prompt(
        &mut self,
        reach: EditReach,
        generation: Generation,
        before: Option<String>,
    ) -> Vec<DriverAction> {
        if let Some(text) = before {
            return self.edit_prompt(reach, generation, text);
        }
        self.history.prompt(reach.clone(), None);
        vec![DriverAction::append(TraceBody::PromptEdited { reach, generation, text: None })]
    }

    /// Replaces the first `upto` messages of a conversation. `records`: the new messages as they are stored.
    pub fn edit_conversation(
        &mut self,
        (reach, generation): (EditReach, Generation),
        (call, upto): (SpanId, usize),
        messages: Conversation,
        records: Vec<MessageRecord>,
    ) -> Vec<DriverAction> {
        let event = TraceBody::MessagesEdited { reach: reach.clone(), generation, call, upto, messages: records };
        self.history.conversation(reach, call, upto, messages);
        vec![DriverAction::append(event)]
    }

    /// Has a note sent to the agent's model with its next call.
    pub fn queue_notice(&mut self, agent: SpanId, text: String) {
        self.history.queue_notice(agent, text);
    }

    /// Takes the note for the agent's model.
    pub fn take_notice(&mut self, agent: SpanId) -> Option<String> {
        self.history.take_notice(agent)
    }

    /// Forgets the conversations of spans that a retry undoes.
    pub fn invalidate(&mut self, spans: &[SpanId]) {
        self.history.invalidate(spans);
    }

    /// Drops the edits that were written into their files, where those say something else now.
    pub fn leave_to_files(&mut self, today: &Pipeline, generation: Generation) -> Vec<DriverAction> {
        let mut actions = Vec::new();
        for name in self.edited() {
            let says = stored_prompt(today, &name).map(|prompt| prompt.text.as_str());
            if self.written.contains_key(&name) && says != self.prompt_of(&name) {
                let reach = EditReach::Agent { name };
                actions.push(DriverAction::append(TraceBody::PromptEdited {
                    reach: reach.clone(),
                    generation,
                    text: None,
                }));
                self.history.prompt(reach, None);
            }
        }
        actions
    }

    /// Lists the edited prompts with their files, to compare or write them beside the loop.
    pub fn prompt_files(&self, versions: &Versions) -> PromptFiles {
        let stored = versions.newest();
        let prompts = self.edited().into_iter().map(|agent| {
            let known = stored_prompt(&stored, &agent);
            files::EditedPrompt {
                text: self.prompt_of(&agent).unwrap_or_default().to_owned(),
                is_known: known.is_some(),
                file: known.and_then(|prompt| prompt.file.clone()),
                known: known.map(|prompt| prompt.text.clone()).unwrap_or_default(),
                written: self.written.get(&agent).cloned(),
                agent,
            }
        });
        PromptFiles::new(prompts.collect(), versions.source().cloned())
    }

    /// Remembers the prompts that were written into their files.
    pub fn note_written(&mut self, prompts: Vec<WrittenPrompt>) -> Vec<DriverAction> {
        let mut actions = Vec::new();
        for WrittenPrompt { agent, file, text } in prompts {
            actions.push(DriverAction::note(format!("wrote the prompt of {agent} into {file}")));
            self.written.insert(agent, text);
        }
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::dispatcher::fixture::{pipeline, request};

    const AGENT: SpanId = SpanId(1);

    fn reach() -> EditReach {
        EditReach::Agent { name: "main".into() }
    }

    fn edits() -> Edits {
        Edits::new(EditHistory::default(), HashMap::from([(AGENT, "main".to_owned())]))
    }

    fn written(text: &str) -> Vec<WrittenPrompt> {
        vec![WrittenPrompt { agent: "main".into(), file: "main.md".into(), text: text.into() }]
    }

    fn edited(text: Option<&str>) -> DriverAction {
        let text = text.map(hash_text);
        DriverAction::append(TraceBody::PromptEdited { reach: reach(), generation: Generation(1), text })
    }

    #[test]
    fn an_edited_prompt_is_stored_recorded_and_sent() {
        let mut edits = edits();
        let actions = edits.edit_prompt(reach(), Generation(1), "louder".into());
        assert_eq!(actions, [DriverAction::Text("louder".into()), edited(Some("louder"))]);
        let sent = edits.apply(&request("speak"), AGENT, SpanId(2)).unwrap();
        assert_eq!(sent.system, "louder");
        assert_eq!(edits.apply(&request("speak"), SpanId(9), SpanId(2)), None, "another agent");
    }

    #[test]
    fn a_text_is_taken_back_only_at_the_stop_that_it_was_offered_at() {
        let mut edits = edits();
        for (offered, now, is_taken) in [
            (Some(Offered::Request), Offered::Request, true),
            (Some(Offered::Request), Offered::Prompt, false),
            (Some(Offered::Args), Offered::Prompt, false),
            (None, Offered::Prompt, true),
        ] {
            if let Some(offered) = offered {
                edits.offer(AGENT, offered);
            }
            assert_eq!(edits.take_back(AGENT, now).is_ok(), is_taken, "{offered:?} {now:?}");
        }
    }

    #[test]
    fn an_edit_gives_way_to_its_file_only_once_it_was_written_there() {
        let mut edits = edits();
        edits.edit_prompt(reach(), Generation(1), "louder".into());
        assert_eq!(edits.leave_to_files(&pipeline("from an editor"), Generation(1)), [], "it was never written");
        let noted = edits.note_written(written("louder"));
        assert_eq!(noted, [DriverAction::note("wrote the prompt of main into main.md")]);
        assert_eq!(edits.leave_to_files(&pipeline("louder"), Generation(1)), [], "the file says the same");
        assert_eq!(edits.leave_to_files(&pipeline("from an editor"), Generation(1)), [edited(None)]);
        assert_eq!(edits.prompt_of("main"), None);
    }
}
