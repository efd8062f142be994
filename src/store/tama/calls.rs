//! Model calls and tool calls as this program records them. The conversation is not in tama's rows: what it was is said
//! as far as they tell it.

use std::collections::{HashMap, HashSet};

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
    tree: &'a Tree,
    rows: &'a CallRows<'a>,
    /// The system prompt of each model call, where it is known.
    systems: HashMap<usize, &'a str>,
    /// The calls of tools that an answer of a model came before.
    answered: HashSet<usize>,
}

impl<'a> Calls<'a> {
    /// The calls of a tree.
    pub(super) fn of(tree: &'a Tree, rows: &'a CallRows<'a>) -> Self {
        let mut calls = Self { tree, rows, systems: HashMap::new(), answered: HashSet::new() };
        tree.order.iter().for_each(|parent| calls.look_below(*parent));
        calls
    }

    /// Looks at the calls of an agent, in order. tama stored its first system prompt: in a tool loop it is that of every
    /// call, of other calls nobody knows.
    fn look_below(&mut self, parent: usize) {
        let (mut of_loop, mut is_answered) = (None, false);
        for child in self.tree.nodes[parent].children.iter().copied() {
            let node = &self.tree.nodes[child];
            if node.kind != Some(NodeKind::Llm) {
                if is_answered {
                    self.answered.insert(child);
                }
                continue;
            }
            is_answered = true;
            let own = self.rows.llm(node).and_then(|row| row.system_prompt.as_deref());
            if node.name == "llm" {
                of_loop = own.or(of_loop);
            }
            if let Some(system) = own.or(of_loop.filter(|_| node.name == "llm")) {
                self.systems.insert(child, system);
            }
        }
    }

    /// True if an answer of a model came before it, below the same agent.
    pub(super) fn is_answered(&self, at: usize) -> bool {
        self.answered.contains(&at)
    }

    /// The start of a model call, and what is to be said of it besides.
    pub(super) fn llm_start(&self, at: usize, writer: &mut Writer) -> (SpanSpec, Vec<(&'static str, String)>) {
        let row = self.rows.llm(&self.tree.nodes[at]);
        let system = self.systems.get(&at).copied().unwrap_or(NOT_RECORDED);
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

    /// The only message of a call that is no part of a tool loop: the result of the start that tama made up for it.
    fn oneshot_input(&self, at: usize) -> Option<&str> {
        let node = &self.tree.nodes[at];
        let siblings = &self.tree.nodes[node.parent?].children;
        let before = &self.tree.nodes[*siblings.get(node.place.checked_sub(1)?)?];
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
