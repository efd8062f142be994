//! Anthropic Messages, and the proxies that imitate it.
//!
//! A turn is a message with blocks; results of tools stand in the user's message after the calls. Thinking blocks are
//! signed: they go back as they came. `block` and `turn` read and write one block and one message; `stream` puts
//! blocks together from events; `conversation` and `pairs` make a valid list of messages of any turns.

mod answer;
mod block;
mod cache;
mod change;
mod conversation;
mod echo;
mod fault;
mod fields;
mod ids;
mod pairs;
mod pieces;
mod reply;
mod request;
mod stop;
mod stream;
mod tools;
mod turn;
mod under_way;
mod usage;
mod write;

use super::decoder::Assemble;

pub(super) use answer::read_answer;
pub(super) use echo::echo;
pub(super) use reply::{write_answer, write_stream};
pub(super) use request::read_request;
pub(super) use turn::read_turn;
pub(super) use write::write_request;

pub(super) fn assemble() -> Box<dyn Assemble> {
    Box::new(stream::Stream::default())
}
