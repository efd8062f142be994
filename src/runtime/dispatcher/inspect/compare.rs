//! The texts of two spans, compared section by section.

use super::now::Now;
use super::sections::sections;
use crate::model::{Comparison, DiffBody, Section, SectionBody, SectionDiff, SpanId, Update};
use crate::runtime::diff::compare_texts;
use crate::runtime::dispatcher::Dispatcher;
use crate::store::StoreError;

impl Dispatcher {
    /// Answers with the texts of two spans, compared.
    pub(in super::super) fn compare(&self, left: SpanId, right: SpanId) {
        // Each side has the prompt that it began with, and not the one of the next try.
        let sides = [left, right].map(|span| (span, Now { prompt: None, ..self.now(span) }));
        let log = self.log.clone();
        self.inspector.answer(move || {
            let texts = sides.iter().map(|(span, now)| {
                log.span_events(*span).and_then(|events| sections(&events, now, log.recorder().as_ref()))
            });
            match texts.collect::<Result<Vec<Vec<Section>>, StoreError>>() {
                Ok(texts) => {
                    let [left_texts, right_texts] = texts.try_into().unwrap_or_default();
                    let sections = compare_sections(&left_texts, &right_texts);
                    Update::Comparison(Box::new(Comparison { left, right, sections }))
                }
                Err(error) => Update::Refused(format!("failed to compare {left} with {right}: {error}")),
            }
        });
    }
}

/// Compares sections by their titles, those of the left side first; the same title again is another section.
fn compare_sections(left: &[Section], right: &[Section]) -> Vec<SectionDiff> {
    let mut rest: Vec<&Section> = right.iter().filter(|section| has_text(section)).collect();
    let mut found = Vec::new();
    for section in left.iter().filter(|section| has_text(section)) {
        let at = rest.iter().position(|other| other.title == section.title);
        let other = at.map(|at| text(&rest.remove(at).body)).unwrap_or_default();
        found.push(diff(&section.title, &text(&section.body), &other));
    }
    found.extend(rest.into_iter().map(|section| diff(&section.title, "", &text(&section.body))));
    found
}

fn diff(title: &str, left: &str, right: &str) -> SectionDiff {
    let mut notes = Vec::new();
    let body: DiffBody = compare_texts(left, right, &mut notes);
    SectionDiff { title: title.to_owned(), body, notes }
}

/// Changes of the world are compared by what they leave.
fn has_text(section: &Section) -> bool {
    !matches!(section.body, SectionBody::Changes(_))
}

fn text(body: &SectionBody) -> String {
    let pairs = |pairs: &[(String, String)], between: &str| {
        pairs.iter().map(|(name, value)| format!("{name}{between}{value}")).collect::<Vec<_>>().join("\n")
    };
    match body {
        SectionBody::Text(text) | SectionBody::Json(text) | SectionBody::Error(text) => text.clone(),
        SectionBody::Messages(messages) => pairs(messages, ":\n"),
        SectionBody::Facts(facts) => pairs(facts, ": "),
        SectionBody::Changes(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(title: &str, body: &str) -> Section {
        Section { title: title.into(), note: String::new(), body: SectionBody::Text(body.into()), folded: false }
    }

    #[test]
    fn sections_are_compared_by_title() {
        let left = [section("system", "be brief"), section("response", "one\ntwo")];
        assert!(compare_sections(&left, &left).iter().all(|section| section.body == DiffBody::Same));
        let right = [section("system", "be brief"), section("error", "HTTP 529")];
        let found = compare_sections(&left, &right);
        let counts = |at: usize| match &found[at].body {
            DiffBody::Lines { added, removed, .. } => (*added, *removed),
            _ => (0, 0),
        };
        let titles: Vec<&str> = found.iter().map(|section| section.title.as_str()).collect();
        assert_eq!((titles, counts(1), counts(2)), (vec!["system", "response", "error"], (0, 2), (1, 0)));
    }
}
