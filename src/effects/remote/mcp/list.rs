//! The list of a server's tools, as it is recorded and read again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Bytes of a list that are taken.
const LARGEST: usize = 1_000_000;

/// A tool of a server, as the server describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name at the server.
    pub name: String,
    /// Its purpose, for the model.
    #[serde(default)]
    pub description: String,
    /// The JSON Schema of its arguments.
    pub schema: Json,
    /// The server's hints about its effect. Nothing in them is checked, and nothing goes by them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// Reads a recorded list.
///
/// # Errors
/// When it is none: the text is the error of the listing.
pub fn listed_tools(recorded: &str) -> Result<Vec<Listed>, String> {
    serde_json::from_str(recorded).map_err(|_| {
        let text = recorded.strip_prefix("[error: ").and_then(|text| text.strip_suffix(']'));
        text.unwrap_or(recorded).to_owned()
    })
}

/// A list as it is recorded.
pub(super) fn recorded(tools: &[Listed]) -> Result<String, String> {
    let text = serde_json::to_string(tools).map_err(|error| error.to_string())?;
    if text.len() > LARGEST {
        return Err(format!("its list of tools is longer than {LARGEST} bytes"));
    }
    Ok(text)
}

/// A tool as `rmcp` reads it.
pub(super) fn listed(tool: rmcp::model::Tool) -> Listed {
    let schema = Json::Object(Arc::unwrap_or_clone(tool.input_schema));
    let hints = tool.annotations.map(|of| {
        let hints = [
            (of.read_only_hint, "read-only", "not read-only"),
            (of.destructive_hint, "destructive", "not destructive"),
            (of.idempotent_hint, "idempotent", "not idempotent"),
            (of.open_world_hint, "open world", "closed world"),
        ];
        hints.into_iter().filter_map(|(hint, yes, no)| hint.map(|hint| if hint { yes } else { no }.to_owned()))
    });
    let description = tool.description.map(std::borrow::Cow::into_owned).unwrap_or_default();
    Listed { name: tool.name.into_owned(), description, schema, hints: hints.into_iter().flatten().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_recorded() {
        let tools = vec![Listed {
            name: "close".into(),
            description: "Closes".into(),
            schema: serde_json::json!({"type": "object"}),
            hints: vec!["destructive".into()],
        }];
        assert_eq!(listed_tools(&recorded(&tools).unwrap()), Ok(tools));
        assert_eq!(listed_tools("[error: it ended]"), Err("it ended".into()));
        let long =
            Listed { name: "x".repeat(LARGEST), description: String::new(), schema: Json::Null, hints: Vec::new() };
        assert!(recorded(&[long]).unwrap_err().contains("longer than"));
    }
}
