//! Ollama's own dialect, `/api/chat`: lines of JSON.

mod answer;
mod call;
mod message;
mod request;
mod stop;
mod stream;
mod tool;
mod turn;

pub(super) use answer::{read_answer, write_answer, write_stream};
pub(super) use request::{read_request, write_request};
pub(super) use stream::assemble;
pub(super) use turn::{echo, read_turn};
