//! The words around inputs and prompts: what a model is sent besides the texts of the pipeline. A run keeps those that it
//! began with, so that it verifies and can be retried for ever.

use std::borrow::Cow;

use crate::pipeline::Skill;

/// The instruction before the prompt of a scatter's map step.
const MAP: &str = "Split the task into parts that can be worked on independently. When it can be split, call finish with \
                   key \"parallel\" and, as value, a JSON array of strings: one self-contained item for each worker. \
                   When it can't, call finish with another key and your answer as value.";

/// The line after the prompt of a tool loop.
const START: &str = "Call start() first: it returns your input.";

/// The heading of the list of skills.
const SKILLS: &str = "\n\nSkills (load one with read_skill before you need it):\n";

/// Puts another prompt into a system prompt; the words around the prompt stay. In those of an earlier wording they
/// are like the prompt, which is all of it then.
pub(super) fn with_prompt(system: &str, prompt: &str) -> String {
    let Some(rest) = system.strip_suffix(START).and_then(|rest| rest.strip_suffix("\n\n")) else {
        return prompt.to_owned();
    };
    let after_map =
        rest.strip_prefix(MAP).and_then(|rest| rest.strip_prefix("\n\n")).map_or(0, |own| rest.len() - own.len());
    let skills = rest.rfind(SKILLS).filter(|at| *at >= after_map).unwrap_or(rest.len());
    format!("{}{prompt}{}", &system[..after_map], &system[skills..])
}

/// The words of a version of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wording {
    /// Before they were tama's.
    Earlier,
    /// Those of tama.
    Tama,
}

impl Wording {
    /// The system prompt of a tool loop.
    pub fn system(self, prompt: &str, skills: &[Skill]) -> String {
        let list: Vec<String> = skills.iter().map(|skill| format!("- {}: {}", skill.name, skill.description)).collect();
        let mut system = prompt.to_owned();
        if !list.is_empty() {
            system.push_str(SKILLS);
            system.push_str(&list.join("\n"));
        }
        if self == Self::Tama {
            system.push_str("\n\n");
            system.push_str(START);
        }
        system
    }

    /// The prompt of a scatter's map step.
    pub fn map(self, prompt: &str) -> Cow<'_, str> {
        match self {
            Self::Earlier => prompt.into(),
            Self::Tama => format!("{MAP}\n\n{prompt}").into(),
        }
    }

    /// The input of a scatter's reduce step: the task, and each item with its worker's result.
    pub fn reduce<'a>(self, task: &str, results: impl Iterator<Item = (&'a String, String)>) -> String {
        match self {
            Self::Earlier => {
                let parts: Vec<String> = results.map(|(item, text)| format!("## {item}\n\n{text}")).collect();
                format!("Task: {task}\n\n{}", parts.join("\n\n"))
            }
            Self::Tama => {
                let parts: Vec<String> = results.map(|(item, text)| format!("[Item: {item}]\n{text}")).collect();
                format!("Original task: {task}\n\nWorker results:\n\n{}", parts.join("\n\n"))
            }
        }
    }

    /// The finish key of a step that is a single call.
    pub fn step_key(self) -> &'static str {
        match self {
            Self::Earlier => "result",
            Self::Tama => "done",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_keeps_the_words_that_it_began_with() {
        let items = ["a".to_owned(), "b".to_owned()];
        let results = || items.iter().zip(["A".to_owned(), "[error: no]".to_owned()]);
        assert_eq!(Wording::Earlier.reduce("go", results()), "Task: go\n\n## a\n\nA\n\n## b\n\n[error: no]");
        assert_eq!(
            Wording::Tama.reduce("go", results()),
            "Original task: go\n\nWorker results:\n\n[Item: a]\nA\n\n[Item: b]\n[error: no]"
        );
        let skill =
            Skill { name: "s".into(), description: "d".into(), body: String::new(), tools: Vec::new(), file: None };
        let listed = "You.\n\nSkills (load one with read_skill before you need it):\n- s: d";
        assert_eq!(Wording::Earlier.system("You.", std::slice::from_ref(&skill)), listed);
        assert_eq!(Wording::Tama.system("You.", &[skill]), format!("{listed}\n\n{START}"));
        assert_eq!((Wording::Earlier.system("You.", &[]), &*Wording::Earlier.map("You.")), ("You.".into(), "You."));
        assert!(Wording::Tama.map("You.").ends_with("\n\nYou."));
    }

    #[test]
    fn another_prompt_keeps_the_words_around_it() {
        let skill =
            Skill { name: "s".into(), description: "d".into(), body: String::new(), tools: Vec::new(), file: None };
        for skills in [&[][..], &[skill]] {
            let system = |prompt: &str| Wording::Tama.system(prompt, skills);
            assert_eq!(with_prompt(&system("old"), "new"), system("new"));
            let map = |prompt: &str| system(&Wording::Tama.map(prompt));
            assert_eq!(with_prompt(&map("old"), "new"), map("new"));
            assert_eq!(with_prompt(&Wording::Earlier.system("old", skills), "new"), "new", "as it was then");
        }
        assert_eq!(with_prompt("a single call", "new"), "new");
    }
}
