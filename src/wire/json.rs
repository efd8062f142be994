//! JSON as models and servers write it: nearly right.

use serde_json::Value as Json;

/// Reads JSON. Bytes that are no UTF-8, raw control characters in texts and halves of surrogate pairs are mended.
///
/// # Errors
/// Where and why it can't be read.
pub fn parse(bytes: &[u8]) -> Result<Json, String> {
    match serde_json::from_slice(bytes) {
        Ok(json) => Ok(json),
        Err(error) => serde_json::from_str(&mend(&String::from_utf8_lossy(bytes))).map_err(|_| error.to_string()),
    }
}

/// Reads the arguments of a tool call, which are an object: given as one, as its text, as the text of a text, or empty
/// for no arguments. Anything else stays as it came, a text that is not an object: the tool can't run, and says why.
#[must_use]
pub fn parse_arguments(given: &Json) -> Json {
    match given {
        Json::Object(_) => given.clone(),
        Json::Null => Json::Object(serde_json::Map::new()),
        Json::String(text) => read_text(text, 2).unwrap_or_else(|| given.clone()),
        other => Json::String(other.to_string()),
    }
}

/// The field in which arguments go back that are no object.
const UNREADABLE: &str = "unreadable_arguments";

/// Arguments as they go back to a provider, which takes objects only: a text that is none stands in one.
#[must_use]
pub fn written_arguments(args: &Json) -> Json {
    match args {
        Json::Object(_) => args.clone(),
        Json::String(text) => serde_json::json!({ UNREADABLE: text }),
        other => serde_json::json!({ UNREADABLE: other.to_string() }),
    }
}

/// The text that [`written_arguments`] put into an object; `None`: they are another object.
pub(super) fn unreadable_arguments(written: &Json) -> Option<&str> {
    let fields = written.as_object().filter(|fields| fields.len() == 1)?;
    fields.get(UNREADABLE)?.as_str()
}

/// Arguments of a call that went back: an object, or the text that was none.
pub(super) fn read_written_arguments(given: &Json) -> Json {
    let args = parse_arguments(given);
    match unreadable_arguments(&args) {
        Some(text) => parse_arguments(&Json::from(text)),
        None => args,
    }
}

/// Reads an object from a text, unpacking texts within it so many times.
fn read_text(text: &str, depth: u8) -> Option<Json> {
    if text.trim().is_empty() {
        return Some(Json::Object(serde_json::Map::new()));
    }
    match parse(text.as_bytes()).ok()? {
        object @ Json::Object(_) => Some(object),
        Json::Null => Some(Json::Object(serde_json::Map::new())),
        Json::String(inner) if depth > 0 => read_text(&inner, depth - 1),
        _ => None,
    }
}

/// Escapes raw control characters within texts, and replaces halves of surrogate pairs by U+FFFD.
fn mend(text: &str) -> String {
    let mut mended = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut inside = false;
    while let Some(letter) = rest.chars().next() {
        let (taken, put): (usize, Option<String>) = match letter {
            '"' => {
                inside = !inside;
                (1, None)
            }
            '\\' if inside => escape(rest),
            letter if inside && letter.is_ascii_control() => (1, Some(format!("\\u{:04x}", u32::from(letter)))),
            letter => (letter.len_utf8(), None),
        };
        match put {
            Some(put) => mended.push_str(&put),
            None => mended.push_str(&rest[..taken]),
        }
        rest = &rest[taken..];
    }
    mended
}

/// The escape that a text begins with: its length, and what to write in its place.
fn escape(text: &str) -> (usize, Option<String>) {
    let unit = |at: usize| text.get(at..at + 6).filter(|unit| unit.starts_with("\\u")).and_then(code);
    match unit(0) {
        Some(0xd800..=0xdbff) if matches!(unit(6), Some(0xdc00..=0xdfff)) => (12, None),
        Some(0xd800..=0xdfff) => (6, Some("\\ufffd".to_owned())),
        Some(_) => (6, None),
        None => (1 + text[1..].chars().next().map_or(0, char::len_utf8), None),
    }
}

fn code(unit: &str) -> Option<u32> {
    u32::from_str_radix(&unit[2..], 16).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_nearly_json_is_read() {
        assert_eq!(parse(b"{\"a\": \"x\ny\tz\"}"), Ok(json!({"a": "x\ny\tz"})));
        assert_eq!(parse(br#"{"a": "\ud83d!"}"#), Ok(json!({"a": "\u{fffd}!"})));
        assert_eq!(parse(br#"{"a": "\udc00\ud83d\ude00\\ud83d"}"#), Ok(json!({"a": "\u{fffd}😀\\ud83d"})));
        assert_eq!(parse(b"{\"a\": \"\xf0\x9f\"}"), Ok(json!({"a": "\u{fffd}"})));
        assert!(parse(b"{\"a\": ").is_err());
    }

    #[test]
    fn arguments_are_an_object_or_as_they_came() {
        let object = json!({"path": "a"});
        for given in [object.clone(), json!(r#"{"path": "a"}"#), json!(r#""{\"path\": \"a\"}""#)] {
            assert_eq!(parse_arguments(&given), object, "{given}");
        }
        for empty in [json!(null), json!(""), json!(" \n"), json!("null")] {
            assert_eq!(parse_arguments(&empty), json!({}), "{empty}");
        }
        for other in [json!(r#"{"path": "a"#), json!("[1]"), json!("write it")] {
            assert_eq!(parse_arguments(&other), other);
        }
        assert_eq!(parse_arguments(&json!([1])), json!("[1]"));
    }
}
