//! How alike two requests are, and where they differ.

use similar::{ChangeTag, TextDiff};

use super::canonical::{canonical, conversation, parts, sorted, spoken};
use super::volatile::Folders;
use crate::model::{LlmRequest, ToolDecl};

/// Differences that are listed; a request with more has the first of them.
const LISTED: usize = 50;
/// Characters of a line that are shown.
const SHOWN: usize = 120;

/// A line that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where it is: "the system prompt", "message 3", "the tool bash".
    pub place: String,
    /// The line as it was recorded; empty where there was none.
    pub recorded: String,
    /// The line as it is now; empty where there is none.
    pub asked: String,
}

/// How alike two requests are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Likeness {
    /// They ask for the same.
    Same,
    /// Their conversations are the same but for volatile parts; these are all differences.
    Near(Vec<Difference>),
    /// They ask for something else; this is the first difference.
    Different(Difference),
}

/// Compares a request with a recorded one, each with the folders of its execution.
#[must_use]
pub fn near(recorded: (&LlmRequest, &Folders), asked: (&LlmRequest, &Folders)) -> Likeness {
    if canonical(recorded.0) == canonical(asked.0) {
        return Likeness::Same;
    }
    if conversation(recorded.0, recorded.1) == conversation(asked.0, asked.1) {
        return Likeness::Near(differences(recorded.0, asked.0));
    }
    Likeness::Different(first(recorded, asked))
}

/// The first difference of two conversations.
fn first(recorded: (&LlmRequest, &Folders), asked: (&LlmRequest, &Folders)) -> Difference {
    let difference = |place: String, recorded: &str, asked: &str| Difference {
        place,
        recorded: shown(recorded, asked),
        asked: shown(asked, recorded),
    };
    let (old, new) = (recorded.0, asked.0);
    if old.model.model != new.model.model {
        return difference("the model".into(), &old.model.model, &new.model.model);
    }
    let names = |tools: &[ToolDecl]| {
        let mut names: Vec<String> = tools.iter().map(|tool| tool.name.clone()).collect();
        names.sort_unstable();
        names.join(", ")
    };
    if names(&old.tools) != names(&new.tools) {
        return difference("the names of the tools".into(), &names(&old.tools), &names(&new.tools));
    }
    let lines = |(request, folders): (&LlmRequest, &Folders)| -> Vec<(usize, String, String)> {
        let mut lines = Vec::new();
        for (at, message) in request.messages.iter().enumerate() {
            let (kind, texts) = spoken(message);
            if texts.iter().all(|text| text.trim().is_empty()) {
                continue;
            }
            lines.push((at + 1, kind.clone(), kind));
            for line in texts.iter().flat_map(|text| text.trim().lines()) {
                lines.push((at + 1, folders.normalise(line), line.to_owned()));
            }
        }
        lines
    };
    let (old, new) = (lines(recorded), lines(asked));
    let same = old.iter().zip(&new).take_while(|(old, new)| old.1 == new.1).count();
    let none = (0, String::new(), String::new());
    let (old, new) = (old.get(same).unwrap_or(&none), new.get(same).unwrap_or(&none));
    difference(format!("message {}", new.0.max(old.0)), &old.2, &new.2)
}

/// All differences, as they are written.
fn differences(recorded: &LlmRequest, asked: &LlmRequest) -> Vec<Difference> {
    let mut found = Vec::new();
    let options = |request: &LlmRequest| {
        let number = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
        let (temperature, most) = (request.options.temperature, request.options.max_tokens);
        let temperature = number(temperature.map(|value| value.to_string()));
        format!("temperature {temperature}, max_tokens {}", number(most.map(|value| value.to_string())))
    };
    compare("the options", &options(recorded), &options(asked), &mut found);
    compare("the system prompt", &recorded.system, &asked.system, &mut found);
    for old in &recorded.tools {
        let Some(new) = asked.tools.iter().find(|tool| tool.name == old.name) else { continue };
        let place = format!("the tool {}", old.name);
        compare(&place, &old.description, &new.description, &mut found);
        compare(&place, &sorted(&old.schema), &sorted(&new.schema), &mut found);
    }
    let texts = |request: &LlmRequest| -> Vec<(usize, String)> {
        let all = request.messages.iter().enumerate();
        all.flat_map(|(at, message)| parts(message).1.into_iter().map(move |text| (at + 1, text))).collect()
    };
    let (old, new) = (texts(recorded), texts(asked));
    if old.len() == new.len() {
        for ((_, old), (at, new)) in old.iter().zip(&new) {
            compare(&format!("message {at}"), old, new, &mut found);
        }
    } else {
        let all =
            |texts: &[(usize, String)]| texts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n");
        compare("the messages", &all(&old), &all(&new), &mut found);
    }
    found.truncate(LISTED);
    found
}

/// Adds the lines that differ.
fn compare(place: &str, recorded: &str, asked: &str, found: &mut Vec<Difference>) {
    if recorded == asked || found.len() >= LISTED {
        return;
    }
    let diff = TextDiff::from_lines(recorded, asked);
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    let mut flush = |gone: &mut Vec<String>, new: &mut Vec<String>| {
        let count = gone.len().max(new.len());
        for at in 0..count {
            let line = |lines: &[String]| lines.get(at).map(|line| line.trim_end().to_owned()).unwrap_or_default();
            let (old, now) = (line(gone), line(new));
            found.push(Difference { place: place.to_owned(), recorded: shown(&old, &now), asked: shown(&now, &old) });
        }
        gone.clear();
        new.clear();
    };
    for change in diff.iter_all_changes() {
        match change.tag() {
            ChangeTag::Equal => flush(&mut gone, &mut new),
            ChangeTag::Delete => gone.push(change.value().to_owned()),
            ChangeTag::Insert => new.push(change.value().to_owned()),
        }
    }
    flush(&mut gone, &mut new);
}

/// A line, from shortly before the place where it differs from another one.
fn shown(line: &str, other: &str) -> String {
    let same = line.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let from = if line.chars().count() > SHOWN { same.saturating_sub(SHOWN / 3) } else { 0 };
    let text: String = line.chars().skip(from).take(SHOWN).collect();
    let before = if from > 0 { "…" } else { "" };
    let after = if line.chars().count() > from + SHOWN { "…" } else { "" };
    format!("{before}{text}{after}")
}
