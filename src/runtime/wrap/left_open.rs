//! Tools of whose end no hook tells: the agent's own rules refused them, or it went on without them. The next model call
//! shows it, for it brings their results.
//!
//! Such a tool would keep the workspace, and the next tool would wait for it.

use crate::effects::gateway::ModelCall;
use crate::effects::hooks::{HookDialect, ToolUse};
use crate::model::{LlmRequest, Message};

/// The result of a tool in the newest turn of a model call; `None`: the call does not say that it has ended.
pub(super) fn result_in(call: &ModelCall, tool: &ToolUse, dialect: HookDialect, session: &str) -> Option<String> {
    if call.facts.aux.is_some() {
        return None;
    }
    if dialect == HookDialect::Codex {
        // Its model asks for scripts, in which its tools are calls with ids of their own. A turn of the model ends them.
        let is_its_own = call.facts.session.as_deref() == Some(session);
        return has_results(&call.request).filter(|()| is_its_own).map(|()| String::new());
    }
    result_of(&call.request, tool)
}

fn has_results(request: &LlmRequest) -> Option<()> {
    request.messages.iter().any(|message| matches!(message, Message::Tool { .. })).then_some(())
}

/// The result of a call with this name and these arguments, where the newest answer of the model asked for it.
fn result_of(request: &LlmRequest, tool: &ToolUse) -> Option<String> {
    let mut asked: &[crate::model::ToolCall] = &[];
    let mut found = None;
    for message in request.messages.iter() {
        match message {
            Message::Assistant { calls, .. } => (asked, found) = (calls, None),
            Message::Tool { call, text, .. } => {
                let is_it = |asked: &crate::model::ToolCall| asked.name == tool.name && asked.args == tool.input;
                if asked.get(*call).is_some_and(is_it) {
                    found = Some(text.clone());
                }
            }
            Message::User { .. } => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Conversation, ModelName, ModelOptions, ToolCall};

    fn call(name: &str, command: &str) -> ToolCall {
        ToolCall { name: name.into(), args: json!({ "command": command }) }
    }

    fn asked(calls: &[ToolCall]) -> Message {
        Message::Assistant { text: String::new(), calls: calls.to_vec(), state: None }
    }

    fn result(call: usize, text: &str) -> Message {
        Message::Tool { call, name: "Bash".into(), text: text.into() }
    }

    fn found(messages: Vec<Message>) -> Option<String> {
        let request = LlmRequest {
            model: ModelName { provider: "anthropic".into(), model: "m".into() },
            options: ModelOptions::default(),
            tools: Vec::new(),
            system: String::new(),
            messages: Conversation::from(messages),
        };
        let ToolCall { name, args } = call("Bash", "rm x");
        result_of(&request, &ToolUse { id: None, name, input: args })
    }

    #[test]
    fn a_result_ends_the_tool_that_it_answers_and_no_other() {
        let both = asked(&[call("Bash", "ls"), call("Bash", "rm x")]);
        assert_eq!(found(vec![both.clone(), result(0, "a"), result(1, "refused")]).as_deref(), Some("refused"));
        assert_eq!(found(vec![both.clone(), result(0, "a")]), None);
        assert_eq!(found(vec![both.clone()]), None);
        assert_eq!(found(vec![asked(&[call("Write", "rm x")]), result(0, "a")]), None);
        // The same was asked for in an earlier turn too.
        assert_eq!(found(vec![both, result(1, "refused"), asked(&[call("Bash", "rm x")])]), None);
    }
}
