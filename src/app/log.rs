//! The Log panel: what the debugger did and why, as lines made from events and answers.

use super::text::{clock, plural};
use super::{Scroll, pause_text, safe};
use crate::model::{
    ActionChange, ActionEvent, EditReach, Millis, RunState, RunStatus, SpanId, SpanStatus, TraceBody, TraceEvent,
};

/// The kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// Something worth knowing.
    Note,
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

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Time since the run's start, `mm:ss`.
    pub time: String,
    /// The kind.
    pub kind: LogKind,
    /// The span it is about.
    pub span: Option<SpanId>,
    /// The line.
    pub text: String,
}

/// The Log panel.
#[derive(Debug, Clone, Default)]
pub struct Log {
    lines: Vec<LogLine>,
    /// The cursor and the view.
    pub scroll: Scroll,
    dropped: Option<Dropped>,
}

/// The line that tells of a command's dropped changes: one line, however many they are.
#[derive(Debug, Clone)]
struct Dropped {
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
    pub(super) fn event(&mut self, event: &TraceEvent, run: &RunState, height: usize) {
        if let TraceBody::ActionEvent(ActionEvent { change: ActionChange::Dropped { why }, .. }) = &event.body
            && let Some(tool) = span_of_change(&event.body, run)
        {
            return self.dropped(tool, why, event.at, run, height);
        }
        if let Some((kind, text)) = describe(&event.body, run) {
            self.push(
                kind,
                event.body.span().or_else(|| span_of_change(&event.body, run)),
                &text,
                event.at,
                run,
                height,
            );
        }
    }

    /// Tells of a change that was dropped, in the line of the change before it if that was of the same command.
    fn dropped(&mut self, tool: SpanId, why: &str, at: Millis, run: &RunState, height: usize) {
        let text = |changes: usize| {
            let path = run.trace.path(tool);
            format!("{path}: {} discarded: {why}", plural(changes, "held change"))
        };
        let last = self.lines.len().checked_sub(1);
        let same = |known: &&mut Dropped| Some(known.line) == last && known.tool == tool && known.why == why;
        if let Some(known) = self.dropped.as_mut().filter(same) {
            known.changes += 1;
            self.lines[known.line].text = safe::line(&text(known.changes)).into_owned();
            return;
        }
        self.push(LogKind::Undo, Some(tool), &text(1), at, run, height);
        self.dropped = Some(Dropped { line: self.lines.len() - 1, tool, why: why.to_owned(), changes: 1 });
    }

    /// Brings the view to the panel's size: lines came while it was not shown.
    pub(super) fn refresh(&mut self, height: usize) {
        if height > 0 {
            self.scroll.go(self.scroll.cursor, self.lines.len(), height);
        }
    }

    /// Adds a line; a cursor on the last line stays on the last line.
    pub(super) fn push(
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
        self.lines.push(LogLine { time, kind, span, text: safe::line(text).into_owned() });
        if at_end {
            self.scroll.go(self.lines.len() - 1, self.lines.len(), height);
        }
    }
}

fn span_of_change(body: &TraceBody, run: &RunState) -> Option<SpanId> {
    let TraceBody::ActionEvent(event) = body else { return None };
    run.ledger.get(event.action).map(|entry| entry.record.tool_span)
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
        TraceBody::Note { error, text, .. } => (if *error { LogKind::Error } else { LogKind::Note }, text.clone()),
        TraceBody::Paused { span, gate, reason } => {
            let held = run.held.get(span).map_or_else(String::new, |held| {
                format!("; {}: c applies, D discards", plural(held.len(), "held change"))
            });
            (LogKind::Gate, format!("{}: {}{held}", path(*span), pause_text(*gate, reason)))
        }
        TraceBody::Released { span, how, .. } => (LogKind::Gate, format!("{}: continued ({how})", path(*span))),
        TraceBody::SpanEnded(end) if end.status == SpanStatus::Error => {
            (LogKind::Error, format!("{} failed", path(end.span)))
        }
        TraceBody::Invalidated { cause, spans, stale, .. } => {
            let kept = if stale.is_empty() { String::new() } else { format!(", {} kept as stale reads", stale.len()) };
            let undone = plural(spans.len(), "span");
            (LogKind::Retry, format!("retry of {}: {undone} undone{kept}", path(*cause)))
        }
        TraceBody::PipelineChanged { changed, .. } => {
            (LogKind::Note, format!("changed since the start, used from now on: {}", changed.join(", ")))
        }
        TraceBody::PromptEdited { reach, text, .. } => {
            let what = if text.is_some() { "edited" } else { "edit removed" };
            (LogKind::Note, format!("prompt {what}, {}", reach_text(reach, run)))
        }
        TraceBody::MessagesEdited { reach, .. } => {
            (LogKind::Note, format!("messages edited, {}", reach_text(reach, run)))
        }
        TraceBody::ActionEvent(event) => {
            let key = run.ledger.get(event.action).map_or_else(String::new, |entry| entry.record.key.to_string());
            return change_text(&event.change).map(|(kind, what)| (kind, format!("{} {key}: {what}", event.action)));
        }
        _ => return None,
    })
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
        ActionChange::Failed { error } => (LogKind::Error, format!("failed: {error}")),
        ActionChange::NotApplied => (LogKind::Note, "was not done".into()),
        // Dropped ones are told by their command.
        ActionChange::Held
        | ActionChange::Dropped { .. }
        | ActionChange::Applied { .. }
        | ActionChange::UndoStarted
        | ActionChange::RedoStarted => return None,
    })
}
