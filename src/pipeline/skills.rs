//! Reads `skills/NAME/SKILL.md`: a head with `name`, `description` and `tools`, then the instructions.

use std::path::Path;

use toml::Spanned;

use super::faults::Doc;
use super::markdown::{Keys, Markdown, read_text};
use super::names::is_kebab;
use super::project::Folder;
use super::reader::Text;
use super::spec::Skill;
use super::tools::{check_tool, unknown_tool};

/// Reads a skill that an agent of a pipeline.toml names. `own`: names of the user's own tools.
pub(super) fn read_skill(doc: &Doc<'_>, base: &Path, name: &Text, own: &[String]) -> Option<Skill> {
    let skill = name.get_ref();
    if !is_kebab(skill) {
        doc.fault(name.span(), format!("the skill's name `{skill}` is not kebab-case"));
        return None;
    }
    let path = base.join("skills").join(skill).join("SKILL.md");
    let file = match read_text(&path) {
        Ok(text) => Markdown::parse(doc.beside(&path.display().to_string(), text))?,
        Err(error) => {
            let message = format!("failed to read the skill `{skill}`: {error}");
            doc.fault_help(name.span(), message, format!("a skill is the file skills/{skill}/SKILL.md"));
            return None;
        }
    };
    let keys = head(&file)?;
    if let Some((at, message, help)) = other_name(&keys, skill) {
        keys.doc.fault_help(at, message, help);
    }
    let tools = tools(&keys);
    for tool in &tools {
        check_tool(keys.doc, tool.get_ref(), tool.span(), own);
    }
    let Some(description) = description(&keys) else {
        keys.doc.fault_help(
            keys.span,
            "the skill has no `description`",
            "add one line about its purpose, for the model",
        );
        return None;
    };
    let tools = tools.into_iter().map(Spanned::into_inner).collect();
    Some(Skill { name: skill.clone(), description, body: file.body().trim().to_owned(), tools, file: None })
}

/// Reads a skill that an agent of a tama project names. As in tama, one that is missing is an error to the model, and a
/// tool that does not exist one to its call: here both are warnings.
pub(super) fn read_project_skill(doc: &Doc<'_>, folder: &Folder, name: &Text, own: &[String]) -> Option<Skill> {
    let skill = name.get_ref();
    let inside = format!("skills/{skill}/SKILL.md");
    if skill.is_empty() || skill.starts_with('.') || skill.contains(['/', '\\']) {
        doc.fault_help(name.span(), format!("`{skill}` can't be the name of a skill"), "it is the name of its folder");
        return None;
    }
    let path = folder.path(&inside);
    let nothing = format!("(no description for {skill})");
    let file = match read_text(&path) {
        Ok(text) => Markdown::parse(doc.beside(&path.display().to_string(), text))?,
        Err(error) => {
            let message = format!("failed to read {inside}: {error}; a model that reads the skill gets this error");
            doc.warn(name.span(), message, "write the file, or remove the name");
            let body = format!("[error: skill '{skill}' not found at {inside}]");
            let file = Some(folder.stored(&inside));
            return Some(Skill { name: skill.clone(), description: nothing, body, tools: vec![], file });
        }
    };
    let keys = head(&file)?;
    if let Some((at, message, help)) = other_name(&keys, skill) {
        keys.doc.warn(at, message, help);
    }
    let mut tools = tools(&keys);
    tools.retain(|tool| match unknown_tool(tool.get_ref(), own) {
        None => true,
        Some((message, help)) => {
            let message = format!("{message}: it is not offered");
            keys.doc.warn(tool.span(), message, help.unwrap_or_else(|| "remove it from the list".to_owned()));
            false
        }
    });
    let description = description(&keys);
    if description.is_none() {
        let message = "the skill has no `description`: the model doesn't know when to read it";
        keys.doc.warn(keys.span.clone(), message, "add one line about its purpose");
    }
    // For other programs.
    for key in ["license", "tama", "metadata", "compatibility", "allowed-tools"] {
        keys.get(key);
    }
    keys.finish();
    Some(Skill {
        name: skill.clone(),
        description: description.unwrap_or(nothing),
        // As tama gives it to the model.
        body: format!("# Skill: {skill}\n\n{}", file.body()),
        tools: tools.into_iter().map(Spanned::into_inner).collect(),
        file: Some(folder.stored(&inside)),
    })
}

fn head<'f>(file: &'f Markdown<'_>) -> Option<Keys<'f>> {
    let keys = file.keys();
    if keys.is_none() {
        let line = file.doc.text().lines().next().unwrap_or_default().len();
        file.doc.fault_help(
            0..line,
            "a skill begins with a head between two `---` lines",
            "its keys are `name`, `description` and `tools`",
        );
    }
    keys
}

/// A name that is not that of the folder: its bytes, the mistake, the remedy.
fn other_name(keys: &Keys<'_>, folder: &str) -> Option<(std::ops::Range<usize>, String, &'static str)> {
    let name = keys.string("name").filter(|name| name.get_ref() != folder)?;
    let message = format!("the skill in the folder `{folder}` calls itself `{}`", name.get_ref());
    Some((name.span(), message, "both must be the same"))
}

fn description(keys: &Keys<'_>) -> Option<String> {
    let text = keys.string("description")?.into_inner().trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// `tools`: a list, or one text with commas.
fn tools(keys: &Keys<'_>) -> Vec<Text> {
    let Some(value) = keys.value("tools") else { return vec![] };
    let Some(text) = value.text() else { return keys.strings("tools") };
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| Spanned::new(value.span.clone(), word.to_owned())).collect()
}
