//! A provider's API key, which goes into headers and nowhere else.

use reqwest::header::HeaderValue;

/// Shorter keys are placeholders for servers that want none ("none", "EMPTY"); their text is an ordinary word.
const SHORTEST_SECRET: usize = 8;

/// An API key.
#[derive(Clone)]
pub(super) struct Key(String);

/// A key that no header takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the API key has a character that HTTP can't send, {name} at position {position}; copy the key anew")]
pub struct BadKey {
    /// The kind of character.
    name: &'static str,
    /// Its position, from 1.
    position: usize,
}

impl Key {
    /// Reads a key as the environment has it: spaces and line ends around it are removed. `None` when nothing is left.
    ///
    /// # Errors
    /// When it has characters that no header takes.
    pub(super) fn parse(written: &str) -> Result<Option<Self>, BadKey> {
        let key = written.trim().trim_matches('\u{feff}').trim();
        if let Some((at, letter)) = key.chars().enumerate().find(|(_, letter)| !(' '..='~').contains(letter)) {
            let name = match letter {
                '\n' | '\r' => "a line break",
                letter if letter.is_ascii() => "a control character",
                _ => "a letter outside ASCII",
            };
            return Err(BadKey { name, position: at + 1 });
        }
        Ok((!key.is_empty()).then(|| Self(key.to_owned())))
    }

    /// A header's value: `before`, then the key.
    pub(super) fn header(&self, before: &str) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("{before}{}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// True for a short-lived token of a cloud (Azure, Google), which goes in another header than a key does.
    pub(super) fn is_token(&self) -> bool {
        self.0.starts_with("ya29.") || (self.0.starts_with("eyJ") && self.0.matches('.').count() == 2)
    }

    /// A text without the key, wherever a server repeated it, also cut at the text's end.
    pub(super) fn redact(&self, text: &str) -> String {
        let key = self.0.as_str();
        if key.len() < SHORTEST_SECRET {
            return text.to_owned();
        }
        let mut text = text.replace(key, "***");
        let mut cuts = (SHORTEST_SECRET..key.len()).rev();
        if let Some(cut) = cuts.find(|cut| text.ends_with(&key[..*cut])) {
            text.truncate(text.len() - cut);
            text.push_str("***");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_trimmed_and_checked_but_never_shown() {
        let header = |written: &str| Key::parse(written).unwrap().and_then(|key| key.header("Bearer "));
        assert_eq!(header(" sk-secret\r\n").unwrap(), "Bearer sk-secret");
        assert!(header(" \n").is_none());
        for (written, name) in [("sk-se\ncret", "line break"), ("sk-se\tcret", "control"), ("sk-sé", "outside ASCII")]
        {
            let error = Key::parse(written).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(name) && !error.contains("sk-"), "{error}");
        }
    }

    #[test]
    fn a_repeated_key_is_taken_out() {
        let key = Key::parse("sk-secret-1234").unwrap().unwrap();
        assert_eq!(key.redact("bad key sk-secret-1234, sk-secret-1234!"), "bad key ***, ***!");
        assert_eq!(key.redact("bad key sk-secret-1"), "bad key ***");
        assert_eq!(key.redact("bad key sk-"), "bad key sk-");
        let placeholder = Key::parse("none").unwrap().unwrap();
        assert_eq!(placeholder.redact("none is loaded"), "none is loaded");
    }
}
