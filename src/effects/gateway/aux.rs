//! Side calls: titles, topics, routers, probes. They come through the same address, and belong to no turn of their own.

use std::collections::{HashMap, VecDeque};

use crate::model::LlmRequest;

/// Beginnings of the instructions of known side calls, in lower case, and their reasons.
const HEADS: [(&str, &str); 12] = [
    ("you are a title generator", "title"),
    ("generate a short title", "title"),
    ("generate a concise, sentence-case title", "title"),
    ("generate a concise title", "title"),
    ("analyze if this message indicates a new conversation topic", "topic"),
    ("you are a specialized task routing ai", "router"),
    ("your task is to create a detailed summary of the conversation", "summary of the conversation"),
    ("you are a helpful ai assistant tasked with summarizing conversations", "summary of the conversation"),
    ("you are performing a context checkpoint compaction", "summary of the conversation"),
    ("you are the component that summarizes internal chat history", "summary of the conversation"),
    ("extract any file paths that this command reads or modifies", "paths of a command"),
    ("your task is to process bash commands that an ai coding agent wants to run", "prefix of a command"),
];
/// The most output tokens that a small call asks for.
const SMALL: u32 = 1024;
/// The longest conversation of a small call, in bytes.
const SHORT: usize = 8 << 10;
/// Sessions that are remembered.
const SESSIONS: usize = 256;

/// The main models of sessions, to tell side calls from the agent's own.
#[derive(Debug, Default)]
pub(super) struct Sides {
    /// The model of the first call with tools.
    main: HashMap<String, String>,
    order: VecDeque<String>,
}

impl Sides {
    /// The reason why a call is a side call; `None`: it is not.
    pub(super) fn reason(&mut self, session: Option<&str>, request: &LlmRequest) -> Option<&'static str> {
        if let Some(known) = known_head(request) {
            return Some(known);
        }
        let session = session.unwrap_or_default();
        if !request.tools.is_empty() {
            self.remember(session, &request.model.model);
            return None;
        }
        if request.options.max_tokens == Some(1) {
            return Some("probe");
        }
        let main = self.main.get(session)?;
        let is_small = request.options.max_tokens.is_some_and(|most| most <= SMALL) || is_short(request);
        match (is_small, *main == request.model.model) {
            (true, false) => Some("small call of another model"),
            (true, true) => Some("small call without tools"),
            (false, _) => None,
        }
    }

    fn remember(&mut self, session: &str, model: &str) {
        if self.main.contains_key(session) {
            return;
        }
        self.main.insert(session.to_owned(), model.to_owned());
        self.order.push_back(session.to_owned());
        if self.order.len() > SESSIONS
            && let Some(oldest) = self.order.pop_front()
        {
            self.main.remove(&oldest);
        }
    }
}

fn known_head(request: &LlmRequest) -> Option<&'static str> {
    let last = request.messages.iter().last().and_then(|message| match message {
        crate::model::Message::User { text } => Some(text.as_str()),
        _ => None,
    });
    let parts = request.system.split("\n\n").chain(last);
    parts.map(|part| begin(part.trim_start())).find_map(|part| {
        let found = HEADS.iter().find(|(head, _)| part.starts_with(head));
        found.map(|(_, reason)| *reason)
    })
}

/// The beginning of a text, in lower case.
fn begin(text: &str) -> String {
    text.chars().take(120).flat_map(char::to_lowercase).collect()
}

fn is_short(request: &LlmRequest) -> bool {
    use crate::model::Message::{Assistant, Tool, User};
    let length = |message: &crate::model::Message| match message {
        User { text } | Assistant { text, .. } | Tool { text, .. } => text.len(),
    };
    request.messages.len() <= 2 && request.messages.iter().map(length).sum::<usize>() <= SHORT
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Conversation, Message, ModelName, ModelOptions, ToolDecl};

    fn call(model: &str, system: &str, tools: usize, text: &str) -> LlmRequest {
        let tool = ToolDecl { name: "t".into(), description: String::new(), schema: json!({}) };
        LlmRequest {
            model: ModelName { provider: "anthropic".into(), model: model.into() },
            options: ModelOptions::default(),
            tools: vec![tool; tools],
            system: system.into(),
            messages: Conversation::from(vec![Message::User { text: text.into() }]),
        }
    }

    #[test]
    fn side_calls_are_told_from_the_agent_s_own() {
        let mut sides = Sides::default();
        let mut reason = |request: &LlmRequest| sides.reason(Some("s"), request);
        assert_eq!(reason(&call("big", "You are a title generator. …", 0, "hi")), Some("title"));
        assert_eq!(reason(&call("big", "You are an agent.", 0, "hi")), None, "nothing is known of the session");
        assert_eq!(reason(&call("big", "You are an agent.", 3, "hi")), None);
        assert_eq!(reason(&call("small", "Be brief.", 0, "hi")), Some("small call of another model"));
        assert_eq!(reason(&call("small", "Be brief.", 2, "hi")), None, "a subagent has tools");
        assert_eq!(reason(&call("small", "Be brief.", 0, &"long ".repeat(4000))), None);
        let mut probe = call("big", "", 0, "quota");
        probe.options.max_tokens = Some(1);
        assert_eq!(reason(&probe), Some("probe"));
        let mut other = Sides::default();
        assert_eq!(other.reason(None, &call("m", "", 0, "a pipeline without tools")), None);
    }
}
