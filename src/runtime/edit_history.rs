//! The edits of a run: what the user changed in what is sent. They lie over the request that the code made, whose hash the
//! journal keeps; so an edit never makes an earlier call diverge.

use std::collections::HashMap;

use super::wording::with_prompt;
use crate::model::{Conversation, EditReach, LlmRequest, SpanId};

/// Every edit of a run, oldest first.
#[derive(Default)]
pub(super) struct EditHistory {
    prompts: Vec<(EditReach, Option<String>)>,
    conversations: Vec<Beginning>,
    notices: HashMap<SpanId, String>,
}

/// A replaced beginning of a conversation.
struct Beginning {
    reach: EditReach,
    /// The call it was made at.
    call: SpanId,
    upto: usize,
    messages: Conversation,
}

/// The agent that a call belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    /// The agent's edit name.
    pub agent: &'a str,
    /// The agent's span.
    pub agent_span: SpanId,
    /// The call's span.
    pub call: SpanId,
}

impl EditHistory {
    /// Adds a prompt edit; `None` takes the one before back.
    pub fn prompt(&mut self, reach: EditReach, text: Option<String>) {
        self.prompts.retain(|(known, _)| *known != reach);
        self.prompts.push((reach, text));
    }

    /// Replaces the first `upto` messages of a conversation.
    pub fn conversation(&mut self, reach: EditReach, call: SpanId, upto: usize, messages: Conversation) {
        self.conversations.push(Beginning { reach, call, upto, messages });
    }

    /// Forgets conversations that a retry undoes: what comes instead is another one.
    pub fn invalidate(&mut self, taken: &[SpanId]) {
        self.conversations.retain(|edit| !taken.contains(&edit.call));
    }

    /// Has a note sent to the agent's model with its next call.
    pub fn queue_notice(&mut self, agent: SpanId, text: String) {
        self.notices.insert(agent, text);
    }

    /// Takes the note for the agent's model.
    pub fn take_notice(&mut self, agent: SpanId) -> Option<String> {
        self.notices.remove(&agent)
    }

    /// The prompt that an agent of this name is sent, where it was edited.
    pub fn prompt_of(&self, agent: &str) -> Option<&str> {
        self.prompts.iter().rev().find_map(|(reach, text)| match reach {
            EditReach::Agent { name } if name == agent => text.as_deref(),
            _ => None,
        })
    }

    /// Names of the agents with an edited prompt.
    pub fn edited(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .prompts
            .iter()
            .filter_map(|(reach, text)| match reach {
                EditReach::Agent { name } if text.is_some() => Some(name.clone()),
                _ => None,
            })
            .collect();
        names.sort();
        names
    }

    /// Returns the request that is sent in place of this one; `None` when nothing differs.
    pub fn apply(&self, request: &LlmRequest, target: Target<'_>) -> Option<LlmRequest> {
        let mut sent = request.clone();
        match self.prompt_edit(target) {
            // An agent's prompt: the words around it stay.
            Some((EditReach::Agent { .. }, text)) => sent.system = with_prompt(&sent.system, text),
            // Edited at a stop, where all of it is shown.
            Some((_, text)) => sent.system.clone_from(text),
            None => {}
        }
        if let Some(edit) = self.conversation_edit(request, target) {
            sent.messages = edit.messages.followed_by(&request.messages, edit.upto);
        }
        (sent != *request).then_some(sent)
    }

    /// How far the edits of a request reach: of its system prompt, and of its messages.
    pub fn reaches(&self, request: &LlmRequest, target: Target<'_>) -> (Option<EditReach>, Option<EditReach>) {
        let prompt = self.prompt_edit(target).map(|(reach, _)| reach.clone());
        (prompt, self.conversation_edit(request, target).map(|edit| edit.reach.clone()))
    }

    fn prompt_edit(&self, target: Target<'_>) -> Option<(&EditReach, &String)> {
        let mut edits = self.prompts.iter().rev().filter(|(reach, _)| target.is_in(reach));
        edits.find_map(|(reach, text)| Some((reach, text.as_ref()?)))
    }

    fn conversation_edit(&self, request: &LlmRequest, target: Target<'_>) -> Option<&Beginning> {
        let fits = |edit: &&Beginning| target.is_in(&edit.reach) && edit.upto <= request.messages.len();
        self.conversations.iter().rev().find(fits)
    }
}

impl Target<'_> {
    fn is_in(&self, reach: &EditReach) -> bool {
        match reach {
            EditReach::Agent { name } => name == self.agent,
            EditReach::Try { span } => *span == self.agent_span,
            EditReach::Call { span } => *span == self.call,
        }
    }
}
