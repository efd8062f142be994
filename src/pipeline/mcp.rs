//! Reads `[mcp.*]`: servers whose tools agents can call.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use toml::de::DeValue;

use super::custom::{EFFECTS, find_program, read_timeout};
use super::faults::Doc;
use super::names::suggest;
use super::reader::{Table, Text, Value, text, wrong_type};
use crate::model::{EffectClass, McpPlace, McpServer, McpUndo, Part, SERVER_SEPARATOR, parts};

/// Revisions of the protocol that can be asked for.
pub(super) const PROTOCOLS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];

/// The servers of a pipeline.
#[derive(Default)]
pub(super) struct Servers {
    /// Those without faults.
    pub servers: IndexMap<String, McpServer>,
    /// The names of all.
    pub names: Vec<String>,
}

/// Reads every server.
pub(super) fn read_servers(root: &Table<'_>, base: &Path) -> Servers {
    let Some(table) = root.table("mcp") else { return Servers::default() };
    let here = Path::new(".").join(base);
    let base = fs::canonicalize(&here).unwrap_or(here);
    let mut read = Servers::default();
    for (name, table) in table.children() {
        check_name(table.doc, &name);
        read.names.push(name.get_ref().clone());
        if let Some(server) = read_server(&table, name.get_ref(), &base) {
            read.servers.insert(name.into_inner(), server);
        }
    }
    read
}

fn check_name(doc: &Doc<'_>, name: &Text) {
    let text = name.get_ref().as_str();
    let is_good = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !is_good || text.contains(SERVER_SEPARATOR) || text.ends_with('_') || text.starts_with("tama_") {
        let help = "letters, digits, `-` and single `_`; its tools are named NAME__TOOL";
        doc.fault_help(name.span(), format!("the server's name `{text}` can't be used"), help);
    }
}

fn read_server(table: &Table<'_>, name: &str, base: &Path) -> Option<McpServer> {
    let place = read_place(table, base);
    let effects = read_effects(table);
    let undo = read_undo(table, &effects);
    let timeout_seconds = read_timeout(table);
    let protocol = table.string("protocol");
    if let Some(asked) = protocol.as_ref().filter(|asked| !PROTOCOLS.contains(&asked.get_ref().as_str())) {
        let message = format!("unknown revision `{}`", asked.get_ref());
        table.doc.fault_help(asked.span(), message, format!("one of {}", PROTOCOLS.join(", ")));
    }
    table.finish();
    let protocol = protocol.map(toml::Spanned::into_inner);
    Some(McpServer { name: name.to_owned(), place: place?, effects, undo, timeout_seconds, protocol })
}

fn read_place(table: &Table<'_>, base: &Path) -> Option<McpPlace> {
    match (table.get("command"), table.get("url")) {
        (Some(_), Some((url, _))) => {
            table.doc.fault_help(url.span(), "it has a `command` and a `url`", "leave one of them out");
            None
        }
        (Some((_, value)), None) => {
            table.refuse("headers", "`headers` is for a server with a `url`", "a program has `env`");
            let command = read_command(table, value, base);
            let env = read_texts(table, "env");
            let network = table.flag("network").unwrap_or_default();
            let local_sockets = table.flag("local_sockets").unwrap_or_default();
            Some(McpPlace::Stdio { command: command?, env, network, local_sockets })
        }
        (None, Some(_)) => {
            for key in ["args", "env", "network", "local_sockets"] {
                table.refuse(key, &format!("`{key}` is for a server with a `command`"), "remove it");
            }
            let url = table.string("url");
            let headers = read_texts(table, "headers");
            let url = url?;
            let begins = ["http://", "https://", "${"].iter().any(|start| url.get_ref().starts_with(start));
            if !begins {
                table.doc.fault_help(url.span(), "this is no address", "it begins with http:// or https://");
            }
            Some(McpPlace::Http { url: url.into_inner(), headers })
        }
        (None, None) => {
            table.missing(
                "command",
                "the program and its arguments, e.g. command = [\"npx\", \"tracker-mcp\"], or `url`",
            );
            None
        }
    }
}

/// A command as a list, or as a program with `args`.
fn read_command(table: &Table<'_>, value: &Value<'_>, base: &Path) -> Option<Vec<String>> {
    let words = match value.get_ref() {
        DeValue::String(_) => text(table.doc, "command", value).into_iter().collect(),
        _ => table.strings("command"),
    };
    let more = table.strings("args");
    let Some(program) = words.first() else {
        if value.get_ref().as_array().is_some_and(|array| array.is_empty()) {
            table.doc.fault(value.span(), "`command` is empty");
        }
        return None;
    };
    let program = find_program(table.doc, program, base)?;
    let rest = words.iter().skip(1).chain(&more).map(|word| word.get_ref().clone());
    Some(std::iter::once(program).chain(rest).collect())
}

/// A table of texts.
fn read_texts(table: &Table<'_>, key: &'static str) -> BTreeMap<String, String> {
    let Some(texts) = table.table(key) else { return BTreeMap::new() };
    let read = texts.entries().into_iter().filter_map(|(name, value)| {
        let value = text(texts.doc, name.get_ref(), value)?;
        Some((name.into_inner(), value.into_inner()))
    });
    read.collect()
}

fn read_effects(table: &Table<'_>) -> BTreeMap<String, EffectClass> {
    let Some(effects) = table.table("effects") else { return BTreeMap::new() };
    let mut read = BTreeMap::new();
    for (name, value) in effects.entries() {
        let Some(written) = text(effects.doc, name.get_ref(), value) else { continue };
        if let Some((_, effect)) = EFFECTS.into_iter().find(|(known, _)| known == written.get_ref()) {
            read.insert(name.into_inner(), effect);
        } else {
            let help = suggest(written.get_ref(), EFFECTS.map(|(name, _)| name));
            effects.doc.fault_help(written.span(), format!("unknown class `{}`", written.get_ref()), help);
        }
    }
    read
}

fn read_undo(table: &Table<'_>, effects: &BTreeMap<String, EffectClass>) -> BTreeMap<String, McpUndo> {
    let Some(undo) = table.table("undo") else {
        if let Some((name, _)) = effects.iter().find(|(_, effect)| **effect == EffectClass::Compensable) {
            let help = format!("add [{}.undo] {name} = {{ tool = \"…\" }}", table.name.trim_matches(['[', ']']));
            table.doc.fault_help(table.span.clone(), format!("`{name}` is compensable and has no undo call"), help);
        }
        return BTreeMap::new();
    };
    let mut read = BTreeMap::new();
    for (name, table) in undo.children() {
        let tool = table.required("tool", "the tool of the same server that undoes it");
        let args = table.get("args").map(|(_, value)| (value, json(value.get_ref())));
        table.finish();
        let args = match args {
            None => Map::new(),
            Some((value, Json::Object(args))) => {
                check_holes(table.doc, value, &Json::Object(args.clone()));
                args
            }
            Some((value, _)) => {
                wrong_type(table.doc, "args", "a table", value);
                continue;
            }
        };
        if effects.get(name.get_ref()).is_some_and(|effect| *effect != EffectClass::Compensable) {
            let message = format!("`{}` has an undo call, so it is compensable", name.get_ref());
            table.doc.fault_help(name.span(), message, "remove one of the two");
        }
        if let Some(tool) = tool {
            read.insert(name.into_inner(), McpUndo { tool: tool.into_inner(), args });
        }
    }
    read
}

/// Faults a brace that is no hole, and what is only known to commands.
fn check_holes(doc: &Doc<'_>, at: &Value<'_>, value: &Json) {
    match value {
        Json::String(element) => match parts(element) {
            Err((_, why)) => doc.fault(at.span(), why),
            Ok(parts) => {
                if parts.iter().any(|(part, _)| *part == Part::Hole("before")) {
                    doc.fault_help(at.span(), "nothing fills {before}", "nothing runs before a call of a server");
                }
            }
        },
        Json::Array(items) => items.iter().for_each(|item| check_holes(doc, at, item)),
        Json::Object(fields) => fields.values().for_each(|field| check_holes(doc, at, field)),
        _ => {}
    }
}

/// A value as JSON; a date is its text.
fn json(value: &DeValue<'_>) -> Json {
    match value {
        DeValue::String(text) => Json::from(text.as_ref()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or_else(|_| number.as_str().into(), Json::from)
        }
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or(Json::Null, Json::from),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => {
            let fields = table.iter().map(|(name, value)| (name.get_ref().to_string(), json(value.get_ref())));
            Json::Object(fields.collect())
        }
    }
}
