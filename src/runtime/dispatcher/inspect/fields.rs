//! JSON as people read it: short values as facts, each long text in a section of its own, with its real line breaks.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use crate::model::{Section, SectionBody, ToolCall};

/// Characters of a text that still stands beside its name.
const SHORT: usize = 120;
/// Characters of a list or object that still stands beside its name.
const COMPACT: usize = 80;

/// How an object is shown: its facts under a title, then its long texts.
pub(super) struct Fields<'a> {
    /// The title of the facts.
    pub title: &'a str,
    /// The note beside that title.
    pub note: &'a str,
    /// Stands before the names of long texts: `result.`.
    pub prefix: &'a str,
    /// Stands in the notes of long texts: `call 2`.
    pub of: &'a str,
    /// True when the title is shown even without facts.
    pub titled: bool,
}

impl Fields<'_> {
    /// The sections of an object.
    pub(super) fn sections(&self, object: &Map<String, Json>) -> Vec<Section> {
        let mut found = Found::default();
        object.iter().for_each(|(name, value)| found.add(name.clone(), value));
        let mut out = Vec::new();
        if self.titled || !found.facts.is_empty() || found.blocks.is_empty() {
            out.push(section(self.title, self.note, SectionBody::Facts(found.facts)));
        }
        out.extend(found.blocks.into_iter().map(|(name, body)| {
            let lines = match &body {
                SectionBody::Text(text) => lines(text),
                _ => String::new(),
            };
            let note = [self.of, &lines].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
            section(&format!("{}{name}", self.prefix), &note, body)
        }));
        out
    }
}

/// The values of an object by the way they are shown.
#[derive(Default)]
struct Found {
    facts: Vec<(String, String)>,
    blocks: Vec<(String, SectionBody)>,
}

impl Found {
    fn add(&mut self, name: String, value: &Json) {
        match value {
            Json::String(text) if is_long(text) => self.blocks.push((name, SectionBody::Text(text.clone()))),
            Json::String(text) if text.is_empty() => self.facts.push((name, "\"\"".into())),
            Json::String(text) => self.facts.push((name, text.clone())),
            Json::Array(items) if has_long(value) => {
                items.iter().enumerate().for_each(|(at, item)| self.add(format!("{name}[{at}]"), item));
            }
            Json::Object(object) if has_long(value) => {
                object.iter().for_each(|(inner, value)| self.add(format!("{name}.{inner}"), value));
            }
            _ => {
                let compact = value.to_string();
                if compact.chars().count() <= COMPACT {
                    self.facts.push((name, compact));
                } else {
                    let pretty = serde_json::to_string_pretty(value).unwrap_or(compact);
                    self.blocks.push((name, SectionBody::Json(pretty)));
                }
            }
        }
    }
}

/// The sections of a tool's arguments.
pub(super) fn arguments(note: &str, args: &Json) -> Vec<Section> {
    const TITLE: &str = "arguments";
    match args {
        Json::Object(object) if object.is_empty() => vec![prose(TITLE, "none", String::new())],
        Json::Object(object) => {
            let titled = !note.is_empty();
            Fields { title: TITLE, note, prefix: "", of: "", titled }.sections(object)
        }
        Json::String(unreadable) => vec![prose(TITLE, note, unreadable.clone())],
        other => vec![text(TITLE, note, &other.to_string())],
    }
}

/// The sections of a result that is a JSON object with a long text in it; `None` for any other text.
pub(super) fn value(title: &str, note: &str, body: &str) -> Option<Vec<Section>> {
    let json = serde_json::from_str::<Json>(body).ok()?;
    let object = json.as_object().filter(|_| has_long(&json))?;
    Some(Fields { title, note, prefix: &format!("{title}."), of: "", titled: true }.sections(object))
}

/// A call in one text: short arguments beside its name, long texts below it.
pub(super) fn call_text(call: &ToolCall) -> String {
    let Some(object) = call.args.as_object() else { return format!("{} {}", call.name, call.args) };
    let mut found = Found::default();
    object.iter().for_each(|(name, value)| found.add(name.clone(), value));
    let mut out = call.name.clone();
    for (name, value) in found.facts {
        let _ = write!(out, " {name}={value}");
    }
    for (name, body) in found.blocks {
        let (SectionBody::Text(text) | SectionBody::Json(text)) = body else { continue };
        let _ = write!(out, "\n{name}:\n{}", text.trim_end_matches('\n'));
    }
    out
}

/// Text, or JSON when it is a JSON object or array.
pub(super) fn text(title: &str, note: &str, body: &str) -> Section {
    let json = serde_json::from_str::<Json>(body).ok().filter(|json| json.is_object() || json.is_array());
    match json.and_then(|json| serde_json::to_string_pretty(&json).ok()) {
        Some(pretty) => section(title, note, SectionBody::Json(pretty)),
        None => prose(title, note, body.to_owned()),
    }
}

pub(super) fn prose(title: &str, note: &str, body: String) -> Section {
    section(title, note, SectionBody::Text(body))
}

pub(super) fn section(title: &str, note: &str, body: SectionBody) -> Section {
    Section { title: title.to_owned(), note: note.to_owned(), body, folded: false }
}

/// `1 line`, `12 lines`.
fn lines(text: &str) -> String {
    match text.lines().count() {
        1 => "1 line".into(),
        many => format!("{many} lines"),
    }
}

fn is_long(text: &str) -> bool {
    text.contains('\n') || text.chars().count() > SHORT
}

fn has_long(value: &Json) -> bool {
    match value {
        Json::String(text) => is_long(text),
        Json::Array(items) => items.iter().any(has_long),
        Json::Object(object) => object.values().any(has_long),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Title, note and body of each section.
    fn shown(sections: &[Section]) -> Vec<(&str, &str, String)> {
        let body = |section: &Section| match &section.body {
            SectionBody::Text(text) => text.clone(),
            SectionBody::Json(text) => format!("json {text}"),
            SectionBody::Facts(facts) => format!("{facts:?}"),
            other => format!("{other:?}"),
        };
        sections.iter().map(|section| (&section.title[..], &section.note[..], body(section))).collect()
    }

    #[test]
    fn short_values_are_facts_and_long_texts_keep_their_line_breaks() {
        let args = json!({ "path": "NOTES.md", "all": true, "content": "one\n\ttwo\n", "tags": ["a", "b"] });
        let sections = arguments("", &args);
        let expected = [
            ("arguments", "", r#"[("path", "NOTES.md"), ("all", "true"), ("tags", "[\"a\",\"b\"]")]"#.to_owned()),
            ("content", "2 lines", "one\n\ttwo\n".to_owned()),
        ];
        assert_eq!(shown(&sections), expected);
    }

    #[test]
    fn long_texts_deep_inside_are_found_and_other_json_stays_json() {
        let edits = json!({ "edits": [{ "old": "a\nb", "new": "c" }] });
        let sections = arguments("edited", &edits);
        assert_eq!(
            shown(&sections),
            [
                ("arguments", "edited", r#"[("edits[0].new", "c")]"#.to_owned()),
                ("edits[0].old", "2 lines", "a\nb".to_owned()),
            ]
        );
        let numbers = json!({ "numbers": (0..60).collect::<Vec<_>>() });
        assert!(shown(&arguments("", &numbers))[0].2.starts_with("json [\n"));
        assert_eq!(shown(&arguments("", &json!({}))), [("arguments", "none", String::new())]);
        assert_eq!(shown(&arguments("", &json!("{\"cut"))), [("arguments", "", "{\"cut".to_owned())]);
    }

    #[test]
    fn results_are_taken_apart_only_where_it_helps() {
        assert_eq!(value("result", "", "plain"), None);
        assert_eq!(value("result", "", r#"{"live": "v2"}"#), None);
        let sections = value("result", "", r#"{"ok": true, "log": "a\nb"}"#).unwrap();
        assert_eq!(
            shown(&sections),
            [("result", "", r#"[("ok", "true")]"#.to_owned()), ("result.log", "2 lines", "a\nb".to_owned())]
        );
    }

    #[test]
    fn a_call_in_a_conversation_has_its_texts_below_it() {
        let call = ToolCall { name: "write".into(), args: json!({ "path": "a", "content": "x\ny\n" }) };
        assert_eq!(call_text(&call), "write path=a\ncontent:\nx\ny");
    }
}
