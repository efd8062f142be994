//! Secrets: keeps them from child processes and masks them in results.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Words of a variable's name that make it secret.
const WORDS: [&str; 14] = [
    "KEY",
    "KEYS",
    "TOKEN",
    "TOKENS",
    "SECRET",
    "SECRETS",
    "PASSWORD",
    "PASSWORDS",
    "PASSWD",
    "PASS",
    "PASSPHRASE",
    "CREDENTIAL",
    "CREDENTIALS",
    "AUTH",
];
/// Ends of such words, for names that are written together (`APIKEY`, `PGPASSWORD`).
const ENDS: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIALS"];

/// Well-known shapes of API keys: how they start, and how many characters follow at least.
const SHAPES: [(&str, usize); 13] = [
    ("sk-", 20),
    ("ghp_", 36),
    ("gho_", 36),
    ("ghu_", 36),
    ("ghs_", 36),
    ("ghr_", 36),
    ("github_pat_", 22),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 35),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("glpat-", 20),
];

/// Shorter values are not masked: they would be found in places where they mean something else.
const SHORTEST: usize = 8;

/// True for a variable that looks like a secret: by its name, or because its value is an address with a password.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let by_name = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| WORDS.contains(&word) || ENDS.iter().any(|end| word.ends_with(end)));
    by_name || has_password(value)
}

/// True for an address such as `postgres://user:password@host`.
fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    place.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
}

/// Takes secrets out of results, so that model, journal and screen see the same text without them.
#[derive(Debug, Clone, Default)]
pub struct Masker {
    /// Longest values first, so that one that holds another is masked whole.
    secrets: Vec<(String, String)>,
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
        let more = vars.into_iter().filter(|(_, value)| value.len() >= SHORTEST).map(|(name, value)| (value, name));
        let by_value: BTreeMap<String, String> = self.secrets.into_iter().chain(more).collect();
        let mut secrets: Vec<(String, String)> = by_value.into_iter().collect();
        secrets.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        Self { secrets }
    }

    /// The text with `[masked NAME]` in the place of every secret.
    #[must_use]
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for (value, name) in &self.secrets {
            if text.contains(value.as_str()) {
                text = Cow::Owned(text.replace(value.as_str(), &format!("[masked {name}]")));
            }
        }
        match mask_shapes(&text) {
            Some(masked) => Cow::Owned(masked),
            None => text,
        }
    }
}

/// Masks a text that arrives in pieces: holds back a possible beginning of a secret until more of it is there.
#[derive(Debug)]
pub struct MaskedStream<'a> {
    masker: &'a Masker,
    held: String,
    /// The last character that was given out: a key does not begin in the middle of a word.
    last: Option<char>,
}

impl<'a> MaskedStream<'a> {
    /// Begins a text.
    #[must_use]
    pub fn new(masker: &'a Masker) -> Self {
        Self { masker, held: String::new(), last: None }
    }

    /// Adds a piece, and returns the text that is safe to show now. A rest that is held at the end is only in the
    /// whole text.
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let rest = self.held.split_off(self.safe());
        let shown = std::mem::replace(&mut self.held, rest);
        let before = self.last.filter(|last| is_key_char(*last)).map(String::from).unwrap_or_default();
        self.last = shown.chars().next_back().or(self.last);
        let masked = self.masker.mask(&format!("{before}{shown}")).into_owned();
        masked.get(before.len()..).unwrap_or_default().to_owned()
    }

    /// The length of the held text in front of the first secret that may still be incomplete.
    fn safe(&self) -> usize {
        let held = self.held.as_str();
        let begins = |at: &usize| {
            let rest = &held[*at..];
            let value = |(value, _): &(String, String)| value.starts_with(rest);
            let in_word = held[..*at].chars().next_back().or(self.last).is_some_and(is_key_char);
            self.masker.secrets.iter().any(value) || (!in_word && may_be_key(rest))
        };
        held.char_indices().map(|(at, _)| at).find(begins).unwrap_or(held.len())
    }
}

/// True when the whole text may be the beginning of an API key.
fn may_be_key(text: &str) -> bool {
    text.chars().all(is_key_char) && SHAPES.iter().any(|(start, _)| text.starts_with(start) || start.starts_with(text))
}

/// True for the characters of API keys.
fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// The text without API keys of well-known shape; `None` when there are none.
fn mask_shapes(text: &str) -> Option<String> {
    let mut masked = String::new();
    let mut done = 0;
    for (at, _) in text.char_indices() {
        if at < done {
            continue;
        }
        if let Some(length) = key_at(text, at) {
            masked.push_str(&text[done..at]);
            masked.push_str("[masked API key]");
            done = at + length;
        }
    }
    if done == 0 {
        return None;
    }
    masked.push_str(&text[done..]);
    Some(masked)
}

/// The length of the API key that starts here, if one does.
fn key_at(text: &str, at: usize) -> Option<usize> {
    if text[..at].chars().next_back().is_some_and(is_key_char) {
        return None;
    }
    let rest = &text[at..];
    let (start, least) = SHAPES.iter().find(|(start, _)| rest.starts_with(start))?;
    let body = &rest[start.len()..];
    let body = &body[..body.find(|c| !is_key_char(c)).unwrap_or(body.len())];
    // A digit tells a key from words joined by dashes.
    (body.len() >= *least && body.contains(|c: char| c.is_ascii_digit())).then_some(start.len() + body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name_or_address() {
        for name in ["OPENAI_API_KEY", "GITHUB_TOKEN", "PGPASSWORD", "apikey", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK"]
        {
            assert!(is_secret(name, "x"), "{name}");
        }
        for name in ["PATH", "HOME", "LANG", "GIT_AUTHOR_NAME", "PWD", "OLDPWD", "TERM", "KEYBOARD_LAYOUT"] {
            assert!(!is_secret(name, "x"), "{name}");
        }
        assert!(is_secret("DATABASE_URL", "postgres://me:hunter2@host/db"));
        assert!(!is_secret("DATABASE_URL", "postgres://me@host:5432/db"));
        assert!(!is_secret("TIME_URL", "http://host/a:b@c"));
    }

    #[test]
    fn what_arrives_in_pieces_is_masked_as_the_whole() {
        let masker = Masker::new([("MY_TOKEN".to_owned(), "open sesame".to_owned())]);
        let key = "sk-proj-abcdefghijklmnopqrst1";
        let text = format!("say open sesame, open it; use {key} or {key}x, é; task-{key} ends");
        for size in [1, 2, 3, 7, 100] {
            let mut stream = MaskedStream::new(&masker);
            let pieces: Vec<char> = text.chars().collect();
            let shown: String =
                pieces.chunks(size).map(|piece| stream.push(&piece.iter().collect::<String>())).collect();
            assert_eq!(shown, masker.mask(&text), "{size}");
        }
        let mut stream = MaskedStream::new(&masker);
        assert_eq!((stream.push("the open se"), stream.push("cret")), ("the ".into(), "open secret".into()));
        assert_eq!(stream.push(&format!(" {key}")), " ");
    }

    #[test]
    fn values_and_shapes_are_masked() {
        let var = |name: &str, value: &str| (name.to_owned(), value.to_owned());
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
}
