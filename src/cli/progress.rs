//! Progress of a headless run: a line on stderr for each agent that starts, and each span that ends.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::call_text::{call_text, first_line, named_text};
use super::event_lines::EventLines;
use super::event_words;
use super::programs::command_text;
use super::run_texts::RunTexts;
use super::span_words::{glyph, span_words};
use super::text::{duration, eprint_line};
use super::unfinished::UnfinishedCommand;
use crate::model::{
    EndCause, RunState, RunStatus, SpanEnd, SpanId, SpanKind, SpanSpec, SpanState, TextHash, TraceBody, TraceEvent,
};

/// Characters of a call, and of an error, on a line.
const CALL: usize = 60;
const ERROR: usize = 160;

/// Folds a run's events and prints the new ones.
pub(super) struct Progress {
    state: RunState,
    texts: RunTexts,
    result: Option<TextHash>,
    ended: bool,
    /// The tool calls under way.
    calls: HashMap<SpanId, Call>,
    commands: Vec<CommandEnd>,
    /// The events as lines on stdout, where they are wanted.
    lines: Option<EventLines>,
}

/// A tool call under way.
struct Call {
    args: TextHash,
    /// Its command, or the first key that it changed or read, once an event says it.
    text: Option<String>,
    is_command: bool,
}

/// A command that ended.
pub(super) struct CommandEnd {
    span: SpanId,
    path: String,
    tool: String,
    command: Option<String>,
    /// Its exit code; `None` when it was killed or did not start.
    exit: Option<i32>,
}

impl CommandEnd {
    /// Formats it as JSON.
    pub fn to_json(&self) -> Json {
        json!({
            "span": self.span.to_string(),
            "path": self.path,
            "tool": self.tool,
            "command": self.command,
            "exit": self.exit,
        })
    }
}

impl Progress {
    /// Folds and prints the events that follow on a state.
    pub fn new(texts: RunTexts, state: RunState) -> Self {
        Self { state, texts, result: None, ended: false, calls: HashMap::new(), commands: Vec::new(), lines: None }
    }

    /// Writes the events as lines of JSON on stdout, too.
    pub fn print_events(&mut self) {
        self.lines = Some(EventLines::start());
    }

    /// The lines of the events, where they are wanted.
    pub fn lines(&mut self) -> Option<&mut EventLines> {
        self.lines.as_mut()
    }

    /// Folds events and prints the new ones.
    pub fn fold(&mut self, events: &[TraceEvent]) {
        let known = self.state.last;
        for event in events.iter().filter(|event| event.seq > known) {
            // The state forgets a command at its end.
            let dropped = self.dropped_command(&event.body);
            self.state.apply(event);
            if let Some(lines) = &mut self.lines
                && let Some(line) = event_words::line(&self.state, &mut self.texts, event)
            {
                lines.push(&line);
            }
            self.note_call(&event.body);
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

    /// The commands that ended, oldest first, and the lines of the events.
    pub fn into_parts(self) -> (Vec<CommandEnd>, Option<EventLines>) {
        (self.commands, self.lines)
    }

    /// The command that ends with this event and whose changes were discarded.
    fn dropped_command(&self, body: &TraceBody) -> Option<UnfinishedCommand> {
        let TraceBody::CommandEnded { command, dropped: Some(why) } = body else { return None };
        UnfinishedCommand::with_dropped_changes(*command, self.state.commands.get(command)?, why.clone())
    }

    /// Keeps what an event says about a tool call.
    fn note_call(&mut self, body: &TraceBody) {
        let (span, text, is_command) = match body {
            TraceBody::SpanStarted(start) => {
                if let SpanSpec::Tool { args, .. } = &start.spec {
                    self.calls.insert(start.span, Call { args: *args, text: None, is_command: false });
                }
                return;
            }
            TraceBody::CommandStarted(start) => (start.span, start.command.clone(), true),
            TraceBody::Action(record) => (record.tool_span, record.key.to_string(), false),
            TraceBody::Read { span, key, .. } => (*span, key.to_string(), false),
            _ => return,
        };
        if let Some(call) = self.calls.get_mut(&span) {
            call.is_command |= is_command;
            if is_command || call.text.is_none() {
                call.text = Some(text);
            }
        }
    }

    fn event_line(&mut self, body: &TraceBody) -> Option<String> {
        match body {
            TraceBody::SpanStarted(start) if start.spec.kind() == SpanKind::Agent => {
                let again = if start.attempt.0 > 1 { format!(", try {}", start.attempt.0) } else { String::new() };
                let pattern = self.state.trace.pattern(start.span);
                Some(format!("{} {}: started ({pattern}{again})", glyph(SpanState::Running), start.path))
            }
            TraceBody::SpanEnded(end) => self.span_end_line(end),
            TraceBody::Note { text, error, .. } => Some(format!("{}: {text}", if *error { "error" } else { "note" })),
            _ => None,
        }
    }

    fn span_end_line(&mut self, end: &SpanEnd) -> Option<String> {
        let call = self.calls.remove(&end.span).and_then(|call| self.end_call(end, call));
        let (state, trace) = (&self.state, &self.state.trace);
        let found = trace.get(end.span)?;
        let tokens = found.counts.usage.input + found.counts.usage.output;
        let tokens = if tokens > 0 { format!(", {tokens} tokens") } else { String::new() };
        let now = state.span_state(end.span);
        let words = span_words(state, end.span);
        let work = duration(trace.work(end.span, state.last_at));
        let mut line = format!("{} {}: {words} in {work}{tokens}", glyph(now), trace.path(end.span));
        let shown = |(text, is_command): (String, bool)| {
            if is_command { command_text(&text, CALL) } else { first_line(&text, CALL) }
        };
        let call = call.map(shown);
        // An agent fails with what is below it, which has its own line.
        let has_error = matches!(found.cause, None | Some(EndCause::Limit));
        let error = (now == SpanState::Failed && found.kind != SpanKind::Agent && has_error)
            .then(|| self.texts.read(end.output?).ok())
            .flatten()
            .map(|text| first_line(text.trim_start_matches("[error: ").trim_end_matches(']'), ERROR));
        for part in call.into_iter().chain(error) {
            line.push_str(" · ");
            line.push_str(&part);
        }
        Some(line)
    }

    /// Keeps the exit code of a call that ran a command; returns the call's command or path, and true for a command.
    fn end_call(&mut self, end: &SpanEnd, call: Call) -> Option<(String, bool)> {
        const BASH: &str = "tama_bash";
        let tool = self.state.trace.name(end.span).to_owned();
        let args = self.texts.read(call.args).ok();
        // The first key that a write changes can be a folder that it makes for its file.
        let named = args.as_deref().filter(|_| !call.is_command).and_then(named_text);
        let text = named.or(call.text).or_else(|| call_text(args.as_deref()?));
        let exit = match (end.cause, self.state.span_state(end.span)) {
            (Some(EndCause::Exit { code }), _) => Some(code),
            (_, SpanState::Ok | SpanState::Discarded) => Some(0),
            _ => None,
        };
        let is_command = call.is_command || tool == BASH;
        if call.is_command || (is_command && end.cause != Some(EndCause::Denied)) {
            let path = self.state.trace.path(end.span);
            self.commands.push(CommandEnd { span: end.span, path, tool, command: text.clone(), exit });
        }
        text.map(|text| (text, is_command))
    }
}
