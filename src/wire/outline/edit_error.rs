//! The reasons why a request can't be edited.

/// The reason why a request can't be edited so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It has no text.
    #[error("{0} can't be edited: it is not text; remove it, or keep it as it is")]
    Fixed(String),
    /// A result without its call, or a call without its result.
    #[error("the provider refuses a {0} without its {1}; remove both, or neither")]
    Unpaired(&'static str, &'static str),
    /// A message of which only a part can be changed.
    #[error("{0}; change one of its parts, or replace the whole message")]
    NoPlace(&'static str),
    /// The program couldn't run it.
    #[error("the tool {0:?} is not one that the program offers; tools can be changed and removed")]
    NewTool(String),
}
