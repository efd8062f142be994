//! `OpenAI` Chat Completions, and all that imitates it: `vLLM`, `llama.cpp`, `SGLang`, `mistral.rs`, TGI, LM Studio,
//! `OpenRouter`, `DeepSeek`, Groq, Mistral, Azure, GLM, Gemini's and Bedrock's endpoints of the same form.
//!
//! A message is flat, so a part's source is a piece of it: a text or an item of `content`, an object of message fields
//! (`{"reasoning_content": …}`, `{"refusal": …}`), or an item of `tool_calls` (without `function`: the older
//! `function_call`).

mod answer;
mod calls;
mod conversation;
mod details;
mod emit;
mod error;
mod parts;
mod request;
mod scan;
mod slot;
mod stop;
mod stream;
mod tool_call;
mod turn;
mod usage;
mod value;
mod write;
mod write_request;

pub(super) use answer::{read_answer, write_answer};
pub(super) use emit::write_stream;
pub(super) use request::read_request;
pub(super) use stream::assemble;
pub(super) use turn::read_turn;
pub(super) use write::echo;
pub(super) use write_request::write_request;
