//! Every table of pipeline.toml but `[agents]`.

use serde_json::{Value as Json, json};

use super::super::capture::{MODES, PORTABLE};
use super::super::custom::{EFFECTS, LONGEST_TIMEOUT};
use super::super::names::{APIS, TOOLS};
use super::super::spec::ArgType;
use super::parts::{Keys, amount, count, count_u32, flag, kebab, list, map_of, one_of, text, texts};
use super::reference;
use crate::model::Gate;

/// `[pipeline]`.
pub(super) fn pipeline() -> Json {
    let mut table = Keys::new("the pipeline itself")
        .key("name", kebab("its name: lower-case words with hyphens"))
        .key("entrypoint", text("the agent that it starts with"))
        .key("project", text("the folder of a tama project that has the agents, relative to this file"))
        .key("task", text("the task when `--task` is left out"))
        .key("workspace", text("the folder that tools may touch, relative to this file; `.` when it is left out"))
        .build();
    table["anyOf"] = json!([{ "required": ["name", "entrypoint"] }, { "required": ["project"] }]);
    table
}

/// The options that a model's table may have.
fn options(keys: Keys) -> Keys {
    keys.key("temperature", amount("sampling temperature"))
        .key("max_tokens", count_u32("bound on the tokens of an answer"))
        .key("accept_cut", flag("take an answer that was cut at its token limit as it is", false))
}

/// A value of `[models]`.
pub(super) fn role() -> Json {
    let table = options(Keys::new("a model with options").required("name", model_name())).build();
    json!({ "description": "`provider:model`, or a table with `name` and options", "anyOf": [model_name(), table] })
}

fn model_name() -> Json {
    json!({
        "type": "string",
        "description": "`provider:model`, e.g. `openai:gpt-5-mini` or `script:replies.toml`",
        "pattern": "^[^:]+:.+$",
    })
}

/// The key `model` of an agent or a step.
pub(super) fn model() -> Json {
    let keys = Keys::new("a role or a model, with options").key("role", text("a role of [models]"));
    let mut table = options(keys.key("name", model_name())).build();
    table["oneOf"] = json!([{ "required": ["role"] }, { "required": ["name"] }]);
    json!({
        "description": "a role of [models], `provider:model`, or a table with options",
        "anyOf": [{ "type": "string" }, table],
    })
}

/// A table of `[providers]`.
pub(super) fn provider() -> Json {
    let address = json!({ "type": "string", "pattern": "^\\s*https?://", "description": "the address of its API" });
    Keys::new("a provider of models")
        .key("base_url", address)
        .key("api_key_env", text("the environment variable with its key"))
        .key("api", one_of("the dialect that it speaks", APIS))
        .key("timeout_seconds", count("seconds that a call may take"))
        .key("tries", count_u32("how often a call that it refuses for now is sent at most"))
        .key("wait_seconds", count("seconds that a call waits between tries at most, in all"))
        .build()
}

/// A table of `[prices]`.
pub(super) fn price() -> Json {
    Keys::new("US dollars per million tokens")
        .required("input", amount("of the request"))
        .required("output", amount("of the answer"))
        .key("cached", amount("of the part of the request that the provider read from its cache"))
        .build()
}

/// The key `tools` of an agent or a step.
pub(super) fn tool_names() -> Json {
    let own = json!({ "type": "string", "not": { "pattern": "^tama_" }, "description": "a tool of [tools]" });
    json!({
        "type": "array",
        "description": "the tools that it may call",
        "uniqueItems": true,
        "items": { "anyOf": [one_of("a built-in tool", TOOLS), own] },
    })
}

/// A table of `[tools]`.
pub(super) fn tool() -> Json {
    let names: Vec<&str> = EFFECTS.iter().map(|(name, _)| *name).collect();
    let mut timeout = count("seconds that it may take; 120 when it is left out");
    timeout["maximum"] = json!(LONGEST_TIMEOUT);
    Keys::new("a tool of your own: a command")
        .required("description", text("its purpose, for the model"))
        .required("command", reference("command"))
        .key("before", reference("command"))
        .key("undo", reference("command"))
        .key(
            "effect",
            one_of("its kind of change to the world; with `undo` it is compensable, else irreversible", names),
        )
        .key("network", flag("it may use the network", false))
        .key("local_sockets", flag("it may use Unix sockets without the network", false))
        .key("timeout_seconds", timeout)
        .key("args", map_of("its arguments by name", reference("tool-argument")))
        .build()
}

/// A table of `[tools.NAME.args]`.
pub(super) fn argument() -> Json {
    Keys::new("an argument of a tool")
        .required("type", one_of("its type", ArgType::ALL.map(ArgType::name)))
        .key("description", text("its purpose, for the model"))
        .key("required", flag("it must be given", true))
        .build()
}

/// `[policy]`.
pub(super) fn policy() -> Json {
    Keys::new("globs over tool names, and over arguments after a colon; deny beats ask beats allow")
        .key("allow", texts("run without asking"))
        .key("ask", texts("ask first; a headless run denies"))
        .key("deny", texts("never run"))
        .build()
}

/// `[limits]`.
pub(super) fn limits() -> Json {
    Keys::new("bounds on a run: crossing one stops it; a headless run fails")
        .key("max_tokens", count("tokens, input and output together"))
        .key("max_cost_usd", amount("US dollars"))
        .key("max_parallel", count("model calls and tools at work at once; 8 when it is left out"))
        .build()
}

/// `[capture]`.
pub(super) fn capture() -> Json {
    let modes = MODES.into_iter().chain([PORTABLE]);
    Keys::new("how changes of commands are found")
        .key("lane", one_of("`auto`: an overlay where the system has one", modes))
        .key("exclude", list("globs over paths; changes there can't be undone", json!({ "type": "string" })))
        .key("max_file_mb", count("larger files can't be undone, in millions of bytes"))
        .key("after", flag("keep the files that actions leave, so that they can be redone", true))
        .build()
}

/// `[verify]`.
pub(super) fn verify() -> Json {
    let mut timeout = count("seconds that it may take; 120 when it is left out");
    timeout["maximum"] = json!(LONGEST_TIMEOUT);
    Keys::new("the command that judges a try: exit code 0 passes it; what it changes in the workspace is thrown away")
        .required("command", list("the program and its arguments", json!({ "type": "string" })))
        .key("timeout_seconds", timeout)
        .build()
}

/// An entry of `[[breakpoints]]`.
pub(super) fn breakpoint() -> Json {
    Keys::new("a place where the run stops")
        .required("at", one_of("the place", Gate::ALL.map(Gate::name)))
        .key("agent", text("a glob over agents"))
        .key("tool", text("a glob over tools"))
        .key("model", text("a glob over models"))
        .key("writes", text("the memory key that a tool is about to write"))
        .key("when", text("a condition: tokens > 4000, cost > 0.1, output ~ \"TODO\", key = \"revise\", hits >= 3; parts with `and`"))
        .build()
}
