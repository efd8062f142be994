//! What the tests of the parts are made of.

use crate::model::{Conversation, LlmRequest, ModelName, ModelOptions};
use crate::pipeline::{Agent, Pattern, Pipeline, Prompt};

/// A request with nothing but a system prompt.
pub(super) fn request(system: &str) -> LlmRequest {
    let model = ModelName { provider: "script".into(), model: "replies.toml".into() };
    LlmRequest {
        model,
        options: ModelOptions::default(),
        tools: Vec::new(),
        system: system.into(),
        messages: Conversation::default(),
    }
}

/// A pipeline of one agent, `main`, whose prompt is in `main.md`.
pub(super) fn pipeline(prompt: &str) -> Pipeline {
    let agent = Agent {
        name: "main".into(),
        description: String::new(),
        pattern: Pattern::Oneshot,
        model: None,
        tools: Vec::new(),
        skills: Vec::new(),
        max_iter: 1,
        prompt: Some(Prompt { text: prompt.into(), file: Some("main.md".into()) }),
        steps: [].into_iter().collect(),
    };
    Pipeline { agents: [("main".to_owned(), agent)].into_iter().collect(), ..Pipeline::default() }
}
