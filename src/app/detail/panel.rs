//! The panel's state: sections, cursor, folds, search.

use super::lines::DetailLine;
use super::sections::{body_text, push_section};
use crate::app::{Scroll, Streamed};
use crate::model::{Section, SectionBody, SpanDetail, SpanId};

/// The Detail panel.
#[derive(Debug, Clone, Default)]
pub struct Detail {
    span: SpanId,
    path: String,
    sections: Vec<Section>,
    stream: Streamed,
    /// True while reasoning grows and nothing of the answer has come.
    reasons: bool,
    lines: Vec<DetailLine>,
    width: usize,
    /// True while long lines are wrapped.
    pub wrap: bool,
    /// The cursor and the view.
    pub scroll: Scroll,
    /// Sections or width changed since the lines were made.
    stale: bool,
    asking: Asking,
}

/// The state of the request for texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Asking {
    /// No answer is under way.
    #[default]
    Idle,
    /// The answer is under way.
    Asked,
    /// It is under way, and something has happened since it was asked for.
    Outdated,
    /// Another moment of the run is shown: it is to be asked for again.
    Due,
}

impl Detail {
    /// The span whose texts are shown.
    #[must_use]
    pub fn span(&self) -> SpanId {
        self.span
    }

    /// Its path; empty until its texts came.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// All lines.
    #[must_use]
    pub fn lines(&self) -> &[DetailLine] {
        &self.lines
    }

    /// The lines in a view of that height.
    #[must_use]
    pub fn window(&self, height: usize) -> &[DetailLine] {
        &self.lines[self.scroll.range(self.lines.len(), height)]
    }

    /// The whole text of the section under the cursor, as it is stored.
    #[must_use]
    pub fn selected_text(&self) -> Option<String> {
        self.sections.get(self.section()?).map(|section| body_text(&section.body))
    }

    /// The response of a span as far as it is shown.
    pub(in crate::app) fn response(&self, span: SpanId) -> Option<String> {
        let section = self.sections.iter().find(|section| self.span == span && section.title == RESPONSE)?;
        Some(body_text(&section.body))
    }

    /// Another span was selected, or something happened to this one: whether its texts are to be asked for.
    pub(in crate::app) fn want(&mut self, span: SpanId, changed: bool) -> bool {
        if span != self.span {
            *self = Self { span, wrap: self.wrap, width: self.width, ..Self::default() };
            self.asking = Asking::Asked;
            return true;
        }
        let is_due = self.asking == Asking::Due;
        if !is_due && !changed {
            return false;
        }
        let idle = is_due || self.asking == Asking::Idle;
        self.asking = if idle { Asking::Asked } else { Asking::Outdated };
        idle
    }

    /// Another moment of the run is shown: asks for the texts again at the next look.
    pub(in crate::app) fn read_anew(&mut self) {
        self.asking = Asking::Due;
    }

    /// The texts came: whether they are to be asked for again, because something happened in between.
    /// `stream` is what came of a response so far, and true while more may come.
    pub(in crate::app) fn fill(&mut self, detail: SpanDetail, stream: Option<(&Streamed, bool)>) -> bool {
        if detail.span != self.span {
            return false;
        }
        let mut folds: Vec<(String, bool)> = self.sections.drain(..).map(|old| (old.title, old.folded)).collect();
        self.path = detail.path;
        self.sections = detail.sections;
        for section in &mut self.sections {
            // Of several with one title, each keeps its own.
            if let Some(at) = folds.iter().position(|(title, _)| *title == section.title) {
                section.folded = folds.remove(at).1;
            }
        }
        let streamed = !std::mem::take(&mut self.stream).is_empty();
        // What is stored is whole; pieces of a stream may be lost.
        let stored = self.sections.iter().any(|section| [REASONING, RESPONSE].contains(&section.title.as_str()));
        match stream.filter(|_| !stored) {
            Some((came, true)) => self.take_stream(came),
            Some((came, false)) => self.cut_off(came),
            // Of the whole response the beginning is shown, not the end where it grew.
            None if streamed && self.follows() => self.scroll = Scroll::default(),
            None => {}
        }
        self.stale = true;
        let again = self.asking == Asking::Outdated;
        self.asking = if again { Asking::Asked } else { Asking::Idle };
        again
    }

    /// Shows what came of a response so far.
    pub(in crate::app) fn take_stream(&mut self, came: &Streamed) {
        for (text, take) in [(&came.reasoning, Self::reason as fn(&mut Self, &str)), (&came.text, Self::stream)] {
            if !text.is_empty() {
                take(self, text);
            }
        }
    }

    /// No answer comes: the next event asks again.
    pub(in crate::app) fn give_up(&mut self) {
        self.asking = Asking::Idle;
    }

    /// More of the response came.
    pub(in crate::app) fn stream(&mut self, text: &str) {
        self.stream.text.push_str(text);
        // The answer is what counts now.
        self.grow(REASONING, self.stream.reasoning.clone(), true);
        self.grow(RESPONSE, self.stream.text.clone(), false);
    }

    /// More of the model's reasoning came.
    pub(in crate::app) fn reason(&mut self, text: &str) {
        self.stream.reasoning.push_str(text);
        self.grow(REASONING, self.stream.reasoning.clone(), !self.stream.text.is_empty());
    }

    /// Shows what came of a section so far; a new one is folded or not.
    fn grow(&mut self, title: &str, text: String, folded: bool) {
        if text.is_empty() {
            return;
        }
        self.stale = true;
        let body = SectionBody::Text(text);
        if let Some(section) = self.sections.iter_mut().find(|section| section.title == title) {
            section.body = body;
            section.folded |= folded && std::mem::replace(&mut self.reasons, false);
            return;
        }
        self.reasons = title == REASONING && !folded;
        let section = Section { title: title.into(), note: "streaming".into(), body, folded };
        // Where it will stand when it has ended: after what is known of the call, reasoning first.
        let before = [CALL, REASONING];
        let after = self.sections.iter().rposition(|section| before.contains(&section.title.as_str()));
        self.sections.insert(after.map_or(self.sections.len(), |at| at + 1), section);
    }

    /// True while the cursor is on the last line of the response, or of all: the view follows as it grows.
    fn follows(&self) -> bool {
        if self.scroll.cursor + 1 >= self.lines.len() {
            return true;
        }
        let section = |line: usize| self.lines.get(line).map(|line| line.section);
        let here = section(self.scroll.cursor);
        let is_response = here.and_then(|at| self.sections.get(at)).is_some_and(|found| found.title == RESPONSE);
        is_response && section(self.scroll.cursor + 1) != here
    }

    /// The response ended before it was whole: what came of it stays.
    fn cut_off(&mut self, came: &Streamed) {
        let note = "cut off: this came before it ended";
        for (title, text, folded) in [(REASONING, &came.reasoning, true), (RESPONSE, &came.text, false)] {
            if !text.is_empty() && !self.sections.iter().any(|section| section.title == title) {
                let body = SectionBody::Text(text.clone());
                self.sections.push(Section { title: title.into(), note: note.into(), body, folded });
            }
        }
    }

    pub(in crate::app) fn toggle_wrap(&mut self) {
        self.wrap = !self.wrap;
        self.stale = true;
    }

    /// Folds or unfolds the section under the cursor; the cursor goes to its title.
    pub(in crate::app) fn toggle_fold(&mut self, height: usize) {
        let Some(at) = self.section() else { return };
        self.sections[at].folded = !self.sections[at].folded;
        self.stale = true;
        self.refresh(self.width, height);
        let title = self.lines.iter().position(|line| line.section == at).unwrap_or(0);
        self.scroll.go(title, self.lines.len(), height);
    }

    /// Folds or unfolds the section under the cursor, if it isn't so already.
    pub(in crate::app) fn set_fold(&mut self, folded: bool, height: usize) {
        if self.section().and_then(|at| self.sections.get(at)).is_some_and(|section| section.folded != folded) {
            self.toggle_fold(height);
        }
    }

    /// Makes the lines anew if anything changed. A view at the end of a growing response stays at its end.
    pub(in crate::app) fn refresh(&mut self, width: usize, height: usize) {
        if !self.stale && width == self.width {
            return;
        }
        let at_end = !self.stream.is_empty() && self.follows();
        self.stale = false;
        self.width = width;
        self.lines.clear();
        for (at, section) in self.sections.iter().enumerate() {
            push_section(&mut self.lines, at, section, self.wrap.then_some(width));
        }
        let response = self.sections.iter().position(|section| section.title == RESPONSE);
        let end = self.lines.iter().rposition(|line| Some(line.section) == response).filter(|_| at_end);
        let cursor = end.unwrap_or(self.scroll.cursor);
        self.scroll.go(cursor, self.lines.len(), height);
    }

    fn section(&self) -> Option<usize> {
        self.lines.get(self.scroll.cursor).map(|line| line.section)
    }
}

const CALL: &str = "call";
const REASONING: &str = "reasoning";
const RESPONSE: &str = "response";

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(width: usize) -> Detail {
        let mut detail = Detail { wrap: true, ..Detail::default() };
        detail.want(SpanId(3), false);
        let section = |title: &str, folded| Section {
            title: title.into(),
            note: String::new(),
            body: SectionBody::Text("some words to read\nand more".into()),
            folded,
        };
        let sections = vec![section("system", true), section("response", false)];
        detail.fill(SpanDetail { span: SpanId(3), path: "a/llm".into(), sections }, None);
        detail.refresh(width, 10);
        detail
    }

    #[test]
    fn sections_fold_and_stay_folded_when_filled_again() {
        let mut detail = detail(80);
        assert_eq!(detail.lines().len(), 1 + 3);
        detail.toggle_fold(10);
        assert_eq!(detail.lines().len(), 3 + 3);
        let sections = detail.sections.iter().cloned().map(|section| Section { folded: true, ..section }).collect();
        detail.fill(SpanDetail { span: SpanId(3), path: String::new(), sections }, None);
        detail.refresh(80, 10);
        assert_eq!(detail.lines().len(), 3 + 3);
    }

    #[test]
    fn a_second_event_before_the_answer_asks_once_more_after_it() {
        let mut detail = Detail::default();
        assert!(detail.want(SpanId(1), false));
        assert!(!detail.want(SpanId(1), true));
        assert!(!detail.want(SpanId(1), true));
        let answer = || SpanDetail { span: SpanId(1), path: String::new(), sections: Vec::new() };
        assert!(detail.fill(answer(), None));
        assert!(!detail.fill(answer(), None));
        assert!(detail.want(SpanId(1), true));
    }

    #[test]
    fn a_stream_grows_in_the_response_and_is_safe() {
        let mut detail = detail(80);
        detail.stream("hel\u{1b}[31m");
        detail.stream("lo");
        detail.refresh(80, 10);
        let last = detail.lines().last().unwrap();
        assert!(last.text.starts_with("hel") && last.text.ends_with("lo"));
        assert!(!last.text.chars().any(char::is_control));
    }
}
