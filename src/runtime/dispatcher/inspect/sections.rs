//! The sections of a span, by its kind.

use super::fields::{prose, section, text, value};
use super::now::Now;
use super::{llm, tool};
use crate::model::{
    EndCause, MessageRecord, Section, SectionBody, SpanEnd, SpanId, SpanSpec, SpanStatus, TextHash, TraceBody,
    TraceEvent,
};
use crate::store::{Recorder, StoreError};

/// The parts of a span's events that Detail shows.
#[derive(Default)]
pub(super) struct Gathered<'a> {
    pub spec: Option<&'a SpanSpec>,
    /// The span, and the one above it.
    pub place: Option<(SpanId, SpanId)>,
    pub end: Option<&'a SpanEnd>,
    pub sent_system: Option<TextHash>,
    pub sent_messages: Option<&'a [MessageRecord]>,
    pub sent_args: Option<TextHash>,
    pub task: Option<TextHash>,
    pub output: Option<TextHash>,
    pub attributes: Vec<(String, String)>,
}

/// An agent's input and prompt, as it started.
struct Agent<'a> {
    input: TextHash,
    prompt: Option<TextHash>,
    file: Option<&'a String>,
}

/// Makes the sections of a span, in reading order.
pub(super) fn sections(events: &[TraceEvent], now: &Now, store: &dyn Recorder) -> Result<Vec<Section>, StoreError> {
    let known = gather(events);
    let mut out = match known.spec {
        Some(SpanSpec::Agent { input, prompt, prompt_file, .. }) => {
            agent(&known, &Agent { input: *input, prompt: *prompt, file: prompt_file.as_ref() }, now, store)?
        }
        Some(SpanSpec::Llm(record)) => llm::sections(&known, record, now, store)?,
        Some(SpanSpec::Tool { args, effect, .. }) => tool::sections(&known, *args, *effect, now, store)?,
        Some(SpanSpec::Human { question, channel, .. }) => {
            let note = if channel.is_empty() { String::new() } else { format!("channel \"{channel}\"") };
            let asked = text("question", &note, &store.text(*question)?);
            let answer = known.end.map(|end| answer(end, store)).transpose()?.flatten();
            std::iter::once(asked).chain(answer).collect()
        }
        None => match known.task {
            Some(task) => vec![text("task", "", &store.text(task)?)],
            None => Vec::new(),
        },
    };
    if let Some(output) = known.output {
        let output = store.text(output)?;
        out.extend(value("output", "", &output).unwrap_or_else(|| vec![text("output", "", &output)]));
    }
    if !known.attributes.is_empty() {
        out.push(section("attributes", "", SectionBody::Facts(known.attributes)));
    }
    Ok(out)
}

pub(super) fn gather(events: &[TraceEvent]) -> Gathered<'_> {
    let mut known = Gathered::default();
    for event in events {
        match &event.body {
            TraceBody::RunStarted { task, .. } => known.task = Some(*task),
            TraceBody::RunStatus { text, .. } => known.output = *text,
            TraceBody::SpanStarted(start) => {
                known.spec = Some(&start.spec);
                known.place = Some((start.span, start.parent));
                known.attributes = start.attributes.clone().into_iter().collect();
            }
            TraceBody::SpanEnded(end) => known.end = Some(end),
            TraceBody::Sent { system, messages, args, .. } => {
                known.sent_system = system.or(known.sent_system);
                known.sent_messages = messages.as_deref().or(known.sent_messages);
                known.sent_args = args.or(known.sent_args);
            }
            _ => {}
        }
    }
    known
}

fn agent(known: &Gathered<'_>, start: &Agent<'_>, now: &Now, store: &dyn Recorder) -> Result<Vec<Section>, StoreError> {
    let mut out = known.end.map(|end| ending(end, store)).transpose()?.unwrap_or_default();
    let note = if known.sent_args.is_some() { "edited" } else { "" };
    out.push(text("input", note, &store.text(known.sent_args.unwrap_or(start.input))?));
    let Some(prompt) = start.prompt else { return Ok(out) };
    let prompt = store.text(prompt)?;
    let file = start.file.map_or("in the pipeline", String::as_str);
    match &now.prompt {
        Some(edited) if *edited != prompt => {
            let when = if known.end.is_some() { "edited, for the next try" } else { "edited, sent from now on" };
            out.push(prose("prompt", &format!("{file} · {when}"), edited.clone()));
            out.push(Section { folded: true, ..prose("prompt before the edit", "", prompt) });
        }
        Some(_) => out.push(prose("prompt", &format!("{file} · edited here"), prompt)),
        None => out.push(prose("prompt", file, prompt)),
    }
    Ok(out)
}

/// A person's answer, or why there is none.
fn answer(end: &SpanEnd, store: &dyn Recorder) -> Result<Option<Section>, StoreError> {
    let Some(output) = end.output else { return Ok(None) };
    let body = store.text(output)?;
    Ok(Some(match end.status {
        SpanStatus::Error => section("error", "", SectionBody::Error(body)),
        _ => text("answer", "", &body),
    }))
}

fn ending(end: &SpanEnd, store: &dyn Recorder) -> Result<Vec<Section>, StoreError> {
    let body = end.output.map(|hash| store.text(hash)).transpose()?.unwrap_or_default();
    let note = match (&end.finish, end.status) {
        (Some(finish), SpanStatus::Ok) => {
            let how = if finish.synthetic { "by plain text, key" } else { "key" };
            format!("{how} \"{}\"", finish.key)
        }
        (_, SpanStatus::Error) => return Ok(vec![section("error", "", SectionBody::Error(body))]),
        _ if end.cause == Some(EndCause::Interrupted) => "interrupted".to_owned(),
        (_, status) => status.word().to_owned(),
    };
    Ok(value("output", &note, &body).unwrap_or_else(|| vec![prose("output", &note, body)]))
}
