//! The JSON Schema of pipeline.toml, for editors and scripts. It is made from the tables that the loader reads by, and a
//! test compares its keys with those that the loader knows.

mod agents;
mod parts;
mod servers;
mod tables;

#[cfg(test)]
mod tests;

use serde_json::{Value as Json, json};

use parts::{Keys, list, map_of, text};

/// The draft that editors' TOML plugins understand.
const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// Makes the JSON Schema (draft 7) of pipeline.toml.
///
/// It tells typos, wrong types and missing keys, and completes in editors. What depends on other files or on several
/// places (an agent that nobody defines, a prompt file that is missing) only the check of a pipeline finds.
#[must_use]
pub fn schema() -> Json {
    let root = Keys::new("a pipeline of tama-tui")
        .required("pipeline", reference("pipeline"))
        .key(
            "models",
            map_of("model of each role; the role `default` is that of agents that name none", reference("role")),
        )
        .key("providers", map_of("settings of providers by name", reference("provider")))
        .key("prices", map_of("US dollars per million tokens, by `provider:model`", reference("price")))
        .key("agents", map_of("the agents by name", reference("agent")))
        .key("tools", map_of("your own tools by name: commands", reference("tool")))
        .key("mcp", map_of("servers of tools by name", reference("mcp-server")))
        .key("policy", reference("policy"))
        .key("limits", reference("limits"))
        .key("capture", reference("capture"))
        .key("verify", reference("verify"))
        .key("breakpoints", list("shared breakpoints; headless runs ignore them", reference("breakpoint")));
    let mut schema = root.build();
    schema["anyOf"] =
        json!([{ "required": ["agents"] }, { "properties": { "pipeline": { "required": ["project"] } } }]);
    schema["$schema"] = json!(DRAFT);
    schema["title"] = json!("pipeline.toml");
    schema["definitions"] = json!({
        "pipeline": tables::pipeline(),
        "role": tables::role(),
        "model": tables::model(),
        "provider": tables::provider(),
        "price": tables::price(),
        "agent": agents::agent(),
        "tool": tables::tool(),
        "tool-argument": tables::argument(),
        "mcp-server": servers::server(),
        "tool-names": tables::tool_names(),
        "command": list("the program and its arguments", text("`{ARGUMENT}` is filled in")),
        "policy": tables::policy(),
        "limits": tables::limits(),
        "capture": tables::capture(),
        "breakpoint": tables::breakpoint(),
        "verify": tables::verify(),
    });
    schema
}

/// Names a definition.
fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/definitions/{name}") })
}
