//! `[mcp]` as it is written in a pipeline.toml.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::model::{McpPlace, McpServer};

/// A server as a table of `[mcp]`.
///
/// # Errors
/// When an argument of an undo call can't be written as TOML, which has no null.
pub(super) fn server_table(server: &McpServer) -> Result<Value, toml::ser::Error> {
    let mut table = match &server.place {
        McpPlace::Stdio { command, env, network, local_sockets } => {
            let mut table = Table::from_iter([("command".to_owned(), command.clone().into())]);
            texts(&mut table, "env", env);
            for (key, flag) in [("network", *network), ("local_sockets", *local_sockets)] {
                if flag {
                    table.insert(key.into(), true.into());
                }
            }
            table
        }
        McpPlace::Http { url, headers } => {
            let mut table = Table::from_iter([("url".to_owned(), url.clone().into())]);
            texts(&mut table, "headers", headers);
            table
        }
    };
    let effects = server.effects.iter().filter(|(name, _)| !server.undo.contains_key(*name));
    let effects: Table = effects.map(|(name, effect)| (name.clone(), effect.name().into())).collect();
    let mut undo = Table::new();
    for (name, call) in &server.undo {
        let mut written = Table::from_iter([("tool".to_owned(), call.tool.clone().into())]);
        if !call.args.is_empty() {
            written.insert("args".into(), Value::try_from(&call.args)?);
        }
        undo.insert(name.clone(), written.into());
    }
    for (key, below) in [("effects", effects), ("undo", undo)] {
        if !below.is_empty() {
            table.insert(key.into(), below.into());
        }
    }
    table.insert("timeout_seconds".into(), i64::try_from(server.timeout_seconds).unwrap_or(i64::MAX).into());
    if let Some(protocol) = &server.protocol {
        table.insert("protocol".into(), protocol.clone().into());
    }
    Ok(table.into())
}

fn texts(table: &mut Table, key: &str, texts: &BTreeMap<String, String>) {
    if !texts.is_empty() {
        let texts: Table = texts.iter().map(|(name, text)| (name.clone(), text.clone().into())).collect();
        table.insert(key.into(), texts.into());
    }
}
