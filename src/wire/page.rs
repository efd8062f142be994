//! Web pages that come in place of an answer.

use super::excerpt::excerpt;

/// A page's title, else its text without markup.
pub(super) fn title(page: &[u8]) -> String {
    let page = String::from_utf8_lossy(&page[..page.len().min(1 << 16)]);
    let lower = page.to_ascii_lowercase();
    let between = |open: &str, close: &str| {
        let from = lower.find(open)?;
        let from = from + lower[from..].find('>')? + 1;
        let to = from + lower[from..].find(close)?;
        Some(excerpt(page[from..to].as_bytes())).filter(|text| !text.is_empty())
    };
    between("<title", "</title")
        .or_else(|| between("<h1", "</h1"))
        .unwrap_or_else(|| excerpt(without_markup(&page).as_bytes()))
}

/// The text of a page: each tag is a space.
#[must_use]
pub fn without_markup(page: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for letter in page.chars() {
        match letter {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            letter if !inside => text.push(letter),
            _ => {}
        }
    }
    text
}
