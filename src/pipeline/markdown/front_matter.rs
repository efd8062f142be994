//! The head of a Markdown file: YAML between two lines of dashes, then the text.
//!
//! It is cut off as tama does: white space before it is skipped, and the first line that begins with `---` ends it. All
//! that follows those dashes is the text, without the empty lines at its beginning.

use std::ops::Range;

/// The dashes around a head.
const DASHES: &str = "---";

/// A character that some editors put before the first one of a file.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A file in its two parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pipeline) struct FrontMatter {
    /// The bytes of the YAML, without white space around it.
    pub yaml: Range<usize>,
    /// The first byte of the text.
    pub body: usize,
    /// A text that stands right behind the closing dashes, and so belongs to the text.
    pub glued: Option<Range<usize>>,
}

/// The dashes that begin a head, which nothing ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pipeline) struct Unclosed(pub Range<usize>);

impl FrontMatter {
    /// Finds the head; `None`: the file has none.
    ///
    /// # Errors
    /// When it is not closed.
    pub(in crate::pipeline) fn find(text: &str) -> Result<Option<Self>, Unclosed> {
        let start = text.len() - begin(text).len();
        let Some(rest) = text.get(start..).and_then(|text| text.strip_prefix(DASHES)) else { return Ok(None) };
        let from = start + DASHES.len();
        let Some(end) = rest.find("\n---") else { return Err(Unclosed(start..from)) };
        let yaml = rest.get(..end).unwrap_or_default();
        let trimmed = yaml.trim();
        let yaml_start = from + (yaml.len() - yaml.trim_start().len());
        let closed = from + end + 1 + DASHES.len();
        let after = text.get(closed..).unwrap_or_default();
        let line = after.split('\n').next().unwrap_or_default();
        let glued = (!line.trim().is_empty()).then_some(closed..closed + line.trim_end().len());
        // White space behind the dashes is none of the text.
        let skipped = if glued.is_some() { 0 } else { line.len() };
        let body = after.get(skipped..).unwrap_or_default().trim_start_matches(['\n', '\r']);
        Ok(Some(Self { yaml: yaml_start..yaml_start + trimmed.len(), body: text.len() - body.len(), glued }))
    }
}

/// The text without white space, and without a byte order mark, before it.
fn begin(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).trim_start()
}

/// True when a file begins with a byte order mark.
pub(in crate::pipeline) fn has_byte_order_mark(text: &str) -> bool {
    text.starts_with(BYTE_ORDER_MARK)
}

/// The first byte of the text that is sent of a prompt's file. A file whose first line is dashes, and whose head is no
/// table, is a text that begins with a line across.
fn prompt_start(text: &str) -> usize {
    match FrontMatter::find(text) {
        Ok(Some(parts)) if is_table(text, &parts) => parts.body,
        _ if has_byte_order_mark(text) => BYTE_ORDER_MARK.len_utf8(),
        _ => 0,
    }
}

fn is_table(text: &str, parts: &FrontMatter) -> bool {
    let yaml = text.get(parts.yaml.clone()).unwrap_or_default();
    // Also one with a mistake: the loader has refused it, unless somebody wrote it since.
    super::yaml::parse(yaml, 0).map_or(true, |tree| tree.is_nothing() || tree.entries().is_some())
}

/// Puts another prompt into the text of a prompt's file, and keeps its head.
#[must_use]
pub fn replace_prompt(text: &str, prompt: &str) -> String {
    format!("{}{prompt}", text.get(..prompt_start(text)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_cut_off_as_tama_does() {
        let cases = [
            ("---\nfoo: bar\n---\n\nbody here", Some(("foo: bar", "body here"))),
            ("\n\n---\nk: v\n---\n\n\nBody", Some(("k: v", "Body"))),
            ("\u{feff}---\nk: v\n---\nBody", Some(("k: v", "Body"))),
            ("---\r\nk: v\r\n---\r\n\r\nBody\r\n", Some(("k: v", "Body\r\n"))),
            ("---\nk: v\n---  \nBody", Some(("k: v", "Body"))),
            ("---\nk: v\n----\nBody", Some(("k: v", "-\nBody"))),
            ("---\nk: v\n---Body\nmore", Some(("k: v", "Body\nmore"))),
            ("---\nk: |\n  a\n---\n  b\n---\nBody", Some(("k: |\n  a", "  b\n---\nBody"))),
            ("---\n---\nBody", Some(("", "Body"))),
            ("---\nk: v\n---", Some(("k: v", ""))),
            ("Only a text\n---\n", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let found = FrontMatter::find(text).unwrap();
            let shown = found.map(|parts| (&text[parts.yaml.clone()], &text[parts.body..]));
            assert_eq!(shown, expected, "{text:?}");
        }
        assert_eq!(FrontMatter::find("---\nfoo: bar\n"), Err(Unclosed(0..3)));
        assert_eq!(FrontMatter::find("---\nk: v\n---Body\n").unwrap().unwrap().glued, Some(12..16));
    }

    #[test]
    fn another_prompt_keeps_the_head() {
        let cases = [
            ("---\nname: a\n---\n\nOld\n", "---\nname: a\n---\n\nNew"),
            ("---\r\nname: a\r\n---\r\nOld", "---\r\nname: a\r\n---\r\nNew"),
            ("---\n---\nOld", "---\n---\nNew"),
            ("Old\n", "New"),
            ("---\nA quotation between lines\n---\nOld", "New"),
            ("\u{feff}Old", "\u{feff}New"),
            ("---\nname: a\n", "New"),
        ];
        for (text, expected) in cases {
            assert_eq!(replace_prompt(text, "New"), expected, "{text:?}");
        }
    }
}
