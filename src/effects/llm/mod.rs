//! Model calls: `script:FILE`, and providers over HTTP in their dialects.

mod call;
mod client;
mod convert;
mod http;
mod keys;
mod progress;
mod providers;
mod script;
mod whole;

#[cfg(test)]
pub(super) use client::tests::server as test_server;

pub use call::{CallPosition, LlmError, LlmProvider};
pub use keys::{ProviderKey, provider_keys};
pub use progress::{AnswerPiece, Progress, ProgressReader};
pub use providers::Providers;
