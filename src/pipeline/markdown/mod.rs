//! Markdown files with a head: YAML between two lines of dashes, then a text.

mod file;
mod front_matter;
mod keys;
mod prompt_file;
mod yaml;

pub(super) use file::{Markdown, read_text};
pub use front_matter::replace_prompt;
pub(super) use keys::{Keys, string, wrong_type};
pub(super) use prompt_file::prompt_text;
pub(super) use yaml::Node;
