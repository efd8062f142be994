//! The wire: recorded bytes of each dialect under `tests/wire/`, read and written.

mod chat;
mod chat_calls;
mod chat_properties;
mod chat_requests;
mod framing;
mod gemini;
mod gemini_properties;
mod gemini_write;
mod messages;
mod messages_properties;
mod messages_requests;
mod ollama;
mod ollama_write;
mod responses;
mod responses_random;
mod responses_write;
pub mod support;
