//! Headers of requests: what may be set, and their values with variables filled in.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::variables::fill;

/// Headers that belong to the connection, and that the program sets itself.
const TAKEN: [&str; 8] =
    ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "keep-alive"];

/// True for a name that a header can have.
pub(in crate::effects) fn is_valid_name(name: &str) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok()
}

/// True for a header that the program sets itself.
pub(in crate::effects) fn is_taken(name: &str) -> bool {
    TAKEN.iter().any(|taken| name.eq_ignore_ascii_case(taken))
}

/// Headers that are ready to be sent, and the variables in them.
#[derive(Debug, Default)]
pub(super) struct FilledHeaders {
    pub map: HeaderMap,
    pub used: Vec<(String, String)>,
}

/// Fills in the variables of headers. The error never has a value in it.
pub(super) fn fill_headers<'a>(
    headers: impl IntoIterator<Item = (&'a String, &'a String)>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<FilledHeaders, String> {
    let mut filled = FilledHeaders::default();
    for (name, value) in headers {
        let wrong = |why: &str| format!("the header {name:?} can't be sent: {why}");
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("its name is not one"))?;
        let text = fill(value, env);
        let mut value = HeaderValue::from_bytes(text.text.trim().as_bytes())
            .map_err(|_| wrong("its value has a line end or another control character in it"))?;
        value.set_sensitive(true);
        filled.map.append(key, value);
        filled.used.extend(text.used);
    }
    Ok(filled)
}
