//! Reads TOML, with a bound on how deep its lists and tables stand in each other.
//!
//! The parser has such a bound for what it builds. What stands behind a mistake it only skips, each level in a call of its
//! own: of a file that is made for it, that takes the whole stack.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use super::faults::Doc;

/// Lists and tables in each other, at most.
const DEEPEST: usize = 80;

/// The remedy for a text that is too deep.
pub(super) const SHALLOWER: &str = "close the brackets before it";

/// The document of a file; `None` after a fault.
pub(crate) fn parse_document<'d>(doc: &'d Doc<'_>) -> Option<Spanned<DeTable<'d>>> {
    if let Some((at, message)) = find_depth(doc.text()) {
        doc.fault_help(at, message, SHALLOWER);
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(doc.text());
    for error in &errors {
        doc.fault(error.span().unwrap_or(0..0), error.message());
    }
    errors.is_empty().then_some(table)
}

/// The bracket at which a text is too deep, and the mistake.
pub(super) fn find_depth(text: &str) -> Option<(Range<usize>, String)> {
    // Of each kind for itself: a wrong bracket closes nothing.
    let (mut lists, mut tables) = (0_usize, 0_usize);
    for token in Source::new(text).lex() {
        match token.kind() {
            TokenKind::LeftSquareBracket => lists += 1,
            TokenKind::RightSquareBracket => lists = lists.saturating_sub(1),
            TokenKind::LeftCurlyBracket => tables += 1,
            TokenKind::RightCurlyBracket => tables = tables.saturating_sub(1),
            _ => {}
        }
        if lists + tables > DEEPEST {
            let (start, end) = (token.span().start(), token.span().end());
            return Some((start..end, format!("lists and tables stand in each other more than {DEEPEST} times")));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_deep_is_found() {
        let of = |text: &str| find_depth(text).map(|(at, _)| at);
        assert_eq!(of(&format!("a = {}1{}", "[".repeat(80), "]".repeat(80))), None);
        assert_eq!(of(&format!("a = {}", "[".repeat(81))), Some(84..85));
        assert_eq!(of(&"[a]\n[[b]]\nc = { d = [1] }\n".repeat(500)), None);
        assert_eq!(of(&format!("a = \"{}\" # {}", "{".repeat(500), "[".repeat(500))), None);
        // A bracket of the other kind closes nothing.
        assert!(of(&format!("x = {}", "{[a]\n%Y 1\n---\n".repeat(30_000))).is_some());
        assert!(of(&format!("x = {}", "[}".repeat(30_000))).is_some());
    }
}
