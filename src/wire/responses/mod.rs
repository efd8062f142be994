//! `OpenAI` Responses.
//!
//! A conversation is a list of items: messages, reasoning, calls, results. A turn of the model is the list of its
//! output items; each item is one part, and the part's source is the item. Of the other turns, each part is a part of a
//! message's content.

mod answer;
mod fault;
mod find;
mod fuller;
mod item;
mod merge;
mod pairs;
mod part;
mod request;
mod slot;
mod stop;
mod stream;
mod tools;
mod turn;
mod write;
mod write_stream;

pub(super) use answer::{read_answer, write_answer};
pub(super) use request::read_request;
pub(super) use stream::assemble;
pub(super) use turn::{echo, read_turn};
pub(super) use write::write_request;
pub(super) use write_stream::write_stream;
