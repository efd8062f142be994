//! The primitive `tool_loop`: the model calls tools until it finishes.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::super::super::ask::Output;
use super::super::super::failure::Failure;
use super::super::super::pattern_scope::PatternScope;
use super::super::servers::Servers;
use crate::effects::tools::arguments_fault;
use crate::model::{Conversation, LlmRequest, Message, ToolDecl};
use crate::pipeline::{Model, Skill};

/// The parts of a tool loop.
pub(in super::super) struct ToolLoop<'a> {
    pub model: &'a Model,
    pub prompt: &'a str,
    pub tools: &'a [String],
    pub skills: &'a [Skill],
    pub max_iter: u32,
}

/// The model calls `start()` to receive its input, tools, and `finish(key, value)`; plain text with no tool call is
/// an implicit finish with key "done".
pub(in super::super) async fn tool_loop(
    scope: &PatternScope,
    spec: &ToolLoop<'_>,
    input: &str,
) -> Result<Output, Failure> {
    let mut unlocked: BTreeSet<String> = BTreeSet::new();
    let mut servers = Servers::default();
    let mut messages = Conversation::from(vec![Message::User { text: "Begin.".into() }]);
    for _ in 0..spec.max_iter {
        servers.list(scope, offered(spec, &unlocked)).await?;
        let tools = servers.expand(offered(spec, &unlocked));
        let request = LlmRequest {
            model: spec.model.name.clone(),
            options: spec.model.options,
            tools: declarations(scope, spec, &tools, &servers),
            system: scope.wording().system(spec.prompt, spec.skills),
            messages: messages.clone(),
        };
        let response = scope.llm(request).await?;
        if response.calls.is_empty() {
            return Ok(Output { key: "done".into(), value: response.text, synthetic: true });
        }
        messages.push(Message::Assistant { text: response.text, calls: response.calls.clone(), state: response.state });
        for (at, call) in response.calls.into_iter().enumerate() {
            let name = call.name.clone();
            let text = match name.as_str() {
                "finish" => match arguments_fault(&call.args) {
                    None => return Ok(finish(&call.args)),
                    Some(fault) => format!("[error: {fault}; call it again]"),
                },
                "start" => input.to_owned(),
                "read_skill" if !spec.skills.is_empty() => read_skill(spec.skills, &call.args, &mut unlocked),
                _ => {
                    let refusal = refusal(&servers.expand(offered(spec, &unlocked)), &name);
                    scope.tool(call, refusal).await?
                }
            };
            messages.push(Message::Tool { call: at, name, text: scope.shorten(text) });
        }
    }
    Err(Failure::new(format!(
        "the model did not finish within {} calls; raise max_iter, or make the prompt say when to call finish",
        spec.max_iter
    )))
}

/// The declarations of the loop's own tools, and of those that are `offered`.
fn declarations(scope: &PatternScope, spec: &ToolLoop<'_>, offered: &[String], servers: &Servers) -> Vec<ToolDecl> {
    let mut tools = vec![
        decl("start", "Receive your input. Call this first.", &json!({"type": "object", "properties": {}})),
        decl(
            "finish",
            "Finish with a key (a routing word) and a value (your output). Always call this last.",
            &json!({
                "type": "object",
                "properties": { "key": { "type": "string" }, "value": { "type": "string" } },
                "required": ["key", "value"]
            }),
        ),
    ];
    if !spec.skills.is_empty() {
        let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
        tools.push(decl("read_skill", "Load a skill's instructions, which unlocks the tools it names.", &schema));
    }
    tools.extend(offered.iter().filter_map(|name| scope.declared(name)).map(|decl| servers.complete(decl)));
    tools
}

fn decl(name: &str, description: &str, schema: &Json) -> ToolDecl {
    ToolDecl { name: name.into(), description: description.into(), schema: schema.clone() }
}

fn offered<'a>(spec: &'a ToolLoop<'_>, unlocked: &'a BTreeSet<String>) -> impl Iterator<Item = &'a String> {
    spec.tools.iter().chain(unlocked.iter().filter(|name| !spec.tools.contains(name)))
}

/// Why a tool that was not offered is not run.
fn refusal(offered: &[String], name: &str) -> Option<String> {
    if offered.iter().any(|known| known == name) {
        return None;
    }
    let known: Vec<&str> = offered.iter().map(String::as_str).chain(["start", "finish"]).collect();
    Some(format!("no tool is named \"{name}\" here; you have: {}", known.join(", ")))
}

fn read_skill(skills: &[Skill], args: &Json, unlocked: &mut BTreeSet<String>) -> String {
    let name = args.get("name").and_then(Json::as_str).unwrap_or_default();
    let Some(skill) = skills.iter().find(|skill| skill.name == name) else {
        let known: Vec<&str> = skills.iter().map(|skill| skill.name.as_str()).collect();
        return format!("[error: no skill is named \"{name}\"; there are: {}]", known.join(", "));
    };
    unlocked.extend(skill.tools.iter().cloned());
    skill.body.clone()
}

fn finish(args: &Json) -> Output {
    let text = |name: &str| match args.get(name) {
        Some(Json::String(text)) => Some(text.clone()),
        Some(Json::Null) | None => None,
        Some(other) => Some(other.to_string()),
    };
    Output {
        key: text("key").unwrap_or_else(|| "done".into()),
        value: text("value").unwrap_or_default(),
        synthetic: false,
    }
}
