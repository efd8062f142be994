//! The lines of the Log, made from events and answers.

use std::collections::HashSet;

use crate::app::text::{clock, failed, plural};
use crate::app::{Scroll, pause_text, safe};
use crate::model::{
    ActionChange, ActionEvent, AnsweredBy, ApprovalAnswered, EditReach, EndCause, Millis, PauseReason, RunState,
    RunStatus, Seq, SpanEnd, SpanId, SpanStatus, TraceBody, TraceEvent, UndoReport,
};

/// The kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// Something worth knowing.
    Note,
    /// Something that may do harm.
    Warning,
    /// A fault.
    Error,
    /// A pause, or its end.
    Gate,
    /// An undo or redo.
    Undo,
    /// A retry.
    Retry,
    /// Something that was refused.
    Refused,
}

/// The word for a failure whose cause is in another line.
const FAILED: &str = "failed";

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Time since the run's start, `mm:ss`.
    pub time: String,
    /// The kind.
    pub kind: LogKind,
    /// The span it is about.
    pub span: Option<SpanId>,
    /// The text as one safe line.
    pub text: String,
    /// The whole text as it came, for who opens or copies it.
    pub full: String,
}

/// The Log panel.
#[derive(Debug, Clone, Default)]
pub struct Log {
    lines: Vec<LogLine>,
    /// The cursor and the view.
    pub scroll: Scroll,
    discarded: Option<Discarded>,
    /// The action that the last line is about.
    last_action: Option<Seq>,
    /// Spans whose failure has its line: it ends them, and what is above them, without another.
    failed: HashSet<SpanId>,
}

/// The line of a command's discarded changes: one line, however many they are.
#[derive(Debug, Clone)]
struct Discarded {
    line: usize,
    tool: SpanId,
    why: String,
    changes: usize,
}

impl Log {
    /// All lines, oldest first.
    #[must_use]
    pub fn lines(&self) -> &[LogLine] {
        &self.lines
    }

    /// The line under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<&LogLine> {
        self.lines.get(self.scroll.cursor)
    }

    /// Adds the line of an event that `run` has folded in, if it is worth one.
    pub(in crate::app) fn event(&mut self, event: &TraceEvent, run: &RunState, height: usize) {
        if let TraceBody::ActionEvent(ActionEvent { change: ActionChange::Discarded { why }, .. }) = &event.body
            && let Some(tool) = span_of_change(&event.body, run)
        {
            return self.add_discarded(tool, why, event.at, run, height);
        }
        if let TraceBody::SpanEnded(end) = &event.body {
            return self.ended(end, event.at, run, height);
        }
        if let TraceBody::Paused { span, reason: PauseReason::Error { .. }, .. } = &event.body
            && !self.failed.insert(*span)
        {
            // The stop says why; that the span failed is known by it.
            self.lines.pop_if(|line| line.span == Some(*span) && line.text.ends_with(FAILED));
        }
        if let TraceBody::Note { span: Some(span), text, .. } = &event.body
            && is_denial(text)
        {
            self.failed.insert(*span);
        }
        if let Some((kind, text)) = describe(&event.body, run) {
            let span = event.body.span().or_else(|| span_of_change(&event.body, run));
            self.push(kind, span, &text, event.at, run, height);
            if let TraceBody::ActionEvent(change) = &event.body {
                self.last_action = Some(change.action);
            }
        }
    }

    /// A span ended: a failure has a line where it began, and none again for each span around it.
    fn ended(&mut self, end: &SpanEnd, at: Millis, run: &RunState, height: usize) {
        let (kind, what) = match (end.cause, end.status) {
            (Some(EndCause::Exit { code }), _) => (LogKind::Error, format!("failed: exit {code}")),
            (Some(EndCause::Denied), _) if end.is_unanswered() => {
                (LogKind::Error, "not answered: nobody was there".to_owned())
            }
            (Some(EndCause::Denied), _) => (LogKind::Refused, "denied".to_owned()),
            (Some(EndCause::Limit), _) => (LogKind::Error, "not sent, limit reached".to_owned()),
            (None, SpanStatus::Error) => (LogKind::Error, FAILED.to_owned()),
            _ => return,
        };
        let ended = |child: SpanId| run.trace.get(child).and_then(|found| found.ended).map(|seq| (seq, child));
        let last = run.trace.children(end.span).filter_map(ended).max();
        let known = self.failed.contains(&end.span) || last.is_some_and(|(_, child)| self.failed.contains(&child));
        self.failed.insert(end.span);
        if !known {
            let text = format!("{}: {what}", run.trace.path(end.span));
            self.push(kind, Some(end.span), &text, at, run, height);
        }
    }

    /// Adds the line of an undo's report; that of one action takes the place of the action's own line.
    pub(in crate::app) fn report(
        &mut self,
        report: &UndoReport,
        text: &str,
        at: Millis,
        run: &RunState,
        height: usize,
    ) {
        let one = match (&report.undone[..], &report.redone[..], &report.left[..], &report.conflict) {
            ([one], [], [], None) | ([], [one], [], None) => Some(*one),
            _ => None,
        };
        let own = self.last_action.filter(|action| Some(*action) == one);
        if let (Some(_), Some(line)) = (own, self.lines.last_mut()) {
            line.full = format!("{} · {text}", line.full);
            line.text = one_line(&line.full);
            return;
        }
        self.push(LogKind::Undo, None, text, at, run, height);
    }

    /// Adds a change that was discarded, in the line of the change before it if that was of the same command.
    fn add_discarded(&mut self, tool: SpanId, why: &str, at: Millis, run: &RunState, height: usize) {
        let text = |changes: usize| {
            let path = run.trace.path(tool);
            format!("{path}: {} discarded: {why}", plural(changes, "held change"))
        };
        let last = self.lines.len().checked_sub(1);
        let same = |known: &&mut Discarded| Some(known.line) == last && known.tool == tool && known.why == why;
        if let Some(known) = self.discarded.as_mut().filter(same) {
            known.changes += 1;
            let full = text(known.changes);
            let line = &mut self.lines[known.line];
            line.text = one_line(&full);
            line.full = full;
            return;
        }
        self.push(LogKind::Undo, Some(tool), &text(1), at, run, height);
        self.discarded = Some(Discarded { line: self.lines.len() - 1, tool, why: why.to_owned(), changes: 1 });
    }

    /// Brings the view to the panel's size: lines came while it was not shown.
    pub(in crate::app) fn refresh(&mut self, height: usize) {
        if height > 0 {
            self.scroll.go(self.scroll.cursor, self.lines.len(), height);
        }
    }

    /// Adds a line; a cursor on the last line stays on the last line.
    pub(in crate::app) fn push(
        &mut self,
        kind: LogKind,
        span: Option<SpanId>,
        text: &str,
        at: Millis,
        run: &RunState,
        height: usize,
    ) {
        let start = run.trace.get(SpanId::RUN).map_or(at, |found| found.start);
        let at_end = self.scroll.cursor + 1 >= self.lines.len();
        let time = clock(at.0.saturating_sub(start.0));
        let line = LogLine { time, kind, span, text: one_line(text), full: text.to_owned() };
        // The same twice at once is one line.
        if self.lines.last() == Some(&line) {
            return;
        }
        self.last_action = None;
        self.lines.push(line);
        if at_end {
            self.scroll.go(self.lines.len() - 1, self.lines.len(), height);
        }
    }
}

/// A text as one safe line: its line ends become dots.
fn one_line(text: &str) -> String {
    let lines: Vec<_> = safe::lines(text).collect();
    let parts: Vec<&str> = lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    parts.join(" · ")
}

fn span_of_change(body: &TraceBody, run: &RunState) -> Option<SpanId> {
    let TraceBody::ActionEvent(event) = body else { return None };
    run.ledger.get(event.action).map(|entry| entry.record.tool_span)
}

/// True for a note that tells why a call was denied.
fn is_denial(note: &str) -> bool {
    note.starts_with("denied ")
}

fn describe(body: &TraceBody, run: &RunState) -> Option<(LogKind, String)> {
    let path = |span: SpanId| run.trace.path(span);
    Some(match body {
        TraceBody::RunStarted { name, .. } => (LogKind::Note, format!("run of {name} started")),
        TraceBody::RunStatus { status, .. } => match status {
            RunStatus::Running => (LogKind::Note, "the run continues".into()),
            RunStatus::Failed => (LogKind::Error, "the run failed".into()),
            status => (LogKind::Note, format!("the run ended: {}", status.name())),
        },
        TraceBody::Note { error: true, text, .. } => (LogKind::Error, text.clone()),
        TraceBody::Note { text, .. } if is_denial(text) => (LogKind::Refused, text.clone()),
        TraceBody::Note { text, .. } if text.starts_with("retry ") => (LogKind::Retry, text.clone()),
        TraceBody::Note { text, .. } => (LogKind::Note, text.clone()),
        TraceBody::Paused { span, gate, reason } => {
            let held = match run.held_changes(*span) {
                0 => String::new(),
                held => format!("; {}: c applies, D discards", plural(held, "held change")),
            };
            let kind = match reason {
                PauseReason::Error { .. } => LogKind::Error,
                PauseReason::Conflict { .. } => LogKind::Warning,
                _ => LogKind::Gate,
            };
            (kind, format!("{}: {}{held}", path(*span), pause_text(*gate, reason)))
        }
        TraceBody::Released { span, how, .. } if how == "continue" => {
            (LogKind::Gate, format!("{}: continued", path(*span)))
        }
        TraceBody::Released { span, how, .. } => (LogKind::Gate, format!("{}: continued ({how})", path(*span))),
        // What a retry undid and reused is in the note that comes with it.
        TraceBody::Invalidated { cause, stale, .. } if !stale.is_empty() => {
            let kept = plural(stale.len(), "span");
            (LogKind::Retry, format!("retry of {}: {kept} kept, which read a value that is undone", path(*cause)))
        }
        TraceBody::PipelineChanged { changed, .. } => {
            (LogKind::Note, format!("changed since the start, used from now on: {}", changed.join(", ")))
        }
        TraceBody::PromptEdited { reach, text, .. } => {
            let what = if text.is_some() { "edited" } else { "edit removed" };
            (LogKind::Note, format!("prompt {what} {}", reach_text(reach, run)))
        }
        TraceBody::MessagesEdited { reach, .. } => {
            (LogKind::Note, format!("messages edited {}", reach_text(reach, run)))
        }
        TraceBody::EditedByHand { path, .. } => (LogKind::Note, format!("{path} is edited by hand, for this retry")),
        TraceBody::ActionEvent(event) => {
            let key = run.ledger.get(event.action).map_or_else(String::new, |entry| entry.record.key.to_string());
            return change_text(&event.change).map(|(kind, what)| (kind, format!("{} {key}: {what}", event.action)));
        }
        // The stop and the release that come with them have their own lines.
        TraceBody::ApprovalAnswered(answered) => return answer_text(answered, run),
        TraceBody::TryGroup(group) => {
            let tries = group.tries.iter().map(|span| path(*span)).collect::<Vec<_>>().join(", ");
            let winner = group.winner.map_or_else(|| "none won".to_owned(), |span| format!("{} won", path(span)));
            (LogKind::Note, format!("tries {tries}: {winner}: {}", group.why))
        }
        TraceBody::Unknown { event, .. } => {
            (LogKind::Warning, format!("an event of a newer version, kept and not understood: {event}"))
        }
        _ => return None,
    })
}

/// An answer that no release tells: nobody was asked.
fn answer_text(answered: &ApprovalAnswered, run: &RunState) -> Option<(LogKind, String)> {
    let ApprovalAnswered { span, how, by, .. } = answered;
    (*by != AnsweredBy::User)
        .then(|| (LogKind::Gate, format!("{}: {} {}", run.trace.path(*span), how.words(), by.words())))
}

fn reach_text(reach: &EditReach, run: &RunState) -> String {
    match reach {
        EditReach::Agent { name } => format!("for every call of {name} from now on"),
        EditReach::Try { span } => format!("for the rest of {}", run.trace.path(*span)),
        EditReach::Call { span } => format!("for {} only", run.trace.path(*span)),
    }
}

fn change_text(change: &ActionChange) -> Option<(LogKind, String)> {
    Some(match change {
        ActionChange::Undone { forced: true } => (LogKind::Undo, "undone by force".into()),
        ActionChange::Undone { forced: false } => (LogKind::Undo, "undone".into()),
        ActionChange::Compensated { result } => (LogKind::Undo, format!("undo command ran: {result}")),
        ActionChange::Redone => (LogKind::Undo, "redone".into()),
        ActionChange::Refused { why } => (LogKind::Refused, format!("refused: {why}")),
        ActionChange::Failed { error } => (LogKind::Error, failed(error)),
        ActionChange::NotApplied => (LogKind::Note, "was not done".into()),
        // Discarded ones are reported by their command.
        ActionChange::Held
        | ActionChange::Discarded { .. }
        | ActionChange::Applied { .. }
        | ActionChange::UndoStarted
        | ActionChange::RedoStarted => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        ActionOp, ActionRecord, BlobHash, Generation, Key, KeyState, SpanSpec, SpanStart, TextHash, Try, Undoability,
        WaitFor,
    };

    const NONE: TextHash = TextHash([0; 16]);

    fn bodies() -> Vec<TraceBody> {
        let span = SpanId(1);
        let start = SpanStart {
            span,
            parent: SpanId::RUN,
            path: "a".into(),
            name: "a".into(),
            visit: 1,
            attempt: Try(1),
            generation: Generation(1),
            fan: None,
            step: None,
            attributes: std::collections::BTreeMap::new(),
            spec: SpanSpec::Human { question: NONE, request: NONE, channel: String::new() },
        };
        let record = ActionRecord {
            span,
            tool_span: span,
            tool_name: "t".into(),
            key: Key::memory("k"),
            op: ActionOp::Set,
            old: KeyState::Absent,
            intended: KeyState::Unknown,
            undo: Undoability::Undo,
        };
        let change = |change| TraceBody::ActionEvent(ActionEvent { action: Seq(3), change });
        let changes = [
            ActionChange::Applied { after: KeyState::Unknown, kept: false },
            ActionChange::Held,
            ActionChange::UndoStarted,
            ActionChange::Undone { forced: false },
            ActionChange::RedoStarted,
            ActionChange::Redone,
            ActionChange::Refused { why: "r".into() },
            ActionChange::Failed { error: "f".into() },
            ActionChange::Discarded { why: "d".into() },
        ];
        let ends = [SpanStatus::Ok, SpanStatus::Cancelled, SpanStatus::Error];
        let ends = ends.map(|status| TraceBody::SpanEnded(SpanEnd::new(span, status)));
        let exit = SpanEnd { cause: Some(EndCause::Exit { code: 3 }), ..SpanEnd::new(span, SpanStatus::Ok) };
        let plain = [
            TraceBody::SpanStarted(start),
            TraceBody::SpanWaiting { span, on: Some("s2".into()), why: WaitFor::Lock },
            TraceBody::Action(record),
            TraceBody::Read { span, key: Key::memory("k"), action: None },
            TraceBody::Kept { action: Seq(3), blob: BlobHash([0; 16]) },
            TraceBody::Sent { span, system: None, messages: None, args: None, model: None },
            TraceBody::Renamed { from: Seq(3), to: Seq(3) },
            TraceBody::CommandEnded { command: Seq(3), dropped: None },
            TraceBody::Note { span: None, error: true, text: "n".into() },
            TraceBody::RunStatus { status: RunStatus::Ok, text: None },
        ];
        let last = TraceBody::SpanEnded(exit);
        plain.into_iter().chain(changes.map(change)).chain(ends).chain([last]).collect()
    }

    #[test]
    fn a_past_run_is_reported_all_that_has_a_line() {
        let mut run = RunState::default();
        let mut told = 0;
        for (seq, body) in (1..).zip(bodies()) {
            let event = TraceEvent { seq: Seq(seq), at: Millis(seq), happened: None, body };
            run.apply(&event);
            let mut log = Log::default();
            log.event(&event, &run, 10);
            told += usize::from(event.body.is_reported());
            assert!(event.body.is_reported() || log.lines().is_empty(), "{:?}", event.body);
        }
        assert_eq!(told, 9, "most events have no line");
    }
}
