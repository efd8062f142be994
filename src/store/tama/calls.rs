//! Model calls and tool calls as this program records them. The conversation is not in tama's rows: what it was is said
//! as far as they tell it.

use serde_json::Value as Json;

use super::outcome::NOT_RECORDED;
use super::rows::LlmRow;
use super::tools::{CallRows, called, class, exit, has_failed, is_call};
use super::tree::{NodeKind, Tree};
use super::writer::Writer;
use crate::model::{
    EndCause, LlmRequestRecord, LlmResponse, Message, MessageRecord, ModelName, ModelOptions, SpanEnd, SpanId,
    SpanSpec, SpanStatus, ToolCall, Usage,
};
use crate::store::hash_text;

/// The calls of a run.
pub(super) struct Calls<'a> {
    pub tree: &'a Tree,
    pub rows: &'a CallRows<'a>,
}

impl Calls<'_> {
    /// The start of a model call, and what is to be said of it besides.
    pub(super) fn llm_start(&self, at: usize, writer: &mut Writer) -> (SpanSpec, Vec<(&'static str, String)>) {
        let row = self.rows.llm(&self.tree.nodes[at]);
        let system = self.system(at).unwrap_or(NOT_RECORDED);
        let input = self.oneshot_input(at);
        let mut notes = Vec::new();
        if let Some(role) = row.and_then(|row| row.role.clone()).filter(|role| !role.is_empty()) {
            notes.push(("role", role));
        }
        if input.is_none() {
            notes.push(("messages", "not recorded by tama".to_owned()));
        }
        let message = input.map(|text| {
            let message = Message::User { text: text.to_owned() };
            let json = serde_json::to_string(&message).unwrap_or_default();
            MessageRecord { role: "user".to_owned(), text: writer.text(&json) }
        });
        let record = LlmRequestRecord {
            request: hash_text(""),
            model: model(row.and_then(|row| row.model.as_deref())),
            options: ModelOptions { temperature: row.and_then(|row| row.temperature), ..ModelOptions::default() },
            system: writer.text(system),
            tools: Vec::new(),
            after: None,
            messages: message.into_iter().collect(),
        };
        (SpanSpec::Llm(record), notes)
    }

    /// The system prompt of a call. tama stored the first one of each agent: in a tool loop it is that of every call, of
    /// other calls nobody knows.
    fn system(&self, at: usize) -> Option<&str> {
        let node = &self.tree.nodes[at];
        let own = |at: usize| self.rows.llm(&self.tree.nodes[at])?.system_prompt.as_deref();
        own(at).or_else(|| {
            let before = &self.tree.nodes[node.parent.filter(|_| node.name == "llm")?].children;
            let before = before.iter().take_while(|child| **child != at).copied();
            before.filter(|child| self.tree.nodes[*child].name == "llm").filter_map(own).last()
        })
    }

    /// The only message of a call that is no part of a tool loop: the result of the start that tama made up for it.
    fn oneshot_input(&self, at: usize) -> Option<&str> {
        let siblings = &self.tree.nodes[self.tree.nodes[at].parent?].children;
        let place = siblings.iter().position(|child| *child == at)?;
        let before = &self.tree.nodes[*siblings.get(place.checked_sub(1)?)?];
        let made_up = before.kind == Some(NodeKind::Synthetic) && is_call(before, "start");
        self.rows.tool(before).filter(|_| made_up)?.result.as_deref()
    }

    /// The end of a model call.
    pub(super) fn llm_end(&self, at: usize, span: SpanId, writer: &mut Writer) -> SpanEnd {
        let node = &self.tree.nodes[at];
        let row = self.rows.llm(node);
        if let Some(error) = self.rows.llm_error(node) {
            let output = Some(writer.text(error));
            return SpanEnd { output, ..SpanEnd::new(span, SpanStatus::Error) };
        }
        let usage = row.and_then(usage);
        let text = row.map_or(NOT_RECORDED, |row| row.response.as_deref().unwrap_or_default());
        let calls = called(self.tree, at).into_iter().map(|call| self.call(call)).collect();
        let response = LlmResponse { text: text.to_owned(), calls, usage, ..LlmResponse::default() };
        let output = Some(writer.text(&serde_json::to_string(&response).unwrap_or_default()));
        SpanEnd { output, usage, ..SpanEnd::new(span, SpanStatus::Ok) }
    }

    fn call(&self, at: usize) -> ToolCall {
        let node = &self.tree.nodes[at];
        let args = self.rows.args(node).map(Json::Object);
        let written = || self.rows.tool(node).and_then(|row| row.args_json.clone()).unwrap_or_default();
        ToolCall { name: node.name.clone(), args: args.unwrap_or_else(|| Json::String(written())) }
    }

    /// The start of a tool call.
    pub(super) fn tool_start(&self, at: usize, writer: &mut Writer) -> SpanSpec {
        let node = &self.tree.nodes[at];
        let row = self.rows.tool(node);
        let args = row.map_or(NOT_RECORDED, |row| row.args_json.as_deref().unwrap_or("{}"));
        SpanSpec::Tool { args: writer.text(args), request: hash_text(""), effect: class(&node.name) }
    }

    /// The end of a tool call.
    pub(super) fn tool_end(&self, at: usize, span: SpanId, writer: &mut Writer) -> SpanEnd {
        let node = &self.tree.nodes[at];
        let row = self.rows.tool(node);
        let result = row.map_or(NOT_RECORDED, |row| row.result.as_deref().unwrap_or_default());
        let status = if has_failed(result) { SpanStatus::Error } else { SpanStatus::Ok };
        let cause: Option<EndCause> = exit(&node.name, result);
        SpanEnd { output: Some(writer.text(result)), cause, ..SpanEnd::new(span, status) }
    }
}

/// The name of a model: tama writes the provider of ollama's models only.
fn model(name: Option<&str>) -> ModelName {
    let name = name.filter(|name| !name.is_empty()).unwrap_or(NOT_RECORDED);
    let (provider, model) = name.split_once("::").unwrap_or(("", name));
    ModelName { provider: provider.to_owned(), model: model.to_owned() }
}

fn usage(row: &LlmRow) -> Option<Usage> {
    let count = |tokens: Option<i64>| tokens.map(|tokens| u64::try_from(tokens).unwrap_or_default());
    let (input, output) = (count(row.input_tokens), count(row.output_tokens));
    (input.is_some() || output.is_some())
        .then(|| Usage { input: input.unwrap_or_default(), output: output.unwrap_or_default() })
}
