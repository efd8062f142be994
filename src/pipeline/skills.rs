//! Reads `skills/NAME/SKILL.md`: a head of a few `key: value` lines between two `---`, then the instructions.

use std::fs;
use std::ops::Range;
use std::path::Path;

use super::faults::Doc;
use super::names::is_kebab;
use super::reader::Text;
use super::spec::Skill;
use super::tools::check_tool;

/// A value of the head, and its bytes in the file.
struct Value {
    text: String,
    span: Range<usize>,
}

/// The lines between the two `---` lines.
#[derive(Default)]
struct Head {
    name: Option<Value>,
    description: Option<Value>,
    tools: Vec<Value>,
}

/// Reads a skill that an agent names. `own`: names of the user's own tools.
pub(super) fn read_skill(doc: &Doc<'_>, base: &Path, name: &Text, own: &[String]) -> Option<Skill> {
    let skill = name.get_ref();
    if !is_kebab(skill) {
        doc.fault(name.span(), format!("the skill's name `{skill}` is not kebab-case"));
        return None;
    }
    let path = base.join("skills").join(skill).join("SKILL.md");
    match fs::read_to_string(&path) {
        Ok(text) => parse(&doc.beside(&path.display().to_string(), text), skill, own),
        Err(error) => {
            let message = format!("failed to read the skill `{skill}`: {error}");
            doc.fault_help(name.span(), message, format!("a skill is the file skills/{skill}/SKILL.md"));
            None
        }
    }
}

fn parse(doc: &Doc<'_>, folder: &str, own: &[String]) -> Option<Skill> {
    let Some((head, body)) = split(doc.text()) else {
        doc.fault_help(
            0..first_line(doc.text()),
            "a skill begins with a head between two `---` lines",
            "its keys are `name`, `description` and `tools`",
        );
        return None;
    };
    let head = read_head(doc, head)?;
    if let Some(name) = head.name.filter(|name| name.text != folder) {
        doc.fault_help(
            name.span,
            format!("the skill in the folder `{folder}` calls itself `{}`", name.text),
            "both must be the same",
        );
    }
    for tool in &head.tools {
        check_tool(doc, &tool.text, tool.span.clone(), own);
    }
    let Some(description) = head.description.filter(|text| !text.text.is_empty()) else {
        doc.fault_help(0..3, "the skill has no `description`", "add one line about its purpose, for the model");
        return None;
    };
    Some(Skill {
        name: folder.to_owned(),
        description: description.text,
        body: body.trim().to_owned(),
        tools: head.tools.into_iter().map(|tool| tool.text).collect(),
    })
}

/// Splits the text into the bytes of the head, and the body.
fn split(text: &str) -> Option<(Range<usize>, &str)> {
    let start = first_line(text) + 1;
    if text.get(..start)?.trim_end() != "---" {
        return None;
    }
    let mut at = start;
    for line in text.get(start..)?.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Some((start..at, text.get(at + line.len()..)?));
        }
        at += line.len();
    }
    None
}

fn first_line(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

fn read_head(doc: &Doc<'_>, span: Range<usize>) -> Option<Head> {
    let mut head = Head::default();
    let mut at = span.start;
    let mut in_tools = false;
    for line in doc.text().get(span)?.split_inclusive('\n') {
        let (start, whole) = (at, line.trim_end());
        at += line.len();
        if whole.trim_start().is_empty() || whole.trim_start().starts_with('#') {
            continue;
        }
        if let Some(item) = whole.trim_start().strip_prefix("- ") {
            if in_tools {
                head.tools.push(value(item, start + whole.len() - item.len()));
            }
            continue;
        }
        let Some((key, rest)) = whole.split_once(':') else {
            doc.fault(start..start + whole.len(), "a line of a skill's head is `key: value` or `- item`");
            return None;
        };
        let value = value(rest, start + whole.len() - rest.len());
        in_tools = key == "tools";
        match key {
            "name" => head.name = Some(value),
            "description" if matches!(value.text.as_str(), ">" | "|" | ">-" | "|-") => {
                doc.fault(value.span, "a skill's `description` must be on one line");
                return None;
            }
            "description" => head.description = Some(value),
            "tools" => head.tools = list(&value),
            // Skills are written for other programs too; their keys are none of ours.
            _ => {}
        }
    }
    Some(head)
}

/// `[a, b]`, `a, b`, or nothing when a list of `- item` lines follows.
fn list(whole: &Value) -> Vec<Value> {
    let inner = whole.text.trim_start_matches('[').trim_end_matches(']');
    let mut at = whole.span.start + whole.text.find(inner).unwrap_or(0);
    let mut items = vec![];
    for part in inner.split(',') {
        if !part.trim().is_empty() {
            items.push(value(part, at));
        }
        at += part.len() + 1;
    }
    items
}

/// Removes the spaces and quotes around a value; `at`: its first byte in the file.
fn value(raw: &str, at: usize) -> Value {
    let start = raw.len() - raw.trim_start().len();
    let trimmed = raw.trim();
    let bare = ['"', '\'']
        .into_iter()
        .find_map(|quote| trimmed.strip_prefix(quote)?.strip_suffix(quote))
        .map_or((trimmed, 0), |inner| (inner, 1));
    let from = at + start + bare.1;
    Value { text: bare.0.to_owned(), span: from..from + bare.0.len() }
}
