//! Google Gemini: `generateContent`, `streamGenerateContent`. Fields are read in both spellings that the service takes
//! (`finishReason`, `finish_reason`) and written in the first.

mod answer;
mod contents;
mod field;
mod part;
mod partial;
mod reply;
mod request;
mod results;
mod schema;
mod stop;
mod stream;
mod tool;
mod turn;

pub(super) use answer::read_answer;
pub(super) use reply::{write_answer, write_stream};
pub(super) use request::{read_request, write_request};
pub(super) use stream::assemble;
pub(super) use turn::{echo, read_turn};
