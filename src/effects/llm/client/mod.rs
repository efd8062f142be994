//! The HTTP client of model servers: sends one call in a dialect, waits as the server asks, and reads the answer.
//!
//! A [`Client`] belongs to one provider. Every call has a connection of its own, so that a failed one was never a kept
//! connection that the server had closed: a call is sent again only when the server refused it by a status that says
//! so, or when no connection to it came about. A call that may have arrived is never sent twice.

mod address;
mod address_error;
mod asked;
mod attempt;
mod call;
mod error;
mod exchange;
mod head;
mod headers;
mod heard;
mod hints;
mod key;
mod loopback;
mod page;
mod proxy;
mod reading;
mod refusal;
mod retry;
mod settings;
mod setup;
#[cfg(test)]
pub(in crate::effects) mod tests;
mod transport;
mod wait;

pub use error::ExchangeError;
pub use heard::{Exchange, Heard};
pub use loopback::is_loopback;
pub use settings::Settings;
pub use setup::{BuildError, Client, passing_client};
pub use transport::describe_passing;
pub use wait::Waits;
