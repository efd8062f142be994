//! Web pages that come in place of an answer: the title, and the beginning of the text.

use crate::wire::without_markup;

/// Bytes of a page that are looked at.
const LOOKED_AT: usize = 1 << 16;
/// Characters of the text that are shown.
const SHOWN: usize = 200;

/// True when a body is a web page.
pub(super) fn is_page(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    body.starts_with(b"<")
}

/// The title of a page, and its text where it says more; empty when it has neither.
pub(super) fn describe(page: &[u8]) -> String {
    let page = String::from_utf8_lossy(&page[..page.len().min(LOOKED_AT)]);
    let page = without_elements(&page, &["script", "style", "svg"]);
    let title = element(&page, "title").or_else(|| element(&page, "h1")).unwrap_or_default();
    let text = shorten(&text_of(&without_elements(&page, &["title", "head"])), SHOWN);
    match (title.is_empty(), text.is_empty()) {
        (false, false) if !text.contains(&title) => format!("{title}: {text}"),
        (false, _) => title,
        (true, _) => text,
    }
}

/// The first characters of a text, on one line.
pub(super) fn shorten(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// The text of the first element of a name.
fn element(page: &str, name: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let (from, to) = find(&lower, name, 0)?;
    let inner = &page[from..to];
    let text = &inner[inner.find('>')? + 1..];
    Some(shorten(&text_of(text), SHOWN)).filter(|text| !text.is_empty())
}

/// A page without the elements of these names.
fn without_elements(page: &str, names: &[&str]) -> String {
    let mut page = page.to_owned();
    for name in names {
        let lower = page.to_ascii_lowercase();
        let mut kept = String::with_capacity(page.len());
        let mut done = 0;
        while let Some((from, to)) = find(&lower, name, done) {
            kept.push_str(&page[done..from]);
            done = to;
        }
        kept.push_str(&page[done..]);
        page = kept;
    }
    page
}

/// Where an element begins and where its closing tag does; the page's end when it has none.
fn find(lower: &str, name: &str, from: usize) -> Option<(usize, usize)> {
    let open = format!("<{name}");
    let mut looked = from;
    loop {
        let at = looked + lower[looked..].find(&open)?;
        let after = at + open.len();
        if lower[after..].starts_with(|next: char| next == '>' || next.is_whitespace()) {
            let end = lower[after..].find(&format!("</{name}")).map_or(lower.len(), |end| after + end);
            return Some((at, end));
        }
        looked = after;
    }
}

fn text_of(markup: &str) -> String {
    without_markup(markup).replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_its_title() {
        let styles = "<style>body{margin:0}</style>".repeat(50);
        let nginx = format!(
            "<!DOCTYPE html><html><head><title>502 Bad Gateway</title>{styles}</head><body><h1>502 Bad Gateway</h1>\
             <hr>nginx</body></html>"
        );
        assert_eq!(describe(nginx.as_bytes()), "502 Bad Gateway");
        let portal = b"<html><head><title>Sign in</title></head><body>captive <b>portal</b></body></html>";
        assert_eq!(describe(portal), "Sign in: captive portal");
        assert_eq!(describe(b"<HTML><header><h1 class=x>No &amp; never</h1>"), "No & never");
        assert_eq!(describe(b"<title>cut in the mid"), "cut in the mid");
        assert_eq!(describe(b"<p>"), "");
        assert!(is_page(b"\xef\xbb\xbf \n<!doctype html>") && !is_page(b"{\"a\": \"<p>\"}"));
    }
}
