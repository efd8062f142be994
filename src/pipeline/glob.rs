//! Globs over names and paths: `*` matches anything, `/` included; `?`, `[a-z]` and `{a,b}` work as usual.

use globset::{GlobBuilder, GlobMatcher};

/// A checked glob.
#[derive(Debug, Clone)]
pub struct Glob(Matcher);

#[derive(Debug, Clone)]
enum Matcher {
    /// A text with nothing special in it.
    Literal(String),
    /// A pattern.
    Pattern(GlobMatcher),
}

/// The reason why a text is no glob; follows "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the glob `{glob}`: {why}")]
pub struct GlobError {
    /// The text that was to be a glob.
    pub glob: String,
    /// The mistake in it.
    pub why: String,
}

impl Glob {
    /// Checks a glob.
    ///
    /// # Errors
    /// When a bracket or brace is left open, or a range is backwards (`[z-a]`).
    pub fn new(text: &str) -> Result<Self, GlobError> {
        if !text.contains(['*', '?', '[', ']', '{', '}', '\\']) {
            return Ok(Self(Matcher::Literal(text.to_owned())));
        }
        let built = GlobBuilder::new(text).literal_separator(false).build();
        let glob = built.map_err(|error| GlobError { glob: text.to_owned(), why: error.kind().to_string() })?;
        Ok(Self(Matcher::Pattern(glob.compile_matcher())))
    }

    /// True when a name or path matches as a whole.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match &self.0 {
            Matcher::Literal(literal) => literal == text,
            Matcher::Pattern(glob) => glob.is_match(text),
        }
    }

    /// Returns the glob's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Matcher::Literal(literal) => literal,
            Matcher::Pattern(glob) => glob.glob().glob(),
        }
    }

    /// The one text that it matches, if there is only one.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match &self.0 {
            Matcher::Literal(literal) => Some(literal),
            Matcher::Pattern(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_crosses_path_parts_and_a_hash_is_literal() {
        let glob = Glob::new("editor/writer*").unwrap();
        assert!(glob.matches("editor/writer"));
        assert!(glob.matches("editor/writer#2/llm#3"));
        assert!(!glob.matches("other/editor/writer"));
        assert!(Glob::new("*/writer#2").unwrap().matches("a/b/writer#2"));
        assert!(!Glob::new("writer#2").unwrap().matches("writer#3"));
    }

    #[test]
    fn a_text_with_nothing_special_matches_itself() {
        let glob = Glob::new("editor/writer#2").unwrap();
        assert_eq!((glob.literal(), glob.as_str()), (Some("editor/writer#2"), "editor/writer#2"));
        assert!(glob.matches("editor/writer#2") && !glob.matches("editor/writer#22"));
        for special in ["a*", "a?", "[ab]", "{a,b}", "a\\*"] {
            assert_eq!(Glob::new(special).unwrap().literal(), None, "{special}");
        }
    }

    #[test]
    fn an_open_bracket_is_refused() {
        let error = Glob::new("tama_[").unwrap_err();
        assert!(error.to_string().starts_with("read the glob `tama_[`: unclosed"), "{error}");
    }
}
