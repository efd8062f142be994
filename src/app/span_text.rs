//! Names of spans in rows: a name, and in quieter words what the span is about.

use super::marks::tools_after;
use super::safe;
use crate::model::{ActionRecord, Key, KeyState, RunState, Span, SpanId, SpanKind};

/// Actions looked at for a tool's key.
const NEAR: usize = 32;

/// A span's name, and what it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpanText {
    /// The name: `writer#2`, `llm 3`, `files_write`.
    pub name: String,
    /// Its subject.
    pub about: About,
}

/// The subject of a span.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum About {
    /// Nothing more than its name says.
    #[default]
    Nothing,
    /// A path: of it the end matters most.
    Path(String),
    /// Another text: its beginning matters most.
    Text(String),
}

/// The text of a span's row.
#[must_use]
pub fn span_text(run: &RunState, span: SpanId) -> SpanText {
    let trace = &run.trace;
    let Some(found) = trace.get(span) else { return SpanText::default() };
    let text = |text: String| About::Text(text);
    let (name, about) = match found.kind {
        SpanKind::Llm => (llm_name(run, span, found), called(run, span).map_or(About::Nothing, text)),
        SpanKind::Tool => (tool_name(&trace.label(span)), tool_about(run, span)),
        _ => (trace.label(span), fan(found).or_else(|| item(run, span)).map_or(About::Nothing, text)),
    };
    SpanText { name: safe::line(&name).into_owned(), about }
}

/// `llm 3`; of an imported run the name of the step, where it has one.
fn llm_name(run: &RunState, span: SpanId, found: &Span) -> String {
    match run.trace.name_of(found) {
        "llm" => format!("llm {}", found.visit),
        _ => format!("llm {}", run.trace.label(span)),
    }
}

/// The number of the try, on the span that a retry was about; those below it ran again with it.
#[must_use]
pub fn shown_try(run: &RunState, span: SpanId) -> Option<u32> {
    let found = run.trace.get(span).filter(|found| found.attempt.0 > 1)?;
    let above = run.trace.get(found.parent)?;
    (above.generation != found.generation).then_some(found.attempt.0)
}

/// How many workers of a fan-out are done.
fn fan(found: &Span) -> Option<String> {
    let workers = found.workers;
    (workers.started > 1).then(|| format!("{} of {} done", workers.done, workers.started))
}

/// The item that a branch of a fan-out works on.
fn item(run: &RunState, span: SpanId) -> Option<String> {
    run.labels.asked(span).map(|(text, _)| format!("\"{}\"", safe::line(text)))
}

/// The tools that an answer called: `→ bash`, `→ bash +2`.
fn called(run: &RunState, llm: SpanId) -> Option<String> {
    let mut tools = tools_after(run, llm);
    let first = tool_name(&run.trace.label(tools.next()?));
    let first = safe::line(&first).into_owned();
    Some(match tools.count() {
        0 => format!("→ {first}"),
        more => format!("→ {first} +{more}"),
    })
}

fn tool_name(label: &str) -> String {
    label.strip_prefix("tama_").unwrap_or(label).to_owned()
}

/// The command a tool ran, else the key it changed, else the one it read, else what it was asked for.
fn tool_about(run: &RunState, span: SpanId) -> About {
    if let Some(command) = run.labels.command(span) {
        return About::Text(safe::line(command).into_owned());
    }
    if let Some(key) = changed_key(run, span) {
        let name = safe::line(&key.name).into_owned();
        return if key.kind.is_path() { About::Path(name) } else { About::Text(name) };
    }
    if let Some(key) = run.labels.read(span) {
        return About::Path(safe::line(key).into_owned());
    }
    match run.labels.asked(span) {
        Some((path, true)) => About::Path(safe::line(path).into_owned()),
        Some((text, false)) => About::Text(safe::line(text).into_owned()),
        None => About::Nothing,
    }
}

/// The key of a tool's change: the first one, or the one after the folders that were made for it.
fn changed_key(run: &RunState, span: SpanId) -> Option<&Key> {
    let started = run.trace.get(span)?.started;
    let near = run.ledger.heads_after(started).take(NEAR).filter(|head| head.tool_span == span);
    let mut own = near.filter_map(|head| run.ledger.get(head.seq)).map(|entry| &entry.record);
    let first = own.next()?;
    let makes_folder = |record: &ActionRecord| matches!(record.intended, KeyState::Directory { .. });
    let thing = if makes_folder(first) { own.find(|record| !makes_folder(record)) } else { None };
    Some(&thing.unwrap_or(first).key)
}
