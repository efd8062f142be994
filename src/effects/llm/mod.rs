//! Model calls: `script:FILE`, and providers over HTTP through genai.

mod call;
mod convert;
mod fault;
mod http;
mod keys;
mod providers;
mod script;

pub use call::{CallPosition, LlmError, LlmProvider};
pub use keys::{ProviderKey, provider_keys};
pub use providers::Providers;
