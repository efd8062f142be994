//! Codecs of the dialects in which models are spoken to: bytes to neutral types and back, no I/O.
//!
//! Both directions are here, because a client reads answers and writes requests, and a gateway the other way round.
//! Reading is tolerant: what a server leaves out, doubles or breaks is put together as well as it can be, and what
//! can't is reported in the server's own words. Writing is exact: what goes out is well-formed in its dialect, whatever a
//! model sent before. Each turn, part, tool and body keeps the JSON it was read from, so that unknown fields survive:
//! while the neutral fields are as they were read, the source is written again as it came; once they were changed, they
//! are laid over it.

mod answer;
mod body;
mod call_ids;
mod chat;
mod decoder;
mod dialect;
mod error_body;
mod excerpt;
mod fields;
mod gemini;
mod json;
mod keep;
mod messages;
mod ollama;
mod outline;
mod page;
mod pairs;
mod request;
mod responses;
mod sse;

pub use answer::{Answer, Call, Fault, Part, PartKind, Piece, Stop, StopKind, ToolResult, Usage};
pub use decoder::Decoder;
pub use dialect::{Dialect, UnknownDialect};
pub use json::{parse, parse_arguments, written_arguments};
pub use outline::{EditError, Edited, Outline, change_answer};
pub use page::without_markup;
pub use request::{Request, Role, Tool, Turn, Unreadable};
