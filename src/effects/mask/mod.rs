//! Secrets: keeps them from child processes and masks them in results.

mod masker;
mod secrets;
mod shapes;
mod stream;

pub use masker::Masker;
pub(in crate::effects) use secrets::is_secret;
pub use stream::MaskedStream;
