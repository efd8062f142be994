//! Edits by hand of spans that ran: each is kept until a retry or fork of its span takes it.

use std::collections::BTreeMap;

use super::safe;
use super::text::plural;
use crate::model::{EditPart, RetryEdits, SpanId, parse_request};

/// Columns of an edited text that a line shows.
const SHOWN: usize = 60;

/// The place that an edit by hand leads to, once it is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Then {
    /// The panels.
    #[default]
    Nothing,
    /// The plan of a retry.
    Retry,
    /// The plan of a fork.
    Fork,
}

/// The edits by hand that no retry or fork has taken.
#[derive(Debug, Clone, Default)]
pub struct ByHandEdits {
    by_span: BTreeMap<SpanId, RetryEdits>,
}

impl ByHandEdits {
    /// The edits of a span; empty where there are none.
    #[must_use]
    pub fn of(&self, span: SpanId) -> RetryEdits {
        self.by_span.get(&span).cloned().unwrap_or_default()
    }

    /// Forgets those of a span.
    pub(super) fn forget(&mut self, span: SpanId) {
        self.by_span.remove(&span);
    }

    /// Forgets all: another run is shown.
    pub(super) fn clear(&mut self) {
        self.by_span.clear();
    }

    /// Takes an edited part.
    ///
    /// # Errors
    /// When the text can't be that part; the reason is for the footer.
    pub(super) fn take(&mut self, span: SpanId, part: EditPart, text: String) -> Result<(), String> {
        let edits = self.by_span.entry(span).or_default();
        let set = set(edits, part, text);
        if edits.is_empty() {
            self.by_span.remove(&span);
        }
        set
    }
}

/// Sets a part. An empty temperature or model takes the edit back.
fn set(edits: &mut RetryEdits, part: EditPart, text: String) -> Result<(), String> {
    let word = text.trim();
    match part {
        EditPart::Prompt => edits.prompt = Some(text),
        EditPart::Input => edits.input = Some(text),
        EditPart::Answer => edits.answer = Some(text),
        EditPart::Messages => {
            let (system, messages) = parse_request(&text).map_err(|error| error.to_string())?;
            if !system.is_empty() {
                return Err("the prompt is edited by itself: take \"=== system\" out".to_owned());
            }
            edits.messages = Some(messages);
        }
        EditPart::Arguments => {
            let args = serde_json::from_str(&text).map_err(|error| format!("the arguments are no JSON: {error}"))?;
            edits.args = Some(args);
        }
        EditPart::Temperature if word.is_empty() => edits.temperature = None,
        EditPart::Temperature => {
            let number: Option<f64> = word.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
            let why = || format!("\"{word}\" is no temperature: write a number such as 0.7, or nothing");
            edits.temperature = Some(number.ok_or_else(why)?);
        }
        EditPart::Model => edits.model = Some(word.to_owned()).filter(|model| !model.is_empty()),
    }
    Ok(())
}

/// The edits, a line each: `prompt  You write, loud.`
#[must_use]
pub fn edit_lines(edits: &RetryEdits) -> Vec<String> {
    let RetryEdits { prompt, keeps_prompt: _, model, temperature, input, messages, args, answer } = edits;
    let first = |text: &String| {
        let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
        let cut: String = line.chars().take(SHOWN).collect();
        let more = cut.len() < line.len() || text.trim().lines().count() > 1;
        safe::line(&format!("{cut}{}", if more { " …" } else { "" })).into_owned()
    };
    let shown = [
        answer.as_ref().map(|text| format!("answer, nothing runs for it: {}", first(text))),
        prompt.as_ref().map(|text| format!("prompt: {}", first(text))),
        input.as_ref().map(|text| format!("input: {}", first(text))),
        messages.as_ref().map(|messages| plural(messages.len(), "message")),
        args.as_ref().map(|args| format!("arguments: {}", first(&args.to_string()))),
        temperature.map(|temperature| format!("temperature {temperature}")),
        model.as_ref().map(|model| format!("model {}", safe::line(model))),
    ];
    shown.into_iter().flatten().collect()
}

/// The names of the edited parts: `prompt, input`.
pub(super) fn edit_names(edits: &RetryEdits) -> String {
    let parts = [
        (EditPart::Prompt, edits.prompt.is_some()),
        (EditPart::Input, edits.input.is_some()),
        (EditPart::Messages, edits.messages.is_some()),
        (EditPart::Arguments, edits.args.is_some()),
        (EditPart::Answer, edits.answer.is_some()),
        (EditPart::Temperature, edits.temperature.is_some()),
        (EditPart::Model, edits.model.is_some()),
    ];
    let names: Vec<&str> = parts.iter().filter(|(_, edited)| *edited).map(|(part, _)| part.words()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Message;

    const SPAN: SpanId = SpanId(3);

    fn taken(part: EditPart, text: &str) -> Result<RetryEdits, String> {
        let mut edits = ByHandEdits::default();
        edits.take(SPAN, part, text.to_owned()).map(|()| edits.of(SPAN))
    }

    #[test]
    fn each_part_is_read_from_its_text() {
        assert_eq!(taken(EditPart::Input, "do it").unwrap().input.as_deref(), Some("do it"));
        assert_eq!(taken(EditPart::Arguments, "{ \"a\": 1 }").unwrap().args, Some(json!({ "a": 1 })));
        assert_eq!(taken(EditPart::Temperature, " 0.7\n").unwrap().temperature, Some(0.7));
        let messages = taken(EditPart::Messages, "=== user\nhello\n").unwrap().messages;
        assert_eq!(messages, Some(vec![Message::User { text: "hello".into() }]));
    }

    #[test]
    fn a_text_that_is_no_such_part_changes_nothing() {
        for (part, text, why) in [
            (EditPart::Arguments, "{", "no JSON"),
            (EditPart::Temperature, "hot", "no temperature"),
            (EditPart::Temperature, "-1", "no temperature"),
            (EditPart::Messages, "hello", "must start"),
            (EditPart::Messages, "=== system\nbe kind\n=== user\nx", "by itself"),
        ] {
            let refused = taken(part, text).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        let mut edits = ByHandEdits::default();
        edits.take(SPAN, EditPart::Arguments, "{".into()).unwrap_err();
        assert!(edits.of(SPAN).is_empty());
    }

    #[test]
    fn an_empty_temperature_or_model_takes_the_edit_back() {
        let mut edits = ByHandEdits::default();
        for part in [EditPart::Temperature, EditPart::Model] {
            edits.take(SPAN, part, "1".into()).unwrap();
            assert!(!edits.of(SPAN).is_empty());
            edits.take(SPAN, part, " ".into()).unwrap();
            assert!(edits.of(SPAN).is_empty());
        }
    }

    #[test]
    fn edits_are_shown_by_their_first_line() {
        let edits =
            RetryEdits { prompt: Some("\nYou write.\nLoud.".into()), temperature: Some(0.5), ..RetryEdits::default() };
        assert_eq!(edit_lines(&edits), ["prompt: You write. …", "temperature 0.5"]);
        assert_eq!(edit_names(&edits), "prompt, temperature");
    }
}
