//! One page of HTML that loads nothing: no script, no address, every text escaped.

use std::fmt::Write as _;

use super::text;
use crate::app::safe;

/// Forbids all loading, and all scripts; the page's own style is in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = include_str!("../../assets/page.css");

/// A page being written.
pub(super) struct Page(String);

impl Page {
    /// The beginning of a page.
    pub fn new(title: &str) -> Self {
        let title = escape(&safe::line(title));
        Self(format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
        ))
    }

    /// Adds markup of this program. Texts of a run go through [`Page::text`] and its like.
    pub fn markup(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    /// Adds an element with a line of text in it. `class` is a word of this program.
    pub fn line(&mut self, tag: &str, class: &str, text: &str) {
        let text = escape(&safe::line(text));
        let _ = write!(self.0, "<{tag} class=\"{class}\">{text}</{tag}>");
    }

    /// Adds a text of several lines, as it is.
    pub fn text(&mut self, class: &str, content: &str) {
        // A line end right behind the tag would be lost.
        let _ = writeln!(self.0, "<pre class=\"{class}\">\n{}</pre>", escape(&text::safe(content)));
    }

    /// The whole page.
    pub fn finish(mut self) -> String {
        self.0.push_str("</body>\n</html>\n");
        self.0
    }
}

/// A text as HTML shows it, in an element or in an attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup_and_no_control_is_left() {
        let mut page = Page::new("</title><script>alert(1)</script>");
        page.line("span", "x", "a\" onmouseover='b' <img src=//c> \u{202e}d\u{1b}[31me");
        page.text("y", "\n</pre><script src=\"https://x\">\u{9b}\r\n&amp;");
        let text = page.finish();
        let body = text.split("<body>").nth(1).unwrap();
        assert!(!text.contains("<script") && !text.contains("</title><") && !body.contains("<img"), "{text}");
        assert_eq!(body.matches('<').count(), body.matches('>').count());
        assert_eq!(body.matches("<pre").count() + body.matches("</pre>").count(), 2, "{body}");
        assert!(text.chars().all(|c| c == '\n' || safe::is_plain(c)), "{text:?}");
        assert!(body.contains("&amp;amp;") && !body.contains("\" onmouseover"), "{body}");
    }
}
