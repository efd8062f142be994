//! A part of a span as it was, to edit it for a retry or fork.

use super::llm::read_response;
use super::sections::{Gathered, gather};
use crate::model::{
    EditPart, EditScope, Editable, LlmRequestRecord, Message, SpanId, SpanKind, SpanSpec, TextHash, Update,
    render_messages,
};
use crate::runtime::conversations::whole;
use crate::runtime::dispatcher::Dispatcher;
use crate::runtime::refusal::{EditRefusal, Refusal};
use crate::store::{Recorder, RunLog, StoreError};

impl Dispatcher {
    /// Answers with a part of a span as it was.
    pub(in super::super) fn editable_part(&self, span: SpanId, part: EditPart) -> Result<(), Refusal> {
        let kind = self.log.with(|state| state.trace.get(span).map(|found| found.kind)).unwrap_or(SpanKind::Run);
        if !EditPart::of(kind).contains(&part) {
            return Err(EditRefusal::NoPart { part: part.words(), span, kind: kind.name() }.into());
        }
        let editable = move |text: String| Editable {
            span,
            title: String::new(),
            text,
            scopes: vec![EditScope::Retry],
            extension: if part == EditPart::Arguments { "json" } else { "md" },
            part: Some(part),
        };
        if part == EditPart::Prompt {
            let name = self.prompted(span)?;
            let text = self.prompt_text(&name).map_err(EditRefusal::from)?;
            self.sink.send(Update::Editable(editable(text)));
            return Ok(());
        }
        let log = self.log.clone();
        self.inspector.answer(move || match text_of(span, part, &log) {
            Ok(text) => Update::Editable(editable(text)),
            Err(error) => Update::Refused(format!("failed to {error}")),
        });
        Ok(())
    }
}

/// Reads the text of a part; empty where the span has none.
fn text_of(span: SpanId, part: EditPart, log: &RunLog) -> Result<String, StoreError> {
    let (events, store) = (log.span_events(span)?, log.recorder().as_ref());
    let known = gather(&events);
    Ok(match (known.spec, part) {
        (_, EditPart::Answer) => answer(&known, store)?,
        (Some(SpanSpec::Agent { input, .. }), EditPart::Input) => store.text(known.sent_args.unwrap_or(*input))?,
        (Some(SpanSpec::Tool { args, .. }), EditPart::Arguments) => arguments(known.sent_args.unwrap_or(*args), store)?,
        (Some(SpanSpec::Llm(record)), EditPart::Messages) => messages(&known, record, store)?,
        (Some(SpanSpec::Llm(record)), EditPart::Temperature) => {
            record.options.temperature.map(|value| value.to_string()).unwrap_or_default()
        }
        _ => String::new(),
    })
}

fn answer(known: &Gathered<'_>, store: &dyn Recorder) -> Result<String, StoreError> {
    let Some(end) = known.end else { return Ok(String::new()) };
    match known.spec {
        Some(SpanSpec::Llm(_)) => Ok(read_response(end, store)?.text),
        _ => end.output.map_or_else(|| Ok(String::new()), |output| store.text(output)),
    }
}

fn arguments(args: TextHash, store: &dyn Recorder) -> Result<String, StoreError> {
    let text = store.text(args)?;
    let parsed = serde_json::from_str::<serde_json::Value>(&text).ok();
    Ok(parsed.and_then(|args| serde_json::to_string_pretty(&args).ok()).unwrap_or(text))
}

fn messages(known: &Gathered<'_>, record: &LlmRequestRecord, store: &dyn Recorder) -> Result<String, StoreError> {
    let records = match (known.sent_messages, known.place) {
        (Some(sent), _) => sent.to_vec(),
        (None, Some((span, agent))) => whole(record, span, agent, store)?,
        (None, None) => record.messages.clone(),
    };
    let hashes: Vec<TextHash> = records.iter().map(|record| record.text).collect();
    let texts = store.texts(&hashes)?;
    let read = |hash: &TextHash| {
        let text = texts.get(hash).ok_or_else(|| StoreError::no_text(*hash))?;
        serde_json::from_str::<Message>(text)
            .map_err(|error| StoreError::Damaged(format!("the stored message {hash} can't be read: {error}")))
    };
    let messages: Vec<Message> = hashes.iter().map(read).collect::<Result<_, _>>()?;
    Ok(render_messages(&messages))
}
