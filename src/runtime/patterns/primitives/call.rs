//! The primitive `call`: one model call.

use super::super::super::ask::Output;
use super::super::super::failure::Failure;
use super::super::super::pattern_scope::PatternScope;
use crate::model::{LlmRequest, Message};
use crate::pipeline::Model;

/// One call: the prompt is the system message, the input the user message. `key`: the finish key.
pub(in super::super) async fn call(
    scope: &PatternScope,
    model: &Model,
    prompt: &str,
    input: &str,
    key: &str,
) -> Result<Output, Failure> {
    let request = LlmRequest {
        model: model.name.clone(),
        options: model.options,
        tools: Vec::new(),
        system: prompt.to_owned(),
        messages: vec![Message::User { text: input.to_owned() }].into(),
    };
    Ok(Output::new(key, scope.llm(request).await?.text))
}
