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
pub(in crate::effects) use client::{BuildError, describe_passing, passing_client};
pub(in crate::effects) use convert::response as neutral_response;
pub use keys::{ProviderKey, provider_keys};
pub use progress::{AnswerPiece, Progress, ProgressReader};
pub use providers::Providers;
pub use script::ScriptModel;
