//! One part of a span's path.

/// The name in one part of a path. It can't be taken for another part, a visit, a try, or several of them: it is not
/// empty, and has no `/`, `#`, `~` and no control character.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathSegment(String);

/// The name of side calls.
const AUX: &str = "aux";

impl PathSegment {
    /// A name, if it can be a part of a path.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let is_fit = !name.is_empty() && !name.contains(|letter: char| "/#~".contains(letter) || letter.is_control());
        is_fit.then(|| Self(name.to_owned()))
    }

    /// The name of a tool as a model gave it; `tool` when it can't be a part of a path, or is that of model calls.
    #[must_use]
    pub fn of_tool(name: &str) -> Self {
        Self::parse(name).filter(|name| *name != Self::llm()).unwrap_or_else(|| Self("tool".to_owned()))
    }

    /// The name of an agent or of a step; `agent` when it can't be a part of a path.
    #[must_use]
    pub fn of_agent(name: &str) -> Self {
        Self::parse(name).unwrap_or_else(|| Self("agent".to_owned()))
    }

    /// A model call.
    #[must_use]
    pub fn llm() -> Self {
        Self("llm".to_owned())
    }

    /// A side call of another program's agent to its model.
    #[must_use]
    pub fn aux() -> Self {
        Self(AUX.to_owned())
    }

    /// A question to a person.
    #[must_use]
    pub fn human() -> Self {
        Self("human".to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_more_than_one_part() {
        for forged in ["", "a/b", "writer#2", "writer~1", "/", "a\nb", "\u{1b}[31m", "\u{9b}0m"] {
            assert_eq!(PathSegment::parse(forged), None, "{forged:?}");
            assert_eq!(PathSegment::of_tool(forged).as_str(), "tool");
        }
        assert_eq!(PathSegment::of_tool("llm").as_str(), "tool");
        for name in ["writer", "tama_mem_set", "tracker__create_issue", "Grüße", "a b"] {
            assert_eq!(PathSegment::of_tool(name).as_str(), name);
        }
    }
}
