//! The condition of a breakpoint: `tokens > 4000 and output ~ "TODO"`.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::parse::{ConditionError, parse};
use crate::model::Gate;

/// The facts that a condition asks about, at a gate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConditionFacts {
    /// Tokens: after a call those of the call, elsewhere those of the agent so far.
    pub tokens: u64,
    /// The same of the cost, in millionths of a US dollar.
    pub cost: u64,
    /// The response, the result, the agent's output, or the error.
    pub output: Option<String>,
    /// The finish key of an agent that has ended.
    pub key: Option<String>,
    /// How often everything else of the breakpoint fitted, this time included.
    pub hits: u64,
}

/// The subject of a part of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Tokens,
    Cost,
    Output,
    Key,
    Hits,
}

/// How two numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    AtMost,
    Equal,
    Not,
    AtLeast,
    More,
}

/// The test of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    Number(Order, u64),
    /// The text is there, or (false) isn't.
    Is(bool, String),
    /// The text is in it, or (false) isn't.
    Has(bool, String),
}

/// A part of a condition; all must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConditionPart {
    pub(super) subject: Subject,
    pub(super) test: Test,
    /// Where the subject stands in the text.
    pub(super) at: Range<usize>,
}

/// The condition of a breakpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {
    text: String,
    parts: Vec<ConditionPart>,
}

impl Condition {
    /// The words that a condition can begin with.
    pub const SUBJECTS: [&'static str; 5] = ["tokens", "cost", "output", "key", "hits"];

    /// Reads a condition.
    ///
    /// # Errors
    /// When it is none; the error has the place.
    pub fn parse(text: &str) -> Result<Self, ConditionError> {
        Ok(Self { text: text.trim().to_owned(), parts: parse(text)? })
    }

    /// The text as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Checks that what it asks about is known at a gate.
    ///
    /// # Errors
    /// When it is not; the error has the place.
    pub fn check_at(&self, gate: Gate) -> Result<(), ConditionError> {
        for part in &self.parts {
            let (name, known) = match part.subject {
                Subject::Output if gate.is_before() => ("output", "after-llm, after-tool, after-agent or error"),
                Subject::Key if gate != Gate::AfterAgent => ("key", "after-agent"),
                _ => continue,
            };
            return Err(ConditionError::new(
                part.at.clone(),
                format!("`{name}` is not known at {}", gate.name()),
                format!("use {known}"),
            ));
        }
        Ok(())
    }

    /// True when all of it holds but what it says of hits.
    #[must_use]
    pub fn fits(&self, facts: &ConditionFacts) -> bool {
        self.parts.iter().filter(|part| part.subject != Subject::Hits).all(|part| part.holds(facts))
    }

    /// True when all of it holds.
    #[must_use]
    pub fn holds(&self, facts: &ConditionFacts) -> bool {
        self.parts.iter().all(|part| part.holds(facts))
    }
}

impl TryFrom<String> for Condition {
    type Error = ConditionError;

    fn try_from(text: String) -> Result<Self, ConditionError> {
        Self::parse(&text)
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> Self {
        condition.text
    }
}

impl ConditionPart {
    fn holds(&self, facts: &ConditionFacts) -> bool {
        let number = match self.subject {
            Subject::Tokens => facts.tokens,
            Subject::Cost => facts.cost,
            Subject::Hits => facts.hits,
            Subject::Output | Subject::Key => 0,
        };
        let text = match self.subject {
            Subject::Output => facts.output.as_deref(),
            Subject::Key => facts.key.as_deref(),
            Subject::Tokens | Subject::Cost | Subject::Hits => None,
        };
        match &self.test {
            Test::Number(order, wanted) => order.holds(number, *wanted),
            Test::Is(wanted, is) => text.is_some_and(|text| (text == is) == *wanted),
            Test::Has(wanted, part) => text.is_some_and(|text| text.contains(part) == *wanted),
        }
    }
}

impl Order {
    fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::Not => left != right,
            Self::AtLeast => left >= right,
            Self::More => left > right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, facts: &ConditionFacts) -> bool {
        Condition::parse(text).unwrap().holds(facts)
    }

    #[test]
    fn a_condition_holds_as_it_reads() {
        let facts = ConditionFacts {
            tokens: 4_001,
            cost: 100_001,
            output: Some("a TODO here".into()),
            key: Some("revise".into()),
            hits: 3,
        };
        for text in [
            "tokens > 4000",
            "cost > 0.1",
            "cost>$0.1",
            "output ~ \"TODO\"",
            "output !~ \"done\"",
            "key = \"revise\"",
            "key != \"publish\" and hits >= 3",
            "tokens >= 4_001 and tokens <= 4001",
        ] {
            assert!(holds(text, &facts), "{text}");
        }
        for text in ["tokens > 4001", "cost < 0.1", "output ~ \"todo\"", "key = \"publish\"", "hits = 3 and tokens < 3"]
        {
            assert!(!holds(text, &facts), "{text}");
        }
        // What is not known holds in no way.
        let unknown = ConditionFacts::default();
        assert!(!holds("output !~ \"x\"", &unknown) && !holds("key != \"x\"", &unknown));
    }

    #[test]
    fn what_no_gate_knows_is_refused_at_its_place() {
        let condition = Condition::parse("tokens > 1 and key = \"x\"").unwrap();
        let error = condition.check_at(Gate::BeforeTool).unwrap_err();
        assert_eq!((error.at(), error.to_string()), (15..18, "`key` is not known at before-tool".to_owned()));
        assert!(condition.check_at(Gate::AfterAgent).is_ok());
        assert!(Condition::parse("output ~ \"x\"").unwrap().check_at(Gate::BeforeLlm).is_err());
    }
}
