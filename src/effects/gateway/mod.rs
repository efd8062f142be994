//! The gateway: stands between a program that is not ours and its model providers.
//!
//! It listens on loopback behind a secret path, and takes the place of a provider's address in the program's environment.
//! Each model call arrives as a [`ModelCall`]: its facts, its request in neutral form, and an [`Exchange`] by which it is
//! sent on, edited, held, answered by hand or refused. Bytes pass as they come, unless somebody edits them: a copy is
//! read. All other requests are passed on and reported. Keys and cookies pass through, and are kept nowhere.
//!
//! `server` takes connections, `route` finds out what a request is, `arrival` makes a call of it, `client` looks after the
//! reply, `forward` goes to the provider, `exchange` is the handle. What each agent needs to come here is in
//! `agents`.

mod arrival;
mod aux;
mod body;
mod came;
mod client;
mod encoding;
mod environment;
mod exchange;
mod exchange_error;
mod facts;
mod flushed;
mod forward;
mod headers;
mod held;
mod history;
mod limits;
mod made;
mod passing;
mod prepare;
mod reading;
mod release;
mod route;
mod secret;
mod server;
mod service;
mod shape;
mod shared;
#[cfg(test)]
mod tests;

pub use arrival::{Arrived, ModelCall, Passed};
pub use client::ClientState;
pub use exchange::{Exchange, Forwarded};
pub use exchange_error::ExchangeError;
pub use facts::Facts;
pub use history::History;
pub use limits::Limits;
pub(in crate::effects) use secret::Secret;
pub use server::{Gateway, StartError};
pub use service::{Service, UpstreamError, Upstreams};
pub use shared::{Counts, Setup};
