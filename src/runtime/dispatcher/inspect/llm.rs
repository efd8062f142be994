//! A model call: what is known of it, its response, and what was (or is about to be) sent.

use super::fields::{Fields, call_text, prose, section, text};
use super::now::Now;
use super::raw::raw_section;
use super::sections::Gathered;
use crate::model::{
    EditReach, LlmRequestRecord, LlmResponse, Message, MessageRecord, Section, SectionBody, SpanEnd, SpanStatus, Usage,
};
use crate::runtime::conversations::whole;
use crate::store::{Recorder, StoreError};

pub(super) fn sections(
    known: &Gathered<'_>,
    record: &LlmRequestRecord,
    now: &Now,
    store: &dyn Recorder,
) -> Result<Vec<Section>, StoreError> {
    let answer = known.end.map(|end| read_response(end, store)).transpose()?.unwrap_or_default();
    let call = section("call", "", SectionBody::Facts(facts(known, record, &answer)));
    let mut out = match known.end {
        Some(end) if end.status == SpanStatus::Error => {
            let error = end.output.map(|hash| store.text(hash)).transpose()?.unwrap_or_default();
            let mut out = vec![section("error", "", SectionBody::Error(error)), call];
            if !came(&answer) {
                out.extend(request(known, record, now, store)?);
                return Ok(out);
            }
            response(end, &answer, &mut out);
            out
        }
        Some(end) => {
            let mut out = vec![call];
            response(end, &answer, &mut out);
            out
        }
        None => vec![call],
    };
    out.extend(request(known, record, now, store)?);
    out.extend(answer.raw.map(|raw| raw_section(raw, store)));
    Ok(out)
}

fn facts(known: &Gathered<'_>, record: &LlmRequestRecord, answer: &LlmResponse) -> Vec<(String, String)> {
    let mut facts = vec![("model".to_owned(), record.model.to_string())];
    let mut add = |name: &str, value: Option<String>| facts.extend(value.map(|value| (name.to_owned(), value)));
    add("temperature", record.options.temperature.map(|value| value.to_string()));
    add("max tokens", record.options.max_tokens.map(|value| value.to_string()));
    add("tools", (!record.tools.is_empty()).then(|| record.tools.join(", ")));
    if let Some(end) = known.end {
        let usage = end.usage.filter(|usage| usage.input + usage.output > 0);
        add("tokens", usage.map(|usage| tokens(usage, answer)));
        #[expect(clippy::cast_precision_loss, reason = "shown with five decimals")]
        add("cost", end.cost.map(|cost| format!("${:.5}", cost as f64 / 1e6)));
        add("stop reason", answer.stop.clone());
        add("answered", end.answered.then(|| "by the user; nothing was sent".to_owned()));
    }
    facts
}

/// Tokens as text: `900 in (800 cached), 40 out (30 reasoning)`.
fn tokens(usage: Usage, answer: &LlmResponse) -> String {
    let of = |count: u64, word: &str| if count > 0 { format!(" ({count} {word})") } else { String::new() };
    let (cached, reasoning) = (of(answer.cached_tokens, "cached"), of(answer.reasoning_tokens, "reasoning"));
    format!("{} in{cached}, {} out{reasoning}", usage.input, usage.output)
}

/// True when anything of an answer came.
fn came(answer: &LlmResponse) -> bool {
    !answer.text.is_empty() || !answer.calls.is_empty() || !answer.reasoning.is_empty()
}

/// The response that a call ended with; of one that failed, what came of it.
pub(super) fn read_response(end: &SpanEnd, store: &dyn Recorder) -> Result<LlmResponse, StoreError> {
    let stored = if end.status == SpanStatus::Error { end.so_far } else { end.output };
    let body = stored.map(|hash| store.text(hash)).transpose()?.unwrap_or_default();
    Ok(serde_json::from_str(&body).unwrap_or_default())
}

fn response(end: &SpanEnd, response: &LlmResponse, out: &mut Vec<Section>) {
    let cut = if matches!(end.status, SpanStatus::Cancelled | SpanStatus::Error) { "as far as it came" } else { "" };
    if !response.reasoning.is_empty() {
        out.push(Section { folded: true, ..text("reasoning", cut, &response.reasoning) });
    }
    if !response.text.is_empty() || response.calls.is_empty() {
        out.push(text("response", cut, &response.text));
    }
    for (at, call) in response.calls.iter().enumerate() {
        let (title, number) = (format!("calls {}", call.name), (at + 1).to_string());
        match call.args.as_object() {
            Some(args) => {
                let of = format!("call {number}");
                let fields = Fields { title: &title, note: &number, prefix: "", of: &of, titled: true };
                out.extend(fields.sections(args));
            }
            None => out.push(text(&title, &number, &call.args.to_string())),
        }
    }
}

/// The system prompt and the messages: as edited while the call is stopped before it is sent, else as sent.
fn request(
    known: &Gathered<'_>,
    record: &LlmRequestRecord,
    now: &Now,
    store: &dyn Recorder,
) -> Result<Vec<Section>, StoreError> {
    if let Some(edited) = &now.edited {
        let messages: Vec<(String, String)> = edited.request.messages.iter().map(shown).collect();
        let note = match reach(edited.messages.as_ref()) {
            "" => messages.len().to_string(),
            far => format!("{} · {far}", messages.len()),
        };
        return Ok(vec![
            prose("system", reach(edited.system.as_ref()), edited.request.system.clone()),
            section("messages", &note, SectionBody::Messages(messages)),
        ]);
    }
    let system = store.text(known.sent_system.unwrap_or(record.system))?;
    let records = match (known.sent_messages, known.place) {
        (Some(sent), _) => sent.to_vec(),
        (None, Some((span, agent))) => whole(record, span, agent, store)?,
        (None, None) => record.messages.clone(),
    };
    let messages = messages(&records, store)?;
    let edited = if known.sent_messages.is_some() { " · edited" } else { "" };
    let note = format!("{}{edited}", messages.len());
    Ok(vec![
        text("system", if known.sent_system.is_some() { "edited" } else { "" }, &system),
        section("messages", &note, SectionBody::Messages(messages)),
    ])
}

/// A note about an edit.
fn reach(edit: Option<&EditReach>) -> &'static str {
    match edit {
        None => "",
        Some(EditReach::Call { .. }) => "edited, for this call only",
        Some(EditReach::Agent { .. } | EditReach::Try { .. }) => "edited, sent from now on",
    }
}

fn messages(records: &[MessageRecord], store: &dyn Recorder) -> Result<Vec<(String, String)>, StoreError> {
    records
        .iter()
        .map(|record| {
            let stored = store.text(record.text)?;
            let message = serde_json::from_str::<Message>(&stored);
            Ok(message.map_or_else(|_| (record.role.clone(), stored), |message| shown(&message)))
        })
        .collect()
}

/// A message's role (of a result, its tool), and its text.
fn shown(message: &Message) -> (String, String) {
    match message {
        Message::User { text } => ("user".to_owned(), text.clone()),
        Message::Assistant { text, calls, .. } => {
            let calls = calls.iter().map(call_text);
            let parts: Vec<String> =
                std::iter::once(text.clone()).filter(|text| !text.is_empty()).chain(calls).collect();
            ("assistant".to_owned(), parts.join("\n"))
        }
        Message::Tool { name, text, .. } => (name.clone(), text.clone()),
    }
}
