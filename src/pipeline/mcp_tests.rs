//! `[mcp.*]`: what is read, and every fault.

use std::fs;

use super::load;
use crate::model::{EffectClass, McpPlace, McpServer};

const HEAD: &str = r#"
[pipeline]
name = "p"
entrypoint = "a"
[models]
default = "openai:x"
[agents.a]
pattern = "react"
prompt = "x"
tools = ["t__x"]
"#;

fn read(server: &str) -> Result<McpServer, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pipeline.toml"), format!("{HEAD}{server}")).unwrap();
    let loaded = load::check(folder.path()).map_err(|faults| faults.to_string())?;
    Ok(loaded.pipeline.mcp["t"].clone())
}

fn fault(server: &str) -> String {
    read(server).unwrap_err()
}

#[test]
fn a_program_is_a_list_or_a_text_with_args() {
    let list = read("[mcp.t]\ncommand = [\"npx\", \"-y\", \"x\"]\nnetwork = true").unwrap();
    let text =
        read("[mcp.t]\ncommand = \"npx\"\nargs = [\"-y\", \"x\"]\nnetwork = true\nenv = { K = \"${K}\" }").unwrap();
    let command = |server: &McpServer| match &server.place {
        McpPlace::Stdio { command, network: true, .. } => command.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(command(&list), ["npx", "-y", "x"]);
    assert_eq!(command(&text), command(&list));
    assert_eq!(list.effect_of("x"), EffectClass::Irreversible, "it has the network");
    assert_eq!(read("[mcp.t]\ncommand = [\"npx\"]").unwrap().effect_of("x"), EffectClass::Reversible);
}

#[test]
fn effects_and_undo_calls_are_the_users_word() {
    let server = read(
        "[mcp.t]\nurl = \"https://x/mcp\"\neffects = { list = \"read\" }\n[mcp.t.undo]\n\
         make = { tool = \"drop\", args = { id = \"{result.id}\", n = 3 } }",
    )
    .unwrap();
    let effects = ["list", "make", "drop"].map(|tool| server.effect_of(tool));
    assert_eq!(effects, [EffectClass::Read, EffectClass::Compensable, EffectClass::Irreversible]);
    assert_eq!(serde_json::to_string(&server.undo["make"].args).unwrap(), r#"{"id":"{result.id}","n":3}"#);
}

#[test]
fn what_can_not_be_meant_is_told() {
    let cases = [
        ("[mcp.t]", "has no `command`"),
        ("[mcp.t]\ncommand = [\"x\"]\nurl = \"https://x\"", "it has a `command` and a `url`"),
        ("[mcp.t]\nurl = \"x\"", "this is no address"),
        ("[mcp.t]\nurl = \"https://x\"\nenv = { a = \"b\" }", "`env` is for a server with a `command`"),
        ("[mcp.t]\ncommand = [\"x\"]\nheaders = { a = \"b\" }", "`headers` is for a server with a `url`"),
        ("[mcp.t]\ncommand = [\"x\"]\neffects = { a = \"raed\" }", "unknown class `raed`"),
        ("[mcp.t]\ncommand = [\"x\"]\neffects = { a = \"compensable\" }", "has no undo call"),
        ("[mcp.t]\ncommand = [\"x\"]\nprotocol = \"2024\"", "unknown revision `2024`"),
        ("[mcp.t]\ncommand = [\"x\"]\nundo = { a = { tool = \"b\", args = { c = \"{\" } } }", "is not closed"),
        ("[mcp.t]\ncommand = [\"x\"]\nundo = { a = { tool = \"b\", args = { c = \"{before}\" } } }", "nothing fills"),
        ("[mcp.t]\ncommand = [\"x\"]\nundo = { a = { args = { } } }", "has no `tool`"),
        ("[mcp.t]\ncommand = [\"x\"]\n[mcp.a__b]\ncommand = [\"x\"]", "the server's name `a__b` can't be used"),
        ("[mcp.t]\ncomand = [\"x\"]", "`comand`"),
        ("[mcp.other]\ncommand = [\"x\"]", "no MCP server is named `t`"),
    ];
    for (server, expected) in cases {
        let told = fault(server);
        assert!(told.contains(expected), "{server}\n{told}");
    }
}
