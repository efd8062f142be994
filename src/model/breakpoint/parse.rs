//! Reads the condition of a breakpoint; a fault has its place.

use std::ops::Range;

use super::Condition;
use super::condition::{ConditionPart, Order, Subject, Test};

/// A text that is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    at: Range<usize>,
    message: String,
    help: String,
    /// The word that is not known.
    unknown: Option<String>,
}

impl ConditionError {
    pub(super) fn new(at: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { at, message: message.into(), help: help.into(), unknown: None }
    }

    /// The place in the text, in bytes.
    #[must_use]
    pub fn at(&self) -> Range<usize> {
        self.at.clone()
    }

    /// A line that says what to write.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }

    /// The word that is none of [`Condition::SUBJECTS`], where that is the fault.
    #[must_use]
    pub fn unknown(&self) -> Option<&str> {
        self.unknown.as_deref()
    }
}

/// Reads the parts of a condition.
pub(super) fn parse(text: &str) -> Result<Vec<ConditionPart>, ConditionError> {
    let mut reader = Reader { text, at: 0 };
    let mut parts = vec![reader.part()?];
    loop {
        reader.skip_spaces();
        if reader.rest().is_empty() {
            return Ok(parts);
        }
        let at = reader.at;
        let word = reader.word();
        if word != "and" {
            let end = (at + word.len().max(1)).min(text.len());
            let help = "write `and` between two parts, and a text in quotes";
            return Err(ConditionError::new(at..end, "this belongs to no part of the condition", help));
        }
        parts.push(reader.part()?);
    }
}

/// The text, and how far it is read.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn part(&mut self) -> Result<ConditionPart, ConditionError> {
        self.skip_spaces();
        let from = self.at;
        let subject = self.subject(from)?;
        let at = from..self.at;
        self.skip_spaces();
        let is_text = matches!(subject, Subject::Output | Subject::Key);
        let operator = self.operator(is_text)?;
        self.skip_spaces();
        let test = if is_text { self.text_test(operator)? } else { self.number_test(subject, operator)? };
        Ok(ConditionPart { subject, test, at })
    }

    fn subject(&mut self, from: usize) -> Result<Subject, ConditionError> {
        Ok(match self.word() {
            "tokens" => Subject::Tokens,
            "cost" => Subject::Cost,
            "output" => Subject::Output,
            "key" => Subject::Key,
            "hits" => Subject::Hits,
            "" => {
                let help = format!("begin with {}", Condition::SUBJECTS.join(", "));
                let end = from + self.rest().chars().next().map_or(0, char::len_utf8);
                return Err(ConditionError::new(from..end, "a condition is missing here", help));
            }
            word => {
                let help = format!("known: {}", Condition::SUBJECTS.join(", "));
                let error = ConditionError::new(from..self.at, format!("unknown word `{word}`"), help);
                return Err(ConditionError { unknown: Some(word.to_owned()), ..error });
            }
        })
    }

    fn operator(&mut self, is_text: bool) -> Result<&'static str, ConditionError> {
        let (known, help): (&[&'static str], _) = if is_text {
            (&["!=", "!~", "=", "~"], "a text is compared with = != or, for a part of it, with ~ !~")
        } else {
            (&[">=", "<=", "!=", ">", "<", "="], "a number is compared with > >= < <= = or !=")
        };
        // Two signs of equality mean one.
        if self.rest().starts_with("==") {
            self.at += 1;
        }
        let found = known.iter().find(|operator| self.rest().starts_with(**operator)).copied();
        let Some(operator) = found else {
            let end = self.at + self.rest().chars().next().map_or(0, char::len_utf8);
            return Err(ConditionError::new(self.at..end, "a comparison is missing here", help));
        };
        self.at += operator.len();
        Ok(operator)
    }

    fn number_test(&mut self, subject: Subject, operator: &str) -> Result<Test, ConditionError> {
        let order = match operator {
            ">=" => Order::AtLeast,
            "<=" => Order::AtMost,
            "!=" => Order::Not,
            ">" => Order::More,
            "<" => Order::Less,
            _ => Order::Equal,
        };
        let from = self.at;
        let rest = self.rest();
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        self.at += end;
        let plain: String = rest[..end].chars().filter(|letter| *letter != '_').collect();
        let value = if subject == Subject::Cost { micros(plain.trim_start_matches('$')) } else { plain.parse().ok() };
        let help = if subject == Subject::Cost { "write US dollars, as 0.1" } else { "write a whole number, as 4000" };
        let value = value.ok_or_else(|| ConditionError::new(from..self.at, "a number is missing here", help))?;
        Ok(Test::Number(order, value))
    }

    fn text_test(&mut self, operator: &str) -> Result<Test, ConditionError> {
        let from = self.at;
        let help = "write the text in quotes, as \"TODO\"";
        let Some(rest) = self.rest().strip_prefix('"') else {
            let word = self.word();
            return Err(ConditionError::new(from..from + word.len(), "a text in quotes is missing here", help));
        };
        let (mut text, mut is_escaped) = (String::new(), false);
        for (at, letter) in rest.char_indices() {
            match letter {
                '\\' if !is_escaped => is_escaped = true,
                '"' if !is_escaped => {
                    self.at += 1 + at + 1;
                    return Ok(match operator {
                        "=" => Test::Is(true, text),
                        "!=" => Test::Is(false, text),
                        "~" => Test::Has(true, text),
                        _ => Test::Has(false, text),
                    });
                }
                letter => {
                    text.push(letter);
                    is_escaped = false;
                }
            }
        }
        Err(ConditionError::new(from..self.text.len(), "this text has no end", "close it with \""))
    }
}

/// US dollars in millionths.
fn micros(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.chars().all(|letter| letter.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !is_digits(whole) || !is_digits(part) || part.len() > 6 {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u64 = format!("{part:0<6}").parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fault_has_its_place_and_says_what_to_write() {
        let fault = |text: &str| {
            let error = Condition::parse(text).unwrap_err();
            (error.at(), error.to_string(), error.help().to_owned())
        };
        let (at, message, help) = fault("tokns > 4000");
        assert_eq!((at, message), (0..5, "unknown word `tokns`".to_owned()));
        assert!(help.contains("tokens"));
        assert_eq!(Condition::parse("tokns > 4000").unwrap_err().unknown(), Some("tokns"));
        assert_eq!(fault("tokens 4000").0, 7..8);
        assert_eq!(fault("tokens > many").0, 9..13);
        assert_eq!(fault("output ~ TODO").0, 9..13);
        assert_eq!(fault("output ~ \"TODO").0, 9..14);
        assert_eq!(fault("tokens > 1 or cost > 1").0, 11..13);
        assert_eq!(fault("").0, 0..0);
        assert_eq!(fault("tokens > 1 and").1, "a condition is missing here");
        assert_eq!(fault("cost > 0.1234567").1, "a number is missing here");
    }

    #[test]
    fn a_text_may_have_quotes_in_it() {
        let parsed = Condition::parse(r#"output = "say \"hi\" \\""#).unwrap();
        let facts = |output: &str| super::super::ConditionFacts { output: Some(output.into()), ..Default::default() };
        assert!(parsed.holds(&facts(r#"say "hi" \"#)));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd_to_be_read(text in "[a-z<>=~!\"\\\\ 0-9._$ä世]{0,24}") {
            if let Err(error) = Condition::parse(&text) {
                prop_assert!(text.get(error.at()).is_some(), "{:?} of {text:?}", error.at());
            }
        }
    }
}
