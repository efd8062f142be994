//! Detail: the texts of one span, read from the store when somebody looks.

use super::Dispatcher;
use super::flight::Stage;
use super::tools::Runs;
use crate::model::{
    EffectClass, LlmRequestRecord, LlmResponse, Message, MessageRecord, Section, SectionBody, SpanDetail, SpanEnd,
    SpanId, SpanSpec, SpanStatus, TextHash, TraceBody, TraceEvent, Update,
};
use crate::store::{Recorder, StoreError};

impl Dispatcher {
    /// Answers with a span's texts.
    pub(super) fn inspect(&self, span: SpanId) {
        let path = self.log.with(|state| state.trace.path(span));
        let edited = self.agent_names.get(&span).is_some_and(|name| self.edits.prompt_of(name).is_some());
        let (runs, held) = (self.runs(span), self.held_output(span));
        let denied = self.denial_ahead(span);
        let (recorder, sink) = (self.log.recorder().clone(), self.sink.clone());
        // Reading the database must not hold up the run.
        tokio::task::spawn_blocking(move || {
            let sections = recorder
                .span_events(span)
                .and_then(|events| sections(&events, edited, runs.as_ref(), held, recorder.as_ref()));
            match sections {
                Ok(mut sections) => {
                    if let Some(why) = denied {
                        sections.insert(0, section("will be denied", "", SectionBody::Error(why)));
                    }
                    sink.send(Update::Detail(SpanDetail { span, path, sections }));
                }
                Err(error) => sink.send(Update::Refused(format!("failed to {error}"))),
            }
        });
    }

    /// What a command printed whose changes have not landed.
    fn held_output(&self, span: SpanId) -> Option<String> {
        self.flights.values().filter(|flight| flight.span == span).find_map(|flight| match &flight.stage {
            Stage::Holding { printed, .. } => Some(printed.clone()),
            _ => None,
        })
    }
}

/// What is known of a span, gathered from its events.
#[derive(Default)]
struct Gathered<'a> {
    /// The agent's prompt has an edit that is in no file.
    edited: bool,
    /// What turns a tool's arguments into what it runs.
    runs: Option<&'a Runs>,
    /// What a command printed whose changes have not landed.
    held: Option<String>,
    spec: Option<&'a SpanSpec>,
    end: Option<&'a SpanEnd>,
    sent_system: Option<TextHash>,
    sent_messages: Option<&'a [MessageRecord]>,
    sent_args: Option<TextHash>,
    task: Option<TextHash>,
    output: Option<TextHash>,
}

fn sections(
    events: &[TraceEvent],
    edited: bool,
    runs: Option<&Runs>,
    held: Option<String>,
    store: &dyn Recorder,
) -> Result<Vec<Section>, StoreError> {
    let mut known = Gathered { edited, runs, held, ..Gathered::default() };
    for event in events {
        match &event.body {
            TraceBody::RunStarted { task, .. } => known.task = Some(*task),
            TraceBody::RunStatus { text, .. } => known.output = *text,
            TraceBody::SpanStarted(start) => known.spec = Some(&start.spec),
            TraceBody::SpanEnded(end) => known.end = Some(end),
            TraceBody::Sent { system, messages, args, .. } => {
                known.sent_system = system.or(known.sent_system);
                known.sent_messages = messages.as_deref().or(known.sent_messages);
                known.sent_args = args.or(known.sent_args);
            }
            _ => {}
        }
    }
    let mut out = match known.spec {
        Some(SpanSpec::Agent { input, prompt, prompt_file, .. }) => {
            agent(&known, *input, *prompt, prompt_file.as_ref(), store)?
        }
        Some(SpanSpec::Llm(record)) => llm(&known, record, store)?,
        Some(SpanSpec::Tool { args, effect, .. }) => tool(&known, *args, *effect, store)?,
        Some(SpanSpec::Human { question }) => vec![text("question", "", &store.text(*question)?)],
        None => match known.task {
            Some(task) => vec![text("task", "", &store.text(task)?)],
            None => Vec::new(),
        },
    };
    if let Some(output) = known.output {
        out.push(text("output", "", &store.text(output)?));
    }
    Ok(out)
}

fn agent(
    known: &Gathered<'_>,
    input: TextHash,
    prompt: Option<TextHash>,
    file: Option<&String>,
    store: &dyn Recorder,
) -> Result<Vec<Section>, StoreError> {
    let mut out = Vec::new();
    if let Some(end) = known.end {
        out.push(ending(end, store)?);
    }
    out.push(text("input", "", &store.text(input)?));
    if let Some(prompt) = prompt {
        let file = file.map_or("in the pipeline", String::as_str);
        let note = if known.edited { format!("{file} (edited here)") } else { file.to_owned() };
        out.push(text("prompt", &note, &store.text(prompt)?));
    }
    Ok(out)
}

fn ending(end: &SpanEnd, store: &dyn Recorder) -> Result<Section, StoreError> {
    let body = end.output.map(|hash| store.text(hash)).transpose()?.unwrap_or_default();
    Ok(match (&end.finish, end.status) {
        (Some(finish), SpanStatus::Ok) => {
            let how = if finish.synthetic { "by plain text, key" } else { "key" };
            prose("output", &format!("{how} \"{}\"", finish.key), body)
        }
        (_, SpanStatus::Error) => section("error", "", SectionBody::Error(body)),
        (_, status) => prose("output", status.word(), body),
    })
}

fn llm(known: &Gathered<'_>, record: &LlmRequestRecord, store: &dyn Recorder) -> Result<Vec<Section>, StoreError> {
    let mut out = vec![section("call", "", SectionBody::Facts(facts(known, record)))];
    if let Some(end) = known.end {
        response(end, store, &mut out)?;
    }
    let system = store.text(known.sent_system.unwrap_or(record.system))?;
    out.push(text("system", if known.sent_system.is_some() { "edited" } else { "" }, &system));
    let edited = if known.sent_messages.is_some() { ", edited" } else { "" };
    let messages = messages(known.sent_messages.unwrap_or(&record.messages), store)?;
    let note = format!("{}{edited}", messages.len());
    out.push(section("messages", &note, SectionBody::Messages(messages)));
    Ok(out)
}

fn facts(known: &Gathered<'_>, record: &LlmRequestRecord) -> Vec<(String, String)> {
    let mut facts = vec![("model".to_owned(), record.model.to_string())];
    let mut add = |name: &str, value: Option<String>| facts.extend(value.map(|value| (name.to_owned(), value)));
    add("temperature", record.options.temperature.map(|value| value.to_string()));
    add("max tokens", record.options.max_tokens.map(|value| value.to_string()));
    add("tools", (!record.tools.is_empty()).then(|| record.tools.join(", ")));
    if let Some(end) = known.end {
        add("tokens", end.usage.map(|usage| format!("{} in, {} out", usage.input, usage.output)));
        #[expect(clippy::cast_precision_loss, reason = "shown with five decimals")]
        add("cost", end.cost.map(|cost| format!("${:.5}", cost as f64 / 1e6)));
        add("answered", end.answered.then(|| "by the user; nothing was sent".to_owned()));
    }
    facts
}

fn response(end: &SpanEnd, store: &dyn Recorder, out: &mut Vec<Section>) -> Result<(), StoreError> {
    let body = end.output.map(|hash| store.text(hash)).transpose()?.unwrap_or_default();
    if end.status == SpanStatus::Error {
        out.push(section("error", "", SectionBody::Error(body)));
        return Ok(());
    }
    let response: LlmResponse = serde_json::from_str(&body).unwrap_or_default();
    if !response.text.is_empty() || response.calls.is_empty() {
        out.push(text("response", "", &response.text));
    }
    for (at, call) in response.calls.iter().enumerate() {
        let args = serde_json::to_string_pretty(&call.args).unwrap_or_default();
        out.push(section(&format!("calls {}", call.name), &format!("{}", at + 1), SectionBody::Json(args)));
    }
    Ok(())
}

fn tool(
    known: &Gathered<'_>,
    args: TextHash,
    effect: EffectClass,
    store: &dyn Recorder,
) -> Result<Vec<Section>, StoreError> {
    let edited = if known.sent_args.is_some() { "edited" } else { "" };
    let args = store.text(known.sent_args.unwrap_or(args))?;
    let mut out = known.runs.and_then(|runs| runs.sections(&args, effect)).unwrap_or_default();
    // What is about to run comes first; what has run comes after its result.
    let first = if known.end.is_some() || known.held.is_some() { 0 } else { out.len() };
    out.insert(first, text("arguments", edited, &args));
    if let Some(said) = &known.held {
        out.insert(1, text("result", "its changes are held", said));
    }
    if let Some(end) = known.end {
        let body = end.output.map(|hash| store.text(hash)).transpose()?.unwrap_or_default();
        out.insert(
            1,
            match end.status {
                SpanStatus::Error => section("error", "", SectionBody::Error(body)),
                _ if end.answered => text("result", "answered by the user; nothing was run", &body),
                _ => text("result", "", &body),
            },
        );
    }
    Ok(out)
}

fn messages(records: &[MessageRecord], store: &dyn Recorder) -> Result<Vec<(String, String)>, StoreError> {
    records
        .iter()
        .map(|record| {
            let stored = store.text(record.text)?;
            let shown = match serde_json::from_str::<Message>(&stored) {
                Ok(Message::User { text }) => ("user".to_owned(), text),
                Ok(Message::Assistant { text, calls }) => ("assistant".to_owned(), assistant(text, &calls)),
                Ok(Message::Tool { name, text, .. }) => (name, text),
                Err(_) => (record.role.clone(), stored),
            };
            Ok(shown)
        })
        .collect()
}

fn assistant(text: String, calls: &[crate::model::ToolCall]) -> String {
    let calls = calls.iter().map(|call| format!("{} {}", call.name, call.args));
    std::iter::once(text).filter(|text| !text.is_empty()).chain(calls).collect::<Vec<_>>().join("\n")
}

/// Text, or JSON when it is a JSON object or array.
fn text(title: &str, note: &str, body: &str) -> Section {
    let json = serde_json::from_str::<serde_json::Value>(body).ok().filter(|json| json.is_object() || json.is_array());
    match json.and_then(|json| serde_json::to_string_pretty(&json).ok()) {
        Some(pretty) => section(title, note, SectionBody::Json(pretty)),
        None => prose(title, note, body.to_owned()),
    }
}

fn prose(title: &str, note: &str, body: String) -> Section {
    section(title, note, SectionBody::Text(body))
}

fn section(title: &str, note: &str, body: SectionBody) -> Section {
    Section { title: title.to_owned(), note: note.to_owned(), body, folded: false }
}
