//! Model calls: `script:FILE`, and providers over HTTP through genai.

mod call;
mod convert;
mod fault;
mod http;
mod providers;
mod script;

pub use call::{CallPlace, LlmError, LlmProvider};
pub use providers::Providers;
