//! The steps of an agent: files beside its AGENT.md, each with a head that may be left out.

use std::ops::Range;

use super::super::faults::Doc;
use super::super::markdown::{Keys, Markdown, read_text};
use super::super::patterns::MAX_ITER;
use super::super::spec::{Prompt, Skill, Step};
use super::Reader;

/// The step of `human` whose head tama sends as a part of the prompt.
const RAW: &str = "resume";

/// The place that asks for a step: its agent, the AGENT.md, the bytes of the pattern.
pub(super) struct Asking<'d, 'c> {
    pub agent: &'d str,
    pub pattern: &'d str,
    pub doc: &'d Doc<'c>,
    pub at: Range<usize>,
}

impl Reader<'_> {
    /// Reads a step. `must_react`: it is a tool loop, whatever its head says.
    pub(super) fn step(&self, asking: &Asking<'_, '_>, name: &str, must_react: bool) -> Option<Step> {
        let inside = format!("agents/{}/{name}.md", asking.agent);
        let path = self.folder.path(&inside);
        let file = match read_text(&path) {
            Ok(text) => Markdown::parse(asking.doc.beside(&path.display().to_string(), text))?,
            Err(error) => {
                let message = format!("failed to read the step `{name}` ({inside}): {error}");
                let help = format!("the pattern `{}` needs {name}.md beside AGENT.md", asking.pattern);
                asking.doc.fault_help(asking.at.clone(), message, help);
                return None;
            }
        };
        let keys = file.keys();
        if name == RAW
            && let Some(keys) = &keys
        {
            let message = "tama sends this head as a part of the prompt; it is read as a head here";
            keys.doc.warn(keys.span.clone(), message, "remove it");
        }
        let call = keys.as_ref().and_then(|keys| keys.table("call"));
        let skills = call.as_ref().map(|call| self.skills(call)).unwrap_or_default();
        let uses = call.as_ref().is_some_and(|call| call.value("uses").is_some());
        let react = must_react | keys.as_ref().is_some_and(is_react) | (uses && !skills.is_empty());
        let top = 0..file.doc.text().lines().next().unwrap_or_default().len();
        let pattern = if react { "react" } else { "oneshot" };
        let model = self.models.resolve(call.as_ref(), &file.doc, pattern, &top);
        let max_iter = call.as_ref().and_then(|call| call.count("max_iter"));
        if let Some(call) = call.as_ref().filter(|_| !react) {
            call.warn_of("max_iter", "`max_iter` belongs to a tool loop, and is ignored", "add `pattern: react`");
        }
        call.iter().for_each(Keys::finish);
        keys.iter().for_each(Keys::finish);
        let prompt = self.prompt(&file, &inside)?;
        let max_iter = react.then(|| max_iter.unwrap_or(MAX_ITER));
        Some(Step { prompt, model: Some(model?), react, tools: vec![], skills, max_iter })
    }

    /// The skills that a `call` names.
    pub(super) fn skills(&self, call: &Keys<'_>) -> Vec<Skill> {
        let read = |name| super::super::skills::read_project_skill(call.doc, self.folder, name, self.tools);
        call.strings("uses").iter().filter_map(read).collect()
    }

    /// The text of a file as a prompt. `inside`: the file, within the project.
    pub(super) fn prompt(&self, file: &Markdown<'_>, inside: &str) -> Option<Prompt> {
        let text = file.body();
        if text.trim().is_empty() {
            file.doc.fault_help(file.body_start()..file.body_start(), "the prompt is empty", "write it below the head");
            return None;
        }
        Some(Prompt { text: text.to_owned(), file: Some(self.folder.stored(inside)) })
    }
}

/// True for `pattern: react`; as in tama, any other word is a single call.
fn is_react(keys: &Keys<'_>) -> bool {
    let Some(pattern) = keys.string("pattern") else { return false };
    if !matches!(pattern.get_ref().as_str(), "react" | "oneshot") {
        let message = format!("a step's pattern is `react` or `oneshot`: `{}` counts as `oneshot`", pattern.get_ref());
        keys.doc.warn(pattern.span(), message, "correct it, or remove it");
    }
    pattern.get_ref() == "react"
}
