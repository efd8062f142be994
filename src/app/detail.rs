//! The Detail panel: the texts of the selected span as lines, folded, wrapped, searched; a streaming response grows
//! at its end.

use unicode_width::UnicodeWidthChar;

use super::{Scroll, safe};
use crate::model::{Section, SectionBody, SpanDetail, SpanId};

/// The kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// The title of a section.
    Title {
        /// True while the section is folded.
        folded: bool,
    },
    /// Prose.
    Text,
    /// JSON.
    Json {
        /// The state of JSON in which a wrapped line continues.
        starts: JsonStart,
    },
    /// An error.
    Error,
    /// The role of the message below.
    Role,
    /// A name and its value, the value from this byte on.
    Fact {
        /// Where the value starts.
        value: usize,
    },
}

/// Where a line of JSON begins: a wrapped string goes on in the lines after its first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum JsonStart {
    /// Between strings.
    #[default]
    Outside,
    /// In a string.
    Inside,
    /// In a string, after a backslash.
    Escaped,
}

impl JsonStart {
    /// Where the text after this one begins.
    #[must_use]
    pub fn after(self, text: &str) -> Self {
        text.chars().fold(self, |at, letter| match (at, letter) {
            (Self::Outside, '"') | (Self::Escaped, _) => Self::Inside,
            (Self::Inside, '"') | (Self::Outside, _) => Self::Outside,
            (Self::Inside, '\\') => Self::Escaped,
            (Self::Inside, _) => Self::Inside,
        })
    }
}

/// One line, safe to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailLine {
    /// The section it belongs to.
    pub section: usize,
    /// The kind.
    pub kind: LineKind,
    /// The text.
    pub text: String,
}

/// The Detail panel.
#[derive(Debug, Clone, Default)]
pub struct Detail {
    span: SpanId,
    path: String,
    sections: Vec<Section>,
    stream: String,
    lines: Vec<DetailLine>,
    width: usize,
    /// True while long lines are wrapped.
    pub wrap: bool,
    /// The text searched for; empty: none.
    pub find: String,
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

    /// True when a line contains the text searched for, in any case.
    #[must_use]
    pub fn is_match(&self, line: &DetailLine) -> bool {
        !self.find.is_empty() && line.text.to_lowercase().contains(&self.find.to_lowercase())
    }

    /// Another span was selected, or something happened to this one: whether its texts are to be asked for.
    pub(super) fn want(&mut self, span: SpanId, changed: bool) -> bool {
        if span != self.span {
            *self = Self {
                span,
                wrap: self.wrap,
                find: std::mem::take(&mut self.find),
                width: self.width,
                ..Self::default()
            };
            self.asking = Asking::Asked;
            return true;
        }
        if !changed {
            return false;
        }
        let idle = self.asking == Asking::Idle;
        self.asking = if idle { Asking::Asked } else { Asking::Outdated };
        idle
    }

    /// The texts came: whether they are to be asked for again, because something happened in between.
    pub(super) fn fill(&mut self, detail: SpanDetail, stream: Option<&String>) -> bool {
        if detail.span != self.span {
            return false;
        }
        let folds: Vec<(String, bool)> = self.sections.drain(..).map(|old| (old.title, old.folded)).collect();
        self.path = detail.path;
        self.sections = detail.sections;
        for section in &mut self.sections {
            if let Some((_, folded)) = folds.iter().find(|(title, _)| *title == section.title) {
                section.folded = *folded;
            }
        }
        let streamed = !std::mem::take(&mut self.stream).is_empty();
        match stream {
            Some(text) => self.stream(text),
            // The whole response is at the top, not where it grew.
            None if streamed && self.scroll.cursor + 1 >= self.lines.len() => self.scroll = Scroll::default(),
            None => {}
        }
        self.stale = true;
        let again = self.asking == Asking::Outdated;
        self.asking = if again { Asking::Asked } else { Asking::Idle };
        again
    }

    /// No answer comes: the next event asks again.
    pub(super) fn give_up(&mut self) {
        self.asking = Asking::Idle;
    }

    /// More of the response came.
    pub(super) fn stream(&mut self, text: &str) {
        self.stream.push_str(text);
        self.stale = true;
        let body = SectionBody::Text(self.stream.clone());
        if let Some(section) = self.sections.iter_mut().find(|section| section.title == RESPONSE) {
            section.body = body;
        } else {
            let section = Section { title: RESPONSE.into(), note: "streaming".into(), body, folded: false };
            self.sections.push(section);
        }
    }

    pub(super) fn toggle_wrap(&mut self) {
        self.wrap = !self.wrap;
        self.stale = true;
    }

    /// Folds or unfolds the section under the cursor; the cursor goes to its title.
    pub(super) fn toggle_fold(&mut self, height: usize) {
        let Some(at) = self.section() else { return };
        self.sections[at].folded = !self.sections[at].folded;
        self.stale = true;
        self.refresh(self.width, height);
        let title = self.lines.iter().position(|line| line.section == at).unwrap_or(0);
        self.scroll.go(title, self.lines.len(), height);
    }

    /// Folds or unfolds the section under the cursor, if it isn't so already.
    pub(super) fn set_fold(&mut self, folded: bool, height: usize) {
        if self.section().and_then(|at| self.sections.get(at)).is_some_and(|section| section.folded != folded) {
            self.toggle_fold(height);
        }
    }

    /// Moves the cursor to the next (or previous) line with the text searched for; whether there is one.
    pub(super) fn jump(&mut self, forward: bool, height: usize) -> bool {
        let len = self.lines.len();
        let at = |k: usize| if forward { (self.scroll.cursor + k) % len } else { (self.scroll.cursor + len - k) % len };
        let found = (1..=len).map(at).find(|line| self.is_match(&self.lines[*line]));
        if let Some(line) = found {
            self.scroll.go(line, len, height);
        }
        found.is_some()
    }

    /// Makes the lines anew if anything changed. A view at the end of a growing response stays at its end.
    pub(super) fn refresh(&mut self, width: usize, height: usize) {
        if !self.stale && width == self.width {
            return;
        }
        let at_end = !self.stream.is_empty() && self.scroll.cursor + 1 >= self.lines.len();
        self.stale = false;
        self.width = width;
        self.lines.clear();
        for (at, section) in self.sections.iter().enumerate() {
            push_section(&mut self.lines, at, section, self.wrap.then_some(width));
        }
        let cursor = if at_end { self.lines.len() } else { self.scroll.cursor };
        self.scroll.go(cursor, self.lines.len(), height);
    }

    fn section(&self) -> Option<usize> {
        self.lines.get(self.scroll.cursor).map(|line| line.section)
    }
}

const RESPONSE: &str = "response";

pub(super) fn push_section(lines: &mut Vec<DetailLine>, at: usize, section: &Section, width: Option<usize>) {
    let folded = section.folded;
    let title =
        if section.note.is_empty() { section.title.clone() } else { format!("{}  {}", section.title, section.note) };
    lines.push(DetailLine { section: at, kind: LineKind::Title { folded }, text: safe::line(&title).into_owned() });
    if folded {
        return;
    }
    let mut push = |kind: LineKind, text: &str| {
        for line in safe::lines(text) {
            let cut = width.map_or_else(|| vec![&*line], |width| wrapped(&line, width));
            let mut next = JsonStart::Outside;
            lines.extend(cut.into_iter().map(|text| {
                let starts = next;
                next = starts.after(text);
                let kind = if matches!(kind, LineKind::Json { .. }) { LineKind::Json { starts } } else { kind };
                DetailLine { section: at, kind, text: text.to_owned() }
            }));
        }
    };
    match &section.body {
        SectionBody::Text(text) => push(LineKind::Text, text),
        SectionBody::Json(text) => push(LineKind::Json { starts: JsonStart::Outside }, text),
        SectionBody::Error(text) => push(LineKind::Error, text),
        SectionBody::Messages(messages) => {
            for (role, text) in messages {
                push(LineKind::Role, role);
                push(LineKind::Text, text);
            }
        }
        SectionBody::Facts(facts) => {
            let longest = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            for (name, value) in facts {
                push(LineKind::Fact { value: longest + 2 }, &format!("{name:longest$}  {value}"));
            }
        }
    }
}

fn body_text(body: &SectionBody) -> String {
    match body {
        SectionBody::Text(text) | SectionBody::Json(text) | SectionBody::Error(text) => text.clone(),
        SectionBody::Messages(messages) => {
            messages.iter().map(|(role, text)| format!("{role}:\n{text}\n")).collect::<Vec<_>>().join("\n")
        }
        SectionBody::Facts(facts) => {
            facts.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n")
        }
    }
}

/// Cuts a line into pieces of at most `width` columns, at spaces where that is possible.
pub(super) fn wrapped(line: &str, width: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some(end) = overflow(rest, width.max(2)) {
        let cut = rest[..end].rfind(' ').map_or(end, |space| space + 1);
        pieces.push(rest[..cut].trim_end());
        rest = &rest[cut..];
    }
    pieces.push(rest);
    pieces
}

/// The byte from which on a line is too wide.
fn overflow(line: &str, width: usize) -> Option<usize> {
    let mut used = 0;
    line.char_indices().find_map(|(at, letter)| {
        used += letter.width().unwrap_or(0);
        (used > width).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wrap_at_spaces_and_at_the_width() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("字字字", 4), ["字字", "字"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    #[test]
    fn a_wrapped_json_string_goes_on_in_its_next_lines() {
        let mut lines = Vec::new();
        let body = SectionBody::Json("{\"a\": \"one \\\"two\\\" three\", \"b\": 1}".into());
        let section = Section { title: "arguments".into(), note: String::new(), body, folded: false };
        push_section(&mut lines, 0, &section, Some(12));
        let starts: Vec<(&str, LineKind)> = lines[1..].iter().map(|line| (&line.text[..], line.kind)).collect();
        let json = |starts| LineKind::Json { starts };
        let expected = [
            ("{\"a\": \"one", json(JsonStart::Outside)),
            ("\\\"two\\\"", json(JsonStart::Inside)),
            ("three\",", json(JsonStart::Inside)),
            ("\"b\": 1}", json(JsonStart::Outside)),
        ];
        assert_eq!(starts, expected);
        assert_eq!(JsonStart::Outside.after("\"x\\"), JsonStart::Escaped);
    }

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
    fn search_goes_round() {
        let mut detail = detail(80);
        detail.find = "MORE".into();
        assert!(detail.jump(true, 10));
        assert_eq!(detail.scroll.cursor, 3);
        assert!(detail.jump(true, 10));
        detail.find = "nowhere".into();
        assert!(!detail.jump(false, 10));
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
