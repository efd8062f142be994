//! The tools of a request, read, and changed in place.

use serde_json::{Map, Value as Json, json};

use super::change::EditError;
use crate::model::ToolDecl;
use crate::wire::{Dialect, Tool};

/// Groups within groups that are looked into.
const DEEPEST: u8 = 4;

/// The tools in neutral form. A provider's own are named after their type.
pub(super) fn read_tools(tools: Vec<Tool>, mask: &dyn Fn(&str) -> String) -> Vec<ToolDecl> {
    let named = |tool: Tool| {
        let own = || {
            let source = tool.source.as_ref().and_then(Json::as_object);
            let kind = source.and_then(|source| source.get("type")).and_then(Json::as_str);
            let first = source.and_then(|source| source.keys().next()).map(String::as_str);
            kind.or(first).unwrap_or("unnamed").to_owned()
        };
        let name = if tool.name.is_empty() { own() } else { tool.name.clone() };
        ToolDecl { name, description: mask(&tool.description), schema: tool.schema }
    };
    tools.into_iter().map(named).collect()
}

/// Changes the tools of a body from one list to another: those that are gone are taken out, changed ones stay where they
/// are. A provider's own can be taken out, not changed.
pub(super) fn change_tools(
    dialect: Dialect,
    body: &mut Json,
    before: &[ToolDecl],
    after: &[ToolDecl],
) -> Result<(), EditError> {
    let known = |tool: &&ToolDecl| before.iter().any(|old| old.name == tool.name);
    if let Some(new) = after.iter().find(|tool| !known(tool)) {
        return Err(EditError::NewTool(new.name.clone()));
    }
    let mut changes = Changes { dialect, before, after };
    for name in ["tools", "functions"] {
        if let Some(Json::Array(list)) = body.get_mut(name) {
            changes.list(list, DEEPEST);
            let empty = list.is_empty();
            if let Some(fields) = body.as_object_mut().filter(|_| empty) {
                fields.shift_remove(name);
                fields.shift_remove("tool_choice");
            }
        }
    }
    for item in body.get_mut("input").and_then(Json::as_array_mut).into_iter().flatten() {
        if item.get("type").and_then(Json::as_str) == Some("additional_tools")
            && let Some(Json::Array(list)) = item.get_mut("tools")
        {
            changes.list(list, DEEPEST);
        }
    }
    Ok(())
}

struct Changes<'a> {
    dialect: Dialect,
    before: &'a [ToolDecl],
    after: &'a [ToolDecl],
}

impl Changes<'_> {
    fn list(&mut self, list: &mut Vec<Json>, depth: u8) {
        list.retain_mut(|tool| self.tool(tool, depth));
    }

    /// Changes one tool, or a group; returns false when it is gone.
    fn tool(&mut self, tool: &mut Json, depth: u8) -> bool {
        for group in ["tools", "functionDeclarations", "function_declarations"] {
            if let Some(Json::Array(inner)) = tool.get_mut(group)
                && depth > 0
            {
                let had = !inner.is_empty();
                self.list(inner, depth - 1);
                return !had || !inner.is_empty();
            }
        }
        let nested = tool.get("function").is_some_and(Json::is_object);
        let Some(inner) = (if nested { tool.get_mut("function") } else { Some(tool) }) else { return true };
        let name =
            ["name", "type"].iter().find_map(|field| inner.get(*field).and_then(Json::as_str)).unwrap_or_default();
        let find = |list: &[ToolDecl]| list.iter().find(|decl| decl.name == name).cloned();
        match (find(self.before), find(self.after)) {
            (Some(_), None) => false,
            (Some(old), Some(new)) => {
                if let Some(fields) = inner.as_object_mut() {
                    self.change(fields, &old, &new);
                }
                true
            }
            _ => true,
        }
    }

    fn change(&self, fields: &mut Map<String, Json>, old: &ToolDecl, new: &ToolDecl) {
        if old.description != new.description {
            fields.insert("description".into(), json!(new.description));
        }
        if old.schema != new.schema {
            let name = match self.dialect {
                Dialect::Messages => "input_schema",
                Dialect::Gemini if fields.contains_key("parametersJsonSchema") => "parametersJsonSchema",
                _ => "parameters",
            };
            fields.insert(name.into(), new.schema.clone());
        }
    }
}
