//! Secrets that a model writes into the headers of requests itself: a text stands for each everywhere but in the request.
//!
//! They are kept in memory alone. A run that is opened again doesn't have them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value as Json;

use super::variables::has_variable;
use crate::effects::mask::is_secret;

/// Headers that hold a secret, beside those that are named as one.
const HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// The beginning of a text that stands for a secret.
const MASKED: &str = "[masked ";

/// Names of headers with their secrets.
pub(super) type Secrets = Vec<(String, String)>;

/// The secrets of the headers of a run.
#[derive(Clone, Default)]
pub struct HeaderSecrets {
    /// By the text that stands for it.
    known: Arc<Mutex<BTreeMap<String, String>>>,
    /// So that nobody can find a short secret by the text that stands for it.
    marks: RandomState,
}

impl HeaderSecrets {
    /// Puts a text in the place of each secret in the headers of a request's arguments; returns the secrets with the
    /// names of their headers.
    pub(super) fn hide(&self, args: &mut Json) -> Secrets {
        let mut hidden = Vec::new();
        match args.get_mut("headers") {
            Some(Json::Array(items)) => items.iter_mut().for_each(|item| self.hide_fields(item, &mut hidden)),
            Some(fields) => self.hide_fields(fields, &mut hidden),
            None => {}
        }
        hidden
    }

    fn hide_fields(&self, fields: &mut Json, hidden: &mut Secrets) {
        let Some(fields) = fields.as_object_mut() else { return };
        for (name, value) in fields.iter_mut().filter(|(name, _)| is_secret_header(name)) {
            let Json::String(text) = value else { continue };
            let at = secret_start(text);
            let secret = text[at..].to_owned();
            // A variable is no secret itself, and this text may be one that stands for one.
            if secret.is_empty() || has_variable(&secret) || secret.contains(MASKED) {
                continue;
            }
            let stands = format!("{MASKED}{name} {:08x}]", self.marks.hash_one(&secret) >> 32);
            text.replace_range(at.., &stands);
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(stands, secret.clone());
            hidden.push((name.clone(), secret));
        }
    }

    /// The value of a header with its secrets, and those secrets with the header's name.
    ///
    /// # Errors
    /// When a secret is not known any more.
    pub(super) fn open<'v>(&self, name: &str, value: &'v str) -> Result<(Cow<'v, str>, Secrets), String> {
        if !value.contains(MASKED) {
            return Ok((Cow::Borrowed(value), Vec::new()));
        }
        let (mut open, mut used) = (value.to_owned(), Vec::new());
        for (stands, secret) in &*self.known.lock().unwrap_or_else(PoisonError::into_inner) {
            if open.contains(stands.as_str()) {
                open = open.replace(stands.as_str(), secret);
                used.push((name.to_owned(), secret.clone()));
            }
        }
        if used.is_empty() {
            return Err(format!(
                "the secret of the header {name:?} is not stored, and not known any more; write it as ${{NAME}}, a \
                 variable of the environment"
            ));
        }
        Ok((Cow::Owned(open), used))
    }
}

fn is_secret_header(name: &str) -> bool {
    HEADERS.iter().any(|known| name.eq_ignore_ascii_case(known)) || is_secret(name, "")
}

/// The first byte of the secret: behind the word that says its kind, as in `Bearer x`.
fn secret_start(value: &str) -> usize {
    let kind = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    match value.split_once(' ') {
        Some((word, rest)) if kind(word) && !rest.trim().is_empty() => word.len() + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_in_the_request_alone() {
        let secrets = HeaderSecrets::default();
        let mut args = json!({ "url": "http://x/", "headers": [{ "Authorization": "Bearer abc" }, { "X-Api-Key": "k1" },
            { "Cookie": "a=b; c=d" }, { "Accept": "text/html" }, { "x-token": "${TOKEN}" }] });
        let hidden = secrets.hide(&mut args);
        let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(hidden, [of("Authorization", "abc"), of("X-Api-Key", "k1"), of("Cookie", "a=b; c=d")]);
        let text = args.to_string();
        for secret in ["abc", "k1", "a=b"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(
            text.contains("Bearer [masked Authorization ") && text.contains("text/html") && text.contains("${TOKEN}")
        );
        let stored = args["headers"][0]["Authorization"].as_str().unwrap().to_owned();
        assert_eq!(secrets.open("Authorization", &stored).unwrap().0, "Bearer abc");
        // The model repeats what it sees in its own call.
        let again = args.clone();
        assert_eq!(secrets.hide(&mut args), []);
        assert_eq!(args, again);
        let why = HeaderSecrets::default().open("Authorization", &stored).unwrap_err();
        assert!(why.contains("write it as ${NAME}"), "{why}");
    }

    #[test]
    fn headers_that_are_no_objects_stay() {
        for mut args in
            [json!({}), json!("text"), json!({ "headers": "x" }), json!({ "headers": [1, { "Cookie": 5 }] })]
        {
            let before = args.clone();
            assert_eq!(HeaderSecrets::default().hide(&mut args), []);
            assert_eq!(args, before);
        }
    }
}
