//! The popup of an approval: the exact command or arguments, how it runs, the rule, and the answers.

use super::detail::{DetailLine, LineKind, push_section, wrapped};
use super::text::plural;
use super::{Key, safe};
use crate::model::{CaptureMode, Millis, PauseReason, RunState, Section, SectionBody, ShellMode, SpanId};

/// Widest text that is comfortable to read.
const WIDE: usize = 90;
/// Lines that the answers take.
const ANSWER_LINES: usize = 4;
/// With so many lines the parts are set apart.
const TALL: usize = 14;

/// An answer to an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Allows this call.
    Once,
    /// Allows it, and holds its changes.
    Held,
    /// Allows this tool with exactly these arguments, for the run.
    Always,
    /// Denies it.
    Deny,
    /// Denies it, with a word to the model.
    DenyWhy,
}

const ANSWERS: [(Answer, [char; 2], &str); 5] = [
    (Answer::Once, ['1', 'y'], "Allow once"),
    (Answer::Held, ['2', 'h'], "Run, but hold its changes until I look"),
    (Answer::Always, ['3', 'Y'], "Allow exactly this for the run"),
    (Answer::Deny, ['4', 'n'], "Deny"),
    (Answer::DenyWhy, ['5', 'N'], "Deny and say why…"),
];

/// One answer, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRow {
    /// Its keys: a digit and a letter.
    pub keys: [char; 2],
    /// Its label.
    pub label: &'static str,
    /// Why it can't be given now.
    pub refused: Option<String>,
}

/// The popup of an approval.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    span: SpanId,
    /// When it opened without a key of the user.
    opened: Option<Millis>,
    /// The span's texts, once they came.
    sections: Option<Vec<Section>>,
    title: String,
    facts: Vec<String>,
    lines: Vec<DetailLine>,
    top: usize,
    /// Lines there are for the text.
    room: usize,
    /// True when the parts are set apart.
    is_tall: bool,
    /// True once the end of the text was in view.
    read: bool,
    can_hold: Result<(), &'static str>,
    /// True for a question to a person.
    is_question: bool,
}

impl Approval {
    /// A popup that waits for the span's texts; `opened` is the time when it opened by itself.
    pub(super) fn new(span: SpanId, opened: Option<Millis>) -> Self {
        Self {
            span,
            opened,
            sections: None,
            title: String::new(),
            facts: Vec::new(),
            lines: Vec::new(),
            top: 0,
            room: 0,
            is_tall: false,
            read: false,
            can_hold: Ok(()),
            is_question: false,
        }
    }

    /// A popup of a question to a person, which is answered with a text.
    pub(super) fn question(span: SpanId, opened: Option<Millis>) -> Self {
        Self { is_question: true, ..Self::new(span, opened) }
    }

    /// True for a question to a person: there is nothing to allow or deny.
    #[must_use]
    pub fn is_question(&self) -> bool {
        self.is_question
    }

    /// The span that needs the approval.
    #[must_use]
    pub fn span(&self) -> SpanId {
        self.span
    }

    pub(super) fn opened(&self) -> Option<Millis> {
        self.opened
    }

    /// `◆ Approve command? · digger#30 · 1 of 1`.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// How it runs, and the rule: safe lines that fit.
    #[must_use]
    pub fn facts(&self) -> &[String] {
        &self.facts
    }

    /// True when empty lines stand between the parts.
    #[must_use]
    pub fn is_tall(&self) -> bool {
        self.is_tall
    }

    /// The lines in view of the command, the request or the arguments.
    #[must_use]
    pub fn window(&self) -> &[DetailLine] {
        &self.lines[self.top.min(self.lines.len())..self.lines.len().min(self.top + self.shown())]
    }

    /// The line below the text when not all of it is in view.
    #[must_use]
    pub fn more(&self) -> Option<String> {
        let below = self.lines.len().saturating_sub(self.top + self.shown());
        match (self.lines.len() > self.room, below) {
            (false, _) => None,
            (true, 0) => Some(format!("{} lines above, k scrolls", self.top)),
            (true, below) => Some(format!("… {below} more lines, j scrolls")),
        }
    }

    /// The answers, each with the reason why it can't be given.
    #[must_use]
    pub fn answers(&self) -> [AnswerRow; 5] {
        ANSWERS.map(|(answer, keys, label)| AnswerRow { keys, label, refused: self.refusal(answer).map(Into::into) })
    }

    /// The answer that a key gives.
    pub(super) fn answer(&self, key: Key) -> Option<Answer> {
        let Key::Char(letter) = key else { return None };
        if self.is_question {
            return None;
        }
        ANSWERS.iter().find(|(_, keys, _)| keys.contains(&letter)).map(|(answer, ..)| *answer)
    }

    /// Why an answer can't be given: nothing is allowed before it can be seen.
    pub(super) fn refusal(&self, answer: Answer) -> Option<&'static str> {
        match answer {
            Answer::Deny | Answer::DenyWhy => None,
            _ if self.sections.is_none() => Some("its text is still being read"),
            Answer::Held => self.can_hold.err(),
            Answer::Once | Answer::Always => None,
        }
    }

    /// Takes the span's texts.
    pub(super) fn fill(&mut self, sections: &[Section]) {
        self.read &= self.sections.as_deref() == Some(sections);
        self.sections = Some(sections.to_vec());
    }

    pub(super) fn scroll(&mut self, by: isize) {
        let last = self.lines.len().saturating_sub(self.shown());
        self.top = self.top.saturating_add_signed(by).min(last);
        self.read |= self.sections.is_some() && self.top == last;
    }

    /// A key that allows came before the end of the text was in view: shows the next page instead, and says so.
    pub(super) fn read_on(&mut self, key: Key) -> Option<String> {
        if self.read {
            return None;
        }
        self.page(1);
        Some(match self.lines.len().saturating_sub(self.top + self.shown()) {
            0 => format!("not yet: this is the end, {key} allows it"),
            below => format!("not yet: {} below, {key} shows more", plural(below, "more line")),
        })
    }

    /// Scrolls by a page.
    pub(super) fn page(&mut self, direction: isize) {
        self.scroll(direction * isize::try_from(self.shown()).unwrap_or(1));
    }

    /// Lays it out for a screen of that size; `place` is its number among all approvals.
    pub(super) fn refresh(
        &mut self,
        run: &RunState,
        shell: Option<&ShellMode>,
        (width, height): (u16, u16),
        place: (usize, usize),
    ) {
        let columns = usize::from(width).saturating_sub(4).clamp(8, WIDE);
        let rows = usize::from(height).saturating_sub(4);
        let agent = run.trace.label(run.trace.agent_of(self.span));
        let asks = if self.is_question { "? Answer wanted".into() } else { format!("◆ Approve {}?", self.kind(run)) };
        let title = format!("{asks} · {agent} · {} of {}", place.0, place.1);
        self.title = safe::line(&title).into_owned();
        self.can_hold = self.can_hold(shell);
        let facts = [self.how(run), self.rule(run)].into_iter().filter(|line| !line.is_empty());
        self.facts = facts
            .flat_map(|line| {
                let line = safe::line(&line).into_owned();
                wrapped(&line, columns).into_iter().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        self.lines = self.body(columns);
        self.is_tall = rows >= TALL;
        let answers = if self.is_question { 0 } else { ANSWER_LINES };
        let others = self.facts.len() + answers + if self.is_tall { 2 } else { 0 };
        self.room = rows.saturating_sub(others).max(2);
        self.scroll(0);
    }

    /// Lines of the text in view: one is left for the count where not all fit.
    fn shown(&self) -> usize {
        if self.lines.len() > self.room { self.room.saturating_sub(1) } else { self.lines.len() }
    }

    /// The word for the thing to be approved.
    fn kind<'a>(&self, run: &'a RunState) -> &'a str {
        match run.trace.name(self.span) {
            "tama_bash" => "command",
            "tama_http_get" | "tama_http_post" => "request",
            "tama_files_write" | "tama_write_file" | "tama_mem_set" => "write",
            "tama_files_edit" => "edit",
            "tama_mem_append" => "append",
            "tama_files_delete" | "tama_mem_delete" => "delete",
            tool => tool,
        }
    }

    fn section(&self, title: &str) -> Option<&Section> {
        self.sections.as_ref()?.iter().find(|section| section.title == title)
    }

    /// `in work/ · network no · changes in the workspace can be undone`.
    fn how(&self, run: &RunState) -> String {
        let Some(Section { body: SectionBody::Facts(facts), .. }) = self.section("how") else {
            let no_undo = run.trace.get(self.span).is_some_and(crate::model::Span::will_be_permanent);
            return if no_undo { "no undo".into() } else { String::new() };
        };
        let fact = |name: &str| facts.iter().find(|(known, _)| known == name).map(|(_, value)| &value[..]);
        let folder = fact("folder").map(|path| format!("in {}/", path.rsplit('/').next().unwrap_or(path)));
        let network = fact("network").map(|value| format!("network {value}"));
        let sockets = fact("local sockets").map(|value| format!("local sockets {value}"));
        let parts: Vec<String> =
            [folder, network, sockets, fact("undo").map(Into::into)].into_iter().flatten().collect();
        parts.join(" · ")
    }

    /// `why: ask rule "tama_bash:rm *"`.
    fn rule(&self, run: &RunState) -> String {
        let Some((_, PauseReason::Policy { rule })) = run.trace.pause(self.span) else { return String::new() };
        // The command stands above in full.
        let rule = rule.split("; it runs ").next().filter(|_| self.section("runs").is_some()).unwrap_or(rule);
        format!("why: {rule}")
    }

    fn can_hold(&self, shell: Option<&ShellMode>) -> Result<(), &'static str> {
        if self.section("runs").is_none() {
            return Err("only for commands");
        }
        let is_beside_open_files = match self.section("how").map(|section| &section.body) {
            Some(SectionBody::Facts(facts)) => facts.iter().any(|(name, _)| name == "open files"),
            _ => false,
        };
        match shell.map(|mode| mode.capture) {
            Some(CaptureMode::Overlay) if is_beside_open_files => Err("files are open in other programs"),
            Some(CaptureMode::Overlay) => Ok(()),
            Some(CaptureMode::Snapshot) => Err("runs directly in the workspace"),
            None => Err("not known yet where it runs"),
        }
    }

    /// The exact command; or what is to be changed, and the arguments.
    fn body(&self, columns: usize) -> Vec<DetailLine> {
        let mut lines = Vec::new();
        let Some(sections) = &self.sections else {
            lines.push(DetailLine { section: 0, kind: LineKind::Text, text: "reading…".into() });
            return lines;
        };
        let named = |title: &str| sections.iter().find(|section| section.title == title);
        let (runs, changes, arguments) = (named("runs"), named("changes"), named("arguments"));
        for section in [runs, changes].into_iter().flatten() {
            push_body(&mut lines, section, columns);
        }
        match arguments {
            // A command says all of them.
            Some(arguments) if runs.is_none() => {
                if changes.is_some() {
                    lines.push(DetailLine { section: 0, kind: LineKind::Text, text: String::new() });
                }
                push_arguments(&mut lines, arguments, columns);
            }
            None if lines.is_empty() => sections.iter().for_each(|section| push_body(&mut lines, section, columns)),
            _ => {}
        }
        lines
    }
}

/// The lines of a section, without its title.
fn push_body(lines: &mut Vec<DetailLine>, section: &Section, columns: usize) {
    let from = lines.len();
    push_section(lines, 0, &Section { folded: false, ..section.clone() }, Some(columns));
    lines.remove(from);
}

/// Arguments by name: short ones side by side with their names, texts below them with their line breaks.
fn push_arguments(lines: &mut Vec<DetailLine>, section: &Section, columns: usize) {
    let parsed = match &section.body {
        SectionBody::Json(json) => serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json).ok(),
        _ => None,
    };
    let Some(arguments) = parsed else { return push_body(lines, section, columns) };
    let texts = arguments.into_iter().map(|(name, value)| match value {
        serde_json::Value::String(text) => (name, text),
        other => (name, serde_json::to_string_pretty(&other).unwrap_or_default()),
    });
    let fits = |(name, text): &(String, String)| !text.contains('\n') && name.len() + 2 + text.len() <= columns / 2;
    let (short, long): (Vec<_>, Vec<_>) = texts.partition(fits);
    for body in [SectionBody::Facts(short), SectionBody::Messages(long)] {
        push_body(lines, &Section { body, ..section.clone() }, columns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(title: &str, body: SectionBody) -> Section {
        Section { title: title.into(), note: String::new(), body, folded: false }
    }

    fn texts(sections: &[Section]) -> Vec<String> {
        let mut view = Approval::new(SpanId(1), None);
        view.fill(sections);
        view.body(60).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn texts_have_their_line_breaks_and_short_arguments_one_line() {
        let json = r#"{"path": "NOTES.md", "content": "one\ntwo \"x\"\n", "deep": {"a": 1}}"#;
        let lines = texts(&[section("arguments", SectionBody::Json(json.into()))]);
        assert!(lines.contains(&"path  NOTES.md".into()), "{lines:?}");
        let at = lines.iter().position(|line| line == "content").unwrap();
        assert_eq!(lines[at + 1..at + 3], ["one", "two \"x\""]);
        assert!(!lines.iter().any(|line| line.contains("\\n")), "{lines:?}");
    }

    #[test]
    fn a_command_is_shown_as_it_runs_and_its_arguments_are_not() {
        let lines = texts(&[
            section("runs", SectionBody::Text("rm -f a\nrm -f b".into())),
            section("arguments", SectionBody::Json("{\"command\": \"rm -f a\\nrm -f b\"}".into())),
        ]);
        assert_eq!(lines, ["rm -f a", "rm -f b"]);
    }

    #[test]
    fn a_long_text_says_how_much_is_hidden() {
        let mut view = Approval::new(SpanId(1), None);
        let text: String = (0..40).flat_map(|at| ["line ".to_owned(), at.to_string(), "\n".to_owned()]).collect();
        view.fill(&[section("runs", SectionBody::Text(text))]);
        view.refresh(&RunState::default(), None, (80, 24), (1, 1));
        let shown = view.window().len();
        assert!(view.more().unwrap().contains(&format!("{} more lines", view.lines.len() - shown)));
        view.scroll(isize::MAX);
        assert!(view.more().unwrap().ends_with("lines above, k scrolls"));
        assert_eq!(view.window().len(), shown);
    }

    #[test]
    fn digits_and_letters_answer_and_nothing_else_does() {
        let keys: Vec<Key> = "12345yhYnN".chars().map(Key::Char).collect();
        let view = Approval::new(SpanId(1), None);
        assert!(keys.iter().all(|key| view.answer(*key).is_some()));
        let question = Approval::question(SpanId(1), None);
        assert!(keys.iter().all(|key| question.answer(*key).is_none()), "only a text answers a question");
        let others = [Key::Enter, Key::Esc, Key::Char(' '), Key::Char('c'), Key::Char('H'), Key::Ctrl('y')];
        assert!(others.iter().all(|key| view.answer(*key).is_none()));
    }
}
