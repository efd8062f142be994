//! Progress of a headless run: a line on stderr for each agent that starts, and each span that ends.

use super::text::{duration, eprint_line};
use super::unfinished::UnfinishedCommand;
use crate::model::{RunState, RunStatus, Seq, SpanId, SpanKind, TextHash, TraceBody, TraceEvent};

/// Folds a run's events and prints the new ones.
pub(super) struct Progress {
    state: RunState,
    after: Seq,
    result: Option<TextHash>,
    ended: bool,
}

impl Progress {
    /// Prints only events after this seq.
    pub fn new(after: Seq) -> Self {
        Self { state: RunState::default(), after, result: None, ended: false }
    }

    /// Folds events and prints the new ones.
    pub fn fold(&mut self, events: &[TraceEvent]) {
        for event in events {
            // The state forgets a command at its end.
            let dropped = self.dropped_command(&event.body);
            self.state.apply(event);
            if event.seq <= self.after {
                continue;
            }
            if let TraceBody::RunStatus { status, text } = &event.body {
                self.result = *text;
                self.ended = *status != RunStatus::Running;
            }
            if let Some(line) = self.event_line(&event.body).or_else(|| Some(dropped?.describe(&self.state))) {
                eprint_line(&line);
            }
        }
    }

    /// True once the run has ended.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The hash of the run's output or error.
    pub fn result(&self) -> Option<TextHash> {
        self.result
    }

    /// The command that ends with this event and whose changes were discarded.
    fn dropped_command(&self, body: &TraceBody) -> Option<UnfinishedCommand> {
        let TraceBody::CommandEnded { command, dropped: Some(why) } = body else { return None };
        UnfinishedCommand::with_dropped_changes(*command, self.state.commands.get(command)?, why.clone())
    }

    fn event_line(&self, body: &TraceBody) -> Option<String> {
        let trace = &self.state.trace;
        match body {
            TraceBody::SpanStarted(start) if start.spec.kind() == SpanKind::Agent => {
                let again = if start.attempt.0 > 1 { format!(", try {}", start.attempt.0) } else { String::new() };
                Some(format!("{}: started ({}{again})", start.path, trace.pattern(start.span)))
            }
            TraceBody::SpanEnded(end) => self.span_end_line(end.span),
            TraceBody::Note { text, error, .. } => Some(format!("{}: {text}", if *error { "error" } else { "note" })),
            _ => None,
        }
    }

    fn span_end_line(&self, span: SpanId) -> Option<String> {
        let trace = &self.state.trace;
        let found = trace.get(span)?;
        let finish = trace.finish(span).map(|key| format!(" ({key})")).unwrap_or_default();
        let tokens = found.counts.usage.input + found.counts.usage.output;
        let tokens = if tokens > 0 { format!(", {tokens} tokens") } else { String::new() };
        let status = found.status.word();
        Some(format!("{}: {status}{finish} in {}{tokens}", trace.path(span), duration(found.start, found.end)))
    }
}
