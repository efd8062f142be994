//! Progress of a headless run: a line on stderr for each agent that starts, and each span that ends.

use super::cut_off::CutOff;
use super::text::{say, took};
use crate::model::{RunState, RunStatus, Seq, SpanId, SpanKind, SpanStatus, TextHash, TraceBody, TraceEvent};

/// Folds a run's events and tells the new ones.
pub(super) struct Progress {
    state: RunState,
    after: Seq,
    result: Option<TextHash>,
    ended: bool,
}

impl Progress {
    /// Tells what comes after this event.
    pub fn new(after: Seq) -> Self {
        Self { state: RunState::default(), after, result: None, ended: false }
    }

    /// Takes events in, and tells those that are new.
    pub fn take(&mut self, events: &[TraceEvent]) {
        for event in events {
            // The state forgets a command at its end.
            let dropped = self.dropped(&event.body);
            self.state.apply(event);
            if event.seq <= self.after {
                continue;
            }
            if let TraceBody::RunStatus { status, text } = &event.body {
                self.result = *text;
                self.ended = *status != RunStatus::Running;
            }
            if let Some(line) = self.line(&event.body).or_else(|| Some(dropped?.line(&self.state))) {
                say(&line);
            }
        }
    }

    /// Whether the run ended since.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The output or error that it ended with.
    pub fn result(&self) -> Option<TextHash> {
        self.result
    }

    /// The command that ends here with none of its changes kept.
    fn dropped(&self, body: &TraceBody) -> Option<CutOff> {
        let TraceBody::CommandEnded { command, dropped: Some(why) } = body else { return None };
        CutOff::because(*command, self.state.commands.get(command)?, why.clone())
    }

    fn line(&self, body: &TraceBody) -> Option<String> {
        let trace = &self.state.trace;
        match body {
            TraceBody::SpanStarted(start) if start.spec.kind() == SpanKind::Agent => {
                let again = if start.attempt.0 > 1 { format!(", try {}", start.attempt.0) } else { String::new() };
                Some(format!("{}: started ({}{again})", start.path, trace.pattern(start.span)))
            }
            TraceBody::SpanEnded(end) => self.end_of(end.span),
            TraceBody::Note { text, error, .. } => Some(format!("{}: {text}", if *error { "error" } else { "note" })),
            _ => None,
        }
    }

    fn end_of(&self, span: SpanId) -> Option<String> {
        let trace = &self.state.trace;
        let found = trace.get(span)?;
        let finish = trace.finish(span).map(|key| format!(" ({key})")).unwrap_or_default();
        let tokens = found.counts.usage.input + found.counts.usage.output;
        let tokens = if tokens > 0 { format!(", {tokens} tokens") } else { String::new() };
        let status = if found.status == SpanStatus::Undone { "replaced" } else { found.status.name() };
        Some(format!("{}: {status}{finish} in {}{tokens}", trace.path(span), took(found.start, found.end)))
    }
}
