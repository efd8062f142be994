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

pub use call::{CallPosition, LlmError, LlmProvider};
pub use keys::{ProviderKey, provider_keys};
pub use progress::{AnswerPiece, Progress, ProgressReader};
pub use providers::Providers;
