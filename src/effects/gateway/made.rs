//! Answers made by hand, with ids of the right form.

use serde_json::{Value as Json, json};

use super::secret::random_text;
use crate::model::LlmResponse;
use crate::wire::{Answer, Call, Dialect, Part, PartKind, Stop, StopKind, Usage};

/// An answer in the form of the wire; `asked` is the body of the request, which says which tools take free text.
pub(super) fn made_answer(dialect: Dialect, model: &str, asked: &Json, said: &LlmResponse) -> Answer {
    let mut parts = Vec::new();
    if !said.text.is_empty() || said.calls.is_empty() {
        let source = (dialect == Dialect::Responses)
            .then(|| json!({"type": "message", "id": id("msg_"), "status": "completed", "role": "assistant"}));
        parts.push(Part { kind: PartKind::Text(said.text.clone()), source });
    }
    parts.extend(said.calls.iter().map(|call| {
        let (name, args) = (call.name.clone(), call.args.clone());
        let made = Call { id: String::new(), name, args };
        Part { kind: PartKind::Call(made), source: None }
    }));
    let kind = if said.calls.is_empty() { StopKind::End } else { StopKind::Calls };
    let mut answer = Answer {
        id: Some(id(answer_prefix(dialect))),
        model: Some(model.to_owned()),
        parts,
        stop: Some(Stop { word: word(dialect, kind).to_owned(), kind }),
        usage: said.usage.map(|usage| Usage { input: usage.input, output: usage.output, ..Usage::default() }),
        whole: true,
        ..Answer::default()
    };
    name_calls(dialect, asked, &mut answer);
    answer
}

/// Gives ids to the calls that have none.
pub(super) fn name_calls(dialect: Dialect, asked: &Json, answer: &mut Answer) {
    for part in &mut answer.parts {
        let PartKind::Call(call) = &mut part.kind else { continue };
        if !call.id.is_empty() || dialect == Dialect::Gemini {
            continue;
        }
        call.id = id(if dialect == Dialect::Messages { "toolu_" } else { "call_" });
        if dialect == Dialect::Responses && part.source.is_none() {
            let (kind, prefix) = if takes_free_text(asked, &call.name) {
                ("custom_tool_call", "ctc_")
            } else {
                ("function_call", "fc_")
            };
            part.source = Some(json!({"type": kind, "id": id(prefix), "status": "completed"}));
        }
    }
}

/// True if a tool of a request takes a free text (Responses: of type `custom`), wherever the request has it.
fn takes_free_text(asked: &Json, name: &str) -> bool {
    match asked {
        Json::Array(items) => items.iter().any(|item| takes_free_text(item, name)),
        Json::Object(fields) => {
            let is = |field: &str, value: &str| fields.get(field).and_then(Json::as_str) == Some(value);
            (is("type", "custom") && is("name", name))
                || ["tools", "input"]
                    .iter()
                    .filter_map(|field| fields.get(*field))
                    .any(|list| takes_free_text(list, name))
        }
        _ => false,
    }
}

fn answer_prefix(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Messages => "msg_",
        Dialect::Responses => "resp_",
        Dialect::Chat => "chatcmpl-",
        Dialect::Gemini | Dialect::Ollama => "",
    }
}

fn word(dialect: Dialect, kind: StopKind) -> &'static str {
    match (dialect, kind) {
        (Dialect::Messages, StopKind::Calls) => "tool_use",
        (Dialect::Messages, _) => "end_turn",
        (Dialect::Responses, _) => "completed",
        (Dialect::Gemini, _) => "STOP",
        (Dialect::Chat, StopKind::Calls) => "tool_calls",
        (Dialect::Chat | Dialect::Ollama, _) => "stop",
    }
}

/// A new id.
fn id(prefix: &str) -> String {
    // Without random bytes an id is still one, though not a new one.
    format!("{prefix}{}", random_text(12).unwrap_or_else(|| "tama".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ToolCall;
    use crate::wire::Decoder;

    fn read(dialect: Dialect, bytes: &[u8]) -> Answer {
        let mut decoder = Decoder::new(dialect);
        decoder.push(bytes, |_| {});
        decoder.finish(|_| {})
    }

    #[test]
    fn an_answer_by_hand_is_one_of_the_dialect_in_both_forms() {
        let call = |name: &str| ToolCall { name: name.into(), args: json!({"a": 1}) };
        let said = LlmResponse { text: "Hi.".into(), calls: vec![call("f"), call("g")], ..LlmResponse::default() };
        for dialect in [Dialect::Messages, Dialect::Responses, Dialect::Chat, Dialect::Gemini] {
            let made = made_answer(dialect, "m", &json!({}), &said);
            let stream = dialect.write_stream(&made);
            let body = dialect.write_answer(&made).to_string();
            for bytes in [&stream[..], body.as_bytes()] {
                let read = read(dialect, bytes);
                assert_eq!((read.text(), read.whole), ("Hi.".to_owned(), true), "{dialect}");
                assert_eq!(read.stop.as_ref().map(|stop| stop.kind), Some(StopKind::Calls), "{dialect}");
                let ids: Vec<&str> = read.calls().map(|call| call.id.as_str()).collect();
                let prefix = match dialect {
                    Dialect::Messages => "toolu_",
                    Dialect::Gemini => "",
                    _ => "call_",
                };
                assert!(ids.iter().all(|id| id.starts_with(prefix)), "{dialect}: {ids:?}");
                assert_eq!(ids[0] == ids[1], dialect == Dialect::Gemini);
                assert_eq!(
                    read.calls().map(|call| call.args.clone()).collect::<Vec<_>>(),
                    [json!({"a": 1}), json!({"a": 1})]
                );
            }
        }
    }

    #[test]
    fn a_tool_of_free_text_is_called_with_free_text() {
        let tools = json!([{"type": "namespace", "tools": [{"type": "custom", "name": "apply_patch"}]}]);
        let asked = json!({"input": [{"type": "additional_tools", "tools": tools}]});
        let calls = vec![ToolCall { name: "apply_patch".into(), args: json!("*** Begin Patch") }];
        let made = made_answer(Dialect::Responses, "m", &asked, &LlmResponse { calls, ..LlmResponse::default() });
        let body = Dialect::Responses.write_answer(&made);
        assert_eq!(
            (&body["output"][0]["type"], &body["output"][0]["input"]),
            (&json!("custom_tool_call"), &json!("*** Begin Patch"))
        );
    }
}
