//! Takes secrets out of texts, in one pass whatever their number.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use serde_json::{Map, Value as Json};

use super::secrets::is_secret;
use super::shapes::{self, SHAPES};

/// Shorter values are not masked: they would be found in places where they mean something else.
const SHORTEST: usize = 8;
/// Stands for an API key that is known by its shape.
const KEY: &str = "[masked API key]";

/// Takes secrets out of results, so that model, journal and screen see the same text without them.
#[derive(Debug, Clone)]
pub struct Masker {
    /// Values and the names of their variables.
    secrets: Vec<(String, String)>,
    /// Finds the values, and after them the beginnings of [`SHAPES`]; `None`: there are too many to look for.
    found: Option<AhoCorasick>,
}

/// A secret in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Secret {
    pub start: usize,
    pub end: usize,
    /// The text that stands for it.
    pub mask: String,
}

impl Default for Masker {
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl Masker {
    /// Masks the values of this process's secret-looking variables.
    #[must_use]
    pub fn from_env() -> Self {
        let vars = std::env::vars_os();
        Self::new(vars.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))))
    }

    /// Masks the values of those of the variables that look secret.
    #[must_use]
    pub fn new(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::default().with(vars.into_iter().filter(|(name, value)| is_secret(name, value)))
    }

    /// Masks the values of these variables too, whatever they look like (those that providers have their keys in).
    #[must_use]
    pub fn with(self, vars: impl IntoIterator<Item = (String, String)>) -> Self {
        let long = vars.into_iter().filter(|(_, value)| value.len() >= SHORTEST);
        let more = long.flat_map(|(name, value)| ways_to_write(value).map(move |written| (written, name.clone())));
        let by_value: BTreeMap<String, String> = self.secrets.into_iter().chain(more).collect();
        Self::of(by_value.into_iter().collect())
    }

    fn of(secrets: Vec<(String, String)>) -> Self {
        let values = secrets.iter().map(|(value, _)| value.as_str());
        let patterns = values.chain(SHAPES.iter().map(|(start, _)| *start));
        // Of two that begin at the same place the longer: it may hold the other.
        let found = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(patterns).ok();
        Self { secrets, found }
    }

    /// The text with `[masked NAME]` in the place of every secret.
    #[must_use]
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.mask_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
        }
    }

    /// All texts in a value, the names of fields too.
    #[must_use]
    pub fn mask_json(&self, value: Json) -> Json {
        match value {
            Json::String(text) => Json::String(self.mask(&text).into_owned()),
            Json::Array(items) => items.into_iter().map(|item| self.mask_json(item)).collect(),
            Json::Object(fields) => {
                let masked =
                    fields.into_iter().map(|(name, value)| (self.mask(&name).into_owned(), self.mask_json(value)));
                Json::Object(masked.collect::<Map<_, _>>())
            }
            other => other,
        }
    }

    /// The same for output that need not be UTF-8.
    #[must_use]
    pub fn mask_bytes<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        self.mask_from(text, 0)
    }

    /// The part of a text behind a place. What stands in front of it only tells if a word goes on there.
    pub(super) fn mask_from<'a>(&self, text: &'a [u8], from: usize) -> Cow<'a, [u8]> {
        let (mut masked, mut done) = (Vec::new(), from);
        while let Some(secret) = self.next(text, done) {
            masked.extend_from_slice(&text[done..secret.start]);
            masked.extend_from_slice(secret.mask.as_bytes());
            done = secret.end;
        }
        if done == from {
            return Cow::Borrowed(&text[from..]);
        }
        masked.extend_from_slice(&text[done..]);
        Cow::Owned(masked)
    }

    /// The first secret that begins at a place or behind it.
    pub(super) fn next(&self, text: &[u8], from: usize) -> Option<Secret> {
        let Some(found) = &self.found else {
            let mask = "[masked: there are too many secrets to look for]".to_owned();
            return (from < text.len()).then_some(Secret { start: from, end: text.len(), mask });
        };
        let mut at = from;
        while let Some(hit) = found.find(Input::new(text).range(at..)) {
            let pattern = hit.pattern().as_usize();
            if let Some((_, name)) = self.secrets.get(pattern) {
                return Some(Secret { start: hit.start(), end: hit.end(), mask: format!("[masked {name}]") });
            }
            let word_end = shapes::word_end(text, hit.end());
            if shapes::is_key(pattern - self.secrets.len(), text, hit.start(), word_end) {
                return Some(Secret { start: hit.start(), end: word_end, mask: KEY.to_owned() });
            }
            at = hit.start() + 1;
        }
        None
    }

    /// The place from which on a text may end with the beginning of a value; its length when it does not.
    pub(super) fn unfinished(&self, text: &[u8]) -> usize {
        let longest = self.secrets.iter().map(|(value, _)| value.len()).max().unwrap_or_default();
        let first = text.len().saturating_sub(longest);
        let begins = |at: &usize| self.secrets.iter().any(|(value, _)| value.as_bytes().starts_with(&text[*at..]));
        (first..text.len()).find(begins).unwrap_or(text.len())
    }
}

/// A value as it is, in a text of JSON, and in such a text inside of another, as arguments of calls are sent.
fn ways_to_write(value: String) -> impl Iterator<Item = String> {
    let quoted = |text: &String| {
        let quoted = Json::from(text.as_str()).to_string();
        quoted.get(1..quoted.len() - 1).map(str::to_owned).filter(|quoted| quoted != text)
    };
    std::iter::successors(Some(value), quoted).take(3)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn var(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn values_and_shapes_are_masked() {
        let masker = Masker::new([
            var("MY_TOKEN", "12345678"),
            var("LONG_TOKEN", "12345678-90"),
            var("SHORT_KEY", "1234567"),
            var("PATH", "/usr/local/bin"),
        ]);
        assert_eq!(masker.mask("a 12345678-90 b 12345678 c"), "a [masked LONG_TOKEN] b [masked MY_TOKEN] c");
        assert_eq!(masker.mask("1234567 /usr/local/bin"), "1234567 /usr/local/bin");
        let more = masker.clone().with([var("MINE", "not-by-name"), var("TINY", "1")]);
        assert_eq!(more.mask("1 not-by-name 12345678"), "1 [masked MINE] [masked MY_TOKEN]");
        let key = "sk-proj-abcdefghijklmnopqrst1";
        assert_eq!(masker.mask(&format!("key={key}.\n")), "key=[masked API key].\n");
        assert_eq!(masker.mask("é AKIAABCDEFGHIJKLMNO1"), "é [masked API key]");
        for plain in ["task-abcdefghijklmnopqrstuvw1", "sk-learn-is-a-library-for-machines", "sk-short1", "AKIA"] {
            assert!(matches!(masker.mask(plain), Cow::Borrowed(_)), "{plain}");
        }
    }

    #[test]
    fn a_secret_is_found_in_json_too() {
        let secret = "-----BEGIN\nKEY \"é\"";
        let masker = Masker::new([var("PEM_KEY", secret)]);
        let args = json!({ "text": secret }).to_string();
        assert_eq!(masker.mask(&args), r#"{"text":"[masked PEM_KEY]"}"#);
        let body = json!({ "arguments": args }).to_string();
        assert_eq!(masker.mask(&body), r#"{"arguments":"{\"text\":\"[masked PEM_KEY]\"}"}"#);
    }

    #[test]
    fn texts_in_values_are_masked() {
        let masker = Masker::new([var("MY_TOKEN", "open sesame")]);
        let args = json!({"command": "curl -H 'open sesame'", "more": ["open sesame", 1, {"open sesame": null}]});
        let wanted = json!({
            "command": "curl -H '[masked MY_TOKEN]'", "more": ["[masked MY_TOKEN]", 1, {"[masked MY_TOKEN]": null}]
        });
        assert_eq!(masker.mask_json(args), wanted);
    }
}
