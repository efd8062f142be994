//! Runs a pipeline: dispatcher, gates, journal, patterns. Deterministic given its effects.
//!
//! Pattern code (`patterns`) asks the dispatcher for every effect by path, through its scope. The dispatcher looks
//! into the journal, stops at gates, has tools and models work, records what happened, and gives the outcome back.

mod ask;
mod denial;
mod diff;
mod dispatcher;
mod edits;
mod engine;
mod feed;
mod foresee;
mod gates;
mod journal;
mod past;
mod pattern_scope;
mod patterns;
mod policy;
mod request;
mod request_doc;
mod session;

pub use denial::Denial;
pub use dispatcher::command::{Commands, Places};
pub use engine::{Engine, Headless, Mode, NewRun, SessionEnd, Setup, StatusHook};
pub use feed::{Feed, Receiver, Sink, channel};
pub use foresee::{Outlook, foresee};
pub use request::{llm_hash, tool_hash};
pub use session::{
    ModelSource, Session, SessionError, capture_of, name_neighbours, neighbours, open, prepare, providers, rules,
    start, start_unrecorded,
};
