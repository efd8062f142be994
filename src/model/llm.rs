//! A model call in neutral form: what pattern code asks for, and what a provider answers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{BlobHash, Conversation};

/// `provider:model`, e.g. `openai:gpt-5-mini` or `script:replies.toml`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModelName {
    /// The part before the first colon.
    pub provider: String,
    /// The part after it.
    pub model: String,
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.provider[..] {
            // Of an imported run it is not always known.
            "" => f.write_str(&self.model),
            provider => write!(f, "{provider}:{}", self.model),
        }
    }
}

/// Options of a model; what is `None` is left to the provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelOptions {
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Upper bound on output tokens.
    pub max_tokens: Option<u32>,
    /// True if an answer that was cut at the token limit is taken as it is; else it is an error of the call.
    #[serde(default, skip_serializing_if = "is_false")]
    pub accept_cut: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A tool as declared to the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolDecl {
    /// Its name.
    pub name: String,
    /// Its purpose, in a sentence for the model.
    pub description: String,
    /// JSON Schema of its arguments (an object).
    pub schema: serde_json::Value,
}

/// A tool call the model asked for. Providers' call ids are not kept: code names calls by position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The tool's name.
    pub name: String,
    /// Its arguments: an object, or the text that came where the model wrote no object.
    pub args: serde_json::Value,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub enum Message {
    /// From the pipeline.
    User {
        /// The text.
        text: String,
    },
    /// From the model.
    Assistant {
        /// Its text; may be empty beside calls.
        text: String,
        /// Tool calls in order.
        calls: Vec<ToolCall>,
        /// State of the provider that goes back unmodified with this turn: see [`LlmResponse::state`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<serde_json::Value>,
    },
    /// The result of one tool call of the last assistant message that has calls.
    Tool {
        /// Position of the call in that message, from 0.
        call: usize,
        /// The tool's name.
        name: String,
        /// The answer of the tool.
        text: String,
    },
}

/// A model call as pattern code makes it; its hash is the journal's check (no endpoint, key or stream flag).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LlmRequest {
    /// Which model.
    pub model: ModelName,
    /// With which options.
    pub options: ModelOptions,
    /// Which tools are offered.
    pub tools: Vec<ToolDecl>,
    /// The system prompt.
    pub system: String,
    /// The conversation so far.
    pub messages: Conversation,
}

/// Tokens of one call, as the provider counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the request.
    pub input: u64,
    /// Tokens of the response.
    pub output: u64,
}

/// The answer of the model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LlmResponse {
    /// Its text.
    pub text: String,
    /// Its reasoning, as far as the provider shows it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// Tool calls, in order.
    pub calls: Vec<ToolCall>,
    /// Tokens; `None` when the provider did not say.
    pub usage: Option<Usage>,
    /// Tokens of the request that the provider read from its cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached_tokens: u64,
    /// Tokens of the response that were reasoning.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reasoning_tokens: u64,
    /// Why the model stopped, in the provider's own word; `None` when it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<String>,
    /// The turn in the provider's own form, which goes back unmodified (reasoning, signatures): an object with
    /// `dialect`, `model` and `turn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<serde_json::Value>,
    /// The answer as it came, kept as a blob: status and headers, an empty line, and the body. Older programs kept the
    /// body alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<BlobHash>,
}
